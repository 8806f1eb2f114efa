//! The history that a phone sends to its companions: when they are linked, and when they ask for older messages.

mod pack;
mod past;

pub use past::{PastAct, PastChat, PastFile, PastMark, PastMessage, PastState};

use super::greeting::protocol;
use super::send::send_peer;
use super::{FileToSend, Phone};
use crate::account::Account;
use crate::lock::hold;
use crate::phone::PhoneError;
use buffa::Message as _;
use std::sync::Arc;
use wacore::download::MediaType;
use wacore::upload::encrypt_media;
use waproto::whatsapp::history_sync::HistorySyncType;
use waproto::whatsapp::message::peer_data_operation_request_message::HistorySyncOnDemandRequest;
use waproto::whatsapp::message::protocol_message::Type;
use waproto::whatsapp::message::{HistorySyncNotification, HistorySyncType as NotificationType, ProtocolMessage};
use waproto::whatsapp::{HistorySync, Message, Pushname};

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

/// A piece of the history.
#[derive(Debug, Clone, PartialEq)]
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

fn packed(chunk: &Chunk) -> Vec<u8> {
    let names = chunk.names.iter().map(|(id, name)| Pushname { id: Some(id.clone()), pushname: Some(name.clone()) });
    let history = HistorySync {
        sync_type: chunk.part.types().0,
        chunk_order: Some(chunk.order),
        progress: Some(chunk.progress),
        conversations: chunk.chats.iter().map(past::conversation).collect(),
        pushnames: names.collect(),
        ..Default::default()
    };
    pack::zlib(&history.encode_to_vec())
}

fn announcing(chunk: &Chunk, notification: HistorySyncNotification) -> Message {
    protocol(ProtocolMessage {
        r#type: Some(Type::HISTORY_SYNC_NOTIFICATION),
        history_sync_notification: HistorySyncNotification {
            sync_type: Some(chunk.part.types().1),
            chunk_order: Some(chunk.order),
            progress: Some(chunk.progress),
            ..notification
        }
        .into(),
        ..Default::default()
    })
}

/// The message that brings a piece, in itself.
pub(crate) fn notification(chunk: &Chunk, asked: Option<&str>) -> Message {
    let inside = HistorySyncNotification {
        peer_data_request_session_id: asked.map(str::to_owned),
        initial_hist_bootstrap_inline_payload: Some(packed(chunk)),
        ..Default::default()
    };
    announcing(chunk, inside)
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
    /// Sends a piece of its history to a companion, in the message itself.
    ///
    /// # Errors
    /// When the phone is offline, or the companion went away.
    pub fn send_history(&self, device: u16, chunk: &Chunk) -> Result<(), PhoneError> {
        self.check_online()?;
        let account: &Arc<Account> = &self.account;
        send_peer(&self.registry, account, device, &notification(chunk, None)).map(drop)
    }

    /// Puts a piece of its history on the media host, packed and encrypted, and tells a companion where it is: as real
    /// phones do with all but the smallest. Returns how many bytes are on the host.
    ///
    /// # Errors
    /// When the phone is offline, or the companion went away.
    pub fn host_history(&self, device: u16, chunk: &Chunk) -> Result<usize, PhoneError> {
        self.check_online()?;
        let packed = packed(chunk);
        let sealed = encrypt_media(&packed, MediaType::History);
        let sealed = sealed.map_err(|error| PhoneError::File(error.to_string()))?;
        let token = data_encoding::BASE64URL_NOPAD.encode(&sealed.file_enc_sha256);
        let host = self.registry.media();
        let path = host.keep_bytes(MediaType::History.mms_type(), &token, &sealed.data_to_upload);
        let path = path.ok_or_else(|| PhoneError::File("the media host does not take it".into()))?;
        let place = HistorySyncNotification {
            file_sha256: Some(sealed.file_sha256.to_vec()),
            file_length: Some(packed.len() as u64),
            media_key: Some(sealed.media_key.to_vec()),
            file_enc_sha256: Some(sealed.file_enc_sha256.to_vec()),
            direct_path: Some(path),
            ..Default::default()
        };
        send_peer(&self.registry, &self.account, device, &announcing(chunk, place))?;
        Ok(sealed.data_to_upload.len())
    }

    /// Puts a file on the media host for messages of the past.
    ///
    /// # Errors
    /// When the kind is none.
    pub fn past_file(&self, file: &FileToSend, bytes: &[u8]) -> Result<PastFile, PhoneError> {
        self.host_file(file, bytes).map(PastFile::new)
    }

    /// What the phone has when a companion asks for older messages.
    pub fn keep_archive(&self, chats: Vec<PastChat>) {
        *hold(&self.account.phone.archive) = chats;
    }
}
