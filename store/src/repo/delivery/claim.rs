//! Claims: a worker has a delivery until its lease ends.

use super::{attempts, counters, endpoint, id_in, oldest, queue, todo_key};
use crate::id::{AccountNo, DeliveryId, EndpointId, Millis};
use crate::key::Key;
use crate::records::{Attempt, AttemptOutcome, DeliveryRecord, DeliveryState, EndpointRecord};
use crate::{Direction, StoreError, Tree, WriteTx};

/// What was claimed, and what was found on the way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// Deliveries that are the claimer's now.
    pub taken: Vec<(DeliveryId, DeliveryRecord)>,
    /// Accounts of those among them whose last worker never reported, one entry for each such attempt.
    pub lost: Vec<AccountNo>,
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
    claim_into(tx, endpoint, now_ms, |_| (lease_ms, limit), &mut claims)?;
    Ok(claims.taken)
}

/// As [`claim`], adding to what other endpoints gave. `terms` says until when and how many, by what the endpoint asks for.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn claim_into(
    tx: &mut WriteTx<'_>,
    endpoint: EndpointId,
    now_ms: Millis,
    terms: impl FnOnce(&EndpointRecord) -> (Millis, usize),
    claims: &mut Claims,
) -> Result<(), StoreError> {
    let Some(record) = tx.reading(|tx| endpoint::get(tx, endpoint))? else { return Ok(()) };
    let (lease_ms, limit) = terms(&record);
    if record.enabled() && limit > 0 {
        let from = endpoint.to_bytes();
        let to = Key::new().bytes(&from).u64(now_ms.saturating_add(1));
        for (key, _) in tx.range(Tree::DeliveryTodo, &from, Some(to.as_slice()), Direction::Forward, limit)? {
            let claimed = claim_one(tx, endpoint, &key, now_ms, lease_ms, &mut claims.lost)?;
            claims.taken.extend(claimed);
        }
    }
    settle_counters(tx, &record)
}

/// Sets the endpoint's wake anew, and moves on the place of its oldest delivery.
fn settle_counters(tx: &mut WriteTx<'_>, endpoint: &EndpointRecord) -> Result<(), StoreError> {
    let id = endpoint.id;
    let (mut counts, next) = tx.reading(|tx| Ok((counters::endpoint(tx, id)?, queue::next_due(tx, id)?)))?;
    let before = counts;
    queue::set_wake(tx, id, &mut counts, next.filter(|_| endpoint.enabled()))?;
    oldest::advance(tx, id, &mut counts)?;
    if counts == before {
        return Ok(());
    }
    counters::put_endpoint(tx, id, &counts)
}

fn claim_one(
    tx: &mut WriteTx<'_>,
    endpoint: EndpointId,
    todo: &[u8],
    now_ms: Millis,
    lease_ms: Millis,
    lost_of: &mut Vec<AccountNo>,
) -> Result<Option<(DeliveryId, DeliveryRecord)>, StoreError> {
    let id = id_in(endpoint, todo);
    let id = id.ok_or_else(|| StoreError::corrupt(Tree::DeliveryTodo, "a key holds no position"))?;
    tx.delete(Tree::DeliveryTodo, todo)?;
    let Some(mut delivery) = tx.record::<DeliveryRecord>(Tree::Delivery, id.to_bytes())? else { return Ok(None) };
    if delivery.state == DeliveryState::Executing {
        // Its worker never reported: the lease has ended.
        attempts::note(tx, id, &mut delivery, Attempt::new(now_ms, 0, AttemptOutcome::Lost))?;
        lost_of.push(delivery.no);
    }
    delivery.state = DeliveryState::Executing;
    delivery.tries += 1;
    delivery.due_ms = lease_ms;
    tx.put_record(Tree::Delivery, id.to_bytes(), &delivery)?;
    tx.put_fixed(Tree::DeliveryTodo, todo_key(id, lease_ms), &[])?;
    Ok(Some((id, delivery)))
}
