//! `md` requests of a connection without an account: pairing by code, and what may follow a passkey demand.

use crate::fault::{CodeRefusal, FaultScope};
use crate::pairing::code::{self, CodeRequest};
use crate::pairing::{Offer, passkey};
use crate::registry::Registry;
use crate::stanza::{SERVER, attr, iq_error, iq_result};
use crate::violation::{Broken, Rule};
use std::sync::Arc;
use tokio::time::Instant;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

/// Handles one request.
pub(super) fn handle(registry: &Registry, offer: &Arc<Offer>, id: &str, iq: &Node) {
    match answer(registry, offer, id, iq) {
        Ok(Some(answer)) => offer.link.send(answer),
        Ok(None) => {}
        Err(broken) => {
            registry.violated(None, &broken, iq);
            let (code, text) = match broken.rule {
                Rule::Unknown | Rule::Unsupported => (501, "feature-not-implemented"),
                _ => (400, "bad-request"),
            };
            offer.link.send(iq_error(id, code, text));
        }
    }
    registry.changed.notify_waiters();
}

/// The answer, unless it is on its way already.
fn answer(registry: &Registry, offer: &Arc<Offer>, id: &str, iq: &Node) -> Result<Option<Node>, Broken> {
    let [child] = iq.children().unwrap_or_default() else {
        return Err(Broken::new(Rule::Child, "md needs one child"));
    };
    match (attr(iq, "type").as_deref(), child.tag.as_ref(), attr(child, "stage").as_deref()) {
        (Some("set"), code::TAG, Some("companion_hello")) => hello(registry, offer, id, child).map(Some),
        (Some("set"), code::TAG, Some("companion_finish")) => finish(offer, id, child),
        (Some("get"), passkey::OPTIONS, _) => Ok(Some(iq_result(id, Some(passkey::options())))),
        (_, "passkey_prologue", _) => Err(Broken::new(Rule::Unsupported, "a passkey's assertion")),
        (_, tag, _) => Err(Broken::new(Rule::Unknown, format!("md with <{tag}>"))),
    }
}

fn hello(registry: &Registry, offer: &Arc<Offer>, id: &str, child: &Node) -> Result<Node, Broken> {
    let request = CodeRequest::read(child, &offer.noise, Instant::now())?;
    let Some(account) = registry.by_number(&request.number) else {
        // No phone of this network has the number.
        return Ok(iq_error(id, 400, "bad-request"));
    };
    let scope = FaultScope::new([account.faults.clone(), registry.faults.clone()]);
    if let Some(refusal) = scope.refuses_code() {
        return Ok(refused(id, refusal));
    }
    let accepted = iq_result(id, Some(code::accepted(&request)));
    registry.offers.ask(&request.number, offer);
    offer.ask(request);
    Ok(accepted)
}

/// The bundle goes to the phone that waits for it, after the companion has its answer.
fn finish(offer: &Offer, id: &str, child: &Node) -> Result<Option<Node>, Broken> {
    let waiting = offer.request().zip(offer.awaits_bundle());
    let (request, phone) =
        waiting.ok_or_else(|| Broken::new(Rule::OutOfOrder, "companion_finish before a phone asked"))?;
    let bundle = code::finish(child, &request, &offer.keys.identity)?;
    offer.link.send(iq_result(id, None));
    // The phone may have given up waiting.
    let _gone = phone.send(bundle);
    Ok(None)
}

/// The words the network has for its refusals; for another code there is none.
fn refused(id: &str, refusal: CodeRefusal) -> Node {
    let text = match refusal.code {
        400 => "bad-request",
        403 => "forbidden",
        429 => "rate-overlimit",
        452 => "feature-not-available",
        500 => "internal-server-error",
        _ => "sandbox-refusal",
    };
    let mut error = NodeBuilder::new("error").attr("code", refusal.code.to_string()).attr("text", text);
    if let Some(backoff) = refusal.backoff {
        error = error.attr("backoff", backoff.to_string());
    }
    let iq = NodeBuilder::new("iq").attr("from", SERVER).attr("type", "error").attr("id", id);
    iq.children([error.build()]).build()
}
