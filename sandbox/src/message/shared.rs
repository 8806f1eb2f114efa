//! Messages to many: to a group, or to everybody who sees a status.
//!
//! One ciphertext goes to every device (`skmsg`); devices that lack the key to it get the key in a copy of their own.

use super::parse::{checked_kind, envelope, kind_of_message};
use super::relay::{Envelope, deliver, is_once, withheld};
use super::{INVALID_FORM, NOT_FOUND, accept, refuse, swallowed_or};
use crate::account::{Account, Family};
use crate::connection::Session;
use crate::group::{Group, alternative};
use crate::offline::{Class, Parcel};
use crate::phone::EncKind;
use crate::registry::Registry;
use crate::stanza::{attr, content_bytes, jid_attr, now};
use crate::violation::{Broken, Rule};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};

/// Whoever is not in the group can't write to it.
const FORBIDDEN: u16 = 403;
/// Only admins write to this group.
const ADMINS_ONLY: u16 = 420;
/// The sender addresses the members in the wrong family.
const STALE_ADDRESSING: u16 = 421;

/// Whom the message is for.
enum Chat {
    Group(Arc<Group>),
    /// A status, to these and to the sender's own devices.
    Status(Vec<Arc<Account>>),
}

/// A well-formed message to many.
struct Parsed {
    envelope: Envelope,
    /// The copy of a device: its part of the key, or the message again.
    own: HashMap<(String, u16), Node>,
    /// What everybody gets; `None` in a copy sent again to one device.
    shared: Option<Node>,
    /// The users named, with a copy or without.
    named: Vec<Jid>,
}

/// Whether a message to this jid belongs here.
pub(crate) fn is_shared(chat: &Jid) -> bool {
    chat.is_group_chat() || chat.is_status()
}

/// The two kinds of chats that many read.
pub(crate) trait SharedChat {
    fn is_group_chat(&self) -> bool;
    fn is_status(&self) -> bool;
}

impl SharedChat for Jid {
    fn is_group_chat(&self) -> bool {
        self.server == wacore_binary::Server::Group
    }

    fn is_status(&self) -> bool {
        *self == Jid::status_broadcast()
    }
}

/// Handles one `<message>` of a companion to a shared chat.
pub(super) fn handle(session: &Session, node: &Node, id: &str, jid: &Jid) {
    let parsed = match parse(node, jid) {
        Ok(parsed) => parsed,
        Err(broken) => {
            session.violated(&broken, node);
            refuse(session, id, jid, INVALID_FORM);
            return;
        }
    };
    let chat = match chat(session, &parsed, jid) {
        Ok(chat) => chat,
        Err(code) => {
            refuse(session, id, jid, code);
            return;
        }
    };
    if let Err(broken) = check_named(session, &chat, &parsed) {
        session.violated(&broken, node);
        refuse(session, id, jid, INVALID_FORM);
        return;
    }
    if let Some(code) = session.scope.refusal() {
        refuse(session, id, jid, code);
        return;
    }
    let hash = stale_hash(session, &chat, node);
    swallowed_or(session, || accept(session, id, jid, hash), || spread(session, &chat, &parsed));
}

