//! Files between the shelf and the network: encrypted on the way out, decrypted and checked on the way in, and never whole
//! in memory.

mod download;
mod upload;

use std::time::Duration;

use wacore::download::MediaType;
use wasup_store::records::{Content, MediaFamily};

pub(crate) use download::Downloads;
pub(crate) use upload::Uploads;

/// Slowest pace that a transfer is waited for, in bytes a second.
const SLOWEST: u64 = 64 * 1024;

/// What a transfer may take beside its bytes: a connection, an auth, a first answer.
const BESIDES: Duration = Duration::from_secs(60);

/// Longest that a transfer of so many bytes may take.
pub(crate) fn transfer_limit(bytes: u64) -> Duration {
    BESIDES + Duration::from_secs(bytes / SLOWEST)
}

/// How the network encrypts the file of a content; `None` for one without a file.
pub(crate) fn family(content: &Content) -> Option<MediaFamily> {
    Some(match content {
        Content::Image(_) | Content::Sticker(_) => MediaFamily::Image,
        Content::Video(_) | Content::Gif(_) | Content::VideoNote(_) => MediaFamily::Video,
        Content::Audio(_) | Content::Voice(_) => MediaFamily::Audio,
        Content::Document(_) => MediaFamily::Document,
        _ => return None,
    })
}

const fn media_type(family: MediaFamily) -> MediaType {
    match family {
        MediaFamily::Image => MediaType::Image,
        MediaFamily::Video => MediaType::Video,
        MediaFamily::Audio => MediaType::Audio,
        MediaFamily::Document => MediaType::Document,
    }
}
