//! A file in a message.

use serde::Serialize;
use utoipa::ToSchema;
use wasup_store::id::{MediaId, MessageId};
use wasup_store::records::{Media, MediaFileRecord};

use super::Time;

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
    #[schema(value_type = Option<String>, examples("med_0000106gk3fv0a0mk8d1p3m5r4"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<MediaId>,
    /// In webhooks: where it can be fetched without a key, until `url_expires_at`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// When `url` works no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url_expires_at: Option<Time>,
    /// In webhooks of endpoints that want it: its bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
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
            url: None,
            url_expires_at: None,
            base64: None,
        }
    }
}

/// A file that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = MediaFile)]
pub struct MediaFileView {
    /// Its id.
    #[schema(value_type = String, examples("med_0000106gk3fv0a0mk8d1p3m5r4"))]
    pub id: MediaId,
    /// Its type.
    #[schema(examples("image/jpeg"))]
    pub mimetype: String,
    /// Its bytes.
    pub size: u64,
    /// SHA-256 of it, in hex.
    pub sha256: String,
    /// Its name.
    pub filename: Option<String>,
    /// Width in pixels.
    pub width: Option<u32>,
    /// Height in pixels.
    pub height: Option<u32>,
    /// How long it plays, in seconds.
    pub seconds: Option<u32>,
    /// The message that it came with; `null` for one that was uploaded.
    #[schema(value_type = Option<String>)]
    pub message_id: Option<MessageId>,
    /// When it came.
    pub created_at: Time,
    /// When it goes, unless it is used before.
    pub expires_at: Time,
}

impl From<&MediaFileRecord> for MediaFileView {
    fn from(file: &MediaFileRecord) -> Self {
        let media = &file.media;
        Self {
            id: file.id,
            mimetype: media.mimetype.clone(),
            size: media.size,
            sha256: data_encoding::HEXLOWER.encode(&file.sha256.0),
            filename: media.filename.clone(),
            width: media.width,
            height: media.height,
            seconds: media.seconds,
            message_id: file.message,
            created_at: Time::from_ms(file.created_ms),
            expires_at: Time::from_ms(file.expires_ms),
        }
    }
}
