//! A file in a message: what it is, where the network keeps it, and where we do.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Octets;
use crate::id::MediaId;

/// A file in a message.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Media {
    /// Its type.
    pub mimetype: String,
    /// Its bytes.
    pub size: u64,
    /// The text under it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// Its name, never with a path.
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
    /// How loud a voice note is along its way: 64 values of 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waveform: Option<Octets>,
    /// A small picture of it, JPEG.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<Octets>,
    /// A sticker that moves.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub animated: bool,
    /// Where the network keeps it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote: Option<RemoteMedia>,
    /// Where we keep it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<MediaId>,
}

/// Leaves out what the message says and everything by which it can be read.
impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kept, remote) = (self.file.is_some(), self.remote.is_some());
        f.debug_struct("Media")
            .field("mimetype", &self.mimetype)
            .field("size", &self.size)
            .field("kept", &kept)
            .field("remote", &remote)
            .finish_non_exhaustive()
    }
}

/// Where the network keeps a file, encrypted, and how it is read. The network forgets it after some weeks.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RemoteMedia {
    /// Its path on the network's media hosts.
    pub direct_path: String,
    /// A full address, where the sender gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The key of its encryption, 32 bytes.
    pub key: Octets,
    /// When the key was made, in seconds since 1970.
    pub key_s: i64,
    /// SHA-256 of the file.
    pub sha256: Octets,
    /// SHA-256 of the file as it is encrypted.
    pub enc_sha256: Octets,
}

/// Whoever has the key and the path can read the file: neither ever reaches a log.
impl fmt::Debug for RemoteMedia {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RemoteMedia(…)")
    }
}
