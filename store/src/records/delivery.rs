//! A delivery: one event on its way to one endpoint, with what was tried.

use serde::{Deserialize, Serialize};

use crate::id::{AccountNo, ChatNo, Millis};

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Ready, never tried.
    #[default]
    Available,
    /// Claimed by a worker until its lease ends.
    Executing,
    /// Tried and due again at a known time.
    Retryable,
    /// Accepted by the receiver.
    Completed,
    /// Given up, with a reason; can be replayed.
    Discarded,
    /// Its endpoint is paused.
    Suspended,
}

impl DeliveryState {
    /// The word used in the API and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Executing => "executing",
            Self::Retryable => "retryable",
            Self::Completed => "completed",
            Self::Discarded => "discarded",
            Self::Suspended => "suspended",
        }
    }
}

/// Why a delivery was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiscardReason {
    /// Every attempt of the schedule failed.
    Exhausted,
    /// The receiver refused it with a status that no retry changes.
    Refused,
    /// The receiver answered that it is gone for good.
    Gone,
    /// The address is not allowed.
    Forbidden,
    /// The event was pruned before it could be delivered.
    EventPruned,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// The receiver answered.
    Answered {
        /// The HTTP status.
        status: u16,
    },
    /// No answer in time.
    TimedOut,
    /// No connection, or it broke.
    Unreachable,
    /// The address may not be called.
    Forbidden,
    /// The worker died; whether the receiver got it is not known.
    Lost,
}

/// One try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began.
    pub at_ms: Millis,
    /// How long it took, in milliseconds.
    pub took_ms: u32,
    /// How it ended.
    pub outcome: AttemptOutcome,
}

/// Row of `delivery`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeliveryRecord {
    /// The account whose event it is.
    pub no: AccountNo,
    /// The chat, where the event has one.
    pub chat_no: Option<ChatNo>,
    /// Where it stands.
    pub state: DeliveryState,
    /// When it is due next (its lease's end while a worker has it): the time in its `delivery_todo` key.
    pub due_ms: Millis,
    /// How many attempts were begun.
    pub tries: u32,
    /// The first three attempts; later ones stand in rows of their own.
    pub attempts: Vec<Attempt>,
    /// When it ended.
    pub ended_ms: Option<Millis>,
    /// Why it was given up.
    pub why: Option<DiscardReason>,
}

impl Default for DeliveryRecord {
    fn default() -> Self {
        Self {
            no: AccountNo(0),
            chat_no: None,
            state: DeliveryState::Available,
            due_ms: 0,
            tries: 0,
            attempts: Vec::new(),
            ended_ms: None,
            why: None,
        }
    }
}
