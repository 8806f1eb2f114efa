//! `w:mex`: questions in GraphQL, of which the server knows one: whether the account may write to people who have never
//! written to it.

use super::{Answer, Outcome, only_child};
use crate::connection::Session;
use crate::stanza::{attr, bytes_node, content_bytes};
use crate::violation::{Broken, Rule};
use serde_json::{Value, json};
use wacore::iq::mex_operations::fetch_reachout_timelock as timelock;
use wacore_binary::Node;

pub(super) fn handle(session: &Session, iq: &Node) -> Outcome {
    let query = only_child(iq, "w:mex")?;
    if query.tag != "query" {
        return Err(Broken::new(Rule::Child, format!("w:mex with <{}>", query.tag)));
    }
    let asked = content_bytes(query).and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok());
    if asked.is_none_or(|asked| !asked["variables"].is_object()) {
        return Err(Broken::new(Rule::Child, "a query without variables"));
    }
    match attr(query, "query_id").as_deref() {
        Some(timelock::DOC_ID) => Ok(Answer::with(bytes_node("result", reach(session).to_string()))),
        Some(_) => Err(Broken::new(Rule::Unsupported, "a query of w:mex")),
        None => Err(Broken::new(Rule::Attribute, "a query without query_id")),
    }
}

/// The times are seconds since 1970, as text.
fn reach(session: &Session) -> Value {
    let lock = match session.account.reach.restriction() {
        None => json!({"is_active": false}),
        Some(restriction) => json!({
            "is_active": true,
            "enforcement_type": "DEFAULT",
            "time_enforcement_ends": restriction.until.map(|until| until.to_string()),
        }),
    };
    json!({"data": {"xwa2_fetch_account_reachout_timelock": lock}})
}
