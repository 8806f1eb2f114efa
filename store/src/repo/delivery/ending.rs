//! What is told of deliveries that were given up, and of endpoints that were switched off.

use super::{endpoint, event};
use crate::id::{AccountNo, DeliveryId, EndpointId, Millis};
use crate::records::{DeliveryRecord, DiscardReason, DiscardedEvent, EventData, EventKind, Off};
use crate::repo::scope::{AccountScope, SERVER};
use crate::{StoreError, WriteTx};

/// Switches an endpoint off and tells it, where it is on. Its deliveries queue from here.
pub(super) fn switch_off(tx: &mut WriteTx<'_>, id: EndpointId, why: Off, now_ms: Millis) -> Result<bool, StoreError> {
    let found = tx.reading(|tx| endpoint::get(tx, id))?.filter(crate::records::EndpointRecord::enabled);
    let Some(mut record) = found else { return Ok(false) };
    record.off = Some(why);
    endpoint::put(tx, &record, now_ms)?;
    let data = EventData::Endpoint { id: id.to_string(), reason: why.as_str().to_owned() };
    tell(tx, record.account, EventKind::EndpointDisabled, data, now_ms)?;
    Ok(true)
}

/// Tells that a delivery was given up, unless it was one that tells such things: what can't be delivered must not make
/// more to deliver.
pub(super) fn tell_discarded(
    tx: &mut WriteTx<'_>,
    id: DeliveryId,
    delivery: &DeliveryRecord,
    (why, status): (DiscardReason, Option<u16>),
    now_ms: Millis,
) -> Result<(), StoreError> {
    let Some(told) = tx.reading(|tx| event::get(tx, id.position))? else { return Ok(()) };
    let of_deliveries = [EventKind::DeliveryDiscarded, EventKind::EndpointDisabled, EventKind::EndpointTest];
    if of_deliveries.contains(&told.kind) {
        return Ok(());
    }
    let data = EventData::Discarded(DiscardedEvent {
        delivery: id.to_string(),
        endpoint: id.endpoint.to_string(),
        kind: told.kind,
        position: id.position,
        why,
        status,
        attempts: delivery.attempt_no(),
    });
    tell(tx, delivery.no, EventKind::DeliveryDiscarded, data, now_ms)
}

fn tell(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    kind: EventKind,
    data: EventData,
    now_ms: Millis,
) -> Result<(), StoreError> {
    let scope = if no == SERVER { AccountScope::server(tx) } else { AccountScope::open(tx, no) };
    let mut scope = match scope {
        Ok(scope) => scope,
        // The account is being deleted: nobody is left to be told.
        Err(StoreError::StaleEpoch) => return Ok(()),
        Err(error) => return Err(error),
    };
    event::append(tx, &mut scope, event::NewEvent { kind, data, chat_no: None, now_ms })?;
    scope.close(tx)
}
