//! What a caller may say of a file that its bytes do not tell, or tell wrongly.

use wasup_store::records::{Media, Octets};

use crate::api::problem::FieldError;
use crate::media::MediaKind;

/// Values of a waveform, and the largest one.
const DRAWN: usize = 64;
const LOUDEST: u8 = 100;

/// Longest time that a file may play: a day.
const SECONDS_MAX: u32 = 86_400;

/// Most pixels of a side.
const SIDE_MAX: u32 = 65_535;

/// What a caller says of a file, in the place of what is seen in its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Measures {
    /// How long it plays, in seconds; of films and sounds. Seen in MP4, ogg and MP3 otherwise.
    pub(super) seconds: Option<u32>,
    /// How loud a voice note is over its time, for the drawing: 64 values from 0 to 100. Otherwise guessed from its packets.
    pub(super) waveform: Option<Vec<u8>>,
    /// Width in pixels; of pictures, films and stickers. Seen in the file otherwise.
    pub(super) width: Option<u32>,
    /// Height in pixels.
    pub(super) height: Option<u32>,
}

impl Measures {
    /// What is wrong with it for a kind of file.
    pub(super) fn check(&self, kind: MediaKind) -> Result<(), FieldError> {
        let plays = matches!(kind, MediaKind::Video | MediaKind::Gif | MediaKind::Audio | MediaKind::Voice);
        let shown = matches!(kind, MediaKind::Image | MediaKind::Video | MediaKind::Gif | MediaKind::Sticker);
        let wrong = |field: &str, what: &str| Err(FieldError::new(format!("media.{field}"), what.to_owned()));
        match self {
            Self { seconds: Some(_), .. } if !plays => wrong("seconds", "is for films and sounds"),
            Self { seconds: Some(seconds), .. } if !(1..=SECONDS_MAX).contains(seconds) => {
                wrong("seconds", "must be 1 to 86400")
            }
            Self { waveform: Some(_), .. } if kind != MediaKind::Voice => wrong("waveform", "is for voice notes"),
            Self { waveform: Some(drawn), .. } if drawn.len() != DRAWN || drawn.iter().any(|one| *one > LOUDEST) => {
                wrong("waveform", "must be 64 values from 0 to 100")
            }
            Self { width, height, .. } if !shown && (width.is_some() || height.is_some()) => {
                wrong("width", "is for pictures, films and stickers")
            }
            Self { width, height, .. } if width.is_some() != height.is_some() => {
                wrong("width", "must be given with the height")
            }
            Self { width, height, .. } => {
                let fits = |side: &Option<u32>| side.is_none_or(|side| (1..=SIDE_MAX).contains(&side));
                if fits(width) && fits(height) { Ok(()) } else { wrong("width", "must be 1 to 65535, as the height") }
            }
        }
    }

    /// The file with what is said of it.
    pub(super) fn over(self, media: Media) -> Media {
        Media {
            seconds: self.seconds.or(media.seconds),
            waveform: self.waveform.map(Octets).or(media.waveform),
            width: self.width.or(media.width),
            height: self.height.or(media.height),
            ..media
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_fit_the_kind_and_their_limits() {
        let drawn = |len: usize, loud: u8| Measures { waveform: Some(vec![loud; len]), ..Measures::default() };
        let plays = |seconds| Measures { seconds: Some(seconds), ..Measures::default() };
        let sides = |width, height| Measures { width, height, ..Measures::default() };
        for (measures, kind, field) in [
            (Measures::default(), MediaKind::Document, None),
            (plays(1), MediaKind::Voice, None),
            (plays(86_400), MediaKind::Video, None),
            (plays(0), MediaKind::Voice, Some("media.seconds")),
            (plays(86_401), MediaKind::Voice, Some("media.seconds")),
            (plays(1), MediaKind::Image, Some("media.seconds")),
            (drawn(64, 100), MediaKind::Voice, None),
            (drawn(63, 100), MediaKind::Voice, Some("media.waveform")),
            (drawn(64, 101), MediaKind::Voice, Some("media.waveform")),
            (drawn(64, 1), MediaKind::Audio, Some("media.waveform")),
            (sides(Some(1), Some(65_535)), MediaKind::Image, None),
            (sides(Some(1), None), MediaKind::Image, Some("media.width")),
            (sides(Some(1), Some(0)), MediaKind::Image, Some("media.width")),
            (sides(Some(1), Some(1)), MediaKind::Voice, Some("media.width")),
        ] {
            assert_eq!(measures.check(kind).err().map(|error| error.field).as_deref(), field, "{measures:?} {kind:?}");
        }
    }
}
