//! Who is there. Nobody keeps it: only live devices hear of it, and only of those whom they watch and while they are there
//! themselves, as on the real network.

use crate::account::{Account, Family};
use crate::connection::Session;
use crate::lock::hold;
use crate::registry::Registry;
use crate::stanza::{attr, jid_attr, now};
use crate::violation::{Broken, Rule};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

/// Whether somebody is there, and who wants to know.
#[derive(Default)]
pub(crate) struct Presence(Mutex<Held>);

#[derive(Default)]
struct Held {
    /// Devices that say they are there; 0 is the phone.
    there: BTreeSet<u16>,
    /// When the last one went, in seconds.
    last: Option<u64>,
    /// Devices that watch, by number and device.
    watchers: BTreeMap<(String, u16), Watch>,
}

/// How a device watches somebody: it ends with the connection.
#[derive(Clone, Copy)]
struct Watch {
    family: Family,
    connection: u64,
}

impl Presence {
    /// Whether this device says that its user is there.
    fn is_there(&self, device: u16) -> bool {
        hold(&self.0).there.contains(&device)
    }

    /// A device comes or goes. Answers whether that changes how the account is seen.
    fn set(&self, device: u16, there: bool) -> bool {
        let mut held = hold(&self.0);
        let before = !held.there.is_empty();
        if there {
            held.there.insert(device);
        } else {
            held.there.remove(&device);
        }
        let after = !held.there.is_empty();
        if before && !after {
            held.last = Some(now());
        }
        before != after
    }

    /// How the account is seen by somebody who addresses it so.
    fn seen(&self, account: &Account, family: Family) -> Node {
        let held = hold(&self.0);
        let node = NodeBuilder::new("presence").attr("from", account.jid(family, 0));
        if !held.there.is_empty() {
            return node.attr("type", "available").build();
        }
        let last = held.last.map_or_else(|| "none".to_owned(), |last| last.to_string());
        node.attr("type", "unavailable").attr("last", last).build()
    }

    /// Numbers and devices that watch the account.
    pub(crate) fn watchers(&self) -> Vec<(String, u16)> {
        hold(&self.0).watchers.keys().cloned().collect()
    }
}

/// A device's user, or the phone's, is there or goes; whoever watches hears of it.
pub(crate) fn appear(registry: &Registry, account: &Account, device: u16, there: bool) {
    if !account.presence.set(device, there) {
        return;
    }
    let watchers = hold(&account.presence.0).watchers.clone();
    for ((number, device), watch) in watchers {
        if let Some(watcher) = registry.by_number(&number) {
            show(account, &watcher, device, watch);
        }
    }
    registry.changed.notify_waiters();
}

/// Shows an account to a device that watches it, where its own user is there.
fn show(account: &Account, watcher: &Account, device: u16, watch: Watch) {
    if !watcher.presence.is_there(device) || account.person.blocks(&watcher.number) {
        return;
    }
    let Some(device) = watcher.device(device) else { return };
    let mailbox = device.mailbox();
    if let Some(link) = mailbox.link().filter(|link| link.id == watch.connection && mailbox.is_live()) {
        link.send(account.presence.seen(account, watch.family));
    }
}

/// Handles `<presence>`. Its name becomes the account's push name.
pub(crate) fn presence(session: &Session, node: &Node) {
    let kind = attr(node, "type");
    match kind.as_deref() {
        None | Some("available") => appear(&session.registry, &session.account, session.device.id, true),
        Some("unavailable") => appear(&session.registry, &session.account, session.device.id, false),
        Some(kind @ ("subscribe" | "unsubscribe")) => {
            if let Err(broken) = watch(session, node, kind == "subscribe") {
                session.violated(&broken, node);
            }
            return;
        }
        Some(other) => {
            let broken = Broken::new(Rule::Attribute, format!("presence type {other:?}"));
            session.violated(&broken, node);
            return;
        }
    }
    if let Some(name) = attr(node, "name") {
        session.account.set_push_name(&name);
    }
}

/// A device watches somebody from now on, or no more. It is told at once how they are seen.
fn watch(session: &Session, node: &Node, on: bool) -> Result<(), Broken> {
    let to = jid_attr(node, "to").and_then(|to| Family::of(&to).map(|family| (to, family)));
    let (to, family) = to.ok_or_else(|| Broken::new(Rule::Attribute, "a watch of nobody"))?;
    if to.device != 0 {
        return Err(Broken::new(Rule::Attribute, "a watch of one device"));
    }
    let Some(target) = session.registry.account(&to) else { return Ok(()) };
    let who = (session.account.number.clone(), session.device.id);
    if on {
        let watch = Watch { family, connection: session.link.id };
        hold(&target.presence.0).watchers.insert(who, watch);
        show(&target, &session.account, session.device.id, watch);
    } else {
        hold(&target.presence.0).watchers.remove(&who);
    }
    session.registry.changed.notify_waiters();
    Ok(())
}

/// A device's connection is over, and its user gone.
pub(crate) fn gone(session: &Session) {
    appear(&session.registry, &session.account, session.device.id, false);
}