fn parse(node: &Node, jid: &Jid) -> Result<Parsed, Broken> {
    kind_of_message(node)?;
    let mode = attr(node, "addressing_mode");
    match mode.as_deref() {
        None if jid.is_status() => {}
        Some("pn" | "lid") if !jid.is_status() => {}
        _ => return Err(Broken::new(Rule::Attribute, "addressing_mode belongs to groups, and they need one")),
    }
    let again = jid_attr(node, "participant");
    let encs: Vec<&Node> = node.get_children_by_tag("enc").collect();
    let [enc] = encs.as_slice() else {
        return Err(Broken::new(Rule::Child, format!("a message to many with {} enc", encs.len())));
    };
    let proof = node.get_optional_child("device-identity").cloned();
    let mut own = HashMap::new();
    let mut named = Vec::new();
    let mut starts_session = false;
    let shared = match &again {
        Some(device) => {
            starts_session |= checked_kind(enc)? == EncKind::PreKey;
            own.insert(key(device), (*enc).clone());
            named.push(device.clone());
            None
        }
        None => {
            check_shared(enc)?;
            Some((*enc).clone())
        }
    };
    for to in node.get_optional_child("participants").and_then(Node::children).unwrap_or_default() {
        let device = jid_attr(to, "jid").filter(|device| to.tag == "to" && Family::of(device).is_some());
        let device = device.ok_or_else(|| Broken::new(Rule::Attribute, "a participant without a jid"))?;
        match to.children().unwrap_or_default() {
            [] if jid.is_status() => {}
            [enc] if enc.tag == "enc" && again.is_none() => {
                starts_session |= checked_kind(enc)? == EncKind::PreKey;
                if own.insert(key(&device), enc.clone()).is_some() {
                    return Err(Broken::new(Rule::RepeatedDevice, "a device is named twice"));
                }
            }
            _ => return Err(Broken::new(Rule::Child, "a participant needs exactly one enc")),
        }
        named.push(device);
    }
    if starts_session && proof.is_none() {
        let detail = "a first message of a session without device-identity";
        return Err(Broken::new(Rule::MissingProof, detail));
    }
    let id = attr(node, "id").unwrap_or_default().into_owned();
    Ok(Parsed { envelope: envelope(node, id, jid.clone(), proof), own, shared, named })
}

/// A device as copies are filed: by the user part of its jid.
fn key(device: &Jid) -> (String, u16) {
    (device.user.to_string(), device.device)
}

fn check_shared(enc: &Node) -> Result<(), Broken> {
    if attr(enc, "v").as_deref() != Some("2") || attr(enc, "type").as_deref() != Some("skmsg") {
        return Err(Broken::new(Rule::Encryption, "a message to many is encrypted as skmsg, version 2"));
    }
    if content_bytes(enc).is_none_or(<[u8]>::is_empty) {
        return Err(Broken::new(Rule::Encryption, "an enc without ciphertext"));
    }
    Ok(())
}

fn chat(session: &Session, parsed: &Parsed, jid: &Jid) -> Result<Chat, u16> {
    if jid.is_status() {
        let mut readers: Vec<Arc<Account>> = Vec::new();
        for user in &parsed.named {
            let account = session.registry.account(user);
            let account = account.filter(|one| !readers.iter().any(|held| held.number == one.number));
            readers.extend(account);
        }
        return Ok(Chat::Status(readers));
    }
    let group = session.registry.groups.find(jid).ok_or(NOT_FOUND)?;
    let mode = parsed.envelope.attr("addressing_mode");
    if mode.as_deref() != Some(group.addressing_mode()) {
        return Err(STALE_ADDRESSING);
    }
    {
        let state = group.state();
        let role = state.role(&session.account).ok_or(FORBIDDEN)?;
        if state.settings.announce && !role.is_admin() {
            return Err(ADMINS_ONLY);
        }
    }
    Ok(Chat::Group(group))
}

/// Everybody named is, or was, in the group; every device exists, or did.
fn check_named(session: &Session, chat: &Chat, parsed: &Parsed) -> Result<(), Broken> {
    for device in &parsed.named {
        let account = session.registry.account(device);
        let account = account.ok_or_else(|| Broken::new(Rule::UnknownDevice, "addressed to an unknown account"))?;
        if let Chat::Group(group) = chat {
            if Family::of(device) != Some(group.family) {
                return Err(Broken::new(Rule::Attribute, "a participant in the family that the group does not use"));
            }
            if !group.state().ever.contains(&account.number) {
                return Err(Broken::new(Rule::UnknownDevice, "a participant who was never in the group"));
            }
        }
        let own = account.number == session.account.number;
        if own && device.device == session.device.id && parsed.own.contains_key(&key(device)) {
            return Err(Broken::new(Rule::RepeatedDevice, "a device addressed itself"));
        }
        let id = device.device;
        if id != 0 && account.device(id).is_none() && !account.had_device(id) {
            return Err(Broken::new(Rule::UnknownDevice, "addressed to a device that never existed"));
        }
    }
    Ok(())
}

