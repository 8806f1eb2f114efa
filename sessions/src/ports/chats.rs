//! What a link can be told about chats: read, typing, archived, pinned, muted, deleted; and asked for older messages.

use std::time::Duration;

use async_trait::async_trait;
use wasup_store::id::Millis;
use wasup_store::records::Participant;

use super::{AskError, NoNetwork};

/// A message as the network names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedMessage {
    /// The network's id of it.
    pub provider_id: String,
    /// The account itself wrote it.
    pub from_me: bool,
    /// Who wrote it, where that is neither the account nor goes without saying.
    pub sender: Option<Participant>,
    /// When it was written.
    pub ts_ms: Millis,
}

/// What somebody is doing in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typing {
    /// Writing a text.
    Text,
    /// Recording a voice note.
    Voice,
}

/// Something the account's other devices are told of a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatChange {
    /// Put away, or taken back.
    Archived(bool),
    /// Above the others, or no more.
    Pinned(bool),
    /// Silent until a time (`u64::MAX` for ever), or no more.
    Muted(Option<Millis>),
    /// Read, or marked as unread.
    Read(bool),
    /// Gone with all its messages.
    Deleted,
}

/// Calls about chats. Each ends within the link's query timeout.
#[async_trait]
pub trait ChatCalls: Send + Sync {
    /// Tells whoever wrote these messages of a chat that they were read.
    ///
    /// # Errors
    /// [`AskError`]; some of them may have been told.
    async fn tell_read(&self, chat: &Participant, messages: &[NamedMessage]) -> Result<(), AskError>;

    /// Shows that the account is typing or recording in a chat, for a time or until it shows something else. No time
    /// ends it.
    ///
    /// # Errors
    /// [`AskError`].
    async fn typing(&self, chat: &Participant, what: Typing, lasts: Duration) -> Result<(), AskError>;

    /// Tells the account's other devices of a change. `newest` is the chat's newest message, up to which it holds.
    ///
    /// # Errors
    /// [`AskError`].
    async fn change(
        &self,
        chat: &Participant,
        change: ChatChange,
        newest: Option<&NamedMessage>,
    ) -> Result<(), AskError>;

    /// Asks the phone for messages of a chat from before one. They come as history, if the phone is online.
    ///
    /// # Errors
    /// [`AskError`].
    async fn ask_older(&self, chat: &Participant, oldest: &NamedMessage, count: u32) -> Result<(), AskError>;
}

#[async_trait]
impl ChatCalls for NoNetwork {
    async fn tell_read(&self, _: &Participant, _: &[NamedMessage]) -> Result<(), AskError> {
        Err(AskError::NotConnected)
    }

    async fn typing(&self, _: &Participant, _: Typing, _: Duration) -> Result<(), AskError> {
        Err(AskError::NotConnected)
    }

    async fn change(&self, _: &Participant, _: ChatChange, _: Option<&NamedMessage>) -> Result<(), AskError> {
        Err(AskError::NotConnected)
    }

    async fn ask_older(&self, _: &Participant, _: &NamedMessage, _: u32) -> Result<(), AskError> {
        Err(AskError::NotConnected)
    }
}
