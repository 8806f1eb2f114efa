//! Jobs and their items.

use serde::Serialize;
use utoipa::ToSchema;
use wasup_actors::JobSeen;
use wasup_store::records::{DelayRange, ItemState, JobEvent, RunItem, RunTally};

use super::{MessageTimes, PersonView, ReasonView, Time};

/// A job.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Job)]
pub struct JobView {
    /// The job's id.
    #[schema(examples("job_0000106gk3fv0a0mk8d1p3m5r4"))]
    id: String,
    /// The account that sends; `null` where that was deleted.
    account: Option<String>,
    /// What people call it.
    name: Option<String>,
    /// `queued` (others of the account come first), `running`, `paused`, `completed`, `failed` or `cancelled`.
    state: &'static str,
    /// Why, where that needs a word: `account_gone`; `restored` (paused, because the store came out of a backup: some of it
    /// may have been sent after that was made).
    reason: Option<&'static str>,
    /// How far it is.
    progress: ProgressView,
    /// The wait between two items.
    delay: DelayView,
    /// When it was accepted.
    created_at: Time,
    /// When its first item's turn came.
    started_at: Option<Time>,
    /// When it was over.
    ended_at: Option<Time>,
}

/// The wait between two items, in milliseconds.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = JobDelay)]
pub(super) struct DelayView {
    min_ms: u64,
    max_ms: u64,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = JobProgress)]
pub(super) struct ProgressView {
    /// Items.
    total: u32,
    /// Items that have their outcome.
    current: u32,
    /// Items that the network's server has.
    success: u32,
    /// Items that will never be sent, but those that were cancelled.
    error: u32,
    /// Items in each state.
    states: StatesView,
}

/// How many items are in each state.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = JobItemStates)]
pub(super) struct StatesView {
    pending: u32,
    queued: u32,
    sent: u32,
    delivered: u32,
    read: u32,
    failed: u32,
    cancelled: u32,
}

impl From<DelayRange> for DelayView {
    fn from(delay: DelayRange) -> Self {
        Self { min_ms: delay.min_ms, max_ms: delay.max_ms }
    }
}

impl From<&RunTally> for ProgressView {
    fn from(tally: &RunTally) -> Self {
        Self {
            total: tally.total,
            current: tally.ended(),
            success: tally.success(),
            error: tally.of(ItemState::Failed),
            states: StatesView {
                pending: tally.of(ItemState::Pending),
                queued: tally.of(ItemState::Queued),
                sent: tally.of(ItemState::Sent),
                delivered: tally.of(ItemState::Delivered),
                read: tally.of(ItemState::Read),
                failed: tally.of(ItemState::Failed),
                cancelled: tally.of(ItemState::Cancelled),
            },
        }
    }
}

impl From<&JobSeen> for JobView {
    fn from(seen: &JobSeen) -> Self {
        let JobSeen { id, account, record, tally, .. } = seen;
        Self {
            id: id.to_string(),
            account: account.as_ref().map(ToString::to_string),
            name: record.name.clone(),
            state: record.state.as_str(),
            reason: record.reason.map(wasup_store::records::JobReason::as_str),
            progress: tally.into(),
            delay: record.delay.into(),
            created_at: Time::from_ms(record.created_ms),
            started_at: record.started_ms.map(Time::from_ms),
            ended_at: record.ended_ms.map(Time::from_ms),
        }
    }
}

/// An item of a job.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = JobItem)]
pub struct JobItemView {
    /// Its place in the job, from 0.
    index: u32,
    /// Where it goes; `null` where that could not be made out.
    to: Option<PersonView>,
    /// `pending`, `queued`, `sent`, `delivered`, `read`, `failed` or `cancelled`.
    state: &'static str,
    /// Its message (`msg_…`), once its turn has come.
    message: Option<String>,
    /// When its message was in each state.
    times: Option<MessageTimes>,
    /// Why it failed: `server` with the network's code, `no_ack`, `no_recipient`, `not_sendable`, `logged_out`; `bad_item` (it
    /// could not be made into a message, see `detail`); `account_gone`.
    reason: Option<ReasonView>,
    /// What is wrong with a bad item.
    detail: Option<String>,
}

impl JobItemView {
    /// The view of an item.
    #[must_use]
    pub fn new(index: u32, item: &RunItem) -> Self {
        let (reason, detail) = super::campaign::trouble(item.trouble.as_ref());
        Self {
            index,
            to: item.chat.as_ref().map(PersonView::from),
            state: item.state.as_str(),
            message: item.message.map(|id| id.to_string()),
            times: item.message.map(|_| MessageTimes::from(item.times)),
            reason,
            detail,
        }
    }
}

/// `job.finished`.
#[derive(Serialize)]
pub(super) struct JobData<'a> {
    job: String,
    name: Option<&'a str>,
    state: &'static str,
    reason: Option<&'static str>,
    progress: ProgressView,
}

impl<'a> From<&'a JobEvent> for JobData<'a> {
    fn from(event: &'a JobEvent) -> Self {
        Self {
            job: event.id.to_string(),
            name: event.name.as_deref(),
            state: event.state.as_str(),
            reason: event.reason.map(wasup_store::records::JobReason::as_str),
            progress: (&event.tally).into(),
        }
    }
}
