//! The end of a pairing: the device becomes real and everyone who must know is told.

use super::{Offer, PairingError, Pending};
use crate::account::{Account, Family};
use crate::device::NewDevice;
use crate::offline::{Class, Parcel};
use crate::registry::Registry;
use crate::stanza::{attr, child_bytes, now, stream_error};
use crate::violation::{Broken, Rule};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

/// Tells the companion that it was restarted into its new identity.
const RESTART: u16 = 515;

/// How long the restart comes after the companion's answer. On the real network a round trip lies between; without it
/// whatsapp-rust can hear of the restart before it has finished its own step of the pairing, and then connects twice.
const ROUND_TRIP: Duration = Duration::from_millis(60);

/// Judges the companion's answer to `<pair-success>`.
pub(crate) fn judge(registry: &Registry, offer: &Offer, pending: Pending, answer: &Node) {
    let outcome = link(registry, offer, &pending, answer);
    if let Ok(device) = &outcome {
        tracing::debug!(device, "paired a device");
        offer.link.say_goodbye_at(stream_error(RESTART).build(), Instant::now() + ROUND_TRIP);
    } else {
        offer.link.drop_now();
    }
    registry.changed.notify_waiters();
    // The phone may have given up waiting; the device is linked all the same.
    let _gone = pending.done.send(outcome);
}

fn link(registry: &Registry, offer: &Offer, pending: &Pending, answer: &Node) -> Result<u16, PairingError> {
    if attr(answer, "type").as_deref() == Some("error") {
        return Err(refused(answer));
    }
    let proof = check(offer, pending, answer).map_err(|broken| {
        registry.violated(Some((&pending.account, pending.device)), &broken, answer);
        PairingError::BadAnswer(broken.detail)
    })?;
    let new = NewDevice { noise: offer.noise, proof, props: offer.props.clone(), keys: offer.keys.clone() };
    let account = &pending.account;
    account.add_device(pending.device, pending.key_index, new, &registry.config);
    registry.counters.pairings.add_one();
    announce(registry, account, Change::Added, (pending.device, pending.key_index));
    Ok(pending.device)
}

fn check(offer: &Offer, pending: &Pending, answer: &Node) -> Result<Vec<u8>, Broken> {
    let signed =
        answer.get_optional_child("pair-device-sign").ok_or_else(|| Broken::new(Rule::Child, "no pair-device-sign"))?;
    let identity = signed.get_optional_child("device-identity");
    let index = identity.and_then(|node| attr(node, "key-index"));
    if index.and_then(|text| text.parse::<u32>().ok()) != Some(pending.key_index) {
        return Err(Broken::new(Rule::Attribute, "key-index is not the one given"));
    }
    let bytes = child_bytes(signed, "device-identity").unwrap_or_default();
    pending.statement.countersigned(&offer.keys.identity, bytes).map_err(|reason| Broken::new(Rule::Signature, reason))
}

fn refused(answer: &Node) -> PairingError {
    let error = answer.get_optional_child("error");
    let code = error.and_then(|node| attr(node, "code"));
    let text = error.and_then(|node| attr(node, "text"));
    PairingError::Refused {
        code: code.and_then(|code| code.parse().ok()).unwrap_or(0),
        text: text.map(|text| text.into_owned()).unwrap_or_default(),
    }
}

/// What happened to a device list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Added,
    Removed,
}

/// Tells the account's other devices and every device that has asked for the account's list.
pub(crate) fn announce(registry: &Registry, account: &Arc<Account>, change: Change, (device, key_index): (u16, u32)) {
    let list = account.snapshot();
    let from = account.jid(Family::Number, 0);
    let tag = match change {
        Change::Added => "add",
        Change::Removed => "remove",
    };
    let operation = NodeBuilder::new(tag).children([
        NodeBuilder::new("device")
            .attr("jid", account.jid(Family::Number, device))
            .attr("key-index", key_index.to_string())
            .build(),
        NodeBuilder::new("key-index-list").attr("ts", list.changed_at.to_string()).bytes(list.signed.to_vec()).build(),
    ]);
    let id = registry.stanza_id();
    let notification = NodeBuilder::new("notification")
        .attr("from", from.clone())
        .attr("lid", account.jid(Family::Hidden, 0))
        .attr("type", "devices")
        .attr("id", id.as_str())
        .attr("t", now().to_string())
        .children([operation.build()])
        .build();
    let parcel = Parcel {
        class: Class::Notification,
        id,
        from,
        kind: Some("devices".to_owned()),
        node: Arc::new(notification),
        automatic: false,
    };
    for other in registry.accounts() {
        for peer in other.devices() {
            let own = other.number == account.number;
            let is_subject = own && peer.id == device;
            if !is_subject && (own || peer.follows(&account.number)) {
                peer.deliver(parcel.clone(), false);
            }
        }
    }
}
