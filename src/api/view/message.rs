//! A message.

use serde::Serialize;
use utoipa::ToSchema;
use wasup_store::id::{AccountId, MessageId};
use wasup_store::records::{Direction, FailReason, MarkRecord, MessageRecord, MessageState, StateTimes};

use super::{ContentView, PersonView, Time};

/// A message, received or sent.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MessageView {
    /// Its id here.
    #[schema(value_type = String, examples("msg_0000000106gk3fv0a0mk8d1p3m5r4t9v"))]
    pub id: MessageId,
    /// The account.
    pub account: String,
    /// `inbound` or `outbound`.
    #[schema(value_type = String, examples("outbound"))]
    pub direction: Direction,
    /// The chat.
    pub chat: PersonView,
    /// Who wrote it, where that is not the account itself.
    pub sender: Option<PersonView>,
    /// The name that the sender shows.
    pub push_name: Option<String>,
    /// What it says.
    #[serde(flatten)]
    pub content: ContentView,
    /// `queued`, `sending`, `held`, `sent`, `delivered`, `read`, `played`, `rejected`, `failed` or `cancelled`.
    /// `delivered` and `read` mean: at least seen so.
    #[schema(value_type = String, examples("sent"))]
    pub state: MessageState,
    /// Why it was rejected, failed or is held.
    pub reason: Option<ReasonView>,
    /// When it was written; for sends, when it was accepted.
    pub timestamp: Time,
    /// When it got into each state.
    pub times: MessageTimes,
    /// How often it was put on the wire.
    pub tries: u32,
    /// The network's id of it.
    pub provider_message_id: String,
    /// Your own id of it.
    pub client_message_id: Option<String>,
    /// When its text was changed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Time>,
    /// When it was taken back for everybody; what it said is gone then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Time>,
    /// `false` where it is not in the stored history; what it says is erased when it is delivered. Not there otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<bool>,
    /// The account keeps it among its starred ones.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub starred: bool,
    /// Who put an emoji on it; only where one message is shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<ReactionView>,
    /// Who chose what in the poll; only where one message is shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub votes: Vec<VoteView>,
}

/// An emoji that somebody put on a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReactionView {
    /// Who; `null` for the account itself.
    pub sender: Option<PersonView>,
    /// The emoji.
    #[schema(examples("👍"))]
    pub emoji: String,
    /// When.
    pub timestamp: Time,
}

/// What somebody chose in a poll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct VoteView {
    /// Who; `null` for the account itself.
    pub sender: Option<PersonView>,
    /// The answers.
    pub options: Vec<String>,
    /// When.
    pub timestamp: Time,
}

/// When a message first got into each state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MessageTimes {
    /// Accepted or received.
    pub queued_at: Option<Time>,
    /// First put on the wire.
    pub sending_at: Option<Time>,
    /// Acknowledged by the network's server.
    pub sent_at: Option<Time>,
    /// Seen delivered.
    pub delivered_at: Option<Time>,
    /// Seen read.
    pub read_at: Option<Time>,
    /// Seen played.
    pub played_at: Option<Time>,
    /// Rejected, failed or cancelled.
    pub ended_at: Option<Time>,
}

/// Why a message was rejected, failed or is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReasonView {
    /// `server`, `no_ack`, `logged_out`, `no_recipient` or `not_sendable`.
    #[schema(examples("server"))]
    pub code: &'static str,
    /// The number that the network's server refused it with.
    pub server_code: Option<u16>,
}

impl From<FailReason> for ReasonView {
    fn from(reason: FailReason) -> Self {
        let (code, server_code) = match reason {
            FailReason::Server { error } => ("server", Some(error)),
            FailReason::NoAck => ("no_ack", None),
            FailReason::LoggedOut => ("logged_out", None),
            FailReason::NoRecipient => ("no_recipient", None),
            FailReason::NotSendable => ("not_sendable", None),
            FailReason::Paced => ("paced", None),
        };
        Self { code, server_code }
    }
}

impl ReasonView {
    /// A reason that is a word alone.
    #[must_use]
    pub const fn word(code: &'static str) -> Self {
        Self { code, server_code: None }
    }
}

impl From<StateTimes> for MessageTimes {
    fn from(times: StateTimes) -> Self {
        let time = |ms: Option<u64>| ms.map(Time::from_ms);
        Self {
            queued_at: time(times.queued_ms),
            sending_at: time(times.sending_ms),
            sent_at: time(times.sent_ms),
            delivered_at: time(times.delivered_ms),
            read_at: time(times.read_ms),
            played_at: time(times.played_ms),
            ended_at: time(times.ended_ms),
        }
    }
}

impl MessageView {
    /// A message of this account.
    #[must_use]
    pub fn new(account: &AccountId, id: MessageId, record: &MessageRecord) -> Self {
        Self {
            id,
            account: account.to_string(),
            direction: record.direction,
            chat: PersonView::from(&record.chat),
            sender: record.sender.as_ref().map(PersonView::from),
            push_name: record.push_name.clone(),
            content: ContentView::new(&record.content, record.context.as_deref()),
            state: record.state,
            reason: record.reason.map(ReasonView::from),
            timestamp: Time::from_ms(record.ts_ms),
            times: MessageTimes::from(record.times),
            tries: record.tries,
            provider_message_id: record.provider_id.clone(),
            client_message_id: record.client_message_id.clone(),
            edited_at: record.aftermath.edited_ms.map(Time::from_ms),
            revoked_at: record.aftermath.revoked_ms.map(Time::from_ms),
            kept: record.fleeting.then_some(false),
            starred: record.aftermath.starred,
            reactions: Vec::new(),
            votes: Vec::new(),
        }
    }

    /// ... with who reacted to it and who voted in it; nobody, where it was taken back.
    #[must_use]
    pub fn marked(mut self, reactions: &[MarkRecord], votes: &[MarkRecord]) -> Self {
        if self.revoked_at.is_some() {
            return self;
        }
        let sender = |mark: &MarkRecord| mark.who.as_ref().map(PersonView::from);
        let reaction = |mark: &MarkRecord| {
            let (sender, timestamp) = (sender(mark), Time::from_ms(mark.at_ms));
            Some(ReactionView { sender, emoji: mark.emoji.clone()?, timestamp })
        };
        let vote = |mark: &MarkRecord| {
            let (sender, timestamp) = (sender(mark), Time::from_ms(mark.at_ms));
            VoteView { sender, options: mark.options.clone(), timestamp }
        };
        self.reactions = reactions.iter().filter_map(reaction).collect();
        self.votes = votes.iter().map(vote).collect();
        self
    }
}
