//! `encrypt`: key upload, counts, digests, and bundles of others.

use super::{Answer, Outcome, only_child};
use crate::account::Family;
use crate::bundle;
use crate::connection::Session;
use crate::phone::greet;
use crate::stanza::{attr, iq_result, jid_attr};
use crate::violation::{Broken, Rule};
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

/// The code for a device that does not exist.
const NO_SUCH_DEVICE: u16 = 406;

/// `<count/>`, `<digest/>` or `<key>`.
pub(super) fn get(session: &Session, iq: &Node) -> Outcome {
    let child = only_child(iq, "encrypt get")?;
    match child.tag.as_ref() {
        "count" => {
            let left = session.device.keys().left();
            let count = NodeBuilder::new("count").attr("value", left.to_string());
            Ok(Answer::with(count.build()))
        }
        "digest" => Ok(Answer::with(session.device.keys().digest())),
        "key" => bundles(session, child),
        tag => Err(Broken::new(Rule::Child, format!("encrypt get with <{tag}>"))),
    }
}

/// A full upload, or the rotation of the signed key.
pub(super) fn set(session: &Session, iq: &Node) -> Outcome {
    if let Some(rotate) = iq.get_optional_child("rotate") {
        session.device.keys().rotate(rotate)?;
        return Ok(Answer::empty());
    }
    session.device.keys().upload(iq)?;
    let id = attr(iq, "id").unwrap_or_default();
    session.link.send(iq_result(&id, None));
    greet(&session.registry, &session.account, &session.device);
    Ok(Answer::Sent)
}

fn bundles(session: &Session, request: &Node) -> Outcome {
    let asked = request.children().unwrap_or_default();
    if asked.is_empty() {
        return Err(Broken::new(Rule::Child, "a key request that asks for nobody"));
    }
    let users = asked.iter().map(|user| one_bundle(session, user)).collect::<Result<Vec<_>, _>>()?;
    Ok(Answer::with(NodeBuilder::new("list").children(users).build()))
}

fn one_bundle(session: &Session, user: &Node) -> Result<Node, Broken> {
    let jid = jid_attr(user, "jid").filter(|jid| Family::of(jid).is_some());
    let (true, Some(jid)) = (user.tag == "user", jid) else {
        return Err(Broken::new(Rule::Attribute, "a key request names users by jid"));
    };
    let account = session.registry.account(&jid);
    let bundle = account.and_then(|account| bundle::take(&session.registry, &account, jid.device));
    Ok(match bundle {
        Some(bundle) => bundle.node(&jid),
        None => {
            let error = NodeBuilder::new("error").attr("code", NO_SUCH_DEVICE.to_string());
            NodeBuilder::new("user").attr("jid", jid).children([error.build()]).build()
        }
    })
}
