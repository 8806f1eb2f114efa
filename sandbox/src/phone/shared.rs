//! A phone in chats that many read: groups, and the status of others and its own.

use super::PhoneError;
use super::send::{encrypt, marks, message_id, meta};
use super::signal::{EncKind, address};
use crate::account::{Account, Family};
use crate::ledger::Accepted;
use crate::message::relay::Envelope;
use crate::message::shared::{Author, relay};
use crate::registry::Registry;
use crate::stanza::{attr, content_bytes};
use std::collections::HashMap;
use std::sync::Arc;
use wacore::libsignal::protocol::ProtocolAddress;
use wacore::messages::MessageUtils;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};
use waproto::whatsapp::Message;
use waproto::whatsapp::message::SenderKeyDistributionMessage;

/// Opens a message: the copy for this device, which may hold the sender's key, then what everybody got.
pub(super) fn open(account: &Account, chat: &Jid, sender: &ProtocolAddress, node: &Node) -> Option<Message> {
    let mut opened = None;
    for enc in node.get_children_by_tag("enc") {
        let sealed = content_bytes(enc)?;
        let padded = match attr(enc, "type")?.as_ref() {
            "skmsg" => account.phone.sender_keys().open(chat, sender, sealed),
            kind => account.phone.signal().decrypt(sender, EncKind::parse(kind)?, sealed),
        };
        let padded = padded.inspect_err(|error| tracing::debug!(%error, "a phone cannot decrypt")).ok()?;
        let plain = MessageUtils::unpad_message_ref(&padded, 2).ok()?;
        let message: Message = waproto::codec::message_decode(plain).ok()?;
        learn(account, chat, sender, &message);
        opened = Some(message);
    }
    opened
}

fn learn(account: &Account, chat: &Jid, sender: &ProtocolAddress, message: &Message) {
    let given = message.sender_key_distribution_message.as_option();
    let of_chat = given.filter(|given| given.group_id.as_deref() == Some(chat.to_string().as_str()));
    let Some(key) = of_chat.and_then(|given| given.axolotl_sender_key_distribution_message.as_deref()) else {
        return;
    };
    if let Err(error) = account.phone.sender_keys().learn(chat, sender, key) {
        tracing::warn!(%error, "a phone cannot take a sender's key in");
    }
}

/// A message on its way out to many.
pub(super) struct Letter<'a> {
    pub(super) chat: Jid,
    pub(super) family: Family,
    pub(super) readers: Vec<Arc<Account>>,
    pub(super) message: &'a Message,
}

/// Sends a letter to all devices of all readers, the own companions among them. Returns the message id.
pub(super) fn send(registry: &Registry, account: &Arc<Account>, letter: &Letter<'_>) -> Result<String, PhoneError> {
    let id = message_id();
    let chat = &letter.chat;
    let (sealed, mut keys) = seal(registry, account, letter)?;
    let mut attrs = marks(letter.message);
    if let Some(group) = registry.groups.find(chat) {
        attrs.push(("addressing_mode".into(), group.addressing_mode().into()));
    }
    let envelope = Envelope {
        id: id.clone(),
        chat: chat.clone(),
        recipient: chat.clone(),
        attrs,
        extras: meta(letter.message),
        proof: None,
        automatic: false,
    };
    registry.counters.messages_accepted.add_one();
    account.accepted.enter(Accepted { id: id.clone(), device: 0, to: chat.to_string(), at_ms: crate::phone::now_ms() });
    account.phone.inbox().counts.sent += 1;
    account.phone.remember_shared(&id, chat, letter.message);
    let author = Author { account, device: 0, family: letter.family };
    for (reader, device) in devices(account, &letter.readers) {
        let key = keys.remove(&address(&reader.number, device));
        let encs = key.into_iter().chain([sealed.clone()]).collect();
        relay(registry, &author, &envelope, (&reader, device), encs);
    }
    Ok(id)
}

/// Every device that reads, but the phone itself.
fn devices(account: &Account, readers: &[Arc<Account>]) -> Vec<(Arc<Account>, u16)> {
    let mut all = Vec::new();
    for reader in readers {
        if reader.number != account.number {
            all.push((reader.clone(), 0));
        }
        all.extend(reader.devices().iter().map(|device| (reader.clone(), device.id)));
    }
    all
}

/// The message as everybody gets it, and the key to it for the devices that lack it.
fn seal(
    registry: &Registry,
    account: &Account,
    letter: &Letter<'_>,
) -> Result<(Node, HashMap<ProtocolAddress, Node>), PhoneError> {
    let _composing = account.phone.compose();
    let (chat, own) = (&letter.chat, address(&account.number, 0));
    let devices = devices(account, &letter.readers);
    let readers: Vec<_> = devices.iter().map(|(reader, device)| address(&reader.number, *device)).collect();
    let distribution = account.phone.sender_keys().distribution(chat, &own, &readers)?;
    let plain = MessageUtils::encode_and_pad(&Message {
        sender_key_distribution_message: SenderKeyDistributionMessage {
            group_id: Some(chat.to_string()),
            axolotl_sender_key_distribution_message: Some(distribution.key),
        }
        .into(),
        ..Default::default()
    });
    let mut keys = HashMap::new();
    for ((reader, device), at) in devices.iter().zip(readers) {
        if !distribution.lacking.contains(&at) {
            continue;
        }
        match encrypt(registry, account, reader, *device, &plain) {
            Ok(enc) => {
                account.phone.sender_keys().give(chat, at.clone());
                keys.insert(at, enc);
            }
            // It was unlinked meanwhile.
            Err(PhoneError::DeviceGone) => {}
            Err(error) => return Err(error),
        }
    }
    let plain = MessageUtils::encode_and_pad(letter.message);
    let sealed = account.phone.sender_keys().seal(chat, &own, &plain)?;
    let enc = NodeBuilder::new("enc").attr("v", "2").attr("type", "skmsg").bytes(sealed).build();
    Ok((enc, keys))
}
