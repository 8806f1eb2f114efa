//! Receipts: delivered, read, played, asked again.

use crate::account::{Account, Family};
use crate::connection::Session;
use crate::message::relay::deliver;
use crate::offline::{Class, Parcel};
use crate::phone;
use crate::registry::Registry;
use crate::stanza::{attr, child_bytes, jid_attr, now};
use crate::violation::{Broken, Rule};
use std::sync::Arc;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node, NodeContent};

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
    let kind = attr(node, "type");
    match check(session, node, &to) {
        Ok((target, family, route)) => {
            if kind.as_deref() == Some("server-error") {
                phone::bring_again(session, node);
            } else if route != Route::OneDevice {
                settle(session, &id, node);
            }
            let target = if route == Route::OwnDevices { session.account.clone() } else { target };
            let receipt =
                Receipt { id: &id, kind: kind.as_deref(), to: &to, family, attrs: node, content: node.content.clone() };
            receipt.relay(&session.registry, &session.account, session.device.id, &target, route);
        }
        Err(broken) => session.violated(&broken, node),
    }
    session.link.send(receipt_ack(&id, &to, node));
    session.registry.changed.notify_waiters();
}

fn check(session: &Session, node: &Node, to: &Jid) -> Result<(Arc<Account>, Family, Route), Broken> {
    let kind = attr(node, "type");
    let route = route(kind.as_deref());
    let route =
        route.ok_or_else(|| Broken::new(Rule::Attribute, format!("receipt type {:?}", kind.unwrap_or_default())))?;
    let family = Family::of(to);
    let family = family.ok_or_else(|| Broken::new(Rule::Unsupported, format!("receipts to @{}", to.server)))?;
    let target = session.registry.account(to);
    let target = target.ok_or_else(|| Broken::new(Rule::UnknownDevice, "a receipt to an unknown account"))?;
    if route == Route::OneDevice {
        check_retry(node, &target, to)?;
    }
    Ok((target, family, route))
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
    to: &'a Jid,
    family: Family,
    /// Where further attributes are taken from.
    attrs: &'a Node,
    content: Option<NodeContent>,
}

impl Receipt<'_> {
    fn relay(self, registry: &Registry, from: &Arc<Account>, from_device: u16, target: &Arc<Account>, route: Route) {
        let sender = from.jid(self.family, from_device);
        let mut node = NodeBuilder::new("receipt")
            .attr("from", sender.clone())
            .attr("id", self.id)
            .attr("t", now().to_string())
            .apply_content(self.content)
            .build();
        for key in ["type", "participant", "recipient", "category"] {
            if let Some(value) = self.attrs.attrs.get(key) {
                node.attrs.insert(key, value.clone());
            }
        }
        let parcel = Parcel {
            class: Class::Receipt,
            id: self.id.to_owned(),
            from: sender,
            kind: self.kind.map(str::to_owned),
            node: Arc::new(node),
            automatic: from_device == 0,
        };
        let devices: Vec<u16> = match route {
            Route::Stays => return,
            Route::OneDevice => vec![self.to.device],
            Route::Everyone | Route::OwnDevices => {
                let companions = target.devices();
                let all = std::iter::once(0).chain(companions.iter().map(|device| device.id));
                let own = target.number == from.number;
                all.filter(|device| !(own && *device == from_device)).collect()
            }
        };
        if route == Route::OneDevice {
            registry.counters.retries.add_one();
        } else {
            registry.counters.receipts.add_one();
        }
        for device in devices {
            deliver(registry, target, device, parcel.clone());
        }
    }
}

/// A phone's receipt for a message from `to`.
pub(crate) fn from_phone(
    registry: &Registry,
    phone: &Arc<Account>,
    to: &Jid,
    family: Family,
    id: &str,
    kind: Option<&'static str>,
) {
    let node = match kind {
        Some(kind) => NodeBuilder::new("receipt").attr("type", kind).build(),
        None => NodeBuilder::new("receipt").build(),
    };
    send_from_phone(registry, phone, (to, family), id, kind, &node, None);
}

/// A phone asks the device that sent a message to send it again.
pub(crate) fn retry_from_phone(
    registry: &Registry,
    phone: &Arc<Account>,
    to: &Jid,
    family: Family,
    id: &str,
    children: Vec<Node>,
) {
    let node = NodeBuilder::new("receipt").attr("type", "retry").build();
    let content = Some(NodeContent::Nodes(children));
    send_from_phone(registry, phone, (to, family), id, Some("retry"), &node, content);
}

fn send_from_phone(
    registry: &Registry,
    phone: &Arc<Account>,
    (to, family): (&Jid, Family),
    id: &str,
    kind: Option<&str>,
    attrs: &Node,
    content: Option<NodeContent>,
) {
    let (Some(target), Some(route)) = (registry.account(to), route(kind)) else {
        return;
    };
    let receipt = Receipt { id, kind, to, family, attrs, content };
    receipt.relay(registry, phone, 0, &target, route);
}
