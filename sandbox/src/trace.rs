//! A short memory of stanzas, for tests that want to see what went over the wire.

use crate::lock::hold;
use std::collections::VecDeque;
use std::sync::Mutex;
use wacore_binary::{Node, NodeContent};

/// Which way a stanza went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From a client to the server.
    FromClient,
    /// From the server to a client.
    ToClient,
}

/// One stanza's summary.
#[derive(Debug, Clone, serde::Serialize)]
pub struct TraceLine {
    /// The connection's number on this network.
    pub connection: u64,
    /// Which way it went.
    pub direction: Direction,
    /// Tags and attributes with their values, sizes instead of contents.
    pub stanza: String,
}

/// A ring of summaries.
pub(crate) struct Trace {
    limit: usize,
    lines: Mutex<VecDeque<TraceLine>>,
}

impl Trace {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, lines: Mutex::default() }
    }

    /// Remembers a stanza; free when tracing is off.
    pub(crate) fn record(&self, connection: u64, direction: Direction, node: &Node) {
        if self.limit == 0 {
            return;
        }
        let mut stanza = String::new();
        summarise(node, &mut stanza);
        let mut lines = hold(&self.lines);
        if lines.len() >= self.limit {
            lines.pop_front();
        }
        lines.push_back(TraceLine { connection, direction, stanza });
    }

    pub(crate) fn all(&self) -> Vec<TraceLine> {
        hold(&self.lines).iter().cloned().collect()
    }
}

fn summarise(node: &Node, out: &mut String) {
    const MOST_CHILDREN: usize = 8;
    out.push('<');
    out.push_str(&node.tag);
    for (key, value) in node.attrs.iter() {
        out.push_str(&format!(" {key}=\"{value}\""));
    }
    match &node.content {
        None => out.push_str("/>"),
        Some(NodeContent::Bytes(bytes)) => out.push_str(&format!(">[{}B]</>", bytes.len())),
        Some(NodeContent::String(text)) => out.push_str(&format!(">[{}B]</>", text.len())),
        Some(NodeContent::Nodes(children)) => {
            out.push('>');
            for child in children.iter().take(MOST_CHILDREN) {
                summarise(child, out);
            }
            if children.len() > MOST_CHILDREN {
                out.push_str(&format!("..{} more", children.len() - MOST_CHILDREN));
            }
            out.push_str("</>");
        }
    }
}
