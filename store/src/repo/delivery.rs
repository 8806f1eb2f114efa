//! Deliveries: queued in the commit of their event, claimed with a lease, finished once.
//!
//! An endpoint has one row in the due index, its next wake. It may stand too early (a wake that finds nothing moves it
//! on), never too late: so a finished delivery need not touch it.

use super::{counters, due, endpoint};
use crate::id::{AccountNo, ChatNo, DeliveryId, EndpointId, Millis, Position};
use crate::key::{Key, Parts};
use crate::records::{
    Attempt, AttemptOutcome, DeliveryRecord, DeliveryState, DiscardReason, EndpointCounters, EndpointRecord,
};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx, envelope};

/// Attempts kept in the delivery's own row.
const INLINE_ATTEMPTS: usize = 3;

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

/// A finished attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    /// The delivery.
    pub id: DeliveryId,
    /// The attempt.
    pub attempt: Attempt,
    /// What becomes of it.
    pub verdict: Verdict,
}

fn todo_key(id: DeliveryId, due_ms: Millis) -> Key {
    Key::new().bytes(&id.endpoint.to_bytes()).u64(due_ms).u64(id.position.0)
}

/// Queues an event for an endpoint.
pub(super) fn enqueue(
    tx: &mut WriteTx<'_>,
    endpoint: &EndpointRecord,
    position: Position,
    no: AccountNo,
    chat_no: Option<ChatNo>,
    now_ms: Millis,
) -> Result<(), StoreError> {
    let id = DeliveryId { endpoint: endpoint.id, position };
    let record = DeliveryRecord { no, chat_no, due_ms: now_ms, ..DeliveryRecord::default() };
    tx.put_record(Tree::Delivery, id.to_bytes(), &record)?;
    tx.put_fixed(Tree::DeliveryTodo, todo_key(id, now_ms), &[])?;
    let mut counts = tx.reading(|tx| counters::endpoint(tx, endpoint.id))?;
    counts.pending += 1;
    if endpoint.enabled() {
        wake_by(tx, endpoint.id, &mut counts, now_ms)?;
    }
    counters::put_endpoint(tx, endpoint.id, &counts)
}

/// Moves an endpoint's wake to a time unless it is earlier already.
fn wake_by(
    tx: &mut WriteTx<'_>,
    id: EndpointId,
    counts: &mut EndpointCounters,
    at_ms: Millis,
) -> Result<(), StoreError> {
    if counts.wake_ms.is_some_and(|wake| wake <= at_ms) {
        return Ok(());
    }
    set_wake(tx, id, counts, Some(at_ms))
}

fn set_wake(
    tx: &mut WriteTx<'_>,
    id: EndpointId,
    counts: &mut EndpointCounters,
    at: Option<Millis>,
) -> Result<(), StoreError> {
    due::reset(tx, due::DueKind::Endpoint, &id.to_bytes(), counts.wake_ms, at)?;
    counts.wake_ms = at;
    Ok(())
}

/// When the endpoint's first unfinished delivery is due.
fn first_due(tx: &ReadTx<'_>, id: EndpointId) -> Result<Option<Millis>, StoreError> {
    let first = tx.first(Tree::DeliveryTodo, id.to_bytes(), Direction::Forward)?;
    Ok(first.and_then(|(key, _)| Parts(key.get(16..).unwrap_or_default()).u64()))
}

/// Sets an endpoint's wake anew from what it has to do: none while it is off.
pub(super) fn rewake(tx: &mut WriteTx<'_>, endpoint: &EndpointRecord, _now_ms: Millis) -> Result<(), StoreError> {
    let id = endpoint.id;
    let (mut counts, first) = tx.reading(|tx| Ok((counters::endpoint(tx, id)?, first_due(tx, id)?)))?;
    let before = counts;
    set_wake(tx, id, &mut counts, first.filter(|_| endpoint.enabled()))?;
    if counts == before {
        return Ok(());
    }
    counters::put_endpoint(tx, id, &counts)
}

/// Endpoints that have something to do by now, the longest waiting first.
///
/// # Errors
/// [`StoreError`] when the index can't be read.
pub fn due_endpoints(tx: &ReadTx<'_>, now_ms: Millis, limit: usize) -> Result<Vec<EndpointId>, StoreError> {
    let ids = due::due(tx, due::DueKind::Endpoint, now_ms, limit)?;
    Ok(ids.iter().filter_map(|id| EndpointId::from_bytes(id)).collect())
}

