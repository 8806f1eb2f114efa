//! The history that a phone sends to its companions: when they are linked, and when they ask for older messages.

use super::Phone;
use super::greeting::protocol;
use super::send::{send_peer, text};
use crate::account::Account;
use crate::lock::hold;
use crate::phone::PhoneError;
use buffa::Message as _;
use std::sync::Arc;
use waproto::whatsapp::history_sync::HistorySyncType;
use waproto::whatsapp::message::peer_data_operation_request_message::HistorySyncOnDemandRequest;
use waproto::whatsapp::message::protocol_message::Type;
use waproto::whatsapp::message::{HistorySyncNotification, HistorySyncType as NotificationType, ProtocolMessage};
use waproto::whatsapp::web_message_info::Status;
use waproto::whatsapp::{Conversation, HistorySync, HistorySyncMsg, Message, MessageKey, Pushname, WebMessageInfo};

/// What a piece of the history is a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryPart {
    /// The newest messages of each chat.
    InitialBootstrap,
    /// What is not long ago.
    Recent,
    /// Everything.
    Full,
    /// The names that people show.
    PushName,
    /// Older messages that a companion asked for.
    OnDemand,
}

impl HistoryPart {
    const fn types(self) -> (HistorySyncType, NotificationType) {
        match self {
            Self::InitialBootstrap => (HistorySyncType::INITIAL_BOOTSTRAP, NotificationType::INITIAL_BOOTSTRAP),
            Self::Recent => (HistorySyncType::RECENT, NotificationType::RECENT),
            Self::Full => (HistorySyncType::FULL, NotificationType::FULL),
            Self::PushName => (HistorySyncType::PUSH_NAME, NotificationType::PUSH_NAME),
            Self::OnDemand => (HistorySyncType::ON_DEMAND, NotificationType::ON_DEMAND),
        }
    }
}

/// A message of the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastMessage {
    /// Its id.
    pub id: String,
    /// The account wrote it.
    pub from_me: bool,
    /// Who wrote it, in a group.
    pub sender: Option<String>,
    /// What it says.
    pub text: String,
    /// When, in seconds since 1970.
    pub at_s: u64,
}

/// A chat of the past.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PastChat {
    /// Its jid.
    pub jid: String,
    /// Its other jid, where it has one.
    pub lid: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Put away.
    pub archived: bool,
    /// Its messages, the oldest first.
    pub messages: Vec<PastMessage>,
}

/// A piece of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// What it is a part of.
    pub part: HistoryPart,
    /// Which part, from 1.
    pub order: u32,
    /// How much has been sent with it, in percent.
    pub progress: u32,
    /// Its chats.
    pub chats: Vec<PastChat>,
    /// Names that people show, by jid.
    pub names: Vec<(String, String)>,
}

impl Chunk {
    /// One that holds nothing.
    pub fn empty(part: HistoryPart) -> Self {
        Self { part, order: 1, progress: 100, chats: Vec::new(), names: Vec::new() }
    }
}

fn message(chat: &PastChat, told: &PastMessage) -> WebMessageInfo {
    let key = MessageKey {
        remote_jid: Some(chat.jid.clone()),
        from_me: Some(told.from_me),
        id: Some(told.id.clone()),
        participant: told.sender.clone(),
    };
    WebMessageInfo {
        key: key.into(),
        message: text(&told.text).into(),
        message_timestamp: Some(told.at_s),
        participant: told.sender.clone(),
        status: told.from_me.then_some(Status::READ),
        ..Default::default()
    }
}

/// Phones put the newest message first.
fn conversation(chat: &PastChat) -> Conversation {
    let told = chat.messages.iter().enumerate().rev();
    let messages = told
        .map(|(at, told)| HistorySyncMsg { message: message(chat, told).into(), msg_order_id: Some(at as u64 + 1) });
    Conversation {
        id: chat.jid.clone(),
        messages: messages.collect(),
        name: chat.name.clone(),
        archived: chat.archived.then_some(true),
        lid_jid: chat.lid.clone(),
        ..Default::default()
    }
}

