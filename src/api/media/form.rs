//! A file inside a message that is to be sent.

use serde::Deserialize;
use utoipa::ToSchema;
use wasup_store::id::MediaId;
use wasup_store::records::{Media, MediaFileRecord};

use super::measures::Measures;
use super::upload::hash_of;
use crate::api::problem::{FieldError, Problem};
use crate::media::{Intake, MediaKind, MediaRefusal, Wanted, unfit_name};

/// A file: one of `id`, `url` and `base64`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::api) struct MediaForm {
    /// A file that was uploaded before (`POST /v1/media`).
    #[schema(value_type = Option<String>, examples("med_0000106gk3fv0a0mk8d1p3m5r4"))]
    pub(in crate::api) id: Option<MediaId>,
    /// Where it is: fetched now, from addresses that the config allows.
    #[schema(examples("https://example.com/photo.jpg"))]
    pub(in crate::api) url: Option<String>,
    /// Its bytes in base64, or a data URL; at most `media.base64_max`.
    pub(in crate::api) base64: Option<String>,
    /// Its type; its bytes must agree.
    #[schema(examples("image/jpeg"))]
    pub(in crate::api) mimetype: Option<String>,
    /// Its name, without a path. Shown for documents.
    #[schema(examples("invoice.pdf"))]
    pub(in crate::api) filename: Option<String>,
    /// SHA-256 of it in hex; another one is refused.
    pub(in crate::api) sha256: Option<String>,
    /// How long it plays, in seconds, of films and sounds, 1 to 86400; seen in the file where it is left out.
    pub(in crate::api) seconds: Option<u32>,
    /// How loud a voice note is over its time, for the drawing: 64 values from 0 to 100; guessed from its packets where it is
    /// left out.
    pub(in crate::api) waveform: Option<Vec<u8>>,
    /// Width in pixels, of pictures, films and stickers, with `height`; seen in the file where it is left out.
    pub(in crate::api) width: Option<u32>,
    /// Height in pixels.
    pub(in crate::api) height: Option<u32>,
}

impl MediaForm {
    /// The file as a message of this kind shows it: taken in, looked at and kept.
    ///
    /// # Errors
    /// A problem that says what is wrong with it.
    pub(in crate::api) async fn take(self, intake: &Intake, kind: MediaKind) -> Result<Media, Problem> {
        let sources =
            usize::from(self.id.is_some()) + usize::from(self.url.is_some()) + usize::from(self.base64.is_some());
        if sources != 1 {
            return Err(Problem::invalid(vec![FieldError::new("media", "must have one of id, url and base64")]));
        }
        if let Some(unfit) = self.filename.as_deref().and_then(unfit_name) {
            return Err(Problem::invalid(vec![FieldError::new("media.filename", unfit)]));
        }
        let Self { seconds, waveform, width, height, .. } = &self;
        let measures = Measures { seconds: *seconds, waveform: waveform.clone(), width: *width, height: *height };
        measures.check(kind).map_err(|error| Problem::invalid(vec![error]))?;
        let sha256 = self.sha256.as_deref().map(hash_of).transpose()?;
        let wanted = Wanted {
            kind: Some(kind),
            mimetype: self.mimetype,
            filename: self.filename.clone(),
            sha256,
            ..Wanted::default()
        };
        let file = match (self.id, self.url, self.base64) {
            (Some(id), _, _) => intake.kept(id, kind).await?,
            (_, Some(url), _) => intake.from_url(wanted, &url).await?,
            (_, _, Some(text)) => intake.from_base64(wanted, text).await?,
            (None, None, None) => return Err(MediaRefusal::NotFound.into()),
        };
        Ok(measures.over(shown(file, self.filename)))
    }
}

/// A kept file as a message shows it.
fn shown(file: MediaFileRecord, filename: Option<String>) -> Media {
    let MediaFileRecord { id, media, .. } = file;
    Media { filename: filename.or(media.filename), file: Some(id), ..media }
}
