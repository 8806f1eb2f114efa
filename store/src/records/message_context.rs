//! What surrounds a message, and what became of it after it was written.

use serde::{Deserialize, Serialize};

use super::{Content, Participant};
use crate::id::{MessageId, Millis};

/// What surrounds what a message says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MessageContext {
    /// The message that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quoted: Option<Box<Quoted>>,
    /// Whom it names in its text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<Participant>,
    /// How often it was passed on; 0 for a message written for this chat. From 5 on phones say "many times".
    #[serde(skip_serializing_if = "is_zero")]
    pub forwarded: u32,
    /// After how many seconds phones make it disappear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disappears_after: Option<u32>,
    /// To be seen once.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub view_once: bool,
    /// Who sees it, of a status that the account posts or takes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<Box<Audience>>,
}

/// Who sees a status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audience {
    /// Each of them, as they were chosen when it was accepted.
    pub who: Vec<Participant>,
    /// How they were chosen.
    pub of: AudienceOf,
}

/// How those are chosen who see a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AudienceOf {
    /// Everybody in the account's address book.
    Contacts,
    /// Everybody in it but some.
    Except,
    /// Only those who were named.
    Only,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// The message that another one answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quoted {
    /// The network's id of it.
    pub provider_id: String,
    /// The account itself wrote it.
    #[serde(default)]
    pub from_me: bool,
    /// Who wrote it, where that is not the account itself and is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<Participant>,
    /// Our id of it, where it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageId>,
    /// What it said, as whoever answered quotes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
}

/// What became of a message after it was written. Reactions and votes stand in rows of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Aftermath {
    /// When its text was changed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited_ms: Option<Millis>,
    /// When it was taken back for everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_ms: Option<Millis>,
    /// The account keeps it among its starred ones.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub starred: bool,
}

impl Aftermath {
    /// Whether nothing became of it.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}
