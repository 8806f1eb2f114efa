//! What somebody put on a message.

use serde::{Deserialize, Serialize};

use super::Participant;
use crate::id::Millis;

/// What kind of mark. Part of the row's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum MarkKind {
    /// An emoji.
    Reaction = 1,
    /// Answers chosen in a poll.
    Vote = 2,
}

/// Row of `msg_mark`: one human's reaction to a message, or their vote in it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MarkRecord {
    /// Who; `None` for the account itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<Participant>,
    /// When, as the network says.
    pub at_ms: Millis,
    /// The emoji of a reaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emoji: Option<String>,
    /// The answers of a vote.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}
