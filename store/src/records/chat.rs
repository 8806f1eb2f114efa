//! A chat and a person, as an account knows them.

use serde::{Deserialize, Serialize};

use super::Participant;
use crate::id::{ChatNo, Millis, PersonNo};
use crate::jid::Jid;

/// What the account has set for a chat, on any of its devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ChatSettings {
    /// It is put away.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub archived: bool,
    /// Since when it stands above the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned_ms: Option<Millis>,
    /// Until when phones keep silent about it; `u64::MAX` for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub muted_until_ms: Option<Millis>,
    /// It is marked as unread although nothing in it is.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub marked_unread: bool,
}

impl ChatSettings {
    /// Whether nothing is set.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// A chat; the row of `chat` of one that is not with a human.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatRecord {
    /// Its address.
    pub participant: Participant,
    /// The human, in a chat with one.
    #[serde(default)]
    pub person: Option<PersonNo>,
    /// Its name: a group's subject, or what the account's address book calls the human.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The name that the human shows, in a chat with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push_name: Option<String>,
    /// What is set for it.
    #[serde(default, skip_serializing_if = "ChatSettings::is_none")]
    pub settings: ChatSettings,
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
    /// What the account's address book calls them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The name that they show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push_name: Option<String>,
    /// What is set for the chat with them.
    #[serde(skip_serializing_if = "ChatSettings::is_none")]
    pub settings: ChatSettings,
}
