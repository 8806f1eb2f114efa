//! The event log's record: what happened, numbered, self-contained, in our own words.

use serde::{Deserialize, Serialize};

use super::{
    AccountState, Author, CallEvent, CampaignEvent, ChatSettings, Content, Direction, DiscardReason, FailReason,
    GroupEvent, GroupMembersEvent, HistoryEvent, JobEvent, MessageContext, MessageState, Participant, PresenceEvent,
    ScheduleEvent,
};
use crate::id::{AccountId, AccountNo, ChatNo, MessageId, Millis, Position, Seq};

/// What kind of thing happened. The words are the `type` of webhooks and streams and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventKind {
    /// The account's state changed.
    #[serde(rename = "account.state")]
    AccountState,
    /// Another account here is linked to the same phone.
    #[serde(rename = "account.same_phone")]
    SamePhone,
    /// An account's time was over and it was removed. The server's own event, as the account is no more.
    #[serde(rename = "account.expired")]
    AccountExpired,
    /// The network forbids the account to write to people who never wrote to it, or allows it again.
    #[serde(rename = "account.restricted")]
    AccountRestricted,
    /// A message arrived.
    #[serde(rename = "message.received")]
    MessageReceived,
    /// The account itself wrote a message on another of its devices.
    #[serde(rename = "message.sent")]
    MessageSent,
    /// A message's state changed.
    #[serde(rename = "message.status")]
    MessageStatus,
    /// A message has another text or caption.
    #[serde(rename = "message.edited")]
    MessageEdited,
    /// A message was taken back for everybody.
    #[serde(rename = "message.revoked")]
    MessageRevoked,
    /// Somebody put an emoji on a message, or took it off.
    #[serde(rename = "message.reaction")]
    MessageReaction,
    /// Somebody chose answers in a poll.
    #[serde(rename = "poll.vote")]
    PollVote,
    /// A group has another subject, description, picture or setting, or is new to the account.
    #[serde(rename = "group.updated")]
    GroupUpdated,
    /// People joined or left a group, became its admins or are that no more.
    #[serde(rename = "group.participants")]
    GroupParticipants,
    /// A chat was read, archived, pinned, muted or deleted.
    #[serde(rename = "chat.updated")]
    ChatUpdated,
    /// Somebody is online, typing or recording, or not any more.
    #[serde(rename = "presence")]
    Presence,
    /// Somebody calls.
    #[serde(rename = "call.received")]
    CallReceived,
    /// A piece of the history that the phone sent is in the store, or lost.
    #[serde(rename = "history.synced")]
    HistorySynced,
    /// A phone number and one of the network's own numbers turned out to be one human.
    #[serde(rename = "contact.merged")]
    ContactMerged,
    /// An endpoint was switched off.
    #[serde(rename = "endpoint.disabled")]
    EndpointDisabled,
    /// The machine's clock jumped, or is believed again.
    #[serde(rename = "server.clock")]
    ServerClock,
    /// Somebody wants to see whether an endpoint is reached. Only that endpoint gets it.
    #[serde(rename = "endpoint.test")]
    EndpointTest,
    /// A delivery was given up.
    #[serde(rename = "delivery.discarded")]
    DeliveryDiscarded,
    /// A job is over.
    #[serde(rename = "job.finished")]
    JobFinished,
    /// A schedule did what it is for.
    #[serde(rename = "schedule.fired")]
    ScheduleFired,
    /// Times of a schedule passed without it.
    #[serde(rename = "schedule.missed")]
    ScheduleMissed,
    /// A campaign stands elsewhere.
    #[serde(rename = "campaign.state")]
    CampaignState,
}

