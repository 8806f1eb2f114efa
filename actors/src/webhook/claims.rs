//! What the dispatcher reads and writes besides attempts.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use wasup_store::id::{DeliveryId, EndpointId, EventId, Millis};
use wasup_store::records::{DeliveryRecord, Off};
use wasup_store::repo::delivery::{self, Claims};
use wasup_store::repo::{endpoint, event};
use wasup_store::{ReadTx, StoreError, WriteTx};

use super::worker::Errand;

/// Claims these shares, the oldest deliveries of each endpoint first.
pub(super) fn claim_all(
    tx: &mut WriteTx<'_>,
    shares: &[(EndpointId, usize)],
    now_ms: Millis,
    lease_ms: Millis,
) -> Result<Claims, StoreError> {
    let mut claims = Claims::default();
    for (endpoint, share) in shares {
        delivery::claim_into(tx, *endpoint, now_ms, lease_ms, *share, &mut claims)?;
    }
    Ok(claims)
}

/// What a claimed delivery needs to be made.
pub(super) enum Found {
    Errand(Box<Errand>),
    NoEndpoint,
    NoEvent,
}

/// Reads what claimed deliveries need, in their order.
pub(super) fn load(
    tx: &ReadTx<'_>,
    claimed: &[(DeliveryId, DeliveryRecord)],
    incarnation: u64,
) -> Result<Vec<Found>, StoreError> {
    let mut endpoints = HashMap::new();
    let mut found = Vec::with_capacity(claimed.len());
    for (id, record) in claimed {
        let endpoint = match endpoints.entry(id.endpoint) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(endpoint::get(tx, id.endpoint)?.map(Arc::new)),
        };
        let endpoint = endpoint.clone();
        found.push(match (endpoint, event::get(tx, id.position)?) {
            (None, _) => Found::NoEndpoint,
            (Some(_), None) => Found::NoEvent,
            (Some(endpoint), Some(event)) => {
                let event_id = EventId { incarnation, position: id.position };
                let (no, tries) = (record.no, record.tries);
                Found::Errand(Box::new(Errand { id: *id, no, tries, endpoint, event_id, event }))
            }
        });
    }
    Ok(found)
}

/// Switches an endpoint off; its deliveries queue from here.
pub(super) fn switch_off(tx: &mut WriteTx<'_>, id: EndpointId, now_ms: Millis) -> Result<(), StoreError> {
    let Some(mut record) = tx.reading(|tx| endpoint::get(tx, id))? else { return Ok(()) };
    record.off = Some(Off::Gone);
    endpoint::put(tx, &record, now_ms)
}
