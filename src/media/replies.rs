//! Files that answers to webhooks bring.

use async_trait::async_trait;
use wasup_actors::FileSource;
use wasup_actors::webhook::MediaReply;
use wasup_store::records::{Content, Media, MediaFileRecord, NotSent};

use super::intake::{Intake, Wanted};
use super::refusal::MediaRefusal;
use super::rules::MediaKind;

/// Takes in files of replies.
pub struct Replies {
    intake: Intake,
}

impl Replies {
    /// ... through this intake.
    #[must_use]
    pub fn new(intake: Intake) -> Self {
        Self { intake }
    }

    async fn take(&self, reply: &MediaReply) -> Result<MediaFileRecord, MediaRefusal> {
        let wanted = Wanted { mimetype: reply.mimetype.clone(), filename: reply.filename.clone(), ..Wanted::default() };
        let is_address = reply.media.starts_with("http://") || reply.media.starts_with("https://");
        if is_address {
            self.intake.from_url(wanted, &reply.media).await
        } else {
            self.intake.from_base64(wanted, reply.media.clone()).await
        }
    }
}

#[async_trait]
impl FileSource for Replies {
    async fn reply(&self, reply: MediaReply) -> Result<Content, NotSent> {
        let file = self.take(&reply).await.map_err(|error| {
            tracing::info!(%error, "the file of a reply is not taken");
            match error {
                MediaRefusal::TooLarge(_) => NotSent::TooLong,
                MediaRefusal::SpaceLow | MediaRefusal::Full => NotSent::SpaceLow,
                _ => NotSent::BadMedia,
            }
        })?;
        let MediaFileRecord { id, media, .. } = file;
        // What can't be shown as what its type says is a document all the same.
        let kind = MediaKind::of_type(&media.mimetype);
        let kind = match self.intake.kept(id, kind).await {
            Ok(_) => kind,
            Err(_) => MediaKind::Document,
        };
        let media = Media { caption: reply.caption, file: Some(id), ..media };
        Ok(kind.content(media))
    }
}
