//! What becomes of old rows: events, ended deliveries, acts. A little at a time, the oldest first.
//!
//! `meta`: `event/floor` → the position up to which events were pruned. Whoever reads on from before it has missed
//! something; whoever stands at it has not.
//!
//! An event takes its deliveries along. One that was not delivered until then ends as `discarded(event_pruned)` and is
//! kept as any other that was given up: without its event it can't be replayed, but it is not forgotten in silence.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::{delivery, endpoint, event};
use crate::id::{AccountNo, DeliveryId, EndpointId, Millis, Position};
use crate::key::{Key, Parts, prefix_end};
use crate::records::{DeliveryRecord, DeliveryState, DiscardReason, EventRecord};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx, envelope};

const FLOOR_ROW: &[u8] = b"event/floor";

/// Rows read at once.
const CHUNK: usize = 64;
/// Events pruned in one step, whatever the budget: each is read whole.
const MOST_EVENTS: usize = 128;

/// Which events may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventLife {
    /// Those from before this time.
    pub before_ms: Millis,
    /// Those that have this many younger positions; `None` for any number.
    pub max_rows: Option<u64>,
}

/// What a step of pruning did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Events that are gone.
    pub events: u64,
    /// Deliveries that were given up with them.
    pub discarded: u64,
}

/// The position up to which events were pruned; 0 where none was.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn floor(tx: &ReadTx<'_>) -> Result<Position, StoreError> {
    let body = tx.fixed(Tree::Meta, FLOOR_ROW)?;
    Ok(Position(body.and_then(|body| Parts(&body).u64()).unwrap_or(0)))
}

impl EventLife {
    fn is_over(self, position: Position, event: &EventRecord, last: Position) -> bool {
        let crowded = self.max_rows.is_some_and(|most| last.0.saturating_sub(position.0) >= most);
        crowded || event.at_ms < self.before_ms
    }
}

/// Whether the oldest event may go.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn events_are_due(tx: &ReadTx<'_>, life: EventLife) -> Result<bool, StoreError> {
    let (oldest, last) = (event::page(tx, floor(tx)?, 1)?, event::last(tx)?);
    Ok(oldest.first().is_some_and(|(position, event)| life.is_over(*position, event, last)))
}

/// Prunes the oldest events whose time is over, with their deliveries, until about `budget` rows have changed.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn prune_events(
    tx: &mut WriteTx<'_>,
    life: EventLife,
    now_ms: Millis,
    budget: usize,
) -> Result<Pruned, StoreError> {
    let begun = tx.reading(floor)?;
    let (rows, last) = tx.reading(|tx| Ok((event::page(tx, begun, MOST_EVENTS)?, event::last(tx)?)))?;
    let (mut pruned, mut reached) = (Pruned::default(), begun);
    let mut hearers: BTreeMap<AccountNo, Vec<EndpointId>> = BTreeMap::new();
    for (position, old) in rows {
        if !life.is_over(position, &old, last) || tx.rows() >= budget {
            break;
        }
        let heard_by = match hearers.entry(old.no) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(tx.reading(|tx| hearers_of(tx, old.no))?),
        };
        for endpoint in heard_by.iter() {
            let id = DeliveryId { endpoint: *endpoint, position };
            pruned.discarded += u64::from(let_go(tx, id, now_ms)?);
        }
        tx.delete(Tree::Event, event::position_key(position))?;
        tx.delete(Tree::EventAcct, Key::new().u32(old.no.0).u64(old.seq.0))?;
        (reached, pruned.events) = (position, pruned.events + 1);
    }
    if reached > begun {
        tx.put_fixed(Tree::Meta, FLOOR_ROW, &reached.0.to_be_bytes())?;
    }
    Ok(pruned)
}

/// Every endpoint that may have got an account's events, whatever it wants of them now.
pub(super) fn hearers_of(tx: &ReadTx<'_>, no: AccountNo) -> Result<Vec<EndpointId>, StoreError> {
    let mut all = endpoint::owned_by(tx, endpoint::EVERY_ACCOUNT)?;
    if no != endpoint::EVERY_ACCOUNT {
        all.extend(endpoint::owned_by(tx, no)?);
    }
    Ok(all.iter().map(|endpoint| endpoint.id).collect())
}

/// Lets a delivery go whose event goes; `true` where it had not been delivered.
fn let_go(tx: &mut WriteTx<'_>, id: DeliveryId, now_ms: Millis) -> Result<bool, StoreError> {
    match tx.record::<DeliveryRecord>(Tree::Delivery, id.to_bytes())? {
        None => Ok(false),
        Some(delivery) if is_kept_without(&delivery) => Ok(false),
        Some(delivery) if has_ended(&delivery) => delivery::forget(tx, id).map(|()| false),
        Some(_) => delivery::give_up(tx, id, DiscardReason::EventPruned, now_ms),
    }
}

fn has_ended(delivery: &DeliveryRecord) -> bool {
    matches!(delivery.state, DeliveryState::Completed | DeliveryState::Discarded)
}

/// Whether a delivery stays although its event is gone.
pub(crate) fn is_kept_without(delivery: &DeliveryRecord) -> bool {
    delivery.state == DeliveryState::Discarded && delivery.why == Some(DiscardReason::EventPruned)
}

