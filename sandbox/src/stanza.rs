//! Reading and building stanzas: the few shapes that every part of the server uses.

use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node, NodeContent};

/// The name under which the server speaks.
pub(crate) const SERVER: &str = "s.whatsapp.net";

/// Seconds since the epoch, as stanzas carry them.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// An attribute as text.
pub(crate) fn attr<'a>(node: &'a Node, key: &str) -> Option<Cow<'a, str>> {
    node.attrs.get(key).map(|value| value.as_str())
}

/// An attribute as a jid; `None` when absent or not a jid.
pub(crate) fn jid_attr(node: &Node, key: &str) -> Option<Jid> {
    node.attrs.get(key).and_then(|value| value.to_jid())
}

/// The bytes a node holds, if it holds bytes. Text is taken as its bytes: the binary format lets
/// an encoder choose.
pub(crate) fn content_bytes(node: &Node) -> Option<&[u8]> {
    match &node.content {
        Some(NodeContent::Bytes(bytes)) => Some(bytes),
        Some(NodeContent::String(text)) => Some(text.as_bytes()),
        Some(NodeContent::Nodes(_)) | None => None,
    }
}

/// The bytes of a child.
pub(crate) fn child_bytes<'a>(node: &'a Node, tag: &str) -> Option<&'a [u8]> {
    node.get_optional_child(tag).and_then(content_bytes)
}

/// A node that holds bytes only.
pub(crate) fn bytes_node(tag: &'static str, bytes: impl Into<Vec<u8>>) -> Node {
    NodeBuilder::new(tag).bytes(bytes).build()
}

/// The answer to an iq, with an optional child.
pub(crate) fn iq_result(id: &str, child: Option<Node>) -> Node {
    NodeBuilder::new("iq")
        .attr("from", SERVER)
        .attr("type", "result")
        .attr("id", id)
        .apply_content(child.map(|node| NodeContent::Nodes(vec![node])))
        .build()
}

/// The refusal of an iq.
pub(crate) fn iq_error(id: &str, code: u16, text: &'static str) -> Node {
    let error = NodeBuilder::new("error").attr("code", code.to_string()).attr("text", text).build();
    NodeBuilder::new("iq").attr("from", SERVER).attr("type", "error").attr("id", id).children([error]).build()
}

/// `<ib>` with one child: what the server says about the session itself.
pub(crate) fn info(child: Node) -> Node {
    NodeBuilder::new("ib").attr("from", SERVER).children([child]).build()
}

/// `<stream:error>` with a code.
pub(crate) fn stream_error(code: u16) -> NodeBuilder {
    NodeBuilder::new("stream:error").attr("code", code.to_string())
}

/// `<stream:error>` that names a conflict, as sent before the server drops a session for good.
pub(crate) fn conflict(code: Option<u16>, kind: &'static str) -> Node {
    let reason = NodeBuilder::new("conflict").attr("type", kind).build();
    let error = match code {
        Some(code) => stream_error(code),
        None => NodeBuilder::new("stream:error"),
    };
    error.children([reason]).build()
}

/// The server's answer to a message.
pub(crate) fn message_ack(id: &str, chat: &Jid, error: Option<u16>) -> Node {
    let ack = NodeBuilder::new("ack")
        .attr("class", "message")
        .attr("id", id)
        .attr("from", chat.clone())
        .attr("t", now().to_string());
    match error {
        Some(code) => ack.attr("error", code.to_string()).build(),
        None => ack.build(),
    }
}

/// A node's shape for reports: tags, attribute names and sizes, no values and no contents.
pub(crate) fn shape(node: &Node) -> String {
    let mut out = String::new();
    push_shape(node, 0, &mut out);
    out
}

fn push_shape(node: &Node, depth: usize, out: &mut String) {
    const DEEPEST: usize = 4;
    const MOST_CHILDREN: usize = 6;
    out.push('<');
    out.push_str(&node.tag);
    for key in node.attrs.keys() {
        out.push(' ');
        out.push_str(key);
    }
    out.push('>');
    match &node.content {
        Some(NodeContent::Nodes(children)) if depth < DEEPEST => {
            for child in children.iter().take(MOST_CHILDREN) {
                push_shape(child, depth + 1, out);
            }
            if children.len() > MOST_CHILDREN {
                out.push_str(&format!("[{} more]", children.len() - MOST_CHILDREN));
            }
        }
        Some(NodeContent::Nodes(children)) => out.push_str(&format!("[{}]", children.len())),
        Some(NodeContent::Bytes(bytes)) => out.push_str(&format!("[{}B]", bytes.len())),
        Some(NodeContent::String(text)) => out.push_str(&format!("[{}B]", text.len())),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_shows_no_values() {
        let node = NodeBuilder::new("message")
            .attr("to", "15550001@s.whatsapp.net")
            .children([bytes_node("enc", vec![1, 2, 3])])
            .build();
        assert_eq!(shape(&node), "<message to><enc>[3B]");
    }

    #[test]
    fn an_ack_carries_its_error_only_when_there_is_one() {
        let chat: Jid = "15550001@s.whatsapp.net".parse().unwrap();
        assert!(attr(&message_ack("A", &chat, None), "error").is_none());
        let refused = message_ack("A", &chat, Some(463));
        assert_eq!(attr(&refused, "error").unwrap(), "463");
    }
}
