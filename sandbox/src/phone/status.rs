//! A phone that shows a status.

use super::{Phone, PhoneError, send, shared};
use crate::account::Family;
use wacore_binary::Jid;
use waproto::whatsapp::Message;

impl Phone {
    /// Shows a text as a status to these numbers, and to the account's own companions. Returns its id.
    ///
    /// # Errors
    /// When the phone is offline, or one of the numbers is not on this network.
    pub fn post_status(&self, text: &str, to: &[&str]) -> Result<String, PhoneError> {
        self.show(to, &send::text(text))
    }

    /// Takes a status back from these numbers.
    ///
    /// # Errors
    /// As [`Self::post_status`].
    pub fn take_back_status(&self, id: &str, to: &[&str]) -> Result<String, PhoneError> {
        use waproto::whatsapp::MessageKey;
        use waproto::whatsapp::message::ProtocolMessage;
        use waproto::whatsapp::message::protocol_message::Type;

        let key = MessageKey {
            remote_jid: Some(Jid::status_broadcast().to_string()),
            from_me: Some(true),
            id: Some(id.to_owned()),
            ..Default::default()
        };
        let taken = ProtocolMessage { r#type: Some(Type::REVOKE), key: key.into(), ..Default::default() };
        self.show(to, &Message { protocol_message: taken.into(), ..Default::default() })
    }

    fn show(&self, to: &[&str], message: &Message) -> Result<String, PhoneError> {
        self.check_online()?;
        let mut readers = vec![self.account.clone()];
        for number in to {
            readers.push(self.recipient(number)?.0);
        }
        // Those who see a status are addressed by hidden id, as on the real network.
        let letter = shared::Letter { chat: Jid::status_broadcast(), family: Family::Hidden, readers, message };
        let id = shared::send(&self.registry, &self.account, &letter)?;
        self.account.phone.changed.notify_waiters();
        self.registry.changed.notify_waiters();
        Ok(id)
    }
}
