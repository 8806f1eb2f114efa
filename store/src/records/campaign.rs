//! Campaigns: one message, made anew for each of many recipients, sent by one or several accounts at a pace.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Load, RunTally};
use crate::id::{AccountNo, CampaignId, ListId, Millis, TemplateId, TenantNo};

/// Where a campaign stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CampaignState {
    /// Nothing was sent, and nothing will be before somebody says so.
    #[default]
    Draft,
    /// It starts at its time.
    Scheduled,
    /// Its messages are sent.
    Running,
    /// Nothing more is sent until it is resumed.
    Paused,
    /// Every recipient has an outcome.
    Completed,
    /// Given up by somebody.
    Cancelled,
    /// It can't go on.
    Halted,
}

impl CampaignState {
    /// Every state.
    pub const ALL: [Self; 7] =
        [Self::Draft, Self::Scheduled, Self::Running, Self::Paused, Self::Completed, Self::Cancelled, Self::Halted];

    /// The word used in the API and in events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Scheduled => "scheduled",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Halted => "halted",
        }
    }

    /// Whether nothing of it is sent any more.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled | Self::Halted)
    }

    /// Whether it never began.
    #[must_use]
    pub const fn is_before(self) -> bool {
        matches!(self, Self::Draft | Self::Scheduled)
    }
}

/// Why a campaign stands where it stands, where that needs a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CampaignReason {
    /// Paused: no account is left that may send.
    NoSender,
    /// Paused: the network restricted one of its accounts.
    Restricted,
    /// Paused: the store came out of a backup, and some of it may have been sent after that was made.
    Restored,
    /// Halted: a list, or an earlier campaign, that its recipients were to be read from is gone.
    AudienceGone,
    /// Halted: its actor broke again and again.
    CrashLoop,
}

impl CampaignReason {
    /// The word used in the API and in events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoSender => "no_sender",
            Self::Restricted => "restricted",
            Self::Restored => "restored",
            Self::AudienceGone => "audience_gone",
            Self::CrashLoop => "crash_loop",
        }
    }
}

/// Who gets a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CampaignTo {
    /// Whoever is in one of some lists, once.
    Lists {
        /// The lists.
        lists: Vec<ListId>,
        /// Only those with one of these tags, where there are any.
        tags: BTreeSet<String>,
    },
    /// Recipients of an earlier campaign.
    Earlier {
        /// That one.
        campaign: CampaignId,
        /// Which of them.
        who: EarlierWho,
    },
}

/// Which recipients of an earlier campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EarlierWho {
    /// Those whose message was never sent.
    Failed,
    /// Those who have it and did not answer.
    Silent,
    /// Those who answered.
    Replied,
}

impl EarlierWho {
    /// Every word.
    pub const ALL: [Self; 3] = [Self::Failed, Self::Silent, Self::Replied];

    /// The word used in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Silent => "silent",
            Self::Replied => "replied",
        }
    }
}

/// How the text, or the caption, is made for each recipient.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CampaignText {
    /// The text with its places, as in a template.
    pub body: String,
    /// A place without anything to stand there fails the recipient, and is not empty.
    pub strict: bool,
    /// What stands in places where a contact has nothing.
    pub defaults: BTreeMap<String, String>,
}

/// Which account is next, where several may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rotation {
    /// One after the other.
    #[default]
    RoundRobin,
    /// Drawn each time.
    Random,
}

impl Rotation {
    /// The word used in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RoundRobin => "round_robin",
            Self::Random => "random",
        }
    }
}

/// How an account that is new on the network begins: so many bulk messages in the first day, and each day more.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WarmUp {
    /// Most in the first day.
    pub start: u32,
    /// By how much each day's number is more than that of the day before: 1.5 for half as many more.
    pub growth: f64,
}

/// How fast each account of a campaign sends. What other campaigns and jobs send over it counts, too.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CampaignPace {
    /// The shortest time between two messages of an account, in milliseconds.
    pub gap_min_ms: Millis,
    /// The longest, in milliseconds.
    pub gap_max_ms: Millis,
    /// Most in any minute; `None` for any number.
    pub per_minute: Option<u32>,
    /// Most in any hour.
    pub per_hour: Option<u32>,
    /// Most in any 24 hours.
    pub per_day: Option<u32>,
    /// How accounts that were linked lately begin.
    pub warm_up: Option<WarmUp>,
}

