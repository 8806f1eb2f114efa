//! The oldest delivery that waits. The endpoint's counters hold a place before which none does; claims move it on a
//! little at a time, so that nobody ever walks far.

use super::counters;
use crate::id::{DeliveryId, EndpointId, Position};
use crate::records::{DeliveryRecord, EndpointCounters};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx, envelope};

/// Ended deliveries that a claim walks over.
const STEP: usize = 64;
/// Ended deliveries that are walked over to tell the oldest.
const WALK_MAX: usize = 8_192;

/// Walks from a place over at most `limit` ended deliveries; answers where it came to and whether that one waits.
fn walk(tx: &ReadTx<'_>, id: EndpointId, from: Position, limit: usize) -> Result<(Position, bool), StoreError> {
    let mut at = from;
    // Mostly the first one waits still.
    for page in [1, limit] {
        let (start, end) =
            (DeliveryId { endpoint: id, position: at }.to_bytes(), crate::key::prefix_end(&id.to_bytes()));
        for (key, value) in tx.range(Tree::Delivery, &start, end.as_deref(), Direction::Forward, page)? {
            let place = DeliveryId::from_bytes(&key).map(|delivery| delivery.position);
            at = place.ok_or_else(|| StoreError::corrupt(Tree::Delivery, "a key is no id"))?;
            if !envelope::open_record::<DeliveryRecord>(Tree::Delivery, &value)?.state.is_final() {
                return Ok((at, true));
            }
        }
    }
    Ok((at, false))
}

/// Moves the place on.
pub(super) fn advance(tx: &WriteTx<'_>, id: EndpointId, counts: &mut EndpointCounters) -> Result<(), StoreError> {
    counts.oldest = match counts.oldest {
        Some(from) if counts.pending > 0 => Some(tx.reading(|tx| walk(tx, id, from, STEP))?.0),
        // Rows of the first version have no place.
        None if counts.pending > 0 => Some(tx.reading(|tx| walk(tx, id, Position(0), STEP))?.0),
        _ => None,
    };
    Ok(())
}

/// The oldest delivery of an endpoint that has not ended. After thousands of ended ones in front of it that nobody has
/// walked over yet, a place before it.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn oldest(tx: &ReadTx<'_>, id: EndpointId) -> Result<Option<Position>, StoreError> {
    let counts = counters::endpoint(tx, id)?;
    if counts.pending == 0 {
        return Ok(None);
    }
    Ok(Some(walk(tx, id, counts.oldest.unwrap_or_default(), WALK_MAX)?.0))
}
