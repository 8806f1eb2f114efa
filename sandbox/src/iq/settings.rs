//! Settings every client asks for at login: server properties, privacy.

use super::{Answer, Outcome, only_child};
use crate::violation::{Broken, Rule};
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

/// Privacy settings of a fresh account; all of them open.
const PRIVACY: [&str; 7] = ["last", "online", "profile", "status", "groupadd", "calladd", "readreceipts"];

/// No server property differs from the client's defaults.
pub(super) fn props() -> Answer {
    let props = NodeBuilder::new("props")
        .attr("protocol", "1")
        .attr("ab_key", "sandbox")
        .attr("hash", "0")
        .attr("refresh", "86400")
        .attr("refresh_id", "1");
    Answer::with(props.build())
}

/// The same in the form that came before, which pyaileys 0.1.5 still asks in.
pub(super) fn old_props(iq: &Node) -> Outcome {
    match only_child(iq, "w get")?.tag.as_ref() {
        "props" => Ok(Answer::with(NodeBuilder::new("props").attr("protocol", "2").attr("hash", "0").build())),
        tag => Err(Broken::new(Rule::Child, format!("w get with <{tag}>"))),
    }
}

/// The account's privacy settings.
pub(super) fn privacy(iq: &Node) -> Outcome {
    let child = only_child(iq, "privacy get")?;
    if child.tag != "privacy" {
        let detail = format!("privacy get with <{}>", child.tag);
        return Err(Broken::new(Rule::Child, detail));
    }
    let categories = PRIVACY.map(|name| NodeBuilder::new("category").attr("name", name).attr("value", "all").build());
    let privacy = NodeBuilder::new("privacy").children(categories);
    Ok(Answer::with(privacy.build()))
}

/// Trusted-contact tokens, which clients send on the first message to somebody, need no answer.
pub(super) fn set_privacy(iq: &Node) -> Outcome {
    match only_child(iq, "privacy set")?.tag.as_ref() {
        "tokens" | "privacy" => Ok(Answer::empty()),
        tag => Err(Broken::new(Rule::Child, format!("privacy set with <{tag}>"))),
    }
}