/// Some ended deliveries, and where to look on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OldDeliveries {
    /// Those that may go.
    pub ended: Vec<DeliveryId>,
    /// The key to look on from; `None` at the end.
    pub next: Option<Vec<u8>>,
}

/// Looks at no more than `looks` deliveries, from a key on, for those that ended before a time. Positions follow time,
/// so of each endpoint only those up to the position of that time are looked at ([`event_before`]).
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn old_deliveries(
    tx: &ReadTx<'_>,
    from: &[u8],
    upto: Position,
    before_ms: Millis,
    looks: usize,
) -> Result<OldDeliveries, StoreError> {
    let (mut from, mut left, mut ended) = (from.to_vec(), looks, Vec::new());
    while left > 0 {
        let rows = tx.range(Tree::Delivery, &from, None, Direction::Forward, left.min(CHUNK))?;
        let Some((last, _)) = rows.last() else { return Ok(OldDeliveries { ended, next: None }) };
        let mut next = Some([last.as_ref(), &[0]].concat());
        for (key, value) in &rows {
            left = left.saturating_sub(1);
            let id = DeliveryId::from_bytes(key);
            let id = id.ok_or_else(|| StoreError::corrupt(Tree::Delivery, "a key is no id"))?;
            if id.position > upto {
                next = prefix_end(&id.endpoint.to_bytes());
                break;
            }
            let delivery: DeliveryRecord = envelope::open_record(Tree::Delivery, value)?;
            if is_over(&delivery, before_ms) {
                ended.push(id);
            }
        }
        match next {
            Some(next) => from = next,
            None => return Ok(OldDeliveries { ended, next: None }),
        }
    }
    Ok(OldDeliveries { ended, next: Some(from) })
}

fn is_over(delivery: &DeliveryRecord, before_ms: Millis) -> bool {
    has_ended(delivery) && delivery.ended_ms.is_some_and(|ended_ms| ended_ms < before_ms)
}

/// What became of deliveries that were to be dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DroppedDeliveries {
    /// Those that are gone.
    pub dropped: u64,
    /// How many were looked at, from the first: the rest is for another step.
    pub looked_at: usize,
}

/// Drops deliveries, with their attempts, that have still ended before a time (one may have been replayed meanwhile),
/// until about `budget` rows have changed.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn drop_deliveries(
    tx: &mut WriteTx<'_>,
    ids: &[DeliveryId],
    before_ms: Millis,
    budget: usize,
) -> Result<DroppedDeliveries, StoreError> {
    let mut done = DroppedDeliveries::default();
    for id in ids {
        if tx.rows() >= budget {
            break;
        }
        let delivery = tx.record::<DeliveryRecord>(Tree::Delivery, id.to_bytes())?;
        if delivery.is_some_and(|delivery| is_over(&delivery, before_ms)) {
            delivery::forget(tx, *id)?;
            done.dropped += 1;
        }
        done.looked_at += 1;
    }
    Ok(done)
}

/// The position of the last event from before a time. Times follow positions but for a clock that was set back, so
/// halving finds it.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn event_before(tx: &ReadTx<'_>, before_ms: Millis) -> Result<Position, StoreError> {
    let (mut low, mut high) = (floor(tx)?.0, event::last(tx)?.0);
    while low < high {
        let middle = low + (high - low) / 2;
        match event::page(tx, Position(middle), 1)?.first() {
            Some((position, event)) if event.at_ms < before_ms => low = position.0,
            _ => high = middle,
        }
    }
    Ok(Position(low))
}

/// Whether a tenant's oldest act is from before a time.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn acts_are_due(tx: &ReadTx<'_>, before_ms: Millis) -> Result<bool, StoreError> {
    let mut from = Vec::new();
    loop {
        let first = tx.range(Tree::Audit, &from, None, Direction::Forward, 1)?;
        let mut parts = Parts(first.first().map_or(&[], |(key, _)| key.as_ref()));
        let (Some(tenant), Some(at_ms)) = (parts.u32(), parts.u64()) else { return Ok(false) };
        if at_ms < before_ms {
            return Ok(true);
        }
        let Some(next) = prefix_end(&tenant.to_be_bytes()) else { return Ok(false) };
        from = next;
    }
}

/// Prunes at most `limit` acts from before a time; answers how many.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn prune_acts(tx: &mut WriteTx<'_>, before_ms: Millis, limit: usize) -> Result<usize, StoreError> {
    let (mut from, mut done) = (Vec::new(), 0);
    while done < limit {
        let first = tx.range(Tree::Audit, &from, None, Direction::Forward, 1)?;
        let Some(tenant) = first.first().and_then(|(key, _)| Parts(key).u32()) else { break };
        let (begin, end) = (Key::new().u32(tenant), Key::new().u32(tenant).u64(before_ms));
        let old = (begin.as_slice(), Some(end.as_slice()));
        for (key, _) in tx.range(Tree::Audit, old.0, old.1, Direction::Forward, limit - done)? {
            tx.delete(Tree::Audit, &key)?;
            done += 1;
        }
        let Some(next) = prefix_end(begin.as_slice()) else { break };
        from = next;
    }
    Ok(done)
}
