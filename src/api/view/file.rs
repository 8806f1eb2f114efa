//! A file in a message.

use serde::Serialize;
use utoipa::ToSchema;
use wasup_store::id::MediaId;
use wasup_store::records::Media;

/// A file in a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MediaView {
    /// Its type.
    #[schema(examples("image/jpeg"))]
    pub mimetype: String,
    /// Its bytes.
    pub size: u64,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// Width in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Height in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// How long it plays, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
    /// A sticker that moves.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub animated: bool,
    /// Its id here, where it is kept.
    #[schema(value_type = Option<String>, examples("med_0000106gk3fv0a0mk8d1p3m5r7"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<MediaId>,
}

impl From<&Media> for MediaView {
    fn from(media: &Media) -> Self {
        Self {
            mimetype: media.mimetype.clone(),
            size: media.size,
            filename: media.filename.clone(),
            width: media.width,
            height: media.height,
            seconds: media.seconds,
            animated: media.animated,
            id: media.file,
        }
    }
}
