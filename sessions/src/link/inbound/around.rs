//! What surrounds a message: what it answers, whom it names, how often it was passed on, when it disappears.

use waproto::whatsapp::{ContextInfo, Message};
use wasup_store::records::{Content, MessageContext, Participant, Quoted};

use super::content::{self, Reading};
use super::frame::Frame;
use super::{address, wrapping};

/// Most humans that a message names and are kept: the largest group.
const MENTIONS_MAX: usize = 1_024;

macro_rules! first {
    ($message:expr; $($field:ident),+ $(,)?) => {
        $(if let Some(info) = $message.$field.as_option().and_then(|part| part.context_info.as_option()) {
            return Some(info);
        })+
    };
}

/// The part of a message that says it: each kind of content has its own.
fn info(base: &Message) -> Option<&ContextInfo> {
    first!(base;
        extended_text_message, image_message, video_message, ptv_message, audio_message, document_message,
        sticker_message, location_message, live_location_message, contact_message, contacts_array_message,
        poll_creation_message, poll_creation_message_v2, poll_creation_message_v3, poll_creation_message_v5,
    );
    None
}

/// Whether the content itself is marked to be seen once.
fn inline_view_once(base: &Message) -> bool {
    let marks = [
        base.image_message.as_option().and_then(|part| part.view_once),
        base.video_message.as_option().and_then(|part| part.view_once),
        base.audio_message.as_option().and_then(|part| part.view_once),
        base.extended_text_message.as_option().and_then(|part| part.view_once),
    ];
    marks.contains(&Some(true))
}

/// What surrounds a message, where anything does.
pub(crate) fn map(message: &Message, expiration: Option<u32>, frame: &Frame<'_>) -> Option<Box<MessageContext>> {
    let unwrapped = wrapping::unwrap(message);
    let mut found = info(unwrapped.base).map(|info| of_info(info, frame)).unwrap_or_default();
    found.disappears_after = found.disappears_after.or(expiration).filter(|seconds| *seconds > 0);
    found.view_once = unwrapped.view_once || inline_view_once(unwrapped.base);
    (found != MessageContext::default()).then(|| Box::new(found))
}

fn of_info(info: &ContextInfo, frame: &Frame<'_>) -> MessageContext {
    let forwarded = info.forwarding_score.unwrap_or_default();
    MessageContext {
        quoted: quoted(info, frame).map(Box::new),
        mentions: mentions(info),
        forwarded: if info.is_forwarded == Some(true) { forwarded.max(1) } else { forwarded },
        disappears_after: info.expiration,
        view_once: false,
        audience: None,
    }
}

fn mentions(info: &ContextInfo) -> Vec<Participant> {
    let named = info.mentioned_jid.iter().take(MENTIONS_MAX).filter_map(|text| text.parse().ok());
    named.filter_map(|jid| address::participant(&jid, None)).collect()
}

fn quoted(info: &ContextInfo, frame: &Frame<'_>) -> Option<Quoted> {
    let provider_id = info.stanza_id.clone().filter(|id| !id.is_empty() && id.len() <= 255)?;
    let (from_me, sender) = match info.participant.as_deref() {
        Some(text) if !text.is_empty() => frame.someone(text),
        _ => (false, None),
    };
    let content = info.quoted_message.as_option().and_then(|message| quoted_content(message, frame));
    Some(Quoted { provider_id, from_me, sender, message: None, content })
}

/// What the quoted message said, without its small picture: whoever keeps the message has that.
fn quoted_content(message: &Message, frame: &Frame<'_>) -> Option<Content> {
    let Some(Reading::Plain(mut content)) = content::read(message, frame) else { return None };
    if content.target().is_some() {
        return None;
    }
    if let Some(media) = content.media_mut() {
        (media.thumbnail, media.waveform) = (None, None);
    }
    Some(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use buffa::MessageField;
    use waproto::whatsapp::message as part;

    fn answering(info: ContextInfo) -> Message {
        let text = part::ExtendedTextMessage {
            text: Some("yes".into()),
            context_info: MessageField::some(info),
            ..Default::default()
        };
        Message { extended_text_message: MessageField::some(text), ..Message::default() }
    }

    fn mapped(message: &Message) -> Option<MessageContext> {
        let chat = address::participant(&"62811@s.whatsapp.net".parse().unwrap(), None).unwrap();
        let own = |jid: &wacore_binary::Jid| jid.user == "62800";
        let frame = Frame { from_me: false, group: false, chat: &chat, sender: Some(&chat), is_own: &own };
        map(message, None, &frame).map(|found| *found)
    }

    #[test]
    fn an_answer_names_what_it_answers_and_whom() {
        let info = ContextInfo {
            stanza_id: Some("3EB0".into()),
            participant: Some("62800:1@s.whatsapp.net".into()),
            quoted_message: MessageField::some(Message { conversation: Some("tea?".into()), ..Message::default() }),
            mentioned_jid: vec!["900@lid".into(), "nobody".into(), "62811@s.whatsapp.net".into()],
            is_forwarded: Some(true),
            expiration: Some(86_400),
            ..ContextInfo::default()
        };
        let found = mapped(&answering(info)).unwrap();
        let quoted = found.quoted.unwrap();
        assert_eq!((quoted.provider_id.as_str(), quoted.from_me, &quoted.sender), ("3EB0", true, &None));
        assert_eq!(quoted.content, Some(Content::text("tea?")));
        assert_eq!(
            found.mentions.iter().map(|who| who.jid.as_str()).collect::<Vec<_>>(),
            ["900@lid", "62811@s.whatsapp.net"]
        );
        assert_eq!((found.forwarded, found.disappears_after), (1, Some(86_400)));
    }

    #[test]
    fn nothing_around_it_is_nothing() {
        assert_eq!(mapped(&answering(ContextInfo::default())), None);
        assert_eq!(mapped(&Message { conversation: Some("a".into()), ..Message::default() }), None);
        let once = part::ImageMessage { view_once: Some(true), ..Default::default() };
        let once = Message { image_message: MessageField::some(once), ..Message::default() };
        assert!(mapped(&once).unwrap().view_once);
    }
}
