//! `passive`: the device says that it wants its stanzas.

use super::{Answer, Outcome, only_child};
use crate::connection::Session;
use crate::phone::greet;
use crate::stanza::{attr, iq_result};
use crate::violation::{Broken, Rule};
use tokio::time::Instant;
use wacore_binary::Node;

/// Answers first, then starts the offline delivery: the client expects them in this order.
pub(super) fn handle(session: &Session, iq: &Node) -> Outcome {
    match only_child(iq, "passive")?.tag.as_ref() {
        "active" => {
            let id = attr(iq, "id").unwrap_or_default();
            session.link.send(iq_result(&id, None));
            session.device.mailbox().begin(Instant::now());
            // Due when the phone was offline at the first upload.
            greet(&session.registry, &session.account, &session.device);
            session.registry.changed.notify_waiters();
            Ok(Answer::Sent)
        }
        "passive" => Ok(Answer::empty()),
        tag => Err(Broken::new(Rule::Child, format!("passive with <{tag}>"))),
    }
}
