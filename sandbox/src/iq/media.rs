//! `w:m`: where files are kept, and the right to bring some.

use super::{Answer, Outcome, only_child};
use crate::connection::Session;
use crate::violation::{Broken, Rule};
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

pub(super) fn handle(session: &Session, iq: &Node) -> Outcome {
    let child = only_child(iq, "w:m")?;
    if child.tag != "media_conn" {
        return Err(Broken::new(Rule::Child, format!("w:m with <{}>", child.tag)));
    }
    let host = session.registry.media();
    let at = NodeBuilder::new("host")
        .attr("hostname", host.address.to_string())
        .attr("type", "primary")
        .children([NodeBuilder::new("upload").build(), NodeBuilder::new("download").build()]);
    let media = NodeBuilder::new("media_conn")
        .attr("auth", host.grant(&session.account.number, session.device.id))
        .attr("ttl", "3600")
        .attr("auth_ttl", "3600")
        .attr("max_buckets", "12")
        .children([at.build()]);
    Ok(Answer::with(media.build()))
}
