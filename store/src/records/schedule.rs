//! What happens at a time, or again and again.

use serde::{Deserialize, Serialize};

use super::{DelayRange, Load, Participant};
use crate::id::{AccountNo, CampaignId, JobId, MediaId, MessageId, Millis, ScheduleId, TenantNo};

/// When a schedule runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleWhen {
    /// At one moment.
    Once {
        /// Which.
        at_ms: Millis,
        /// The zone that it is shown in, by its IANA name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        zone: Option<String>,
    },
    /// Whenever the clock of a zone shows what an expression of cron says.
    Cron {
        /// The expression, of 5 to 7 fields.
        pattern: String,
        /// The zone, by its IANA name.
        zone: String,
    },
}

/// What becomes of times that passed while nobody was there to run the schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissedPolicy {
    /// The newest one is made up for, the others are noted as missed.
    #[default]
    RunOnce,
    /// They are noted as missed.
    Skip,
    /// The newest ones are made up for, up to so many; the others are noted as missed.
    RunAll(u32),
}

impl MissedPolicy {
    /// The word used in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RunOnce => "run_once",
            Self::Skip => "skip",
            Self::RunAll(_) => "run_all",
        }
    }
}

/// Whether a schedule runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleState {
    /// It runs at its times.
    Active,
    /// Its times pass without it.
    Paused,
    /// No time is left.
    Ended,
}

impl ScheduleState {
    /// The word used in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Ended => "ended",
        }
    }
}

/// Why a schedule does not run any more, or waits for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleReason {
    /// All its times have passed.
    Done,
    /// Its account is gone.
    AccountGone,
    /// The store came out of a backup: some of it may have run after that was made.
    Restored,
    /// The campaign that it makes others of is gone, or all accounts that send in it.
    CampaignGone,
}

impl ScheduleReason {
    /// The word used in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::AccountGone => "account_gone",
            Self::Restored => "restored",
            Self::CampaignGone => "campaign_gone",
        }
    }
}

/// A job as a schedule makes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedJob {
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The wait between two items.
    pub delay: DelayRange,
    /// How many items it has.
    pub items: u32,
    /// Under which number its items are kept; each change has its own.
    pub load: u32,
    /// Rows of items.
    pub rows: u32,
}

/// What a schedule does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleWhat {
    /// Sends a message.
    Message {
        /// Where it goes.
        chat: Participant,
        /// What is sent.
        load: Box<Load>,
    },
    /// Starts a job.
    Job(PlannedJob),
    /// Makes a campaign as this one is then, and starts it.
    Campaign(CampaignId),
}

/// Everything about a schedule that people set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SchedulePlan {
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it runs.
    pub when: ScheduleWhen,
    /// Not before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_ms: Option<Millis>,
    /// Not after this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_ms: Option<Millis>,
    /// What becomes of times that passed without it.
    #[serde(default)]
    pub missed: MissedPolicy,
    /// What it does.
    pub what: ScheduleWhat,
    /// Files that what it does needs: they stay until it is done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<MediaId>,
}

/// Row of `sched`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScheduleRecord {
    /// Whose it is.
    pub tenant: TenantNo,
    /// The account that sends.
    pub account: AccountNo,
    /// What people set.
    pub plan: SchedulePlan,
    /// Whether it runs.
    pub state: ScheduleState,
    /// Why it stands there, where that needs a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ScheduleReason>,
    /// Grows with each change by people.
    pub version: u32,
    /// The next time that it is to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_ms: Option<Millis>,
    /// When it is looked at again: later than the next time, where that could not be run yet; when it is forgotten, once it
    /// has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wake_ms: Option<Millis>,
    /// Rows of its history that there ever were; the newest one has this number.
    #[serde(default)]
    pub runs: u32,
    /// Rows of its history that are kept: the newest.
    #[serde(default)]
    pub kept: u32,
    /// When it ran last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_ms: Option<Millis>,
    /// When it was made.
    pub created_ms: Millis,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<Millis>,
}

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// A message of the account.
    Message(MessageId),
    /// A job in the account's line.
    Job(JobId),
    /// A campaign, made and started.
    Campaign(CampaignId),
    /// Nothing: these times passed without it.
    Missed {
        /// The last of them.
        until_ms: Millis,
        /// How many they are; at 1000 it is not counted further.
        count: u32,
    },
    /// Nothing: it could not run.
    Failed(ScheduleReason),
}

/// Row of `sched`: a run of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleRun {
    /// The time that was meant, the first of those that were missed; `None` where somebody ran it beside its times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<Millis>,
    /// When it really ran.
    pub ran_ms: Millis,
    /// What it came to.
    pub outcome: RunOutcome,
}

/// An event: what a schedule did, or missed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleEvent {
    /// The schedule.
    pub id: ScheduleId,
    /// What people call it.
    #[serde(default)]
    pub name: Option<String>,
    /// The number of the run.
    pub no: u32,
    /// The run.
    pub run: ScheduleRun,
    /// The next time that it is to run; `None` where none is left, or it is paused.
    #[serde(default)]
    pub next_ms: Option<Millis>,
}
