//! From whose side a message is told: keys of messages in it are written by its author.

use wacore_binary::Jid as LibraryJid;
use waproto::whatsapp::MessageKey;
use wasup_store::records::{Participant, Target};

use super::address;

/// Longest id of a message that is kept as it is.
const ID_MAX: usize = 255;

/// Who wrote a message, and where.
pub(crate) struct Frame<'a> {
    /// The account itself wrote it.
    pub(crate) from_me: bool,
    /// The chat is one of many.
    pub(crate) group: bool,
    /// The chat.
    pub(crate) chat: &'a Participant,
    /// Who wrote it, where that is not the account itself.
    pub(crate) sender: Option<&'a Participant>,
    /// Whether an address is the account's own.
    pub(crate) is_own: &'a dyn Fn(&LibraryJid) -> bool,
}

impl Frame<'_> {
    /// The message that a key means, from the account's side.
    pub(crate) fn target(&self, key: &MessageKey) -> Option<Target> {
        let provider_id = key.id.clone().filter(|id| !id.is_empty() && id.len() <= ID_MAX)?;
        let (from_me, sender) = if key.from_me == Some(true) {
            self.author()
        } else {
            match key.participant.as_deref().filter(|text| !text.is_empty()) {
                Some(text) => self.someone(text),
                None => self.other_side(),
            }
        };
        Some(Target { provider_id, from_me, sender, message: None })
    }

    /// Whether the account is meant by an address, and who is meant else.
    pub(crate) fn someone(&self, text: &str) -> (bool, Option<Participant>) {
        match text.parse::<LibraryJid>() {
            Ok(jid) if (self.is_own)(&jid) => (true, None),
            Ok(jid) => (false, address::participant(&jid, None)),
            Err(_) => (false, None),
        }
    }

    /// Who wrote the message.
    pub(crate) fn author(&self) -> (bool, Option<Participant>) {
        (self.from_me, self.sender.filter(|_| !self.from_me).cloned())
    }

    fn other_side(&self) -> (bool, Option<Participant>) {
        match (self.group, self.from_me) {
            (true, _) => (false, None),
            (false, true) => (false, Some(self.chat.clone())),
            (false, false) => (true, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn someone(jid: &str) -> Participant {
        address::participant(&jid.parse().unwrap(), None).unwrap()
    }

    #[test]
    fn a_key_is_read_from_its_authors_side() {
        let (ann, bob, room) = (someone("62811@s.whatsapp.net"), someone("62822@s.whatsapp.net"), someone("1@g.us"));
        let own = |jid: &LibraryJid| jid.user == "62800";
        // By whom, where, the key's two marks, and whose message it means.
        for (from_me, group, key_from_me, participant, expected) in [
            (false, false, true, None, (false, Some(&ann))),
            (false, false, false, None, (true, None)),
            (true, false, true, None, (true, None)),
            (true, false, false, None, (false, Some(&bob))),
            (false, true, true, Some("62811@s.whatsapp.net"), (false, Some(&ann))),
            (false, true, false, Some("62800:3@s.whatsapp.net"), (true, None)),
            (false, true, false, Some("62822@s.whatsapp.net"), (false, Some(&bob))),
            (true, true, false, Some("62822@s.whatsapp.net"), (false, Some(&bob))),
            (true, true, false, None, (false, None)),
        ] {
            let chat = match (group, from_me) {
                (true, _) => &room,
                (false, true) => &bob,
                (false, false) => &ann,
            };
            let frame = Frame { from_me, group, chat, sender: (!from_me).then_some(&ann), is_own: &own };
            let key = MessageKey {
                id: Some("A".into()),
                from_me: Some(key_from_me),
                participant: participant.map(Into::into),
                ..MessageKey::default()
            };
            let target = frame.target(&key).unwrap();
            assert_eq!((target.from_me, target.sender.as_ref()), expected, "{from_me} {group} {key_from_me}");
        }
    }

    #[test]
    fn a_key_without_an_id_means_nothing() {
        let chat = someone("62811@s.whatsapp.net");
        let frame = Frame { from_me: false, group: false, chat: &chat, sender: Some(&chat), is_own: &|_| false };
        assert_eq!(frame.target(&MessageKey::default()), None);
        let long = MessageKey { id: Some("x".repeat(256)), ..MessageKey::default() };
        assert_eq!(frame.target(&long), None);
    }
}
