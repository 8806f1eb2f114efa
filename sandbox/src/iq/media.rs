//! `w:m`: where media is kept. The sandbox names itself but keeps no media yet.

use super::{Answer, Outcome, only_child};
use crate::violation::{Broken, Rule};
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

/// A host on loopback where nobody listens (port 9, discard): an upload fails at once instead of
/// reaching anything real.
const HOST: &str = "127.0.0.1:9";

pub(super) fn handle(iq: &Node) -> Outcome {
    let child = only_child(iq, "w:m")?;
    if child.tag != "media_conn" {
        return Err(Broken::new(Rule::Child, format!("w:m with <{}>", child.tag)));
    }
    let host = NodeBuilder::new("host")
        .attr("hostname", HOST)
        .attr("type", "primary")
        .children([NodeBuilder::new("upload").build(), NodeBuilder::new("download").build()]);
    let media = NodeBuilder::new("media_conn")
        .attr("auth", "sandbox")
        .attr("ttl", "3600")
        .attr("auth_ttl", "3600")
        .attr("max_buckets", "12")
        .children([host.build()]);
    Ok(Answer::with(media.build()))
}
