//! Calls: a phone rings another account's devices. No sound is carried; what is said of the call is.

use crate::account::{Account, Family};
use crate::connection::Session;
use crate::lock::hold;
use crate::message::relay::deliver;
use crate::offline::{Class, Parcel};
use crate::registry::Registry;
use crate::stanza::{attr, jid_attr, now};
use crate::violation::{Broken, Rule};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};

/// A call, as the caller's phone sees it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct CallSeen {
    /// What names it.
    pub id: String,
    /// Whom it is to.
    pub number: String,
    /// With a picture.
    pub video: bool,
    /// A device said that it rings.
    pub rings: bool,
    /// A device said no for its account.
    pub rejected: bool,
    /// The caller gave up, or it was answered.
    pub over: bool,
}

/// The calls that an account made, by their ids.
#[derive(Default)]
pub(crate) struct Calls(Mutex<BTreeMap<String, CallSeen>>);

impl Calls {
    pub(crate) fn all(&self) -> Vec<CallSeen> {
        hold(&self.0).values().cloned().collect()
    }

    fn change<T>(&self, id: &str, change: impl FnOnce(&mut CallSeen) -> T) -> Option<T> {
        hold(&self.0).get_mut(id).map(change)
    }
}

/// Rings every companion of an account, addressed so. Answers the call's id.
pub(crate) fn ring(registry: &Registry, from: &Account, to: &Arc<Account>, family: Family, video: bool) -> String {
    let id = data_encoding::HEXUPPER.encode(&rand::random::<[u8; 16]>());
    let seen =
        CallSeen { id: id.clone(), number: to.number.clone(), video, rings: false, rejected: false, over: false };
    hold(&from.calls.0).insert(id.clone(), seen);
    if to.person.blocks(&from.number) {
        return id;
    }
    let sound = |rate: &str| NodeBuilder::new("audio").attr("enc", "opus").attr("rate", rate).build();
    let mut parts = vec![sound("16000"), sound("8000")];
    if video {
        parts.push(NodeBuilder::new("video").attr("enc", "vp8").attr("dec", "vp8").build());
    }
    let mut offer = action("offer", from, family, &id);
    offer.attrs.insert("device_class", "2016");
    if family == Family::Hidden {
        offer.attrs.insert("caller_pn", from.jid(Family::Number, 0));
    }
    offer.content = Some(wacore_binary::NodeContent::Nodes(parts));
    tell(registry, from, to, family, offer);
    id
}

/// Ends a call at the other side's companions; a reason says that it was answered or refused on their phone.
pub(crate) fn end(registry: &Registry, from: &Account, id: &str, family: Family, reason: Option<&str>) -> Option<()> {
    let number = from.calls.change(id, |call| {
        call.over = true;
        call.number.clone()
    })?;
    let to = registry.by_number(&number)?;
    let mut end = action("terminate", from, family, id);
    if let Some(reason) = reason {
        end.attrs.insert("reason", reason.to_owned());
    }
    tell(registry, from, &to, family, end);
    Some(())
}

fn action(tag: &'static str, from: &Account, family: Family, id: &str) -> Node {
    NodeBuilder::new(tag).attr("call-id", id).attr("call-creator", from.jid(family, 0)).build()
}

fn tell(registry: &Registry, from: &Account, to: &Arc<Account>, family: Family, action: Node) {
    let (id, sender) = (registry.stanza_id(), from.jid(family, 0));
    let node = NodeBuilder::new("call")
        .attr("from", sender.clone())
        .attr("id", id.as_str())
        .attr("t", now().to_string())
        .attr("notify", from.push_name())
        .attr("platform", "android")
        .attr("version", "2.25.1.1")
        .children([action])
        .build();
    let parcel = Parcel { class: Class::Call, id, from: sender, kind: None, node: Arc::new(node), automatic: false };
    for device in to.devices() {
        deliver(registry, to, device.id, parcel.clone());
    }
}

/// The caller of the call that an action is about: it names the caller and the call as the caller did.
fn caller(session: &Session, action: &Node, to: &Jid) -> Result<(Arc<Account>, String), Broken> {
    let id = attr(action, "call-id").map(std::borrow::Cow::into_owned).unwrap_or_default();
    let creator = jid_attr(action, "call-creator");
    let creator = creator.ok_or_else(|| Broken::new(Rule::Attribute, "a call without its creator"))?;
    let account = session.registry.account(to);
    let account = account.ok_or_else(|| Broken::new(Rule::UnknownDevice, "a call with an unknown account"))?;
    if session.registry.account(&creator).is_none_or(|creator| creator.number != account.number) {
        return Err(Broken::new(Rule::Attribute, "a call whose creator is somebody else"));
    }
    match account.calls.change(&id, |call| call.number == session.account.number) {
        Some(true) => Ok((account, id)),
        _ => Err(Broken::new(Rule::Attribute, "a call that was never made to this account")),
    }
}

/// A device says that it rings.
pub(crate) fn rings(session: &Session, offer: &Node, to: &Jid, receipt: &Node) {
    match caller(session, offer, to) {
        Ok((caller, id)) => {
            caller.calls.change(&id, |call| call.rings = true);
            caller.phone.changed.notify_waiters();
        }
        Err(broken) => session.violated(&broken, receipt),
    }
}

/// Handles `<call>` of a companion: it can refuse, and no more.
pub(crate) fn handle(session: &Session, node: &Node) {
    if let Err(broken) = refuse(session, node) {
        session.violated(&broken, node);
    }
}

fn refuse(session: &Session, node: &Node) -> Result<(), Broken> {
    if attr(node, "id").is_none_or(|id| id.is_empty()) {
        return Err(Broken::new(Rule::Attribute, "a call without an id"));
    }
    let to = jid_attr(node, "to").ok_or_else(|| Broken::new(Rule::Attribute, "a call to nobody"))?;
    let [action] = node.children().unwrap_or_default() else {
        return Err(Broken::new(Rule::Child, "a call does one thing"));
    };
    if action.tag != "reject" {
        return Err(Broken::new(Rule::Unsupported, format!("a call's <{}>", action.tag)));
    }
    if attr(action, "count").is_none() {
        return Err(Broken::new(Rule::Attribute, "a refusal without a count"));
    }
    let (caller, id) = caller(session, action, &to)?;
    caller.calls.change(&id, |call| (call.rejected, call.over) = (true, true));
    caller.phone.changed.notify_waiters();
    session.registry.changed.notify_waiters();
    Ok(())
}