/// The message that brings a piece, in itself.
pub(crate) fn notification(chunk: &Chunk, asked: Option<&str>) -> Message {
    let (history_type, notification_type) = chunk.part.types();
    let names = chunk.names.iter().map(|(id, name)| Pushname { id: Some(id.clone()), pushname: Some(name.clone()) });
    let history = HistorySync {
        sync_type: history_type,
        chunk_order: Some(chunk.order),
        progress: Some(chunk.progress),
        conversations: chunk.chats.iter().map(conversation).collect(),
        pushnames: names.collect(),
        ..Default::default()
    };
    protocol(ProtocolMessage {
        r#type: Some(Type::HISTORY_SYNC_NOTIFICATION),
        history_sync_notification: HistorySyncNotification {
            sync_type: Some(notification_type),
            chunk_order: Some(chunk.order),
            progress: Some(chunk.progress),
            peer_data_request_session_id: asked.map(str::to_owned),
            initial_hist_bootstrap_inline_payload: Some(zlib_stored(&history.encode_to_vec())),
            ..Default::default()
        }
        .into(),
        ..Default::default()
    })
}

/// What the phone still has of a chat from before a message, the newest of it.
pub(crate) fn older(account: &Account, asked: &HistorySyncOnDemandRequest, request_id: &str) -> Option<Message> {
    let archive = hold(&account.phone.archive);
    let jid = asked.chat_jid.as_deref()?;
    let chat = archive.iter().find(|chat| chat.jid == jid || chat.lid.as_deref() == Some(jid))?;
    let before_s = asked.oldest_msg_timestamp_ms.and_then(|ms| u64::try_from(ms).ok())? / 1_000;
    let oldest = asked.oldest_msg_id.as_deref();
    let known = chat.messages.iter().position(|told| Some(told.id.as_str()) == oldest);
    let end = known.unwrap_or_else(|| chat.messages.iter().take_while(|told| told.at_s < before_s).count());
    let count = usize::try_from(asked.on_demand_msg_count.unwrap_or(50)).unwrap_or(0);
    let messages = chat.messages.get(end.saturating_sub(count)..end).unwrap_or_default().to_vec();
    let chats = vec![PastChat { messages, ..chat.clone() }];
    let chunk = Chunk { chats, ..Chunk::empty(HistoryPart::OnDemand) };
    Some(notification(&chunk, Some(request_id)))
}

impl Phone {
    /// Sends a piece of its history to a companion.
    ///
    /// # Errors
    /// When the phone is offline, or the companion went away.
    pub fn send_history(&self, device: u16, chunk: &Chunk) -> Result<(), PhoneError> {
        self.check_online()?;
        let account: &Arc<Account> = &self.account;
        send_peer(&self.registry, account, device, &notification(chunk, None)).map(drop)
    }

    /// What the phone has when a companion asks for older messages.
    pub fn keep_archive(&self, chats: Vec<PastChat>) {
        *hold(&self.account.phone.archive) = chats;
    }
}

/// A zlib stream of stored blocks: nothing is packed.
fn zlib_stored(data: &[u8]) -> Vec<u8> {
    const BLOCK: usize = 65_535;
    let mut out = vec![0x78, 0x01];
    let mut blocks = data.chunks(BLOCK).peekable();
    if blocks.peek().is_none() {
        out.extend_from_slice(&[1, 0, 0, 0xFF, 0xFF]);
    }
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).expect("a block is cut to fit");
        out.push(u8::from(blocks.peek().is_none()));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    out.extend_from_slice(&adler32(data).to_be_bytes());
    out
}

fn adler32(data: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in data {
        a = (a + u32::from(*byte)) % MODULUS;
        b = (b + a) % MODULUS;
    }
    (b << 16) | a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_of_a_known_text() {
        assert_eq!(adler32(b"Wikipedia"), 0x11E6_0398);
    }

    #[test]
    fn a_stored_block_says_its_length_twice() {
        let out = zlib_stored(b"abc");
        assert_eq!(out[..7], [0x78, 0x01, 0x01, 3, 0, 252, 255]);
        assert_eq!(&out[7..10], b"abc");
    }
}
