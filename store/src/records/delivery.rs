//! A delivery: one event on its way to one endpoint, with what was tried.

use serde::{Deserialize, Serialize};

use super::Attempt;
use crate::id::{AccountNo, ChatNo, MessageId, Millis};

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
    /// Waits until the one before it in its chat has ended.
    Suspended,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Available, Self::Executing, Self::Retryable, Self::Completed, Self::Discarded, Self::Suspended];

    /// Whether nothing is to be tried any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Discarded)
    }

    /// The state with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

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

impl DiscardReason {
    /// The word used in the API, in events and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exhausted => "exhausted",
            Self::Refused => "refused",
            Self::Gone => "gone",
            Self::Forbidden => "forbidden",
            Self::EventPruned => "event_pruned",
        }
    }
}

/// What became of the answer as a reply to the chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Accepted as this message. There is never a second one.
    Sent(MessageId),
    /// Kept, and not sent.
    NotSent(NotSent),
}

/// Why a reply was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotSent {
    /// Longer than replies may be.
    TooLong,
    /// Of a kind that an earlier version did not send.
    NotYet,
    /// Its file could not be fetched, or is not one that may be sent.
    BadMedia,
    /// The account's outbox was full.
    OutboxFull,
    /// The disk was nearly full.
    SpaceLow,
    /// The account was gone.
    AccountGone,
}

impl NotSent {
    /// The word used in the API and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::NotYet => "not_yet",
            Self::BadMedia => "bad_media",
            Self::OutboxFull => "outbox_full",
            Self::SpaceLow => "space_low",
            Self::AccountGone => "account_gone",
        }
    }
}

/// Row of `delivery`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DeliveryRecord {
    /// The account whose event it is.
    pub no: AccountNo,
    /// The chat, where the event has one.
    pub chat_no: Option<ChatNo>,
    /// It has a row in `delivery_lane`: within its chat it waits for the one before, and the one after waits for it.
    #[serde(skip_serializing_if = "is_false")]
    pub ordered: bool,
    /// Where it stands.
    pub state: DeliveryState,
    /// When it was queued: with its event, or when a replay found that it never had been.
    pub queued_ms: Millis,
    /// When it is due next (its lease's end while a worker has it): the time in its `delivery_todo` key.
    pub due_ms: Millis,
    /// How many attempts of the schedule were begun. A replay starts it anew.
    pub tries: u32,
    /// Attempts that were begun before the newest replay.
    #[serde(skip_serializing_if = "is_zero")]
    pub earlier: u32,
    /// The first three attempts without long answers; later ones, and long answers, stand in rows of their own.
    pub attempts: Vec<Attempt>,
    /// When it ended.
    pub ended_ms: Option<Millis>,
    /// Why it was given up.
    pub why: Option<DiscardReason>,
    /// What became of the answer as a reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<Reply>,
}

impl DeliveryRecord {
    /// Number of the newest attempt that was begun, over all replays, counted from 1.
    #[must_use]
    pub const fn attempt_no(&self) -> u32 {
        self.earlier.saturating_add(self.tries)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}
