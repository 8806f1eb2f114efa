//! A replay: the same event under the same `webhook-id`, its schedule from the begin.

use super::{bad_key, counters, endpoint, queue, todo_key};
use crate::id::{DeliveryId, Millis};
use crate::records::{DeliveryRecord, DeliveryState, EndpointRecord};
use crate::{StoreError, Tree, WriteTx};

/// Begins a delivery's schedule anew, whatever became of it; one that a worker has at the moment stays as it is.
/// `None`: there is no such delivery.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn replay(tx: &mut WriteTx<'_>, id: DeliveryId, now_ms: Millis) -> Result<Option<DeliveryRecord>, StoreError> {
    let Some(endpoint) = tx.reading(|tx| endpoint::get(tx, id.endpoint))? else { return Ok(None) };
    let Some(delivery) = tx.record::<DeliveryRecord>(Tree::Delivery, id.to_bytes())? else { return Ok(None) };
    again(tx, &endpoint, id, delivery, now_ms)?;
    tx.record(Tree::Delivery, id.to_bytes())
}

/// As [`replay`], of what was read already.
pub(super) fn again(
    tx: &mut WriteTx<'_>,
    endpoint: &EndpointRecord,
    id: DeliveryId,
    mut delivery: DeliveryRecord,
    now_ms: Millis,
) -> Result<(), StoreError> {
    let before = (delivery.state, delivery.due_ms, delivery.ended_ms);
    delivery.earlier = delivery.attempt_no();
    delivery.tries = 0;
    (delivery.ended_ms, delivery.why) = (None, None);
    match before {
        (DeliveryState::Executing, ..) => Ok(()),
        // Its turn comes when the one before it in its chat has ended.
        (DeliveryState::Suspended, ..) => tx.put_record(Tree::Delivery, id.to_bytes(), &delivery),
        (DeliveryState::Available | DeliveryState::Retryable, due_ms, _) => {
            tx.delete(Tree::DeliveryTodo, todo_key(id, due_ms))?;
            sooner(tx, endpoint, id, delivery, now_ms)
        }
        (DeliveryState::Completed | DeliveryState::Discarded, _, ended_ms) => {
            if before.0 == DeliveryState::Discarded {
                tx.delete(Tree::DeliveryBad, bad_key(id, ended_ms.unwrap_or(0)))?;
            }
            queue::insert(tx, endpoint, id, delivery, now_ms)
        }
    }
}

/// Makes one due now that waits for its next attempt.
fn sooner(
    tx: &mut WriteTx<'_>,
    endpoint: &EndpointRecord,
    id: DeliveryId,
    mut delivery: DeliveryRecord,
    now_ms: Millis,
) -> Result<(), StoreError> {
    (delivery.state, delivery.due_ms) = (DeliveryState::Available, now_ms);
    tx.put_record(Tree::Delivery, id.to_bytes(), &delivery)?;
    tx.put_fixed(Tree::DeliveryTodo, todo_key(id, now_ms), &[])?;
    if !endpoint.enabled() {
        return Ok(());
    }
    let mut counts = tx.reading(|tx| counters::endpoint(tx, id.endpoint))?;
    queue::wake_by(tx, id.endpoint, &mut counts, now_ms)?;
    counters::put_endpoint(tx, id.endpoint, &counts)
}