/// The hash of the devices in the group, when the sender's is another: the sender then learns that its list is old.
fn stale_hash(session: &Session, chat: &Chat, node: &Node) -> Option<String> {
    let Chat::Group(group) = chat else { return None };
    let theirs = attr(node, "phash")?;
    let accounts = group.state().accounts();
    let devices = accounts.iter().flat_map(|account| {
        let companions = account.devices();
        let all: Vec<u16> = std::iter::once(0).chain(companions.iter().map(|device| device.id)).collect();
        all.into_iter().map(|device| account.jid(group.family, device))
    });
    let devices: Vec<Jid> = devices.collect();
    let ours = wacore::messages::MessageUtils::participant_list_hash(&devices).ok()?;
    if ours == theirs {
        return None;
    }
    session.registry.counters.stale_hashes.add_one();
    Some(ours)
}

fn spread(session: &Session, chat: &Chat, parsed: &Parsed) {
    let (readers, family) = match chat {
        Chat::Group(group) => (group.state().accounts(), group.family),
        Chat::Status(readers) => {
            let family = parsed.named.iter().find_map(Family::of).unwrap_or(Family::Hidden);
            let mut readers = readers.clone();
            if !readers.iter().any(|reader| reader.number == session.account.number) {
                readers.push(session.account.clone());
            }
            (readers, family)
        }
    };
    let from = Author { account: &session.account, device: session.device.id, family };
    for reader in &readers {
        let companions = reader.devices();
        for device in std::iter::once(0).chain(companions.iter().map(|device| device.id)) {
            if reader.number == session.account.number && device == session.device.id {
                continue;
            }
            let mut families = [Family::Number, Family::Hidden].into_iter();
            let own = families.find_map(|family| parsed.own.get(&key(&reader.jid(family, device))));
            let encs: Vec<Node> = own.into_iter().chain(&parsed.shared).cloned().collect();
            // A copy sent again is for one device only.
            if parsed.shared.is_some() || own.is_some() {
                relay(&session.registry, &from, &parsed.envelope, (reader, device), encs);
            }
        }
    }
}

/// The device that wrote a message to many, as its readers see it.
pub(crate) struct Author<'a> {
    pub(crate) account: &'a Arc<Account>,
    pub(crate) device: u16,
    pub(crate) family: Family,
}

/// Delivers one device's copy.
pub(crate) fn relay(
    registry: &Registry,
    author: &Author<'_>,
    envelope: &Envelope,
    (reader, device): (&Arc<Account>, u16),
    encs: Vec<Node>,
) {
    if author.account.number != reader.number
        && reader.person.blocks(&author.account.number)
        && envelope.chat.is_status()
    {
        return;
    }
    let mut node = NodeBuilder::new("message")
        .attr("from", envelope.chat.clone())
        .attr("id", envelope.id.as_str())
        .attr("t", now().to_string())
        .attr("notify", author.account.push_name())
        .attr("participant", author.account.jid(author.family, author.device))
        .attr(alternative(author.family), author.account.jid(author.family.other(), 0))
        .build();
    for (key, value) in &envelope.attrs {
        node.attrs.insert(key.clone(), value.clone());
    }
    let encs = if device != 0 && is_once(envelope) { vec![withheld()] } else { encs };
    node.content = Some(wacore_binary::NodeContent::Nodes(super::relay::children(envelope, encs)));
    let kind = attr(&node, "type").map(Cow::into_owned);
    let parcel = Parcel {
        class: Class::Message,
        id: envelope.id.clone(),
        from: envelope.chat.clone(),
        kind,
        node: Arc::new(node),
        automatic: envelope.automatic,
    };
    deliver(registry, reader, device, parcel);
}
