//! A delivery that goes with its event.

use super::{bad_key, counters, endpoint, order, queue, todo_key};
use crate::id::DeliveryId;
use crate::records::DeliveryRecord;
use crate::{Direction, StoreError, Tree, WriteTx};

/// Attempts beyond the first that are dropped; a schedule has at most fifty.
const ATTEMPTS_MAX: usize = 1_000;

/// Drops a delivery with every row that belongs to it, wherever it stands. Whoever waited behind it in its chat is next.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub(in crate::repo) fn forget(tx: &mut WriteTx<'_>, id: DeliveryId) -> Result<(), StoreError> {
    let Some(mut delivery) = tx.record::<DeliveryRecord>(Tree::Delivery, id.to_bytes())? else { return Ok(()) };
    let since_ms = delivery.queued_ms;
    let moved_up = order::leave(tx, id, &mut delivery, since_ms)?;
    if !delivery.state.is_final() {
        tx.delete(Tree::DeliveryTodo, todo_key(id, delivery.due_ms))?;
        let (mut counts, on) = tx.reading(|tx| {
            let on = endpoint::get(tx, id.endpoint)?.is_some_and(|endpoint| endpoint.enabled());
            Ok((counters::endpoint(tx, id.endpoint)?, on))
        })?;
        counts.pending = counts.pending.saturating_sub(1);
        if moved_up && on {
            queue::wake_by(tx, id.endpoint, &mut counts, since_ms)?;
        }
        counters::put_endpoint(tx, id.endpoint, &counts)?;
    }
    if let Some(ended_ms) = delivery.ended_ms {
        tx.delete(Tree::DeliveryBad, bad_key(id, ended_ms))?;
    }
    for (key, _) in tx.prefix(Tree::Attempt, id.to_bytes(), Direction::Forward, ATTEMPTS_MAX)? {
        tx.delete(Tree::Attempt, &key)?;
    }
    tx.delete(Tree::Delivery, id.to_bytes())
}