/// Whose clock quiet hours go by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuietZone {
    /// The recipient's, by a field of the contact or by the country of the number.
    Recipient,
    /// The sending account's, by the country of its number.
    Sender,
    /// A zone of the IANA's.
    Named(String),
}

/// Hours in which nothing is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuietHours {
    /// Their first minute of the day.
    pub from_minute: u16,
    /// The first minute after them; on the next day where it is not later.
    pub to_minute: u16,
    /// Whose clock.
    pub zone: QuietZone,
}

/// What is done about people who write back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ReplyRules {
    /// An answer that says one of these opts out, in letters of any case.
    pub stop_words: BTreeSet<String>,
    /// Who wrote to the sending account within this time gets nothing: somebody is talking with them.
    pub skip_if_wrote_within_ms: Option<Millis>,
    /// Who never wrote to the sending account gets nothing.
    pub only_known: bool,
}

/// What happens when the network restricts an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnRestriction {
    /// It rests; with the last one the campaign pauses.
    #[default]
    Rest,
    /// The campaign pauses.
    Pause,
}

impl OnRestriction {
    /// The word used in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Pause => "pause",
        }
    }
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CampaignPlan {
    /// What is sent.
    pub load: Box<Load>,
    /// How its text or caption is made; `None` where everybody gets the same.
    #[serde(default)]
    pub text: Option<CampaignText>,
    /// The template that it was made of.
    #[serde(default)]
    pub template: Option<TemplateId>,
    /// Who gets it.
    pub to: CampaignTo,
    /// Who sends it.
    pub senders: Vec<AccountNo>,
    /// Which of them is next.
    #[serde(default)]
    pub rotation: Rotation,
    /// How fast.
    #[serde(default)]
    pub pace: CampaignPace,
    /// When not.
    #[serde(default)]
    pub quiet: Option<QuietHours>,
    /// What is done about people who write back.
    #[serde(default)]
    pub replies: ReplyRules,
    /// What happens when the network restricts an account.
    #[serde(default)]
    pub on_restriction: OnRestriction,
}

/// How far the recipients are written down.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gathering {
    /// Nobody is, yet.
    #[default]
    Not,
    /// Up to this number of the lists' order, or up to before this place of the earlier campaign.
    At(String),
    /// Everybody is.
    Done,
}

/// Row of `campaign`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CampaignRecord {
    /// Whose it is.
    pub tenant: TenantNo,
    /// What people call it.
    pub name: String,
    /// What is to be done.
    pub plan: CampaignPlan,
    /// Where it stands.
    #[serde(default)]
    pub state: CampaignState,
    /// Why it stands there, where that needs a word.
    #[serde(default)]
    pub reason: Option<CampaignReason>,
    /// How far the recipients are written down.
    #[serde(default)]
    pub gathering: Gathering,
    /// Which draw of variants and of ids it is.
    #[serde(default)]
    pub seed: u64,
    /// When it was made.
    pub created_ms: Millis,
    /// When it is to start.
    #[serde(default)]
    pub start_at_ms: Option<Millis>,
    /// When it started.
    #[serde(default)]
    pub started_ms: Option<Millis>,
    /// When it was over.
    #[serde(default)]
    pub ended_ms: Option<Millis>,
}

/// What happened to recipients: in an hour, or of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CampaignCounts {
    /// The network's server has it.
    pub sent: u32,
    /// On a device of the receiver.
    pub delivered: u32,
    /// Read.
    pub read: u32,
    /// Answered.
    pub replied: u32,
    /// Never to be sent.
    pub failed: u32,
    /// Left out.
    pub skipped: u32,
}

impl CampaignCounts {
    /// Whether nothing happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, more: Self) -> Self {
        Self {
            sent: self.sent + more.sent,
            delivered: self.delivered + more.delivered,
            read: self.read + more.read,
            replied: self.replied + more.replied,
            failed: self.failed + more.failed,
            skipped: self.skipped + more.skipped,
        }
    }
}

/// An event: a campaign stands elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignEvent {
    /// The campaign.
    pub id: CampaignId,
    /// What people call it.
    pub name: String,
    /// Where it stands now.
    pub state: CampaignState,
    /// Why, where that needs a word.
    #[serde(default)]
    pub reason: Option<CampaignReason>,
    /// What became of its recipients so far.
    pub tally: RunTally,
}
