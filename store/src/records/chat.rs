//! A chat and a person, as an account knows them.

use serde::{Deserialize, Serialize};

use super::Participant;
use crate::id::{ChatNo, PersonNo};
use crate::jid::Jid;

/// A chat; the row of `chat` of one that is not with a human.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatRecord {
    /// Its address.
    pub participant: Participant,
    /// The human, in a chat with one.
    #[serde(default)]
    pub person: Option<PersonNo>,
}

/// Row of `person`: a human. The LID is the human; a phone number is a pointer that may move to another one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PersonRecord {
    /// The network's own number, which never moves.
    pub lid: Option<Jid>,
    /// The phone number that points here at present.
    pub phone: Option<Jid>,
    /// The chat with them, where there is one.
    pub chat: Option<ChatNo>,
    /// Whether they ever wrote to the account in that chat; `None` in rows that were written before this was noted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heard: Option<bool>,
}
