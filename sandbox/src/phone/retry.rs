//! Retry receipts: a phone asks for a message again, or is asked.

use super::send::encrypt;
use super::signal::address;
use crate::account::{Account, Family};
use crate::message::relay::{Addressee, Envelope, relay};
use crate::offline::Parcel;
use crate::prekey::{Bundle, signed_node};
use crate::receipt;
use crate::registry::Registry;
use crate::stanza::{attr, bytes_node, now};
use std::collections::VecDeque;
use std::sync::Arc;
use wacore::messages::MessageUtils;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;
use waproto::whatsapp::Message;

/// Messages a phone keeps so that it can send them again.
const KEPT: usize = 512;

/// The last messages a phone has sent.
#[derive(Default)]
pub(crate) struct SentMessages(VecDeque<Sent>);

#[derive(Clone)]
struct Sent {
    id: String,
    to: Arc<Account>,
    message: Message,
}

impl SentMessages {
    pub(crate) fn remember(&mut self, id: &str, to: &Arc<Account>, message: &Message) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(Sent { id: id.to_owned(), to: to.clone(), message: message.clone() });
    }

    fn find(&self, id: &str) -> Option<Sent> {
        self.0.iter().rev().find(|sent| sent.id == id).cloned()
    }
}

/// Asks the sending device for a message again, with keys for a fresh session.
pub(crate) fn ask(registry: &Registry, account: &Arc<Account>, parcel: &Parcel, family: Family, attempt: u32) {
    let t = now().to_string();
    let retry = NodeBuilder::new("retry")
        .attr("v", "1")
        .attr("id", parcel.id.as_str())
        .attr("t", t.as_str())
        .attr("count", attempt.to_string());
    let bundle = account.phone.take_bundle();
    let registration = bytes_node("registration", bundle.registration.to_vec());
    let children = vec![retry.build(), registration, keys(&bundle)];
    receipt::retry_from_phone(registry, account, &parcel.from, family, &parcel.id, children);
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
    let (Some(asker), Some(family)) = (registry.account(&parcel.from), Family::of(&parcel.from)) else {
        return;
    };
    let device = parcel.from.device;
    let count = parcel
        .node
        .get_optional_child("retry")
        .and_then(|retry| attr(retry, "count").map(|count| count.into_owned()))
        .unwrap_or_else(|| "1".to_owned());
    let chat = sent.to.jid(family, 0);
    let message = if asker.number == account.number {
        wacore::messages::wrap_device_sent(sent.message, chat.to_string())
    } else {
        sent.message
    };
    let enc = {
        let _composing = account.phone.compose();
        account.phone.signal().forget_session(&address(&asker.number, device));
        let plain = MessageUtils::encode_and_pad(&message);
        encrypt(registry, account, &asker, device, &plain)
    };
    let mut enc = match enc {
        Ok(enc) => enc,
        Err(error) => {
            tracing::warn!(%error, "a phone cannot send a message again");
            return;
        }
    };
    enc.attrs.insert("count", count);
    let envelope = Envelope {
        id: sent.id,
        recipient: chat.clone(),
        chat,
        attrs: vec![("type".into(), "text".into())],
        extras: Vec::new(),
        proof: None,
        automatic: true,
    };
    let addressee = Addressee::new(&asker, device, family);
    relay(registry, account, 0, &envelope, &addressee, vec![enc]);
}
