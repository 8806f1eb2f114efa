//! A file in a message, as a phone reads it.

use wacore::download::MediaType;
use wacore::proto_helpers::MessageExt;
use waproto::whatsapp::Message;

/// A file in a message.
#[derive(Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct FileSeen {
    /// `image`, `video`, `gif`, `video_note`, `audio`, `voice`, `document` or `sticker`.
    pub kind: &'static str,
    /// The type that the sender says it has.
    pub mimetype: String,
    /// Its bytes, as the sender says.
    pub size: u64,
    /// The text under it.
    pub caption: Option<String>,
    /// Its name.
    pub filename: Option<String>,
    /// Its width in pixels.
    pub width: Option<u32>,
    /// Its height in pixels.
    pub height: Option<u32>,
    /// How long it plays.
    pub seconds: Option<u32>,
    /// Values of the drawn loudness of a voice note.
    pub waveform: Option<Vec<u8>>,
    /// Bytes of the small picture that came with the message.
    pub thumbnail_bytes: usize,
    /// To be seen once.
    pub view_once: bool,
    /// Where it lies on the media host.
    pub direct_path: String,
    #[serde(skip)]
    pub(crate) key: Vec<u8>,
    #[serde(skip)]
    pub(crate) sha256: Vec<u8>,
    #[serde(skip)]
    pub(crate) enc_sha256: Vec<u8>,
    #[serde(skip)]
    pub(crate) key_seconds: Option<i64>,
}

/// Whoever has the key and the path can read the file.
impl std::fmt::Debug for FileSeen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileSeen").field("kind", &self.kind).field("size", &self.size).finish_non_exhaustive()
    }
}

macro_rules! common {
    ($part:ident, $kind:expr) => {
        FileSeen {
            kind: $kind,
            mimetype: $part.mimetype.clone().unwrap_or_default(),
            size: $part.file_length.unwrap_or_default(),
            direct_path: $part.direct_path.clone().unwrap_or_default(),
            key: $part.media_key.clone().unwrap_or_default(),
            sha256: $part.file_sha256.clone().unwrap_or_default(),
            enc_sha256: $part.file_enc_sha256.clone().unwrap_or_default(),
            key_seconds: $part.media_key_timestamp,
            ..FileSeen::default()
        }
    };
}

impl FileSeen {
    /// The file of a message, if it has one.
    pub(crate) fn read(message: &Message) -> Option<Self> {
        let once = message.is_view_once();
        let base = message.get_base_message();
        let file = picture(base).or_else(|| film(base)).or_else(|| sound(base)).or_else(|| paper(base));
        file.map(|file| Self { view_once: once, ..file })
    }

    /// How it is encrypted.
    pub(crate) fn media_type(&self) -> MediaType {
        media_type(self.kind)
    }

    /// What a message with a file must have and this one has not.
    pub(crate) fn flaw(&self) -> Option<&'static str> {
        let lacks = [
            (self.mimetype.is_empty(), "a file without a type"),
            (!self.direct_path.starts_with('/'), "a file without a direct path"),
            (self.key.len() != 32, "a file whose key has not 32 bytes"),
            (self.sha256.len() != 32, "a file without its hash"),
            (self.enc_sha256.len() != 32, "a file without the hash of its encrypted bytes"),
            (self.key_seconds.is_none_or(|at| at <= 0), "a file whose key has no time"),
            (self.waveform.as_ref().is_some_and(|drawn| drawn.len() != 64), "a waveform that has not 64 values"),
            (self.waveform.iter().flatten().any(|value| *value > 100), "a waveform with a value above 100"),
            (self.thumbnail_bytes > 64 * 1024, "a thumbnail of more than 64 KiB"),
            (self.filename.as_ref().is_some_and(|name| name.contains(['/', '\\'])), "a file name with a path"),
        ];
        lacks.into_iter().find_map(|(lacks, what)| lacks.then_some(what))
    }
}

/// How files of a kind are encrypted.
pub(crate) fn media_type(kind: &str) -> MediaType {
    match kind {
        "image" => MediaType::Image,
        "sticker" => MediaType::Sticker,
        "video" | "gif" | "video_note" => MediaType::Video,
        "audio" | "voice" => MediaType::Audio,
        _ => MediaType::Document,
    }
}

fn picture(base: &Message) -> Option<FileSeen> {
    if let Some(part) = base.image_message.as_option() {
        return Some(FileSeen {
            caption: part.caption.clone(),
            width: part.width,
            height: part.height,
            thumbnail_bytes: part.jpeg_thumbnail.as_ref().map_or(0, Vec::len),
            ..common!(part, "image")
        });
    }
    let part = base.sticker_message.as_option()?;
    Some(FileSeen {
        width: part.width,
        height: part.height,
        thumbnail_bytes: part.png_thumbnail.as_ref().map_or(0, Vec::len),
        ..common!(part, "sticker")
    })
}

fn film(base: &Message) -> Option<FileSeen> {
    let note = base.ptv_message.as_option();
    let part = note.or_else(|| base.video_message.as_option())?;
    let kind = match (note.is_some(), part.gif_playback) {
        (true, _) => "video_note",
        (false, Some(true)) => "gif",
        (false, _) => "video",
    };
    Some(FileSeen {
        caption: part.caption.clone(),
        width: part.width,
        height: part.height,
        seconds: part.seconds,
        thumbnail_bytes: part.jpeg_thumbnail.as_ref().map_or(0, Vec::len),
        ..common!(part, kind)
    })
}

fn sound(base: &Message) -> Option<FileSeen> {
    let part = base.audio_message.as_option()?;
    let kind = if part.ptt == Some(true) { "voice" } else { "audio" };
    Some(FileSeen { seconds: part.seconds, waveform: part.waveform.clone(), ..common!(part, kind) })
}

fn paper(base: &Message) -> Option<FileSeen> {
    let part = base.document_message.as_option()?;
    Some(FileSeen {
        caption: part.caption.clone(),
        filename: part.file_name.clone(),
        thumbnail_bytes: part.jpeg_thumbnail.as_ref().map_or(0, Vec::len),
        ..common!(part, "document")
    })
}
