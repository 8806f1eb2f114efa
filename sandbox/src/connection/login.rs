//! A connection that claims to be a linked device.

use super::{Incoming, Session};
use crate::account::{Account, Family};
use crate::device::Device;
use crate::fault::LoginRefusal;
use crate::registry::Registry;
use crate::stanza::{conflict, now};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use std::sync::Arc;
use tokio::time::Instant;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;
use waproto::whatsapp::ClientPayload;

/// What a login gets whose device is not, or no more, linked.
const NOT_LINKED: LoginRefusal = LoginRefusal { reason: 401, code: None, expire: None };

/// Checks the claim and serves the session.
pub(super) async fn run(registry: &Arc<Registry>, mut incoming: Incoming, noise: [u8; 32], payload: &ClientPayload) {
    let account = payload.username.and_then(|number| registry.by_number(&number.to_string()));
    if let Some(account) = &account {
        account.logins.attempt();
        registry.changed.notify_waiters();
    }
    let Some((account, device)) = account.and_then(|account| authenticate(account, noise, payload)) else {
        refuse(registry, incoming, NOT_LINKED).await;
        return;
    };
    let now = Instant::now();
    if device.faults.refuses_connection(now) || account.faults.refuses_connection(now) {
        registry.counters.connections_refused.add_one();
        incoming.link.drop_now();
        return;
    }
    let scope = registry.fault_scope(&account, device.id);
    incoming.link.bind(scope.clone());
    if !incoming.outlasts_silence().await {
        return;
    }
    if let Some(refusal) = scope.refuses_login() {
        refuse(registry, incoming, refusal).await;
        return;
    }
    let link = incoming.link.clone();
    account.set_push_name(payload.push_name.as_deref().unwrap_or_default());
    let replaced = device.mailbox().attach(link.clone());
    if let Some(old) = replaced {
        old.say_goodbye([conflict(None, "replaced")]);
    }
    registry.counters.logins.add_one();
    account.logins.accept();
    device.logins.add_one();
    link.send(success(&account, &device));
    registry.changed.notify_waiters();
    let session = Session { registry: registry.clone(), account, device, link, scope };
    session.run(incoming).await;
}

/// The device that the payload names, if the client's Noise key is the one it registered with.
fn authenticate(
    account: Arc<Account>,
    noise: [u8; 32],
    payload: &ClientPayload,
) -> Option<(Arc<Account>, Arc<Device>)> {
    let id = u16::try_from(payload.device.unwrap_or(0)).ok()?;
    let device = account.device(id)?;
    (device.noise == noise).then_some((account, device))
}

async fn refuse(registry: &Registry, incoming: Incoming, refusal: LoginRefusal) {
    registry.counters.logins_refused.add_one();
    registry.changed.notify_waiters();
    incoming.link.say_goodbye([failure(refusal)]);
    // The writer closes once the refusal is out.
    incoming.cut.cancelled().await;
}

/// `code` and `expire` belong to a ban: why, and for how many seconds.
fn failure(refusal: LoginRefusal) -> Node {
    let mut failure = NodeBuilder::new("failure").attr("reason", refusal.reason.to_string()).attr("location", "lla");
    if let Some(code) = refusal.code {
        failure = failure.attr("code", code.to_string());
    }
    if let Some(expire) = refusal.expire {
        failure = failure.attr("expire", expire.to_string());
    }
    failure.build()
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
