//! The form of a `<message>`: what must be there before anything is looked up.

use super::relay::Envelope;
use crate::account::Family;
use crate::phone::EncKind;
use crate::stanza::{attr, content_bytes, jid_attr};
use crate::violation::{Broken, Rule};
use wacore_binary::{Jid, Node};

/// Longest message id.
const LONGEST_ID: usize = 128;

/// Kinds of messages there are.
const TYPES: [&str; 8] = ["text", "media", "reaction", "poll", "event", "medianotify", "pay", "newsletter_invite"];

/// Attributes that are between the sender and the server.
const NOT_RELAYED: [&str; 7] = ["to", "id", "from", "phash", "device_fanout", "participant", "recipient"];

/// A well-formed message to a person or device.
pub(super) struct Parsed {
    pub(super) envelope: Envelope,
    /// The encrypted copy of each device, as addressed.
    pub(super) copies: Vec<(Jid, Node)>,
    /// Addressed to one device without a list of participants: a peer message or a resend.
    pub(super) single: bool,
}

/// Reads a message whose `id` and `to` are known to be there.
pub(super) fn parse(node: &Node) -> Result<Parsed, Broken> {
    let to = jid_attr(node, "to").ok_or_else(|| Broken::new(Rule::Attribute, "no recipient"))?;
    let id = attr(node, "id").unwrap_or_default().into_owned();
    if Family::of(&to).is_none() {
        let detail = format!("messages to @{} are not part of this network", to.server);
        return Err(Broken::new(Rule::Unsupported, detail));
    }
    kind_of_message(node)?;
    let single = node.get_optional_child("participants").is_none();
    let copies = if single { vec![(to.clone(), single_enc(node)?)] } else { listed(node, &to)? };
    let mut starts_session = false;
    for (_, enc) in &copies {
        starts_session |= checked_kind(enc)? == EncKind::PreKey;
    }
    let proof = node.get_optional_child("device-identity").cloned();
    if starts_session && proof.is_none() {
        let detail = "a first message of a session without device-identity";
        return Err(Broken::new(Rule::MissingProof, detail));
    }
    Ok(Parsed { envelope: envelope(node, id, to, proof), copies, single })
}

/// The id is not too long, and the type is one there is.
pub(super) fn kind_of_message(node: &Node) -> Result<(), Broken> {
    if attr(node, "id").is_some_and(|id| id.len() > LONGEST_ID) {
        return Err(Broken::new(Rule::Attribute, "the message id is too long"));
    }
    match attr(node, "type") {
        Some(kind) if TYPES.contains(&kind.as_ref()) => Ok(()),
        Some(kind) => Err(Broken::new(Rule::Attribute, format!("type {kind:?}"))),
        None => Err(Broken::new(Rule::Attribute, "a message needs a type")),
    }
}

pub(super) fn envelope(node: &Node, id: String, chat: Jid, proof: Option<Node>) -> Envelope {
    let relayed = |key: &str| !NOT_RELAYED.contains(&key);
    let attrs = node.attrs.iter();
    let attrs = attrs.filter(|(key, _)| relayed(key));
    let extras = node.children().unwrap_or_default().iter();
    let extras = extras.filter(|child| !matches!(child.tag.as_ref(), "participants" | "enc" | "device-identity"));
    let chat = Jid { device: 0, ..chat };
    Envelope {
        id,
        // A resend to an own device is addressed to the device and names the chat here.
        recipient: jid_attr(node, "recipient").unwrap_or_else(|| chat.clone()),
        chat,
        attrs: attrs.map(|(key, value)| (key.clone(), value.clone())).collect(),
        extras: extras.cloned().collect(),
        proof,
        automatic: false,
    }
}

fn single_enc(node: &Node) -> Result<Node, Broken> {
    let mut encs = node.get_children_by_tag("enc");
    match (encs.next(), encs.next()) {
        (Some(enc), None) => Ok(enc.clone()),
        (None, _) => Err(Broken::new(Rule::Child, "neither participants nor enc")),
        (Some(_), Some(_)) => Err(Broken::new(Rule::Child, "more than one enc for one device")),
    }
}

