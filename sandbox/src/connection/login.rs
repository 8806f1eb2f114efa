//! A connection that claims to be a linked device.

use super::{Incoming, Session};
use crate::account::{Account, Family};
use crate::device::Device;
use crate::registry::Registry;
use crate::stanza::{conflict, now};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use std::sync::Arc;
use std::time::Instant;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;
use waproto::whatsapp::ClientPayload;

/// Checks the claim and serves the session.
pub(super) async fn run(registry: &Arc<Registry>, incoming: Incoming, noise: [u8; 32], payload: &ClientPayload) {
    let link = incoming.link.clone();
    let Some((account, device)) = authenticate(registry, noise, payload) else {
        registry.counters.logins_refused.add_one();
        link.say_goodbye(failure());
        // The writer closes once the refusal is out.
        incoming.cut.cancelled().await;
        return;
    };
    let now = Instant::now();
    if device.faults.refuses_connection(now) || account.faults.refuses_connection(now) {
        registry.counters.connections_refused.add_one();
        link.drop_now();
        return;
    }
    account.set_push_name(payload.push_name.as_deref().unwrap_or_default());
    let scope = registry.fault_scope(&account, device.id);
    link.bind(scope.clone());
    let replaced = device.mailbox().attach(link.clone());
    if let Some(old) = replaced {
        old.say_goodbye(conflict(None, "replaced"));
    }
    registry.counters.logins.add_one();
    link.send(success(&account, &device));
    let session = Session { registry: registry.clone(), account, device, link, scope };
    session.run(incoming).await;
}

/// The device that the payload names, if the client's Noise key is the one it registered with.
fn authenticate(registry: &Registry, noise: [u8; 32], payload: &ClientPayload) -> Option<(Arc<Account>, Arc<Device>)> {
    let account = registry.by_number(&payload.username?.to_string())?;
    let id = u16::try_from(payload.device.unwrap_or(0)).ok()?;
    let device = account.device(id)?;
    (device.noise == noise).then_some((account, device))
}

fn failure() -> Node {
    NodeBuilder::new("failure").attr("reason", "401").attr("location", "lla").build()
}

fn success(account: &Account, device: &Device) -> Node {
    let random: [u8; 32] = rand::random();
    NodeBuilder::new("success")
        .attr("t", now().to_string())
        .attr("props", "27")
        .attr("companion_enc_static", BASE64_STANDARD.encode(random))
        .attr("lid", account.jid(Family::Hidden, device.id))
        .attr("location", "lla")
        .attr("creation", account.created.to_string())
        .build()
}
