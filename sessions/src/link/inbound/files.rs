//! Files in messages: what they are, where the network keeps them, and by which key they are read.

use waproto::whatsapp::Message;
use waproto::whatsapp::message as part;
use wasup_store::records::{Content, Media, Octets, RemoteMedia};

/// Largest small picture that is kept with a message; what comes larger is left out.
const THUMBNAIL_MAX: usize = 24 << 10;
/// Largest waveform.
const WAVEFORM_MAX: usize = 256;

/// Where the network keeps a file: the fields have the same names in every kind.
macro_rules! remote {
    ($part:expr) => {
        match (&$part.direct_path, &$part.media_key) {
            (Some(path), Some(key)) if !path.is_empty() && !key.is_empty() => Some(RemoteMedia {
                direct_path: path.clone(),
                url: $part.url.clone(),
                key: Octets(key.to_vec()),
                key_s: $part.media_key_timestamp.unwrap_or_default(),
                sha256: octets($part.file_sha256.as_deref()),
                enc_sha256: octets($part.file_enc_sha256.as_deref()),
            }),
            _ => None,
        }
    };
}

macro_rules! media {
    ($part:expr) => {
        Media {
            mimetype: $part.mimetype.clone().unwrap_or_default(),
            size: $part.file_length.unwrap_or_default(),
            remote: remote!($part),
            ..Media::default()
        }
    };
}

fn octets(bytes: Option<&[u8]>) -> Octets {
    Octets(bytes.unwrap_or_default().to_vec())
}

fn small(bytes: Option<&[u8]>, most: usize) -> Option<Octets> {
    bytes.filter(|bytes| !bytes.is_empty() && bytes.len() <= most).map(|bytes| Octets(bytes.to_vec()))
}

fn words(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).cloned()
}

/// The name of a file, never with a path.
fn name(text: Option<&String>) -> Option<String> {
    let name = text?.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    (!name.is_empty() && name != "." && name != "..").then(|| name.chars().take(255).collect())
}

/// The file that a message is, where it is one.
pub(crate) fn map(base: &Message) -> Option<Content> {
    let content = if let Some(image) = base.image_message.as_option() {
        Content::Image(Box::new(picture(image)))
    } else if let Some(video) = base.video_message.as_option() {
        let film = Box::new(film(video));
        if video.gif_playback == Some(true) { Content::Gif(film) } else { Content::Video(film) }
    } else if let Some(note) = base.ptv_message.as_option() {
        Content::VideoNote(Box::new(film(note)))
    } else if let Some(audio) = base.audio_message.as_option() {
        let sound = Box::new(sound(audio));
        if audio.ptt == Some(true) { Content::Voice(sound) } else { Content::Audio(sound) }
    } else if let Some(document) = base.document_message.as_option() {
        Content::Document(Box::new(paper(document)))
    } else {
        Content::Sticker(Box::new(sticker(base.sticker_message.as_option()?)))
    };
    Some(content)
}

fn picture(image: &part::ImageMessage) -> Media {
    Media {
        caption: words(image.caption.as_ref()),
        width: image.width,
        height: image.height,
        thumbnail: small(image.jpeg_thumbnail.as_deref(), THUMBNAIL_MAX),
        ..media!(image)
    }
}

fn film(video: &part::VideoMessage) -> Media {
    Media {
        caption: words(video.caption.as_ref()),
        width: video.width,
        height: video.height,
        seconds: video.seconds,
        thumbnail: small(video.jpeg_thumbnail.as_deref(), THUMBNAIL_MAX),
        ..media!(video)
    }
}

fn sound(audio: &part::AudioMessage) -> Media {
    Media { seconds: audio.seconds, waveform: small(audio.waveform.as_deref(), WAVEFORM_MAX), ..media!(audio) }
}

fn paper(document: &part::DocumentMessage) -> Media {
    Media {
        caption: words(document.caption.as_ref()),
        filename: name(document.file_name.as_ref().or(document.title.as_ref())),
        thumbnail: small(document.jpeg_thumbnail.as_deref(), THUMBNAIL_MAX),
        ..media!(document)
    }
}

fn sticker(sticker: &part::StickerMessage) -> Media {
    Media {
        width: sticker.width,
        height: sticker.height,
        animated: sticker.is_animated == Some(true) || sticker.is_lottie == Some(true),
        ..media!(sticker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use buffa::MessageField;

    #[test]
    fn each_kind_is_told_by_its_field_and_its_marks() {
        let video = |gif| Message {
            video_message: MessageField::some(part::VideoMessage { gif_playback: Some(gif), ..Default::default() }),
            ..Message::default()
        };
        let audio = |ptt| Message {
            audio_message: MessageField::some(part::AudioMessage { ptt: Some(ptt), ..Default::default() }),
            ..Message::default()
        };
        for (message, kind) in [
            (Message { image_message: MessageField::some(Default::default()), ..Message::default() }, "image"),
            (video(false), "video"),
            (video(true), "gif"),
            (Message { ptv_message: MessageField::some(Default::default()), ..Message::default() }, "video_note"),
            (audio(false), "audio"),
            (audio(true), "voice"),
            (Message { document_message: MessageField::some(Default::default()), ..Message::default() }, "document"),
            (Message { sticker_message: MessageField::some(Default::default()), ..Message::default() }, "sticker"),
        ] {
            assert_eq!(map(&message).unwrap().kind(), kind);
        }
        assert_eq!(map(&Message { conversation: Some("a".into()), ..Message::default() }), None);
    }

    #[test]
    fn a_document_keeps_its_name_without_a_path_and_the_way_to_it() {
        let document = part::DocumentMessage {
            mimetype: Some("application/pdf".into()),
            file_length: Some(7),
            file_name: Some("../../etc/pass wd.pdf".into()),
            caption: Some("read".into()),
            direct_path: Some("/v/t62".into()),
            media_key: Some(vec![1; 32]),
            media_key_timestamp: Some(9),
            file_sha256: Some(vec![2; 32]),
            file_enc_sha256: Some(vec![3; 32]),
            jpeg_thumbnail: Some(vec![0; THUMBNAIL_MAX + 1]),
            ..Default::default()
        };
        let message = Message { document_message: MessageField::some(document), ..Message::default() };
        let Some(Content::Document(media)) = map(&message) else { panic!("no document") };
        assert_eq!(media.filename.as_deref(), Some("pass wd.pdf"));
        assert_eq!((media.caption.as_deref(), media.size, &media.thumbnail), (Some("read"), 7, &None));
        let remote = media.remote.unwrap();
        assert_eq!((remote.direct_path.as_str(), remote.key.0.len(), remote.key_s), ("/v/t62", 32, 9));
    }
}
