//! What the library decrypted becomes what the ledger keeps. The mapping is pure: one file per concern.

pub(crate) mod address;
mod around;
pub(crate) mod content;
mod files;
pub(crate) mod frame;
pub(crate) mod hook;
pub(crate) mod inbox;
mod opening;
pub(crate) mod sealed;
mod strange;
mod wrapping;

use std::sync::Arc;

use wacore::types::message::{MessageCategory, MessageInfo};
use wacore_binary::Jid as LibraryJid;
use waproto::whatsapp::Message;
use wasup_store::records::{Content, MessageSecret};
use wasup_store::repo::inbound::NewInbound;

use frame::Frame;
use sealed::Sealed;

/// Longest name of a sender that is kept, in characters.
const PUSH_NAME_MAX: usize = 100;

/// A message as the ledger takes it, and what of it is still sealed.
pub(crate) struct Mapped {
    pub(crate) new: NewInbound,
    pub(crate) sealed: Option<Sealed>,
}

/// The message as the ledger takes it, or `None` where nothing in it is for a human: keys, history, settings between
/// the account's own devices.
pub(crate) fn map(
    message: &Message,
    info: &MessageInfo,
    is_own: &dyn Fn(&LibraryJid) -> bool,
    rand: u64,
) -> Option<Mapped> {
    if info.category == MessageCategory::Peer {
        return None;
    }
    let mut new = addressed(info, Content::Unavailable, rand)?;
    let frame = frame(&new, is_own);
    let (content, sealed) = content::read(message, &frame)?.apart();
    let context = around::map(message, info.ephemeral_expiration, &frame);
    new.secret = secret(message);
    (new.content, new.context) = (content, context);
    Some(Mapped { new, sealed })
}

/// From whose side a message is told.
pub(crate) fn frame<'a>(new: &'a NewInbound, is_own: &'a dyn Fn(&LibraryJid) -> bool) -> Frame<'a> {
    Frame { from_me: new.from_me, group: new.group, chat: &new.chat, sender: new.sender.as_ref(), is_own }
}

/// A message's own secret. It stands outside of every wrapping, but for the copy for the account's own devices.
fn secret(message: &Message) -> Option<MessageSecret> {
    let of = |message: &Message| {
        let info = message.message_context_info.as_option()?;
        MessageSecret::try_from(info.message_secret.as_deref()?).ok()
    };
    let copied = || of(message.device_sent_message.as_option()?.message.as_option()?);
    of(message).or_else(copied)
}

/// A message that can't be read, with what stands in its place.
pub(crate) fn unavailable(info: &Arc<MessageInfo>, content: Content, rand: u64) -> Option<NewInbound> {
    (info.category != MessageCategory::Peer).then(|| addressed(info, content, rand))?
}

/// A message with its place, and any content.
pub(crate) fn addressed(info: &MessageInfo, content: Content, rand: u64) -> Option<NewInbound> {
    let source = &info.source;
    let from_me = source.is_from_me;
    let group = source.is_group;
    let chat_alt = if group {
        None
    } else if from_me {
        source.recipient_alt.as_ref()
    } else {
        source.sender_alt.as_ref()
    };
    let chat = address::participant(&source.chat, chat_alt)?;
    let sender = if from_me { None } else { address::participant(&source.sender, source.sender_alt.as_ref()) };
    Some(NewInbound {
        provider_id: info.id.clone(),
        chat,
        sender,
        from_me,
        group,
        ts_ms: u64::try_from(info.timestamp.timestamp_millis()).unwrap_or_default(),
        rand,
        content,
        context: None,
        secret: None,
        push_name: (!from_me && !info.push_name.is_empty())
            .then(|| info.push_name.chars().take(PUSH_NAME_MAX).collect()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wacore::types::message::MessageSource;

    fn info(source: MessageSource) -> MessageInfo {
        MessageInfo { id: "3EB0AA".into(), source, push_name: "Ana".into(), ..MessageInfo::default() }
    }

    fn nobody(_: &LibraryJid) -> bool {
        false
    }

    fn text(body: &str) -> Message {
        Message { conversation: Some(body.into()), ..Message::default() }
    }

    #[test]
    fn a_direct_message_is_its_senders_chat() {
        let source = MessageSource {
            chat: "62811@s.whatsapp.net".parse().unwrap(),
            sender: "62811:3@s.whatsapp.net".parse().unwrap(),
            sender_alt: Some("900@lid".parse().unwrap()),
            ..MessageSource::default()
        };
        let new = map(&text("hi"), &info(source), &nobody, 7).unwrap().new;
        assert_eq!(new.chat.jid.as_str(), "900@lid");
        assert_eq!(new.chat.phone.as_deref(), Some("62811"));
        assert_eq!(new.sender.as_ref(), Some(&new.chat));
        assert_eq!((new.from_me, new.group, new.rand), (false, false, 7));
        assert_eq!(new.push_name.as_deref(), Some("Ana"));
    }

    #[test]
    fn what_another_own_device_sent_is_outbound_to_its_receiver() {
        let source = MessageSource {
            chat: "62822@s.whatsapp.net".parse().unwrap(),
            sender: "62811:0@s.whatsapp.net".parse().unwrap(),
            is_from_me: true,
            recipient: Some("62822@s.whatsapp.net".parse().unwrap()),
            ..MessageSource::default()
        };
        let new = map(&text("hi"), &info(source), &nobody, 7).unwrap().new;
        assert_eq!(new.chat.jid.as_str(), "62822@s.whatsapp.net");
        assert_eq!((new.sender, new.from_me, new.push_name), (None, true, None));
    }

    #[test]
    fn a_group_keeps_chat_and_sender_apart() {
        let source = MessageSource {
            chat: "120363@g.us".parse().unwrap(),
            sender: "900:2@lid".parse().unwrap(),
            sender_alt: Some("62811@s.whatsapp.net".parse().unwrap()),
            is_group: true,
            ..MessageSource::default()
        };
        let new = map(&text("hi"), &info(source), &nobody, 7).unwrap().new;
        assert_eq!(new.chat.jid.as_str(), "120363@g.us");
        assert_eq!(new.sender.unwrap().phone.as_deref(), Some("62811"));
        assert!(new.group);
    }

    #[test]
    fn talk_between_own_devices_is_nothing_for_a_human() {
        let mut peer = info(MessageSource::default());
        peer.category = MessageCategory::Peer;
        assert!(map(&text("hi"), &peer, &nobody, 0).is_none());
        assert!(unavailable(&Arc::new(peer), Content::Unavailable, 0).is_none());
    }
}
