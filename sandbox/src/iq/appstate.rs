//! `w:sync:app:state`: collections of settings that companions keep in step.
//!
//! They start empty. Patches that companions upload are numbered, kept and handed to the others;
//! what they hold is encrypted and stays unread.

use super::{Answer, Outcome, only_child};
use crate::account::Family;
use crate::connection::Session;
use crate::offline::{Class, Parcel};
use crate::stanza::{attr, bytes_node, child_bytes, now};
use crate::violation::{Broken, Rule};
use buffa::Message as _;
use std::collections::HashMap;
use std::sync::Arc;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;
use waproto::whatsapp::{SyncdPatch, SyncdVersion};

/// The collections there are.
const COLLECTIONS: [&str; 5] = ["critical_block", "critical_unblock_low", "regular", "regular_low", "regular_high"];

/// An account's collections: the patches of each, the first one being version 1.
#[derive(Default)]
pub(crate) struct AppState(HashMap<String, Vec<Vec<u8>>>);

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
        announce(session, &name, version);
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
        let numbered = numbered(patch, patches.len() + 1)?;
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
fn numbered(patch: &[u8], version: usize) -> Result<Vec<u8>, Broken> {
    let broken = |_| Broken::new(Rule::Child, "a patch that does not decode");
    let mut patch = SyncdPatch::decode_from_slice(patch).map_err(broken)?;
    patch.version = SyncdVersion { version: Some(version as u64) }.into();
    Ok(patch.encode_to_vec())
}

/// Tells the account's other companions that a collection has moved on.
fn announce(session: &Session, name: &str, version: usize) {
    let from = session.account.jid(Family::Number, 0);
    let id = session.registry.stanza_id();
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
    for device in session.account.devices() {
        if device.id != session.device.id {
            device.deliver(parcel.clone(), false);
        }
    }
}
