//! Deliveries: queued in the commit of their event, claimed with a lease, finished once, replayed at will.
//!
//! `delivery`: endpoint · position → record. `delivery_todo`: endpoint · due · position, what is to be tried.
//! `delivery_bad`: endpoint · ended · position, what was given up. `delivery_lane`: endpoint · account no · chat no ·
//! position, what waits for one another. `attempt`: endpoint · position · n u32, what does not fit into the record.
//!
//! An endpoint has one row in the due index, its next wake. It may stand too early (a wake that finds nothing moves it
//! on), never too late: so a finished delivery need not touch it.

mod attempts;
mod claim;
mod ending;
mod finish;
mod forget;
mod list;
mod oldest;
mod order;
mod queue;
mod replay;
mod replays;

use super::{counters, due, endpoint, event};
use crate::id::{AccountNo, ChatNo, DeliveryId, EndpointId, Millis, Position};
use crate::key::Key;
use crate::records::{Attempt, DiscardReason, NotSent};
use crate::repo::send::NewSend;

pub use attempts::{INLINE_ANSWER_MAX, attempts};
pub use claim::{Claims, claim, claim_into};
pub(super) use finish::give_up;
pub use finish::{Noted, finish};
pub(super) use forget::forget;
pub use list::{BadCursor, DeliveryCursor, DeliveryPage, DeliveryQuery, StateFilter, get, list, page};
pub use oldest::oldest;
pub use queue::{due_endpoints, next_wake};
pub(super) use queue::{enqueue, rewake, switched_on};
pub use replay::replay;
pub(super) use replays::forget as forget_replays;
pub use replays::{Replay, ReplayRange, begin as begin_replay, get as get_replay, step as replay_step};

/// What becomes of a delivery after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Accepted by the receiver.
    Completed,
    /// To be tried again.
    RetryAt(Millis),
    /// Given up.
    Discarded(DiscardReason),
}

/// What the answer is to become in the chat.
#[derive(Debug, Clone)]
pub enum ReplyWish {
    /// This message, unless the delivery was answered before.
    Send(Box<NewSend>),
    /// Nothing, and why.
    Not(NotSent),
}

/// A finished attempt.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The delivery.
    pub id: DeliveryId,
    /// The attempt.
    pub attempt: Attempt,
    /// What becomes of it.
    pub verdict: Verdict,
    /// After this many milliseconds of failures only the endpoint is switched off.
    pub disable_after_ms: Option<Millis>,
    /// What a completed one's answer is to become.
    pub reply: Option<ReplyWish>,
}

impl Finished {
    /// An attempt at an endpoint that is never switched off for failing, without a reply.
    #[must_use]
    pub const fn new(id: DeliveryId, attempt: Attempt, verdict: Verdict) -> Self {
        Self { id, attempt, verdict, disable_after_ms: None, reply: None }
    }
}

fn todo_key(id: DeliveryId, due_ms: Millis) -> Key {
    Key::new().bytes(&id.endpoint.to_bytes()).u64(due_ms).u64(id.position.0)
}

fn bad_key(id: DeliveryId, ended_ms: Millis) -> Key {
    todo_key(id, ended_ms)
}

fn lane(endpoint: EndpointId, no: AccountNo, chat: ChatNo) -> Key {
    Key::new().bytes(&endpoint.to_bytes()).u32(no.0).u32(chat.0)
}

fn lane_key(id: DeliveryId, no: AccountNo, chat: ChatNo) -> Key {
    lane(id.endpoint, no, chat).u64(id.position.0)
}

fn attempt_key(id: DeliveryId, n: u32) -> Key {
    Key::new().bytes(&id.to_bytes()).u32(n)
}

/// The delivery that a row of an index is about: its position stands last.
fn id_in(endpoint: EndpointId, key: &[u8]) -> Option<DeliveryId> {
    let position = key.last_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes))?;
    Some(DeliveryId { endpoint, position: Position(position) })
}
