//! `blocklist`: whom an account keeps away.

use super::{Answer, Outcome, only_child};
use crate::account::Family;
use crate::connection::Session;
use crate::stanza::{attr, jid_attr, now};
use crate::violation::{Broken, Rule};
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

/// The list, by hidden ids.
pub(super) fn list(session: &Session) -> Answer {
    let blocked = session.account.person.blocked();
    let items = blocked.iter().filter_map(|(number, since)| {
        let account = session.registry.by_number(number)?;
        let item = NodeBuilder::new("item").attr("jid", account.jid(Family::Hidden, 0));
        Some(item.attr("t", since.to_string()).build())
    });
    Answer::with(NodeBuilder::new("list").attr("dhash", blocked.len().to_string()).children(items).build())
}

/// One person more or fewer. To block somebody takes both of their addresses.
pub(super) fn change(session: &Session, iq: &Node) -> Outcome {
    let item = only_child(iq, "blocklist set")?;
    let jid = jid_attr(item, "jid").filter(|jid| item.tag == "item" && Family::of(jid) == Some(Family::Hidden));
    let jid = jid.ok_or_else(|| Broken::new(Rule::Attribute, "a blocklist item without a hidden id"))?;
    let since = match attr(item, "action").as_deref() {
        Some("block") if jid_attr(item, "pn_jid").is_none() => {
            return Err(Broken::new(Rule::Attribute, "a block without the number"));
        }
        Some("block") => Some(now()),
        Some("unblock") => None,
        _ => return Err(Broken::new(Rule::Attribute, "neither block nor unblock")),
    };
    let Some(account) = session.registry.account(&jid) else {
        return Ok(Answer::Error(404, "item-not-found"));
    };
    session.account.person.set_blocked(&account.number, since);
    Ok(Answer::empty())
}
