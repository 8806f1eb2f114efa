//! From whose side a message is written: how its author and others are named in it.

use wacore_binary::{Jid as LibraryJid, JidExt as _};
use waproto::whatsapp::MessageKey;
use wasup_store::jid::Jid;
use wasup_store::records::{Participant, Target};

/// By which of their addresses a chat names its people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming {
    /// By their phone numbers.
    Phone,
    /// By the network's own numbers.
    Lid,
}

/// The account that writes, in the chat that it writes to.
#[derive(Debug, Clone)]
pub(crate) struct Writer<'a> {
    /// The chat.
    pub(crate) chat: &'a LibraryJid,
    /// How the chat names its people.
    pub(crate) naming: Naming,
    /// The account by its phone number.
    pub(crate) own_phone: Option<&'a LibraryJid>,
    /// The account by the network's own number.
    pub(crate) own_lid: Option<&'a LibraryJid>,
}

impl Writer<'_> {
    /// The account itself.
    pub(super) fn own(&self) -> Option<String> {
        let own = match self.naming {
            Naming::Phone => self.own_phone.or(self.own_lid),
            Naming::Lid => self.own_lid.or(self.own_phone),
        };
        own.map(LibraryJid::to_non_ad_string)
    }

    /// Somebody else.
    pub(super) fn someone(&self, who: &Participant) -> String {
        let phone = who.phone.as_deref().map(Jid::phone);
        let jid = match self.naming {
            Naming::Phone => phone.or_else(|| who.lid.clone()),
            Naming::Lid => who.lid.clone().or(phone),
        };
        jid.unwrap_or_else(|| who.jid.clone()).to_string()
    }

    fn in_group(&self) -> bool {
        self.chat.is_group() || self.chat.is_status_broadcast()
    }

    /// The key of a message, from the account's side. Among many the author is named, where that is not the account itself.
    pub(super) fn key(&self, target: &Target) -> MessageKey {
        let author = target.sender.as_ref().filter(|_| self.in_group() && !target.from_me);
        MessageKey {
            remote_jid: Some(self.chat.to_string()),
            from_me: Some(target.from_me),
            id: Some(target.provider_id.clone()),
            participant: author.map(|author| self.someone(author)),
        }
    }

    /// Who wrote a message.
    pub(super) fn author(&self, from_me: bool, sender: Option<&Participant>) -> Option<String> {
        match (from_me, sender) {
            (true, _) => self.own(),
            (false, Some(sender)) => Some(self.someone(sender)),
            // In a chat of two it is the other one.
            (false, None) => (!self.in_group()).then(|| self.chat.to_non_ad_string()),
        }
    }
}
