//! A file that we keep: what it is, why it is there and how long it stays.

use serde::{Deserialize, Serialize};

use super::{Media, Octets, RemoteMedia};
use crate::id::{AccountNo, MediaId, MessageId, Millis, TenantNo};

/// How the network encrypts a file: one that was uploaded as an image can't be sent as a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaFamily {
    /// Pictures and stickers.
    Image,
    /// Films of every kind.
    Video,
    /// Sound of every kind.
    Audio,
    /// Everything else.
    Document,
}

/// Where the network keeps a file of ours, as what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadedMedia {
    /// As what it was encrypted.
    pub family: MediaFamily,
    /// Where it is.
    pub remote: RemoteMedia,
    /// When it was uploaded.
    pub at_ms: Millis,
}

/// A file that we keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaFileRecord {
    /// Its id, which is also the name of the file on disk.
    pub id: MediaId,
    /// The tenant that it belongs to.
    pub tenant: TenantNo,
    /// The account that received it; none where it came over the API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountNo>,
    /// The message that it came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageId>,
    /// What it is: type, size, name, and what was found in its bytes.
    pub media: Media,
    /// SHA-256 of the file.
    pub sha256: Octets,
    /// When it was put there.
    pub created_ms: Millis,
    /// When it goes.
    pub expires_ms: Millis,
    /// Where the network keeps it, once for each family that it was sent as.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uploads: Vec<UploadedMedia>,
}

/// What all kept files come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MediaTotals {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}