/// When the next endpoint has something to do.
///
/// # Errors
/// [`StoreError`] when the index can't be read.
pub fn next_wake(tx: &ReadTx<'_>) -> Result<Option<Millis>, StoreError> {
    due::next(tx, due::DueKind::Endpoint)
}

/// Claims at most `limit` due deliveries of an endpoint until `lease_ms`, the oldest first. A claim whose worker dies
/// becomes due again when the lease ends; it may be written relaxed, since a lost claim only means an earlier retry.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn claim(
    tx: &mut WriteTx<'_>,
    endpoint: EndpointId,
    now_ms: Millis,
    lease_ms: Millis,
    limit: usize,
) -> Result<Vec<(DeliveryId, DeliveryRecord)>, StoreError> {
    let mut claims = Claims::default();
    claim_into(tx, endpoint, now_ms, lease_ms, limit, &mut claims)?;
    Ok(claims.taken)
}

/// What was claimed, and what was found on the way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// Deliveries that are the claimer's now.
    pub taken: Vec<(DeliveryId, DeliveryRecord)>,
    /// Accounts of those among them whose last worker never reported, one entry for each such attempt.
    pub lost: Vec<AccountNo>,
}

/// As [`claim`], adding to what other endpoints gave.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn claim_into(
    tx: &mut WriteTx<'_>,
    endpoint: EndpointId,
    now_ms: Millis,
    lease_ms: Millis,
    limit: usize,
    claims: &mut Claims,
) -> Result<(), StoreError> {
    let Some(record) = tx.reading(|tx| endpoint::get(tx, endpoint))? else { return Ok(()) };
    if record.enabled() {
        let from = endpoint.to_bytes();
        let to = Key::new().bytes(&from).u64(now_ms.saturating_add(1));
        for (key, _) in tx.range(Tree::DeliveryTodo, &from, Some(to.as_slice()), Direction::Forward, limit)? {
            let claimed = claim_one(tx, endpoint, &key, now_ms, lease_ms, &mut claims.lost)?;
            claims.taken.extend(claimed);
        }
    }
    rewake(tx, &record, now_ms)
}

fn claim_one(
    tx: &mut WriteTx<'_>,
    endpoint: EndpointId,
    todo: &[u8],
    now_ms: Millis,
    lease_ms: Millis,
    lost_of: &mut Vec<AccountNo>,
) -> Result<Option<(DeliveryId, DeliveryRecord)>, StoreError> {
    let position = Parts(todo.get(24..).unwrap_or_default()).u64();
    let position = position.ok_or_else(|| StoreError::corrupt(Tree::DeliveryTodo, "a key holds no position"))?;
    let id = DeliveryId { endpoint, position: Position(position) };
    tx.delete(Tree::DeliveryTodo, todo)?;
    let Some(mut delivery) = tx.record::<DeliveryRecord>(Tree::Delivery, id.to_bytes())? else { return Ok(None) };
    if delivery.state == DeliveryState::Executing {
        // Its worker never reported: the lease has ended.
        let lost = Attempt { at_ms: now_ms, took_ms: 0, outcome: AttemptOutcome::Lost };
        note_attempt(tx, id, &mut delivery, lost)?;
        lost_of.push(delivery.no);
    }
    delivery.state = DeliveryState::Executing;
    delivery.tries += 1;
    delivery.due_ms = lease_ms;
    tx.put_record(Tree::Delivery, id.to_bytes(), &delivery)?;
    tx.put_fixed(Tree::DeliveryTodo, todo_key(id, lease_ms), &[])?;
    Ok(Some((id, delivery)))
}

/// Notes finished attempts. A delivery that is final already keeps its end.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn finish(tx: &mut WriteTx<'_>, finished: &[Finished], now_ms: Millis) -> Result<(), StoreError> {
    for one in finished {
        finish_one(tx, one, now_ms)?;
    }
    Ok(())
}