impl EventKind {
    /// Every kind there is in this version.
    pub const ALL: [Self; 26] = [
        Self::AccountState,
        Self::AccountRestricted,
        Self::SamePhone,
        Self::AccountExpired,
        Self::MessageReceived,
        Self::MessageSent,
        Self::MessageStatus,
        Self::MessageEdited,
        Self::MessageRevoked,
        Self::MessageReaction,
        Self::PollVote,
        Self::GroupUpdated,
        Self::GroupParticipants,
        Self::ChatUpdated,
        Self::Presence,
        Self::CallReceived,
        Self::HistorySynced,
        Self::ContactMerged,
        Self::EndpointDisabled,
        Self::ServerClock,
        Self::EndpointTest,
        Self::DeliveryDiscarded,
        Self::JobFinished,
        Self::ScheduleFired,
        Self::ScheduleMissed,
        Self::CampaignState,
    ];

    /// The word used in webhooks, streams and filters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccountState => "account.state",
            Self::SamePhone => "account.same_phone",
            Self::AccountExpired => "account.expired",
            Self::AccountRestricted => "account.restricted",
            Self::MessageReceived => "message.received",
            Self::MessageSent => "message.sent",
            Self::MessageStatus => "message.status",
            Self::MessageEdited => "message.edited",
            Self::MessageRevoked => "message.revoked",
            Self::MessageReaction => "message.reaction",
            Self::PollVote => "poll.vote",
            Self::GroupUpdated => "group.updated",
            Self::GroupParticipants => "group.participants",
            Self::ChatUpdated => "chat.updated",
            Self::Presence => "presence",
            Self::CallReceived => "call.received",
            Self::HistorySynced => "history.synced",
            Self::ContactMerged => "contact.merged",
            Self::EndpointDisabled => "endpoint.disabled",
            Self::ServerClock => "server.clock",
            Self::EndpointTest => "endpoint.test",
            Self::DeliveryDiscarded => "delivery.discarded",
            Self::JobFinished => "job.finished",
            Self::ScheduleFired => "schedule.fired",
            Self::ScheduleMissed => "schedule.missed",
            Self::CampaignState => "campaign.state",
        }
    }

    /// The kind with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// `account.state`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountStateEvent {
    /// The state before.
    pub previous: super::Phase,
    /// The state now.
    pub state: AccountState,
}

/// `account.restricted`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestrictedEvent {
    /// Whether it is forbidden now.
    pub active: bool,
    /// The code by which it became known.
    pub code: u16,
    /// When it is tried whether it still holds; `None` where it does not any more.
    #[serde(default)]
    pub until_ms: Option<Millis>,
}

/// `message.received` and `message.sent`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageEvent {
    /// Our id.
    pub id: MessageId,
    /// The network's id.
    pub provider_id: String,
    /// Which way it went.
    pub direction: Direction,
    /// The chat.
    pub chat: Participant,
    /// Who wrote it, where that is not the account itself.
    #[serde(default)]
    pub sender: Option<Participant>,
    /// The name the sender shows.
    #[serde(default)]
    pub push_name: Option<String>,
    /// When it was written.
    pub ts_ms: Millis,
    /// What it says.
    pub content: Content,
    /// What surrounds that, where there is anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Box<MessageContext>>,
}

/// `message.status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusEvent {
    /// Our id.
    pub id: MessageId,
    /// The network's id.
    pub provider_id: String,
    /// The chat.
    pub chat: Participant,
    /// Where it stands now.
    pub state: MessageState,
    /// Why it ended badly or waits.
    #[serde(default)]
    pub reason: Option<FailReason>,
    /// The caller's own id, where it gave one.
    #[serde(default)]
    pub client_message_id: Option<String>,
}

/// `server.clock`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockEvent {
    /// Whether rows may be ended by the clock again; while not, nothing expires and no missed schedule runs.
    pub trusted: bool,
    /// How far the clock is ahead of where it should be, in milliseconds; negative behind it.
    pub jump_ms: i64,
}

/// `delivery.discarded`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscardedEvent {
    /// The delivery, in its public form.
    pub delivery: String,
    /// Its endpoint, in its public form.
    pub endpoint: String,
    /// What kind of event was to be delivered.
    pub kind: EventKind,
    /// The event's place in the log.
    pub position: Position,
    /// Why it was given up.
    pub why: DiscardReason,
    /// The receiver's last status, where it answered.
    #[serde(default)]
    pub status: Option<u16>,
    /// How many attempts were begun.
    pub attempts: u32,
}

