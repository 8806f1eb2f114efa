//! Bulk sending: what a message is a part of, and how far each part is.

use serde::{Deserialize, Serialize};

use super::{Content, FailReason, MessageContext, MessageState, Participant, StateTimes};
use crate::id::{AccountNo, CampaignId, JobId, MessageId, Millis, TenantNo};

/// What a message is sent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunId {
    /// A job.
    Job(JobId),
    /// A campaign.
    Campaign(CampaignId),
}

/// Which part of what a message is sent for it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RunRef {
    /// Of what.
    pub run: RunId,
    /// Its place, from 0.
    pub seq: u32,
}

/// How far an item of a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ItemState {
    /// Its turn has not come.
    Pending = 0,
    /// Its message is accepted and has no outcome.
    Queued = 1,
    /// The network's server has it.
    Sent = 2,
    /// On a device of the receiver.
    Delivered = 3,
    /// Read by the receiver.
    Read = 4,
    /// It will never be sent.
    Failed = 5,
    /// Taken back before it was on the wire.
    Cancelled = 6,
    /// Left out by a rule.
    Skipped = 7,
    /// Its turn has come at an hour at which it is not to be sent; it comes again.
    Deferred = 8,
}

impl ItemState {
    /// Every state.
    pub const ALL: [Self; 9] = [
        Self::Pending,
        Self::Queued,
        Self::Sent,
        Self::Delivered,
        Self::Read,
        Self::Failed,
        Self::Cancelled,
        Self::Skipped,
        Self::Deferred,
    ];

    /// The states of a job's items.
    pub const OF_JOBS: [Self; 7] =
        [Self::Pending, Self::Queued, Self::Sent, Self::Delivered, Self::Read, Self::Failed, Self::Cancelled];

    /// The word used in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
            Self::Deferred => "deferred",
        }
    }

    /// The state of the item whose message is in this one.
    #[must_use]
    pub const fn of_message(state: MessageState) -> Self {
        match state {
            MessageState::Queued | MessageState::Sending | MessageState::Held => Self::Queued,
            MessageState::Sent => Self::Sent,
            MessageState::Delivered => Self::Delivered,
            MessageState::Read | MessageState::Played => Self::Read,
            MessageState::Rejected | MessageState::Failed => Self::Failed,
            MessageState::Cancelled => Self::Cancelled,
        }
    }
}

/// What is to be sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// What it says.
    pub content: Content,
    /// What surrounds that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Box<MessageContext>>,
    /// The caller's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_message_id: Option<String>,
}

/// Why an item failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemTrouble {
    /// What its message failed of.
    Message(FailReason),
    /// It could not be made into a message, in words for people.
    Bad(String),
    /// Its account is gone.
    AccountGone,
    /// They want no campaigns.
    OptedOut,
    /// They wrote to the account lately: somebody talks with them.
    WroteLately,
    /// They never wrote to the account.
    NeverWrote,
    /// They answered the earlier campaign meanwhile.
    Replied,
}

/// Row of `recipient`: an item of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunItem {
    /// Where it goes; `None` where that could not be made out.
    #[serde(default)]
    pub chat: Option<Participant>,
    /// What is to be sent; `None` once its message holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<Box<Load>>,
    /// How far it is.
    pub state: ItemState,
    /// Its message, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageId>,
    /// When its message was in each state.
    #[serde(default)]
    pub times: StateTimes,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<ItemTrouble>,
    /// The account that sends it, where the run has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<AccountNo>,
    /// When the receiver first answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replied_ms: Option<Millis>,
}

/// How far a run is, kept with every step of every item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RunTally {
    /// Items.
    pub total: u32,
    /// The first one whose turn has not come.
    pub next: u32,
    /// How many are in each state, in the order of [`ItemState::ALL`].
    #[serde(deserialize_with = "padded")]
    pub states: [u32; 9],
    /// How many were answered.
    #[serde(skip_serializing_if = "is_zero")]
    pub replied: u32,
    /// From where on nothing was sent any more, and what pending items from there on count as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<(u32, ItemState)>,
}

/// Rows of an earlier version know fewer states.
fn padded<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<[u32; 9], D::Error> {
    let mut states = [0; 9];
    for (place, count) in states.iter_mut().zip(Vec::<u32>::deserialize(deserializer)?) {
        *place = count;
    }
    Ok(states)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks in this form")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl RunTally {
    /// How many are in a state.
    #[must_use]
    pub const fn of(&self, state: ItemState) -> u32 {
        self.states[state as usize]
    }

    /// How many the network's server has.
    #[must_use]
    pub const fn success(&self) -> u32 {
        self.of(ItemState::Sent) + self.of(ItemState::Delivered) + self.of(ItemState::Read)
    }

    /// How many have their outcome.
    #[must_use]
    pub const fn ended(&self) -> u32 {
        self.success() + self.of(ItemState::Failed) + self.of(ItemState::Cancelled) + self.of(ItemState::Skipped)
    }

    pub(crate) fn moves(&mut self, from: ItemState, to: ItemState) {
        let left = &mut self.states[from as usize];
        *left = left.saturating_sub(1);
        self.states[to as usize] += 1;
    }
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Its items are still being written. Nobody sees it.
    #[default]
    Preparing,
    /// Others of its account come first.
    Queued,
    /// Its items are sent.
    Running,
    /// Nothing more is sent until it is resumed.
    Paused,
    /// Every item has its outcome.
    Completed,
    /// It can't go on.
    Failed,
    /// Given up by somebody.
    Cancelled,
}

impl JobState {
    /// The word used in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing of it is sent any more.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// Why a job failed, or waits for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobReason {
    /// Its account is gone.
    AccountGone,
    /// The store came out of a backup: some of it may have been sent after that was made.
    Restored,
}

impl JobReason {
    /// The word used in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccountGone => "account_gone",
            Self::Restored => "restored",
        }
    }
}

/// The wait between two items, drawn anew for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelayRange {
    /// The shortest, in milliseconds.
    pub min_ms: Millis,
    /// The longest, in milliseconds.
    pub max_ms: Millis,
}

impl Default for DelayRange {
    fn default() -> Self {
        Self { min_ms: 2_000, max_ms: 5_000 }
    }
}

/// Row of `job`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct JobRecord {
    /// Whose it is.
    pub tenant: TenantNo,
    /// The account that sends.
    pub account: AccountNo,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it stands.
    pub state: JobState,
    /// Why it stands there, where that needs a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<JobReason>,
    /// Every item's turn has come: the next one in the line is served, whatever becomes of those that wait for the wire.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub handed_over: bool,
    /// The wait between two items.
    pub delay: DelayRange,
    /// When it was accepted.
    pub created_ms: Millis,
    /// When its first item's turn came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_ms: Option<Millis>,
    /// When it was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<Millis>,
}

impl JobRecord {
    /// Whether it stands in its account's line.
    #[must_use]
    pub const fn is_in_line(&self) -> bool {
        matches!(self.state, JobState::Queued | JobState::Running) && !self.handed_over
    }
}

/// An event: a job is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobEvent {
    /// The job.
    pub id: JobId,
    /// What people call it.
    #[serde(default)]
    pub name: Option<String>,
    /// How it ended.
    pub state: JobState,
    /// Why, where that needs a word.
    #[serde(default)]
    pub reason: Option<JobReason>,
    /// What became of its items.
    pub tally: RunTally,
}
