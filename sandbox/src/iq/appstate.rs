//! `w:sync:app:state`: collections of settings that companions keep in step.
//!
//! They start empty. Patches that companions upload are numbered, kept and handed to the others. The phone can read
//! them, so one whose sums are wrong breaks a rule; the phone appends patches of its own.

use super::{Answer, Outcome, only_child};
use crate::account::{Account, Family};
use crate::connection::Session;
use crate::offline::{Class, Parcel};
use crate::phone::settings;
use crate::registry::Registry;
use crate::stanza::{attr, bytes_node, child_bytes, now};
use crate::violation::{Broken, Rule};
use buffa::Message as _;
use std::collections::BTreeMap;
use std::sync::Arc;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;
use waproto::whatsapp::{SyncdPatch, SyncdVersion};

/// The collections there are.
const COLLECTIONS: [&str; 5] = ["critical_block", "critical_unblock_low", "regular", "regular_low", "regular_high"];

/// An account's collections: the patches of each, the first one being version 1.
#[derive(Default)]
pub(crate) struct AppState(BTreeMap<String, Vec<Vec<u8>>>);

impl AppState {
    /// Appends the patch that is made of those before it; answers its version, or `None` where none is made.
    pub(crate) fn append(&mut self, name: &str, make: impl FnOnce(&[Vec<u8>]) -> Option<Vec<u8>>) -> Option<usize> {
        let patches = self.0.entry(name.to_owned()).or_default();
        patches.push(make(patches)?);
        Some(patches.len())
    }

    /// Every patch with its collection.
    pub(crate) fn patches(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().flat_map(|(name, patches)| patches.iter().map(move |patch| (name.as_str(), patch.as_slice())))
    }
}

/// Answers each collection with what the client lacks, after taking in what it brings.
pub(super) fn handle(session: &Session, iq: &Node) -> Outcome {
    let sync = only_child(iq, "app state sync")?;
    let collections = sync.children().unwrap_or_default();
    if sync.tag != "sync" || collections.is_empty() {
        return Err(Broken::new(Rule::Child, "an app state sync without collections"));
    }
    let mut changed = Vec::new();
    let answers =
        collections.iter().map(|collection| one(session, collection, &mut changed)).collect::<Result<Vec<_>, _>>()?;
    for (name, version) in changed {
        announce(&session.registry, &session.account, Some(session.device.id), &name, version);
    }
    Ok(Answer::with(NodeBuilder::new("sync").children(answers).build()))
}

fn one(session: &Session, node: &Node, changed: &mut Vec<(String, usize)>) -> Result<Node, Broken> {
    let name = attr(node, "name").unwrap_or_default();
    if !COLLECTIONS.contains(&name.as_ref()) {
        return Err(Broken::new(Rule::Attribute, format!("collection {name:?}")));
    }
    let has = attr(node, "version");
    let has = has.and_then(|version| version.parse::<usize>().ok()).unwrap_or(0);
    let mut state = session.account.app_state();
    let patches = state.0.entry(name.to_string()).or_default();
    let answer = NodeBuilder::new("collection").attr("name", name.as_ref());
    if let Some(patch) = child_bytes(node, "patch") {
        if has != patches.len() {
            let error = NodeBuilder::new("error").attr("code", "409").build();
            return Ok(answer.attr("type", "error").children([error]).build());
        }
        let numbered = numbered(session, &name, patches, patch)?;
        patches.push(numbered);
        changed.push((name.to_string(), patches.len()));
        return Ok(answer.attr("version", patches.len().to_string()).build());
    }
    let answer = answer.attr("version", patches.len().to_string());
    let lacking = patches.get(has..).unwrap_or_default();
    if lacking.is_empty() {
        return Ok(answer.build());
    }
    let lacking = lacking.iter().map(|patch| bytes_node("patch", patch.clone()));
    let lacking = NodeBuilder::new("patches").children(lacking).build();
    Ok(answer.children([lacking]).build())
}

/// A patch with its version: the server gives it, the uploading client leaves it out.
fn numbered(session: &Session, name: &str, before: &[Vec<u8>], patch: &[u8]) -> Result<Vec<u8>, Broken> {
    let broken = |_| Broken::new(Rule::Child, "a patch that does not decode");
    let mut patch = SyncdPatch::decode_from_slice(patch).map_err(broken)?;
    if !settings::is_sound(&session.account, name, before, &patch) {
        return Err(Broken::new(Rule::Child, format!("a patch of {name} whose sums are wrong")));
    }
    patch.version = SyncdVersion { version: Some(before.len() as u64 + 1) }.into();
    Ok(patch.encode_to_vec())
}

/// Tells the account's companions, but for the one that knows, that a collection has moved on.
pub(crate) fn announce(registry: &Registry, account: &Account, knows: Option<u16>, name: &str, version: usize) {
    let from = account.jid(Family::Number, 0);
    let id = registry.stanza_id();
    let collection = NodeBuilder::new("collection").attr("name", name).attr("version", version.to_string());
    let notification = NodeBuilder::new("notification")
        .attr("from", from.clone())
        .attr("type", "server_sync")
        .attr("id", id.as_str())
        .attr("t", now().to_string())
        .children([collection.build()])
        .build();
    let parcel = Parcel {
        class: Class::Notification,
        id,
        from,
        kind: Some("server_sync".to_owned()),
        node: Arc::new(notification),
        automatic: false,
    };
    for device in account.devices() {
        if Some(device.id) != knows {
            device.deliver(parcel.clone(), false);
        }
    }
}