fn listed(node: &Node, to: &Jid) -> Result<Vec<(Jid, Node)>, Broken> {
    if to.device != 0 {
        return Err(Broken::new(Rule::Attribute, "a list of participants to one device"));
    }
    if node.get_optional_child("enc").is_some() {
        return Err(Broken::new(Rule::Child, "enc beside participants in a direct chat"));
    }
    let list = node.get_optional_child("participants");
    let list = list.and_then(Node::children).unwrap_or_default();
    if list.is_empty() {
        return Err(Broken::new(Rule::Child, "an empty list of participants"));
    }
    list.iter().map(participant).collect()
}

fn participant(node: &Node) -> Result<(Jid, Node), Broken> {
    if node.tag != "to" {
        let detail = format!("<{}> in a list of participants", node.tag);
        return Err(Broken::new(Rule::Child, detail));
    }
    let jid = jid_attr(node, "jid").filter(|jid| Family::of(jid).is_some());
    let jid = jid.ok_or_else(|| Broken::new(Rule::Attribute, "a participant without a jid"))?;
    match node.children().unwrap_or_default() {
        [enc] if enc.tag == "enc" => Ok((jid, enc.clone())),
        _ => Err(Broken::new(Rule::Child, "a participant needs exactly one enc")),
    }
}

/// The kind of a copy for one device.
pub(super) fn checked_kind(enc: &Node) -> Result<EncKind, Broken> {
    if attr(enc, "v").as_deref() != Some("2") {
        return Err(Broken::new(Rule::Encryption, "enc version is not 2"));
    }
    let kind = attr(enc, "type").and_then(|kind| EncKind::parse(&kind));
    let kind = kind.ok_or_else(|| Broken::new(Rule::Encryption, "a direct message is encrypted as msg or pkmsg"))?;
    match content_bytes(enc) {
        Some(bytes) if !bytes.is_empty() => Ok(kind),
        _ => Err(Broken::new(Rule::Encryption, "an enc without ciphertext")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wacore_binary::builder::NodeBuilder;

    fn enc(kind: &'static str) -> Node {
        NodeBuilder::new("enc").attr("v", "2").attr("type", kind).bytes(vec![1; 32]).build()
    }

    fn message(children: Vec<Node>) -> NodeBuilder {
        NodeBuilder::new("message")
            .attr("to", "15550001@s.whatsapp.net")
            .attr("id", "A")
            .attr("type", "text")
            .children(children)
    }

    fn participants(kind: &'static str) -> Node {
        let to = NodeBuilder::new("to").attr("jid", "15550001:1@s.whatsapp.net").children([enc(kind)]);
        NodeBuilder::new("participants").children([to.build()]).build()
    }

    fn rule_of(node: &Node) -> Rule {
        parse(node).map(|_| ()).unwrap_err().rule
    }

    #[test]
    fn a_good_message() {
        let node = message(vec![participants("msg")]).attr("phash", "x").build();
        let parsed = parse(&node).unwrap();
        assert_eq!(parsed.copies.len(), 1);
        assert_eq!(parsed.envelope.attrs.len(), 1, "only the type is relayed");
    }

    #[test]
    fn bad_messages_and_their_rules() {
        let untyped = NodeBuilder::new("message")
            .attr("to", "15550001@s.whatsapp.net")
            .attr("id", "A")
            .children([participants("msg")]);
        assert_eq!(rule_of(&untyped.build()), Rule::Attribute);
        assert_eq!(rule_of(&message(vec![]).build()), Rule::Child);
        assert_eq!(rule_of(&message(vec![participants("skmsg")]).build()), Rule::Encryption);
        assert_eq!(rule_of(&message(vec![participants("pkmsg")]).build()), Rule::MissingProof);
        let channel = message(vec![participants("msg")]).attr("to", "120363@newsletter");
        assert_eq!(rule_of(&channel.build()), Rule::Unsupported);
        let both = message(vec![participants("msg"), enc("msg")]);
        assert_eq!(rule_of(&both.build()), Rule::Child);
    }
}