fn finish_one(tx: &mut WriteTx<'_>, finished: &Finished, now_ms: Millis) -> Result<(), StoreError> {
    let id = finished.id;
    let Some(mut delivery) = tx.record::<DeliveryRecord>(Tree::Delivery, id.to_bytes())? else { return Ok(()) };
    if matches!(delivery.state, DeliveryState::Completed | DeliveryState::Discarded) {
        return Ok(());
    }
    // The endpoint was removed meanwhile, and its rows are being cleared.
    let Some(mut counts) = tx.reading(|tx| counters::known_endpoint(tx, id.endpoint))? else { return Ok(()) };
    tx.delete(Tree::DeliveryTodo, todo_key(id, delivery.due_ms))?;
    note_attempt(tx, id, &mut delivery, finished.attempt)?;
    match finished.verdict {
        Verdict::Completed => {
            delivery.state = DeliveryState::Completed;
            delivery.ended_ms = Some(now_ms);
            counts.completed += 1;
        }
        Verdict::RetryAt(at_ms) => {
            delivery.state = DeliveryState::Retryable;
            delivery.due_ms = at_ms;
            counts.failed_attempts += 1;
            tx.put_fixed(Tree::DeliveryTodo, todo_key(id, at_ms), &[])?;
            if tx.reading(|tx| endpoint::get(tx, id.endpoint))?.is_some_and(|endpoint| endpoint.enabled()) {
                wake_by(tx, id.endpoint, &mut counts, at_ms)?;
            }
        }
        Verdict::Discarded(why) => {
            delivery.state = DeliveryState::Discarded;
            delivery.ended_ms = Some(now_ms);
            delivery.why = Some(why);
            counts.discarded += 1;
            counts.failed_attempts += 1;
            let key = Key::new().bytes(&id.endpoint.to_bytes()).u64(now_ms).u64(id.position.0);
            tx.put_fixed(Tree::DeliveryBad, key, &[])?;
        }
    }
    if delivery.ended_ms.is_some() {
        counts.pending = counts.pending.saturating_sub(1);
        if counts.pending == 0 {
            set_wake(tx, id.endpoint, &mut counts, None)?;
        }
    }
    counters::put_endpoint(tx, id.endpoint, &counts)?;
    tx.put_record(Tree::Delivery, id.to_bytes(), &delivery)
}

/// Gives up a delivery that has not ended; `false` where it has, or where its endpoint is gone.
pub(super) fn give_up(
    tx: &mut WriteTx<'_>,
    id: DeliveryId,
    why: DiscardReason,
    now_ms: Millis,
) -> Result<bool, StoreError> {
    let Some(mut delivery) = tx.record::<DeliveryRecord>(Tree::Delivery, id.to_bytes())? else { return Ok(false) };
    let Some(mut counts) = tx.reading(|tx| counters::known_endpoint(tx, id.endpoint))? else { return Ok(false) };
    if matches!(delivery.state, DeliveryState::Completed | DeliveryState::Discarded) {
        return Ok(false);
    }
    tx.delete(Tree::DeliveryTodo, todo_key(id, delivery.due_ms))?;
    delivery.state = DeliveryState::Discarded;
    delivery.ended_ms = Some(now_ms);
    delivery.why = Some(why);
    tx.put_fixed(Tree::DeliveryBad, Key::new().bytes(&id.endpoint.to_bytes()).u64(now_ms).u64(id.position.0), &[])?;
    counts.discarded += 1;
    counts.pending = counts.pending.saturating_sub(1);
    if counts.pending == 0 {
        set_wake(tx, id.endpoint, &mut counts, None)?;
    }
    counters::put_endpoint(tx, id.endpoint, &counts)?;
    tx.put_record(Tree::Delivery, id.to_bytes(), &delivery)?;
    Ok(true)
}

fn note_attempt(
    tx: &mut WriteTx<'_>,
    id: DeliveryId,
    delivery: &mut DeliveryRecord,
    attempt: Attempt,
) -> Result<(), StoreError> {
    if delivery.attempts.len() < INLINE_ATTEMPTS {
        delivery.attempts.push(attempt);
        return Ok(());
    }
    tx.put_record(Tree::Attempt, Key::new().bytes(&id.to_bytes()).u32(delivery.tries), &attempt)
}

/// The delivery with this id.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn get(tx: &ReadTx<'_>, id: DeliveryId) -> Result<Option<DeliveryRecord>, StoreError> {
    tx.record(Tree::Delivery, id.to_bytes())
}

/// At most `limit` deliveries of an endpoint before a position, the newest first.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn list(
    tx: &ReadTx<'_>,
    endpoint: EndpointId,
    before: Option<Position>,
    limit: usize,
) -> Result<Vec<(DeliveryId, DeliveryRecord)>, StoreError> {
    let from = endpoint.to_bytes();
    let to = DeliveryId { endpoint, position: before.unwrap_or(Position(u64::MAX)) }.to_bytes();
    let rows = tx.range(Tree::Delivery, &from, Some(&to), Direction::Backward, limit)?;
    let row = |(key, value): &(bytes::Bytes, bytes::Bytes)| {
        let id = DeliveryId::from_bytes(key).ok_or_else(|| StoreError::corrupt(Tree::Delivery, "a key is no id"))?;
        Ok((id, envelope::open_record(Tree::Delivery, value)?))
    };
    rows.iter().map(row).collect()
}
