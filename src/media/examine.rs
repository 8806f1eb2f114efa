//! What a message must say of a file, from the file's own bytes.

use wasup_store::records::{Media, Octets};
use wasup_store::shelf::Whole;

use super::refusal::MediaRefusal;
use super::rules::{MediaKind, MediaRules};
use super::{film, picture, sniff, sound};

/// Bytes in which a WebP says that it moves: the flags of its extended head.
const WEBP_FLAGS: usize = 20;
const WEBP_MOVES: u8 = 0x02;

/// Looks at a whole file. Blocks.
///
/// # Errors
/// [`MediaRefusal`] where it is not what it should be.
pub(super) fn examine(
    whole: &Whole,
    kind: Option<MediaKind>,
    declared: Option<&str>,
    rules: &MediaRules,
) -> Result<Media, MediaRefusal> {
    if whole.size == 0 {
        return Err(MediaRefusal::Empty);
    }
    let mimetype = sniff::agree(declared, &whole.head)?;
    if let Some(kind) = kind {
        if whole.size > rules.max_of(Some(kind)) {
            return Err(MediaRefusal::TooLarge(rules.max_of(Some(kind))));
        }
        check_kind(kind, &mimetype, &whole.head, rules)?;
    }
    let mut media = Media { mimetype, size: whole.size, ..Media::default() };
    let strict = kind.is_some_and(MediaKind::is_shown);
    look_into(whole, &mut media, strict, rules)?;
    Ok(media)
}

/// As what a file that is kept is to be sent.
pub(super) fn check_kind(kind: MediaKind, mimetype: &str, head: &[u8], rules: &MediaRules) -> Result<(), MediaRefusal> {
    let refused = || MediaRefusal::TypeNotAllowed { found: mimetype.to_owned(), kind: kind.as_str() };
    if !rules.allows(kind, mimetype) {
        return Err(refused());
    }
    // A shown file is of a known type: what was only said is not enough.
    if kind.is_shown() && !head.is_empty() && sniff::sniff(head).is_none() {
        return Err(refused());
    }
    Ok(())
}

fn look_into(whole: &Whole, media: &mut Media, strict: bool, rules: &MediaRules) -> Result<(), MediaRefusal> {
    let essence = media.mimetype.split(';').next().unwrap_or_default().to_owned();
    match essence.as_str() {
        "image/jpeg" | "image/png" | "image/webp" | "image/gif" => {
            match picture::look(|| whole.reader(), rules.thumbnail_pixels) {
                Ok(seen) => {
                    (media.width, media.height) = (Some(seen.width), Some(seen.height));
                    media.thumbnail = seen.small.map(Octets);
                }
                // Any bytes may be sent as a document.
                Err(MediaRefusal::Shelf(error)) => return Err(MediaRefusal::Shelf(error)),
                Err(error) if strict => return Err(error),
                Err(_) => {}
            }
            media.animated = essence == "image/webp"
                && whole.head.get(12..16) == Some(b"VP8X")
                && whole.head.get(WEBP_FLAGS).is_some_and(|flags| flags & WEBP_MOVES != 0);
        }
        "audio/ogg" => {
            let heard = sound::ogg(whole.reader()?, media.mimetype.contains("opus"))?;
            (media.seconds, media.waveform) = (heard.seconds, heard.waveform.map(Octets));
        }
        "audio/mpeg" => media.seconds = sound::mp3(whole.reader()?)?,
        "video/mp4" | "audio/mp4" | "video/3gpp" | "video/quicktime" => {
            // A film that says less of itself than it should is still one.
            let seen = film::look(whole.reader()?).unwrap_or_default();
            (media.seconds, media.width, media.height) = (seen.seconds, seen.width, seen.height);
        }
        _ => {}
    }
    Ok(())
}
