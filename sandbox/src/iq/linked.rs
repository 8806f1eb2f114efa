//! `md`: a companion unlinks itself.

use super::{Answer, Outcome, only_child};
use crate::connection::Session;
use crate::network::unlink;
use crate::stanza::{attr, iq_result, jid_attr};
use crate::violation::{Broken, Rule};
use wacore_binary::Node;

/// `<remove-companion-device>`: the logout of a client. Pairing by code is for connections without an
/// account.
pub(super) fn handle(session: &Session, iq: &Node) -> Outcome {
    let child = only_child(iq, "md set")?;
    if child.tag != "remove-companion-device" {
        return Err(Broken::new(Rule::Unknown, format!("md set with <{}>", child.tag)));
    }
    let device = jid_attr(child, "jid").map(|jid| jid.device);
    if device != Some(session.device.id) {
        let detail = "a companion can unlink only itself";
        return Err(Broken::new(Rule::Attribute, detail));
    }
    let id = attr(iq, "id").unwrap_or_default();
    session.link.send(iq_result(&id, None));
    unlink(&session.registry, &session.account, session.device.id);
    Ok(Answer::Sent)
}
