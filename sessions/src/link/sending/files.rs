//! Files in the network's words. What goes out was uploaded before: the message only says where it is and how it is read.

use buffa::MessageField;
use waproto::whatsapp::message as part;
use waproto::whatsapp::{ContextInfo, Message};
use wasup_store::records::{Content, Media, Octets, RemoteMedia};

/// The fields that have the same names in every kind.
macro_rules! filled {
    ($part:ident, $media:expr, $remote:expr, $context:expr; $($more:tt)*) => {
        MessageField::some(part::$part {
            url: $remote.url.clone(),
            direct_path: Some($remote.direct_path.clone()),
            mimetype: Some($media.mimetype.clone()),
            media_key: Some($remote.key.0.clone()),
            media_key_timestamp: Some($remote.key_s),
            file_sha256: Some($remote.sha256.0.clone()),
            file_enc_sha256: Some($remote.enc_sha256.0.clone()),
            file_length: Some($media.size),
            context_info: $context,
            $($more)*
            ..Default::default()
        })
    };
}

fn bytes(octets: Option<&Octets>) -> Option<Vec<u8>> {
    octets.map(|octets| octets.0.clone())
}

/// The message of a file, or `None` where it is none or was not uploaded.
pub(super) fn message(content: &Content, context: MessageField<ContextInfo>, view_once: bool) -> Option<Message> {
    let media = content.media()?;
    let remote = media.remote.as_ref()?;
    let once = view_once.then_some(true);
    let mut message = Message::default();
    match content {
        Content::Image(_) => {
            message.image_message = filled!(ImageMessage, media, remote, context;
                caption: media.caption.clone(),
                width: media.width,
                height: media.height,
                jpeg_thumbnail: bytes(media.thumbnail.as_ref()),
                view_once: once,
            );
        }
        Content::Video(_) | Content::Gif(_) | Content::VideoNote(_) => {
            let gif = matches!(content, Content::Gif(_)).then_some(true);
            let film = film(media, remote, context, once, gif);
            match content {
                Content::VideoNote(_) => message.ptv_message = film,
                _ => message.video_message = film,
            }
        }
        Content::Audio(_) | Content::Voice(_) => {
            message.audio_message = filled!(AudioMessage, media, remote, context;
                seconds: media.seconds,
                ptt: Some(matches!(content, Content::Voice(_))),
                waveform: bytes(media.waveform.as_ref()),
                view_once: once,
            );
        }
        Content::Document(_) => return Some(paper(media, remote, context)),
        Content::Sticker(_) => {
            message.sticker_message = filled!(StickerMessage, media, remote, context;
                width: media.width,
                height: media.height,
                is_animated: Some(media.animated),
            );
        }
        _ => return None,
    }
    Some(message)
}

fn film(
    media: &Media,
    remote: &RemoteMedia,
    context: MessageField<ContextInfo>,
    view_once: Option<bool>,
    gif: Option<bool>,
) -> MessageField<part::VideoMessage> {
    filled!(VideoMessage, media, remote, context;
        caption: media.caption.clone(),
        width: media.width,
        height: media.height,
        seconds: media.seconds,
        gif_playback: gif,
        jpeg_thumbnail: bytes(media.thumbnail.as_ref()),
        view_once,
    )
}

/// A document; one with a text under it is wrapped, so that programs that know no such text still show the document.
fn paper(media: &Media, remote: &RemoteMedia, context: MessageField<ContextInfo>) -> Message {
    let document = filled!(DocumentMessage, media, remote, context;
        title: media.filename.clone(),
        file_name: media.filename.clone(),
        caption: media.caption.clone(),
        jpeg_thumbnail: bytes(media.thumbnail.as_ref()),
    );
    let message = Message { document_message: document, ..Message::default() };
    if media.caption.is_none() {
        return message;
    }
    let wrapped = part::FutureProofMessage { message: MessageField::some(message) };
    Message { document_with_caption_message: MessageField::some(wrapped), ..Message::default() }
}
