//! A chat and a person, as an account knows them.

use serde::{Deserialize, Serialize};

use super::Participant;
use crate::id::{MessageKey, Millis, PersonNo};
use crate::jid::Jid;

/// Row of `chat`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatRecord {
    /// Its address.
    pub participant: Participant,
    /// The human, in a chat with one.
    #[serde(default)]
    pub person: Option<PersonNo>,
    /// When its newest message was written: the time in its `chat_recent` key; 0 before the first.
    #[serde(default)]
    pub last_ms: Millis,
    /// Its newest message.
    #[serde(default)]
    pub last: Option<MessageKey>,
}

/// Row of `person`: a human. The LID is the human; a phone number is a pointer that may move to another one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PersonRecord {
    /// The network's own number, which never moves.
    pub lid: Option<Jid>,
    /// The phone number that points here at present.
    pub phone: Option<Jid>,
}
