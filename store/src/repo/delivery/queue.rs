//! Queueing, and the endpoint's wake.

use super::{counters, due, order, todo_key};
use crate::id::{AccountNo, ChatNo, DeliveryId, EndpointId, Millis, Position};
use crate::key::Parts;
use crate::records::{DeliveryRecord, DeliveryState, EndpointCounters, EndpointRecord};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx};

/// Queues an event for an endpoint.
pub(in crate::repo) fn enqueue(
    tx: &mut WriteTx<'_>,
    endpoint: &EndpointRecord,
    position: Position,
    no: AccountNo,
    chat_no: Option<ChatNo>,
    now_ms: Millis,
) -> Result<(), StoreError> {
    let id = DeliveryId { endpoint: endpoint.id, position };
    let record = DeliveryRecord { no, chat_no, queued_ms: now_ms, ..DeliveryRecord::default() };
    insert(tx, endpoint, id, record, now_ms)
}

/// Puts a delivery at the begin of its schedule: into the queue, or behind another one of its chat. It must not stand
/// in any index.
pub(super) fn insert(
    tx: &mut WriteTx<'_>,
    endpoint: &EndpointRecord,
    id: DeliveryId,
    mut record: DeliveryRecord,
    now_ms: Millis,
) -> Result<(), StoreError> {
    record.state = DeliveryState::Available;
    record.due_ms = first_due(endpoint, now_ms);
    order::join(tx, endpoint, id, &mut record)?;
    tx.put_record(Tree::Delivery, id.to_bytes(), &record)?;
    let mut counts = tx.reading(|tx| counters::endpoint(tx, endpoint.id))?;
    counts.pending += 1;
    counts.oldest = Some(counts.oldest.map_or(id.position, |oldest| oldest.min(id.position)));
    if record.state == DeliveryState::Available {
        tx.put_fixed(Tree::DeliveryTodo, todo_key(id, record.due_ms), &[])?;
        if endpoint.enabled() {
            wake_by(tx, endpoint.id, &mut counts, record.due_ms)?;
        }
    }
    counters::put_endpoint(tx, endpoint.id, &counts)
}

/// When a delivery is due first. An endpoint's own schedule can begin with a wait.
pub(super) fn first_due(endpoint: &EndpointRecord, now_ms: Millis) -> Millis {
    let wait = endpoint.policy.schedule_ms.as_ref().and_then(|waits| waits.first().copied());
    now_ms.saturating_add(wait.unwrap_or(0))
}

/// Moves an endpoint's wake to a time unless it is earlier already.
pub(super) fn wake_by(
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

pub(super) fn set_wake(
    tx: &mut WriteTx<'_>,
    id: EndpointId,
    counts: &mut EndpointCounters,
    at: Option<Millis>,
) -> Result<(), StoreError> {
    due::reset(tx, due::DueKind::Endpoint, &id.to_bytes(), counts.wake_ms, at)?;
    counts.wake_ms = at;
    Ok(())
}

/// When the first delivery in the endpoint's queue is due.
pub(super) fn next_due(tx: &ReadTx<'_>, id: EndpointId) -> Result<Option<Millis>, StoreError> {
    let first = tx.first(Tree::DeliveryTodo, id.to_bytes(), Direction::Forward)?;
    Ok(first.and_then(|(key, _)| Parts(key.get(16..).unwrap_or_default()).u64()))
}

/// Sets an endpoint's wake anew from what it has to do: none while it is off.
pub(in crate::repo) fn rewake(
    tx: &mut WriteTx<'_>,
    endpoint: &EndpointRecord,
    _now_ms: Millis,
) -> Result<(), StoreError> {
    let id = endpoint.id;
    let (mut counts, first) = tx.reading(|tx| Ok((counters::endpoint(tx, id)?, next_due(tx, id)?)))?;
    let before = counts;
    set_wake(tx, id, &mut counts, first.filter(|_| endpoint.enabled()))?;
    if counts == before {
        return Ok(());
    }
    counters::put_endpoint(tx, id, &counts)
}

/// An endpoint was off and is on: its failures are counted anew.
pub(in crate::repo) fn switched_on(tx: &mut WriteTx<'_>, id: EndpointId) -> Result<(), StoreError> {
    let counts = tx.reading(|tx| counters::known_endpoint(tx, id))?;
    match counts.filter(|counts| counts.failing_since_ms.is_some()) {
        Some(counts) => counters::put_endpoint(tx, id, &EndpointCounters { failing_since_ms: None, ..counts }),
        None => Ok(()),
    }
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
