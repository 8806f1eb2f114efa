//! Pictures of people and groups: files on the media host, each with an id of its own.

use crate::media::MediaHost;

/// Largest picture that is taken, in bytes.
const LARGEST: usize = 1024 * 1024;

/// A picture that is shown.
#[derive(Clone)]
pub(crate) struct Picture {
    pub(crate) id: String,
    /// Where it lies on the media host.
    pub(crate) path: String,
}

impl Picture {
    /// Puts a picture on the host; `None` for bytes that are no JPEG, or too many.
    pub(crate) fn keep(host: &MediaHost, bytes: &[u8]) -> Option<Self> {
        if !bytes.starts_with(&[0xff, 0xd8, 0xff]) || bytes.len() > LARGEST {
            return None;
        }
        let id = (u64::from(rand::random::<u32>()) + 1_000_000_000).to_string();
        Some(Self { id, path: host.keep_picture(bytes)? })
    }
}
