//! A phone writes: one message, encrypted for every device that must have it.

use super::PhoneError;
use super::signal::address;
use crate::account::{Account, Family};
use crate::bundle;
use crate::ledger::Accepted;
use crate::message::relay::{Addressee, Envelope, relay};
use crate::registry::Registry;
use std::borrow::Cow;
use std::sync::Arc;
use wacore::messages::{MessageUtils, wrap_device_sent};
use wacore::proto_helpers::MessageExt;
use wacore::send::stanza_type_from_message;
use wacore::types::message::EditAttribute;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node, NodeValue};
use waproto::whatsapp::Message;

/// A message on its way out of a phone.
pub(crate) struct Letter {
    pub(crate) to: Arc<Account>,
    pub(crate) family: Family,
    pub(crate) message: Message,
    /// Written by a rule.
    pub(crate) automatic: bool,
}

/// A plain text message.
pub(crate) fn text(text: &str) -> Message {
    Message { conversation: Some(text.to_owned()), ..Default::default() }
}

/// An id of the form phones use: `3A` and eighteen hex digits.
pub(crate) fn message_id() -> String {
    let random: [u8; 9] = rand::random();
    format!("3A{}", data_encoding::HEXUPPER.encode(&random))
}

/// Sends a letter to all devices of the other account and to the phone's own companions. Returns
/// the message id.
pub(crate) fn send(registry: &Registry, account: &Arc<Account>, letter: &Letter) -> Result<String, PhoneError> {
    send_as(registry, account, letter, message_id())
}

/// As [`send`], under an id that may have been used before.
pub(crate) fn send_as(
    registry: &Registry,
    account: &Arc<Account>,
    letter: &Letter,
    id: String,
) -> Result<String, PhoneError> {
    let chat = letter.to.jid(letter.family, 0);
    let envelope = Envelope {
        id: id.clone(),
        chat: chat.clone(),
        recipient: chat.clone(),
        attrs: marks(&letter.message),
        extras: meta(&letter.message),
        proof: None,
        automatic: letter.automatic,
    };
    let copies = encrypt_all(registry, account, letter, &chat)?;
    registry.counters.messages_accepted.add_one();
    account.accepted.enter(Accepted { id: id.clone(), device: 0, to: chat.to_string(), at_ms: crate::phone::now_ms() });
    account.phone.inbox().counts.sent += 1;
    account.phone.remember(&id, &letter.to, &letter.message);
    // The compose lock is free again: a delivery may make another phone answer this one.
    for (addressee, enc) in copies {
        relay(registry, account, 0, &envelope, &addressee, vec![enc]);
    }
    Ok(id)
}

/// What a stanza says of the message in it.
pub(super) fn marks(message: &Message) -> Vec<(Cow<'static, str>, NodeValue)> {
    let mut marks = vec![("type".into(), stanza_type_from_message(message).into())];
    if let Some(edit) = EditAttribute::infer_from_message(message) {
        marks.push(("edit".into(), edit.to_string_val().to_owned().into()));
    }
    marks
}

/// What a stanza tells beside the message: which step of a poll it is, and what is to be seen once.
pub(super) fn meta(message: &Message) -> Vec<Node> {
    let base = message.get_base_message();
    let step = match () {
        () if base.poll_creation_message.is_set() || base.poll_creation_message_v3.is_set() => Some("creation"),
        () if base.poll_update_message.is_set() => Some("vote"),
        () => None,
    };
    let mut meta = NodeBuilder::new("meta");
    if let Some(step) = step {
        meta = meta.attr("polltype", step);
    }
    if message.is_view_once() {
        meta = meta.attr("view_once", "true");
    }
    if step.is_some() || message.is_view_once() { vec![meta.build()] } else { Vec::new() }
}

fn encrypt_all(
    registry: &Registry,
    account: &Arc<Account>,
    letter: &Letter,
    chat: &Jid,
) -> Result<Vec<(Addressee, Node)>, PhoneError> {
    let _composing = account.phone.compose();
    let to_self = letter.to.number == account.number;
    let mut copies = Vec::new();
    if !to_self {
        let plain = MessageUtils::encode_and_pad(&letter.message);
        let companions = letter.to.devices();
        let devices = std::iter::once(0).chain(companions.iter().map(|device| device.id));
        for device in devices {
            let addressee = Addressee::new(&letter.to, device, letter.family);
            copies.push((addressee, encrypt(registry, account, &letter.to, device, &plain)?));
        }
    }
    let own = account.devices();
    if !own.is_empty() {
        let wrapped = wrap_device_sent(letter.message.clone(), chat.to_string());
        let plain = MessageUtils::encode_and_pad(&wrapped);
        for device in own {
            let addressee = Addressee::new(account, device.id, letter.family);
            copies.push((addressee, encrypt(registry, account, account, device.id, &plain)?));
        }
    }
    Ok(copies)
}

/// Encrypts for one device, starting a session when there is none. The caller holds the phone's
/// compose lock.
pub(crate) fn encrypt(
    registry: &Registry,
    account: &Account,
    target: &Account,
    device: u16,
    plain: &[u8],
) -> Result<Node, PhoneError> {
    let peer = address(&target.number, device);
    if !account.phone.signal().has_session(&peer) {
        // Taken before the own state is locked again: no two phones are ever locked at once.
        let bundle = bundle::take(registry, target, device).ok_or(PhoneError::DeviceGone)?;
        account.phone.signal().start_session(&peer, &bundle)?;
    }
    let (kind, sealed) = account.phone.signal().encrypt(&peer, plain)?;
    let enc = NodeBuilder::new("enc").attr("v", "2").attr("type", kind.name()).bytes(sealed);
    Ok(enc.build())
}

/// Sends a message of the phone itself to one of its companions, outside any chat.
pub(crate) fn send_peer(
    registry: &Registry,
    account: &Arc<Account>,
    device: u16,
    message: &Message,
) -> Result<String, PhoneError> {
    let enc = {
        let _composing = account.phone.compose();
        let plain = MessageUtils::encode_and_pad(message);
        encrypt(registry, account, account, device, &plain)?
    };
    let id = message_id();
    let envelope = Envelope {
        id: id.clone(),
        chat: account.jid(Family::Number, 0),
        recipient: account.jid(Family::Number, 0),
        attrs: vec![
            ("type".into(), "text".into()),
            ("category".into(), "peer".into()),
            ("push_priority".into(), "high".into()),
        ],
        extras: Vec::new(),
        proof: None,
        automatic: false,
    };
    let addressee = Addressee::new(account, device, Family::Number);
    relay(registry, account, 0, &envelope, &addressee, vec![enc]);
    Ok(id)
}
