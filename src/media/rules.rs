//! Which files are taken: types and sizes, by what they are sent as.

use wasup_store::records::{Content, Media};

/// As what a file is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A film.
    Video,
    /// A film without sound that plays by itself.
    Gif,
    /// Sound as a file.
    Audio,
    /// Sound spoken for the chat.
    Voice,
    /// Any file.
    Document,
    /// A sticker.
    Sticker,
}

impl MediaKind {
    /// Every kind.
    pub const ALL: [Self; 7] =
        [Self::Image, Self::Video, Self::Gif, Self::Audio, Self::Voice, Self::Document, Self::Sticker];

    /// The word in the API and in the config.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Gif => "gif",
            Self::Audio => "audio",
            Self::Voice => "voice",
            Self::Document => "document",
            Self::Sticker => "sticker",
        }
    }

    /// The message that a file of this kind is.
    #[must_use]
    pub fn content(self, media: Media) -> Content {
        let media = Box::new(media);
        match self {
            Self::Image => Content::Image(media),
            Self::Video => Content::Video(media),
            Self::Gif => Content::Gif(media),
            Self::Audio => Content::Audio(media),
            Self::Voice => Content::Voice(media),
            Self::Document => Content::Document(media),
            Self::Sticker => Content::Sticker(media),
        }
    }

    /// As what a file of this type is sent where nobody says: ogg with opus is spoken, the unknown a document.
    #[must_use]
    pub fn of_type(mimetype: &str) -> Self {
        match mimetype.split(';').next().unwrap_or_default().trim() {
            "image/webp" => Self::Sticker,
            "image/jpeg" | "image/png" => Self::Image,
            "video/mp4" | "video/3gpp" => Self::Video,
            "audio/ogg" => Self::Voice,
            "audio/mpeg" | "audio/mp4" | "audio/aac" | "audio/amr" => Self::Audio,
            _ => Self::Document,
        }
    }

    /// Whether the kind shows its file, so that the bytes must be of a type that phones can show.
    pub(super) const fn is_shown(self) -> bool {
        !matches!(self, Self::Document)
    }
}

/// Types and sizes that are taken for one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindRule {
    /// Most bytes.
    pub max: u64,
    /// Types that are allowed; `*/*` is every one, `image/*` every picture.
    pub types: Vec<String>,
}

/// Which files are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaRules {
    /// Most bytes of any file.
    pub max: u64,
    /// By kind, in the order of [`MediaKind::ALL`].
    pub kinds: [KindRule; 7],
    /// Most pixels of a picture that is decoded for its small picture.
    pub thumbnail_pixels: u64,
}

/// Most pixels of a picture that is taken at all: whatever shows it must decode it.
pub(super) const PIXELS_MAX: u64 = 100_000_000;

impl MediaRules {
    /// Most bytes of a file of this kind, or of any where the kind is not known yet.
    #[must_use]
    pub fn max_of(&self, kind: Option<MediaKind>) -> u64 {
        kind.map_or(self.max, |kind| self.of(kind).max.min(self.max))
    }

    fn of(&self, kind: MediaKind) -> &KindRule {
        let at = MediaKind::ALL.iter().position(|known| *known == kind).unwrap_or_default();
        &self.kinds[at]
    }

    /// Whether a file of this type may be sent as this kind.
    pub(super) fn allows(&self, kind: MediaKind, mimetype: &str) -> bool {
        let essence = mimetype.split(';').next().unwrap_or_default().trim();
        let family = essence.split('/').next().unwrap_or_default();
        self.of(kind).types.iter().any(|allowed| match allowed.split_once('/') {
            Some(("*", "*")) => true,
            Some((whole, "*")) => whole == family,
            _ => allowed.eq_ignore_ascii_case(essence),
        })
    }
}
