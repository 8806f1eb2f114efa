//! Receipts: delivered, read, played, asked again.

use crate::account::{Account, Family};
use crate::call;
use crate::connection::Session;
use crate::message::relay::deliver;
use crate::message::shared::is_shared;
use crate::offline::{Class, Parcel};
use crate::phone;
use crate::registry::Registry;
use crate::stanza::{attr, child_bytes, jid_attr, now};
use crate::violation::{Broken, Rule};
use std::sync::Arc;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node, NodeContent, Server};

/// Where a receipt goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Route {
    /// To every device of the sender of the message.
    Everyone,
    /// To the one device that sent the message.
    OneDevice,
    /// To the reader's own other devices.
    OwnDevices,
    /// Nowhere: it is for the server.
    Stays,
}

fn route(kind: Option<&str>) -> Option<Route> {
    Some(match kind {
        None | Some("inactive" | "read" | "played") => Route::Everyone,
        Some("retry" | "enc_rekey_retry") => Route::OneDevice,
        Some("read-self" | "played-self") => Route::OwnDevices,
        Some("sender" | "peer_msg" | "hist_sync" | "server-error") => Route::Stays,
        Some(_) => return None,
    })
}

/// Handles one `<receipt>` of a companion.
pub(crate) fn handle(session: &Session, node: &Node) {
    let id = attr(node, "id").filter(|id| !id.is_empty());
    let (Some(id), Some(to)) = (id, jid_attr(node, "to")) else {
        let broken = Broken::new(Rule::Attribute, "a receipt needs an id and a recipient");
        session.refuse_stream(&broken, node);
        return;
    };
    if let Some(offer) = node.get_optional_child("offer") {
        call::rings(session, offer, &to, node);
        session.link.send(receipt_ack(&id, &to, node));
        return;
    }
    let kind = attr(node, "type");
    match check(session, node, &to) {
        Ok(about) => {
            if kind.as_deref() == Some("server-error") {
                phone::bring_again(session, node);
            } else if about.route != Route::OneDevice {
                settle(session, &id, node);
            }
            let target = if about.route == Route::OwnDevices { session.account.clone() } else { about.writer.clone() };
            if kind.as_deref() == Some("read") {
                read_elsewhere(&session.registry, &session.account, session.device.id, &id, node);
            }
            let receipt =
                Receipt { id: &id, kind: kind.as_deref(), about: &about, attrs: node, content: node.content.clone() };
            receipt.relay(&session.registry, &session.account, session.device.id, &target);
        }
        Err(broken) => session.violated(&broken, node),
    }
    session.link.send(receipt_ack(&id, &to, node));
    session.registry.changed.notify_waiters();
}

/// Whose message a receipt is about.
struct About {
    writer: Arc<Account>,
    /// The device that wrote it, as addressed.
    device: Jid,
    family: Family,
    /// The group or status that it was written to; `None` in a direct chat.
    chat: Option<Jid>,
    route: Route,
}

fn check(session: &Session, node: &Node, to: &Jid) -> Result<About, Broken> {
    let kind = attr(node, "type");
    let route = route(kind.as_deref());
    let route =
        route.ok_or_else(|| Broken::new(Rule::Attribute, format!("receipt type {:?}", kind.unwrap_or_default())))?;
    let chat = is_shared(to).then(|| to.clone());
    let device = match &chat {
        None => to.clone(),
        Some(chat) => {
            let broken = || Broken::new(Rule::Attribute, "a receipt to a group without the participant");
            let written = jid_attr(node, "participant").ok_or_else(broken)?;
            if session.registry.groups.find(chat).is_none() && chat.server == Server::Group {
                return Err(Broken::new(Rule::UnknownDevice, "a receipt to an unknown group"));
            }
            written
        }
    };
    let family = Family::of(&device);
    let family = family.ok_or_else(|| Broken::new(Rule::Unsupported, format!("receipts to @{}", device.server)))?;
    let writer = session.registry.account(&device);
    let writer = writer.ok_or_else(|| Broken::new(Rule::UnknownDevice, "a receipt to an unknown account"))?;
    if route == Route::OneDevice {
        check_retry(node, &writer, &device)?;
    }
    Ok(About { writer, device, family, chat, route })
}

fn check_retry(node: &Node, target: &Account, to: &Jid) -> Result<(), Broken> {
    let retry = node.get_optional_child("retry");
    let retry = retry.ok_or_else(|| Broken::new(Rule::Child, "a retry receipt without retry"))?;
    if attr(retry, "id").is_none() || attr(retry, "count").is_none() {
        return Err(Broken::new(Rule::Attribute, "a retry needs an id and a count"));
    }
    if child_bytes(node, "registration").is_none_or(|id| id.len() != 4) {
        return Err(Broken::new(Rule::Child, "a retry receipt without registration id"));
    }
    if to.device != 0 && target.device(to.device).is_none() && !target.had_device(to.device) {
        return Err(Broken::new(Rule::UnknownDevice, "a retry to a device that never existed"));
    }
    Ok(())
}

