//! Which events an endpoint gets besides their kind.

use serde::{Deserialize, Serialize};

use super::{EventData, Participant};

/// Which events an endpoint gets besides their kind. Empty lists let everything through; an event that has no chat, or
/// no message, passes the lists about them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EventFilter {
    /// Chats, as addresses in canonical form. A person may stand here under the number or under the LID.
    pub chats: Vec<String>,
    /// Words of what messages hold, such as `text`.
    pub message_types: Vec<String>,
}

impl EventFilter {
    /// Whether an event passes. Copies nothing: this runs in every commit that tells of something.
    #[must_use]
    pub fn passes(&self, data: &EventData) -> bool {
        let chat =
            self.chats.is_empty() || data.chat().is_none_or(|chat| self.chats.iter().any(|listed| is_of(listed, chat)));
        chat && (self.message_types.is_empty()
            || data.message_type().is_none_or(|held| self.message_types.iter().any(|listed| listed == held)))
    }
}

/// Whether an address is one of a chat's: the one it goes by, the LID, or the number.
fn is_of(listed: &str, chat: &Participant) -> bool {
    listed == chat.jid.as_str()
        || chat.lid.as_ref().is_some_and(|lid| listed == lid.as_str())
        || (chat.phone.is_some() && listed.strip_suffix("@s.whatsapp.net") == chat.phone.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{AccountNo, MessageId, MessageKey};
    use crate::jid::Jid;
    use crate::records::{ClockEvent, Content, Direction, MessageEvent, MessageState, StatusEvent};

    fn chat(jid: &str, phone: Option<&str>, lid: Option<&str>) -> Participant {
        let lid = lid.map(|lid| lid.parse::<Jid>().unwrap());
        Participant { jid: jid.parse().unwrap(), phone: phone.map(str::to_owned), lid }
    }

    fn id() -> MessageId {
        MessageId { account: AccountNo(1), key: MessageKey::new(1, 1) }
    }

    fn message(chat: Participant, content: Content) -> EventData {
        let (provider_id, direction) = ("3EB0".to_owned(), Direction::Inbound);
        EventData::Message(MessageEvent {
            id: id(),
            provider_id,
            direction,
            chat,
            sender: None,
            push_name: None,
            ts_ms: 1,
            content,
            context: None,
        })
    }

    fn status(chat: Participant) -> EventData {
        let (provider_id, state) = ("3EB0".to_owned(), MessageState::Sent);
        EventData::Status(StatusEvent { id: id(), provider_id, chat, state, reason: None, client_message_id: None })
    }

    #[test]
    fn what_passes_which_filter() {
        let text = || Content::text("hi");
        let both = || chat("900@lid", Some("6281"), Some("900@lid"));
        let number = || chat("6281@s.whatsapp.net", Some("6281"), None);
        let lid = || chat("900@lid", None, Some("900@lid"));
        let clock = || EventData::Clock(ClockEvent { trusted: true, jump_ms: 0 });
        let (by_number, by_lid, group) = (&["6281@s.whatsapp.net"], &["900@lid"], &["7@g.us"]);
        #[rustfmt::skip]
        let table: Vec<(&[&str], &[&str], EventData, bool)> = vec![
            (&[], &[], message(both(), text()), true),
            (by_number, &[], message(both(), text()), true),
            (by_lid, &[], message(both(), text()), true),
            (by_number, &[], message(number(), text()), true),
            (by_lid, &[], message(number(), text()), false),
            (by_number, &[], message(lid(), text()), false),
            (by_lid, &[], message(lid(), text()), true),
            (&["628@s.whatsapp.net"], &[], message(both(), text()), false),
            (&["6281@lid"], &[], message(both(), text()), false),
            (&["1@lid", "6281@s.whatsapp.net"], &[], message(both(), text()), true),
            (group, &[], message(chat("7@g.us", None, None), text()), true),
            (group, &[], message(both(), text()), false),
            (group, &[], status(both()), false),
            (by_lid, &[], status(both()), true),
            (group, &[], clock(), true),
            (group, &["text"], EventData::Test { id: "ep_1".into() }, true),
            (&[], &["text"], message(both(), text()), true),
            (&[], &["unsupported"], message(both(), text()), false),
            (&[], &["text", "unavailable"], message(both(), Content::Unavailable), true),
            (&[], &["unavailable"], status(both()), true),
            (by_lid, &["unavailable"], message(both(), text()), false),
            (group, &["text"], message(both(), text()), false),
            (by_number, &["text"], message(both(), text()), true),
        ];
        for (at, (chats, types, data, expected)) in table.into_iter().enumerate() {
            let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
            let filter = EventFilter { chats: words(chats), message_types: words(types) };
            assert_eq!(filter.passes(&data), expected, "line {at}");
        }
    }
}
