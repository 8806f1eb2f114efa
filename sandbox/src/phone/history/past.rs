//! What a phone remembers of its chats, and how it tells that.

use crate::phone::send::text;
use buffa::MessageField;
use wacore::poll;
use waproto::whatsapp::message as part;
use waproto::whatsapp::message::protocol_message::Type;
use waproto::whatsapp::web_message_info::{Status, StubType};
use waproto::whatsapp::{Conversation, HistorySyncMsg, Message, MessageKey, PollUpdate, Reaction, WebMessageInfo};

/// How far a message that the account wrote got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PastState {
    /// It never left the phone.
    Failed,
    /// The server has it.
    Sent,
    /// The other side's phone has it.
    Delivered,
    /// It was read.
    #[default]
    Read,
    /// It was played.
    Played,
}

/// What a message did to another one of its chat. Phones tell it with that one, and rarely as a message of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PastAct {
    /// Another text; the message's own `text`.
    Edit(String),
    /// Taken back.
    Revoke(String),
}

/// What somebody put on a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PastMark {
    /// Who, in a group: a jid. In a chat with one human, `None` is the other one.
    pub by: Option<String>,
    /// The account itself did.
    pub by_me: bool,
    /// An emoji ...
    pub emoji: Option<String>,
    /// ... or answers of the poll that the message is.
    pub options: Vec<String>,
    /// When, in seconds since 1970.
    pub at_s: u64,
}

/// A file of a message of the past, on the media host.
#[derive(Clone, PartialEq)]
pub struct PastFile(Box<Message>);

impl PastFile {
    pub(super) fn new(message: Message) -> Self {
        Self(Box::new(message))
    }
}

impl std::fmt::Debug for PastFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PastFile").finish_non_exhaustive()
    }
}

/// A message of the past.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PastMessage {
    /// Its id.
    pub id: String,
    /// The account wrote it.
    pub from_me: bool,
    /// Who wrote it, in a group.
    pub sender: Option<String>,
    /// What it says; the question of a poll.
    pub text: String,
    /// When, in seconds since 1970.
    pub at_s: u64,
    /// How far it got, where the account wrote it.
    pub state: PastState,
    /// When its text was changed to what it is now.
    pub edited_s: Option<u64>,
    /// When it was taken back; then it says nothing.
    pub revoked_s: Option<u64>,
    /// It is a poll with these answers.
    pub poll: Vec<String>,
    /// It is a file.
    pub file: Option<PastFile>,
    /// It does something to another message.
    pub act: Option<PastAct>,
    /// What people put on it.
    pub marks: Vec<PastMark>,
}

/// A chat of the past.
#[derive(Debug, Clone, Default, PartialEq)]
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

fn key(chat: &PastChat, id: &str, from_me: bool, by: Option<&String>) -> MessageField<MessageKey> {
    MessageField::some(MessageKey {
        remote_jid: Some(chat.jid.clone()),
        from_me: Some(from_me),
        id: Some(id.to_owned()),
        participant: by.cloned(),
    })
}

fn protocol(chat: &PastChat, told: &PastMessage, kind: Type, id: &str, edited: Option<Message>) -> Message {
    let at_s = told.edited_s.unwrap_or(told.at_s);
    let protocol = part::ProtocolMessage {
        key: key(chat, id, told.from_me, told.sender.as_ref()),
        r#type: Some(kind),
        edited_message: edited.map(MessageField::some).unwrap_or_default(),
        timestamp_ms: i64::try_from(at_s * 1_000).ok(),
        ..Default::default()
    };
    Message { protocol_message: MessageField::some(protocol), ..Message::default() }
}

fn content(chat: &PastChat, told: &PastMessage) -> Message {
    match &told.act {
        Some(PastAct::Edit(id)) => return protocol(chat, told, Type::MESSAGE_EDIT, id, Some(text(&told.text))),
        Some(PastAct::Revoke(id)) => return protocol(chat, told, Type::REVOKE, id, None),
        None => {}
    }
    if let Some(file) = &told.file {
        return (*file.0).clone();
    }
    if !told.poll.is_empty() {
        let option = |name: &String| part::poll_creation_message::Option {
            option_name: Some(name.clone()),
            ..Default::default()
        };
        let poll = part::PollCreationMessage {
            name: Some(told.text.clone()),
            options: told.poll.iter().map(option).collect(),
            selectable_options_count: Some(1),
            ..Default::default()
        };
        return Message { poll_creation_message_v3: MessageField::some(poll), ..Message::default() };
    }
    if told.edited_s.is_some() {
        let inner = protocol(chat, told, Type::MESSAGE_EDIT, &told.id, Some(text(&told.text)));
        let edited = part::FutureProofMessage { message: MessageField::some(inner) };
        return Message { edited_message: MessageField::some(edited), ..Message::default() };
    }
    text(&told.text)
}

fn reactions<'a>(chat: &'a PastChat, told: &'a PastMessage) -> impl Iterator<Item = Reaction> + 'a {
    told.marks.iter().enumerate().filter(|(_, mark)| mark.emoji.is_some()).map(|(n, mark)| Reaction {
        key: key(chat, &format!("{}R{n}", told.id), mark.by_me, mark.by.as_ref()),
        text: mark.emoji.clone(),
        sender_timestamp_ms: i64::try_from(mark.at_s * 1_000).ok(),
        ..Default::default()
    })
}

fn votes<'a>(chat: &'a PastChat, told: &'a PastMessage) -> impl Iterator<Item = PollUpdate> + 'a {
    told.marks.iter().enumerate().filter(|(_, mark)| mark.emoji.is_none()).map(|(n, mark)| {
        let hashes = mark.options.iter().map(|option| poll::compute_option_hash(option).to_vec());
        PollUpdate {
            poll_update_message_key: key(chat, &format!("{}V{n}", told.id), mark.by_me, mark.by.as_ref()),
            vote: MessageField::some(part::PollVoteMessage { selected_options: hashes.collect() }),
            sender_timestamp_ms: i64::try_from(mark.at_s * 1_000).ok(),
            ..Default::default()
        }
    })
}

fn message(chat: &PastChat, told: &PastMessage) -> WebMessageInfo {
    let status = match told.state {
        PastState::Failed => Status::ERROR,
        PastState::Sent => Status::SERVER_ACK,
        PastState::Delivered => Status::DELIVERY_ACK,
        PastState::Read => Status::READ,
        PastState::Played => Status::PLAYED,
    };
    let mut info = WebMessageInfo {
        key: key(chat, &told.id, told.from_me, told.sender.as_ref()),
        message_timestamp: Some(told.at_s),
        participant: told.sender.clone(),
        status: told.from_me.then_some(status),
        reactions: reactions(chat, told).collect(),
        poll_updates: votes(chat, told).collect(),
        ..Default::default()
    };
    if told.revoked_s.is_some() {
        info.message_stub_type = Some(StubType::REVOKE);
        info.revoke_message_timestamp = told.revoked_s;
    } else {
        info.message = MessageField::some(content(chat, told));
    }
    info
}

/// Phones put the newest message first.
pub(super) fn conversation(chat: &PastChat) -> Conversation {
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
