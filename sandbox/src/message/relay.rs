//! One device's copy of a message, on its way.

use crate::account::{Account, Family};
use crate::offline::{Class, Parcel};
use crate::phone;
use crate::registry::Registry;
use crate::stanza::{attr, now};
use std::borrow::Cow;
use std::sync::Arc;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node, NodeValue};

/// What all copies of a message share.
pub(crate) struct Envelope {
    pub(crate) id: String,
    /// The chat as the sender addressed it, without a device.
    pub(crate) chat: Jid,
    /// The chat that own devices file it under.
    pub(crate) recipient: Jid,
    /// Attributes that are relayed as they are.
    pub(crate) attrs: Vec<(Cow<'static, str>, NodeValue)>,
    /// Children that are relayed as they are.
    pub(crate) extras: Vec<Node>,
    /// The sending device's proof, for copies that start a session.
    pub(crate) proof: Option<Node>,
    /// Written by a phone's rule.
    pub(crate) automatic: bool,
}

impl Envelope {
    /// An attribute that is relayed.
    pub(crate) fn attr(&self, key: &str) -> Option<Cow<'_, str>> {
        self.attrs.iter().find(|(held, _)| held == key).map(|(_, value)| value.as_str())
    }
}

/// One device, addressed in one family.
pub(crate) struct Addressee {
    account: Arc<Account>,
    device: u16,
    family: Family,
}

impl Addressee {
    pub(crate) fn new(account: &Arc<Account>, device: u16, family: Family) -> Self {
        Self { account: account.clone(), device, family }
    }
}

/// Delivers one device's copy. The sender appears in the family in which the device was addressed;
/// its other address is added so that the receiver learns which belong together.
pub(crate) fn relay(
    registry: &Registry,
    sender: &Arc<Account>,
    sender_device: u16,
    envelope: &Envelope,
    to: &Addressee,
    encs: Vec<Node>,
) {
    if to.account.person.blocks(&sender.number) {
        return;
    }
    if to.account.number != sender.number {
        to.account.reach.hear(&sender.number);
    }
    let from = sender.jid(to.family, sender_device);
    let alternative = match to.family {
        Family::Number => "sender_lid",
        Family::Hidden => "sender_pn",
    };
    let mut node = NodeBuilder::new("message")
        .attr("from", from.clone())
        .attr("id", envelope.id.as_str())
        .attr("t", now().to_string())
        .attr("notify", sender.push_name())
        .build();
    if !sender.shows_one_address() {
        node.attrs.insert(alternative, sender.jid(to.family.other(), 0));
    }
    for (key, value) in &envelope.attrs {
        node.attrs.insert(key.clone(), value.clone());
    }
    let peer = attr(&node, "category").as_deref() == Some("peer");
    if to.account.number == sender.number && !peer {
        node.attrs.insert("recipient", envelope.recipient.clone());
    }
    let encs = if to.device != 0 && is_once(envelope) { vec![withheld()] } else { encs };
    node.content = Some(wacore_binary::NodeContent::Nodes(children(envelope, encs)));
    let kind = attr(&node, "type").map(Cow::into_owned);
    let parcel = Parcel {
        class: Class::Message,
        id: envelope.id.clone(),
        from,
        kind,
        node: Arc::new(node),
        automatic: envelope.automatic,
    };
    deliver(registry, &to.account, to.device, parcel);
}

/// Whether it is to be seen once: companions only hear that there is something.
pub(super) fn is_once(envelope: &Envelope) -> bool {
    envelope.extras.iter().any(|extra| extra.tag == "meta" && attr(extra, "view_once").as_deref() == Some("true"))
}

/// What companions get in the place of it.
pub(super) fn withheld() -> Node {
    NodeBuilder::new("unavailable").attr("type", "view_once").build()
}

/// The copies, the proof where one of them starts a session, and the rest.
pub(super) fn children(envelope: &Envelope, encs: Vec<Node>) -> Vec<Node> {
    let starts_session = encs.iter().any(|enc| attr(enc, "type").as_deref() == Some("pkmsg"));
    let proof = envelope.proof.iter().filter(|_| starts_session).cloned();
    let extras = envelope.extras.iter().cloned();
    encs.into_iter().chain(proof).chain(extras).collect()
}

/// Hands a stanza to a device; 0 is the phone. A device that was unlinked meanwhile gets nothing.
pub(crate) fn deliver(registry: &Registry, account: &Arc<Account>, device: u16, parcel: Parcel) {
    let is_message = parcel.class == Class::Message;
    let twice = is_message && registry.fault_scope(account, device).duplicates();
    if is_message {
        registry.counters.deliveries.add_one();
    }
    if device != 0 {
        if let Some(device) = account.device(device) {
            device.deliver(parcel, twice);
        }
        return;
    }
    if twice {
        phone::receive(registry, account, parcel.clone());
    }
    phone::receive(registry, account, parcel);
}
