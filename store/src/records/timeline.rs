//! What happened to an account, and how far listeners have been told of it.

use serde::{Deserialize, Serialize};

use super::{Author, Phase, Reason, UserAction};
use crate::id::{Epoch, Millis};

/// Row of `timeline`: one change of an account's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineRecord {
    /// What it was doing before.
    pub from: Phase,
    /// What it did from then on.
    pub to: Phase,
    /// Why.
    pub reason: Reason,
    /// What a human had to do.
    #[serde(default)]
    pub user_action: UserAction,
    /// When something would happen by itself, where that was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at_ms: Option<Millis>,
    /// The incarnation that owned the account: each start of its actor is the next one.
    #[serde(default)]
    pub epoch: Epoch,
    /// What broke, in the product's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Who asked for it, where somebody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Author>,
}

/// What listeners know of an account's state. Its events are not told more often than the config says, so what they
/// know can be older than what the record says, for a short time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Told {
    /// The phase of the newest event.
    pub phase: Phase,
    /// When it was told.
    pub at_ms: Millis,
    /// When the present state is told, where it is not told yet. It has a row in `due`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_ms: Option<Millis>,
}
