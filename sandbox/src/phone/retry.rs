//! Retry receipts: a phone asks for a message again, or is asked.

use super::PhoneError;
use super::send::{encrypt, marks, meta};
use super::signal::address;
use crate::account::{Account, Family};
use crate::message::relay::{Addressee, Envelope, relay};
use crate::message::shared::{self, Author};
use crate::offline::Parcel;
use crate::prekey::{Bundle, signed_node};
use crate::receipt::{self, Written};
use crate::registry::Registry;
use crate::stanza::{attr, bytes_node, jid_attr, now};
use std::collections::VecDeque;
use std::sync::Arc;
use wacore::messages::MessageUtils;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};
use waproto::whatsapp::Message;

/// Messages a phone keeps so that it can send them again.
const KEPT: usize = 512;

/// The last messages a phone has sent.
#[derive(Default)]
pub(crate) struct SentMessages(VecDeque<Sent>);

#[derive(Clone)]
struct Sent {
    id: String,
    to: Destination,
    message: Message,
}

/// Where a message went.
#[derive(Clone)]
pub(crate) enum Destination {
    Person(Arc<Account>),
    /// A group or status.
    Shared(Jid),
}

impl SentMessages {
    pub(crate) fn remember(&mut self, id: &str, to: Destination, message: &Message) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(Sent { id: id.to_owned(), to, message: message.clone() });
    }

    fn find(&self, id: &str) -> Option<Sent> {
        self.0.iter().rev().find(|sent| sent.id == id).cloned()
    }
}

/// Asks the sending device for a message again, with keys for a fresh session.
pub(crate) fn ask(registry: &Registry, account: &Arc<Account>, written: &Written<'_>, attempt: u32) {
    let t = now().to_string();
    let retry = NodeBuilder::new("retry")
        .attr("v", "1")
        .attr("id", written.id)
        .attr("t", t.as_str())
        .attr("count", attempt.to_string());
    let bundle = account.phone.take_bundle();
    let registration = bytes_node("registration", bundle.registration.to_vec());
    let children = vec![retry.build(), registration, keys(&bundle)];
    receipt::retry_from_phone(registry, account, written, children);
}

fn keys(bundle: &Bundle) -> Node {
    let mut children = vec![bytes_node("type", vec![5]), bytes_node("identity", bundle.identity.to_vec())];
    if let Some((id, value)) = &bundle.one_time {
        let key =
            NodeBuilder::new("key").children([bytes_node("id", id.to_vec()), bytes_node("value", value.to_vec())]);
        children.push(key.build());
    }
    children.push(signed_node(&bundle.signed));
    NodeBuilder::new("keys").children(children).build()
}

/// A device could not decrypt what the phone sent: it gets the message again in a new session.
pub(crate) fn answer(registry: &Registry, account: &Arc<Account>, parcel: &Parcel) {
    let Some(sent) = account.phone.sent_message(|sent| sent.find(&parcel.id)) else {
        return;
    };
    let asking = match &sent.to {
        Destination::Person(_) => Some(parcel.from.clone()),
        Destination::Shared(_) => jid_attr(&parcel.node, "participant"),
    };
    let Some(asking) = asking else { return };
    let (Some(asker), Some(family)) = (registry.account(&asking), Family::of(&asking)) else {
        return;
    };
    let count = parcel
        .node
        .get_optional_child("retry")
        .and_then(|retry| attr(retry, "count").map(|count| count.into_owned()))
        .unwrap_or_else(|| "1".to_owned());
    let chat = match &sent.to {
        Destination::Person(to) => to.jid(family, 0),
        Destination::Shared(chat) => chat.clone(),
    };
    let direct = matches!(sent.to, Destination::Person(_));
    let message = if direct && asker.number == account.number {
        wacore::messages::wrap_device_sent(sent.message, chat.to_string())
    } else {
        sent.message
    };
    let mut enc = match encrypt_again(registry, account, (&asker, asking.device), &message) {
        Ok(enc) => enc,
        Err(error) => {
            tracing::warn!(%error, "a phone cannot send a message again");
            return;
        }
    };
    enc.attrs.insert("count", count);
    let mut attrs = marks(&message);
    if let Some(group) = registry.groups.find(&chat) {
        attrs.push(("addressing_mode".into(), group.addressing_mode().into()));
    }
    let envelope = Envelope {
        id: sent.id,
        recipient: chat.clone(),
        chat: chat.clone(),
        attrs,
        extras: meta(&message),
        proof: None,
        automatic: true,
    };
    if direct {
        let addressee = Addressee::new(&asker, asking.device, family);
        relay(registry, account, 0, &envelope, &addressee, vec![enc]);
    } else {
        // Its next message in this chat brings the key again.
        account.phone.sender_keys().take_back(&chat, &address(&asker.number, asking.device));
        let author = Author { account, device: 0, family };
        shared::relay(registry, &author, &envelope, (&asker, asking.device), vec![enc]);
    }
}

/// The message in a fresh session.
fn encrypt_again(
    registry: &Registry,
    account: &Account,
    (asker, device): (&Account, u16),
    message: &Message,
) -> Result<Node, PhoneError> {
    let _composing = account.phone.compose();
    account.phone.signal().forget_session(&address(&asker.number, device));
    encrypt(registry, account, asker, device, &MessageUtils::encode_and_pad(message))
}