/// `chat.updated`: how a chat stands afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatEvent {
    /// The chat's number.
    pub chat_no: ChatNo,
    /// The chat.
    pub chat: Participant,
    /// Its name, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Messages that are not read.
    pub unread: u64,
    /// What is set for it.
    #[serde(default)]
    pub settings: ChatSettings,
    /// It was deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}

/// `contact.merged`: a phone number and one of the network's own numbers are one human.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergedEvent {
    /// The human, by every address.
    pub contact: Participant,
    /// The chat that goes on, where there is one.
    #[serde(default)]
    pub chat: Option<ChatNo>,
    /// Another chat with them, which is shown as a part of that one from now on.
    #[serde(default)]
    pub absorbed: Option<ChatNo>,
}

/// What happened, whole: later changes of the message do not change a past event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventData {
    /// An account's state.
    Account(AccountStateEvent),
    /// Other accounts are linked to the account's phone.
    SamePhone {
        /// Which.
        others: Vec<AccountId>,
    },
    /// An account that was removed because its time was over.
    Expired {
        /// Which.
        account: AccountId,
        /// The reason's code: `never_linked`, `logged_out`.
        reason: String,
    },
    /// What an account may send.
    Restricted(RestrictedEvent),
    /// A message.
    Message(MessageEvent),
    /// A message's state.
    Status(StatusEvent),
    /// A group.
    Group(GroupEvent),
    /// People in a group.
    GroupMembers(GroupMembersEvent),
    /// The machine's clock.
    Clock(ClockEvent),
    /// An endpoint's end, with the reason's code.
    Endpoint {
        /// The endpoint.
        id: String,
        /// Why it was switched off.
        reason: String,
    },
    /// A test of an endpoint.
    Test {
        /// The endpoint.
        id: String,
    },
    /// A delivery that was given up.
    Discarded(DiscardedEvent),
    /// What is set for a chat, or how much of it is read.
    Chat(ChatEvent),
    /// Two humans that are one.
    Merged(MergedEvent),
    /// A piece of the history.
    History(HistoryEvent),
    /// A call.
    Call(CallEvent),
    /// How somebody is seen.
    Presence(PresenceEvent),
    /// A job that is over.
    Job(JobEvent),
    /// What a schedule did, or missed.
    Schedule(ScheduleEvent),
    /// Where a campaign stands.
    Campaign(CampaignEvent),
}

impl EventData {
    /// The chat it is about, where it is about one.
    #[must_use]
    pub const fn chat(&self) -> Option<&Participant> {
        match self {
            Self::Message(message) => Some(&message.chat),
            Self::Status(status) => Some(&status.chat),
            Self::Group(event) => Some(&event.group),
            Self::GroupMembers(event) => Some(&event.group),
            Self::Chat(chat) => Some(&chat.chat),
            Self::Call(CallEvent { group: Some(group), .. })
            | Self::Presence(PresenceEvent { group: Some(group), .. }) => Some(group),
            Self::Call(call) => Some(&call.from),
            Self::Presence(presence) => Some(&presence.who),
            _ => None,
        }
    }

    /// The word of what its message holds, where it is a message.
    #[must_use]
    pub const fn message_type(&self) -> Option<&'static str> {
        match self {
            Self::Message(message) => Some(message.content.kind()),
            _ => None,
        }
    }
}

/// Row of `event`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRecord {
    /// What kind of thing happened.
    pub kind: EventKind,
    /// The account's number; 0 for the server itself.
    pub no: AccountNo,
    /// The account's id; `None` for the server itself.
    pub account: Option<AccountId>,
    /// Place in the account's own order.
    pub seq: Seq,
    /// When it was committed.
    pub at_ms: Millis,
    /// Who asked for it, where somebody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Author>,
    /// What happened.
    pub data: EventData,
}