/// A receipt acknowledges the messages it names.
fn settle(session: &Session, id: &str, node: &Node) {
    session.acknowledged(Class::Message, id, None);
    let listed = node.get_optional_child("list").and_then(Node::children);
    for item in listed.unwrap_or_default() {
        if let Some(id) = attr(item, "id") {
            session.acknowledged(Class::Message, &id, None);
        }
    }
}

fn receipt_ack(id: &str, to: &Jid, receipt: &Node) -> Node {
    let mut ack = NodeBuilder::new("ack").attr("class", "receipt").attr("id", id).attr("from", to.clone()).build();
    for key in ["type", "participant"] {
        if let Some(value) = receipt.attrs.get(key) {
            ack.attrs.insert(key, value.clone());
        }
    }
    ack
}

/// A receipt on its way.
struct Receipt<'a> {
    id: &'a str,
    kind: Option<&'a str>,
    about: &'a About,
    /// Where further attributes are taken from.
    attrs: &'a Node,
    content: Option<NodeContent>,
}

impl Receipt<'_> {
    fn relay(self, registry: &Registry, from: &Arc<Account>, from_device: u16, target: &Arc<Account>) {
        let About { family, route, .. } = *self.about;
        let devices: Vec<u16> = match route {
            Route::Stays => return,
            Route::OneDevice => vec![self.about.device.device],
            Route::Everyone | Route::OwnDevices => {
                let companions = target.devices();
                let all = std::iter::once(0).chain(companions.iter().map(|device| device.id));
                let own = target.number == from.number;
                all.filter(|device| !(own && *device == from_device)).collect()
            }
        };
        let parcel = self.parcel(from.jid(family, from_device), from_device == 0);
        if route == Route::OneDevice {
            registry.counters.retries.add_one();
        } else {
            registry.counters.receipts.add_one();
        }
        for device in devices {
            deliver(registry, target, device, parcel.clone());
        }
    }

    /// In a direct chat it comes from the reader; in a shared one from the chat, with the reader as participant. To own
    /// devices the participant is the one who wrote the message.
    fn parcel(self, reader: Jid, automatic: bool) -> Parcel {
        let from = self.about.chat.clone().unwrap_or_else(|| reader.clone());
        let mut node = NodeBuilder::new("receipt")
            .attr("from", from.clone())
            .attr("id", self.id)
            .attr("t", now().to_string())
            .apply_content(self.content)
            .build();
        for key in ["type", "participant", "recipient", "category", "context"] {
            if let Some(value) = self.attrs.attrs.get(key) {
                node.attrs.insert(key, value.clone());
            }
        }
        if self.about.chat.is_some() && self.about.route != Route::OwnDevices {
            node.attrs.insert("participant", reader);
        }
        Parcel {
            class: Class::Receipt,
            id: self.id.to_owned(),
            from,
            kind: self.kind.map(str::to_owned),
            node: Arc::new(node),
            automatic,
        }
    }
}

/// A message that a phone has before it: who wrote it, and in which chat if it is one that many read.
pub(crate) struct Written<'a> {
    pub(crate) device: &'a Jid,
    pub(crate) chat: Option<&'a Jid>,
    pub(crate) id: &'a str,
}

/// A phone's receipt for a message.
pub(crate) fn from_phone(registry: &Registry, phone: &Arc<Account>, written: &Written<'_>, kind: Option<&'static str>) {
    let node = match kind {
        Some(kind) => NodeBuilder::new("receipt").attr("type", kind).build(),
        None => NodeBuilder::new("receipt").build(),
    };
    send_from_phone(registry, phone, written, kind, &node, None);
    if kind == Some("read") {
        read_elsewhere(registry, phone, 0, written.id, &node);
    }
}

/// The reader's other devices hear which messages were read.
fn read_elsewhere(registry: &Registry, reader: &Arc<Account>, device: u16, id: &str, read: &Node) {
    let attrs = NodeBuilder::new("receipt").attr("type", "read-self").build();
    let about = About {
        writer: Arc::clone(reader),
        device: reader.jid(Family::Number, 0),
        family: Family::Number,
        chat: None,
        route: Route::OwnDevices,
    };
    let receipt = Receipt { id, kind: Some("read-self"), about: &about, attrs: &attrs, content: read.content.clone() };
    receipt.relay(registry, reader, device, reader);
}

/// A phone asks the device that wrote a message to send it again.
pub(crate) fn retry_from_phone(registry: &Registry, phone: &Arc<Account>, written: &Written<'_>, children: Vec<Node>) {
    let node = NodeBuilder::new("receipt").attr("type", "retry").build();
    let content = Some(NodeContent::Nodes(children));
    send_from_phone(registry, phone, written, Some("retry"), &node, content);
}

fn send_from_phone(
    registry: &Registry,
    phone: &Arc<Account>,
    written: &Written<'_>,
    kind: Option<&str>,
    attrs: &Node,
    content: Option<NodeContent>,
) {
    let (Some(writer), Some(family), Some(route)) =
        (registry.account(written.device), Family::of(written.device), route(kind))
    else {
        return;
    };
    let about = About { writer, device: written.device.clone(), family, chat: written.chat.cloned(), route };
    let receipt = Receipt { id: written.id, kind, about: &about, attrs, content };
    receipt.relay(registry, phone, 0, &about.writer);
}
