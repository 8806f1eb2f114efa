//! Webhook subscriptions.
//!
//! `endpoint`: owner no u32 (0 = every account) · endpoint id → record; `0xffffffff` · endpoint id → owner no.

use super::event::{self, NewEvent};
use super::scope::AccountScope;
use super::{account, audit, counters, delivery, due};
use crate::id::{AccountNo, DeliveryId, EndpointId, Millis, TenantNo};
use crate::key::{Key, Parts};
use crate::records::{Act, EndpointRecord, EventData, EventKind};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx, envelope};

/// Owner number of an endpoint that gets the events of every account of its tenant.
pub const EVERY_ACCOUNT: AccountNo = AccountNo(0);

/// Most endpoints of one account, and most of one tenant for every account; more are refused when they are created.
pub const MAX_PER_OWNER: usize = 64;

fn record_key(owner: AccountNo, id: EndpointId) -> Key {
    Key::new().u32(owner.0).bytes(&id.to_bytes())
}

fn owner_key(id: EndpointId) -> Key {
    Key::new().u32(u32::MAX).bytes(&id.to_bytes())
}

/// Writes an endpoint. One that is enabled again takes up its backlog at once.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn put(tx: &mut WriteTx<'_>, endpoint: &EndpointRecord, now_ms: Millis) -> Result<(), StoreError> {
    put_as(tx, endpoint, Act::EndpointSet(endpoint.id), now_ms)
}

/// As [`put`], by an act of another name.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn put_as(tx: &mut WriteTx<'_>, endpoint: &EndpointRecord, act: Act, now_ms: Millis) -> Result<(), StoreError> {
    let before = tx.reading(|tx| get(tx, endpoint.id))?;
    if before.as_ref().is_some_and(|before| !before.enabled()) && endpoint.enabled() {
        delivery::switched_on(tx, endpoint.id)?;
    }
    if let Some(before) = before.filter(|before| before.account != endpoint.account) {
        tx.delete(Tree::Endpoint, record_key(before.account, before.id))?;
    }
    tx.put_record(Tree::Endpoint, record_key(endpoint.account, endpoint.id), endpoint)?;
    tx.put_fixed(Tree::Endpoint, owner_key(endpoint.id), &endpoint.account.0.to_be_bytes())?;
    note(tx, act, endpoint.account, now_ms)?;
    delivery::rewake(tx, endpoint, now_ms)
}

/// The endpoint with this id.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn get(tx: &ReadTx<'_>, id: EndpointId) -> Result<Option<EndpointRecord>, StoreError> {
    let Some(owner) = tx.fixed(Tree::Endpoint, owner_key(id))?.and_then(|body| Parts(&body).u32()) else {
        return Ok(None);
    };
    tx.record(Tree::Endpoint, record_key(AccountNo(owner), id))
}

/// The endpoints of one owner.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn owned_by(tx: &ReadTx<'_>, owner: AccountNo) -> Result<Vec<EndpointRecord>, StoreError> {
    // Whoever creates one checks the limit; one beyond it must still get its events.
    let rows = tx.prefix(Tree::Endpoint, Key::new().u32(owner.0), Direction::Forward, usize::MAX)?;
    rows.iter().map(|(_, value)| envelope::open_record(Tree::Endpoint, value)).collect()
}

/// The endpoints of one owner that belong to a tenant: all of an account's, and some of those for every account.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn of_tenant(tx: &ReadTx<'_>, owner: AccountNo, tenant: TenantNo) -> Result<Vec<EndpointRecord>, StoreError> {
    let mut own = owned_by(tx, owner)?;
    own.retain(|endpoint| endpoint.tenant == tenant);
    Ok(own)
}

/// The endpoints that get an account's events: its own, and its tenant's for every account.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn for_account(tx: &ReadTx<'_>, no: AccountNo, tenant: TenantNo) -> Result<Vec<EndpointRecord>, StoreError> {
    let mut all = of_tenant(tx, EVERY_ACCOUNT, tenant)?;
    if no != EVERY_ACCOUNT {
        all.extend(of_tenant(tx, no, tenant)?);
    }
    Ok(all)
}

/// At most `limit` endpoints after the one given, in the order of their ids.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn list(tx: &ReadTx<'_>, after: Option<EndpointId>, limit: usize) -> Result<Vec<EndpointRecord>, StoreError> {
    let from = match after {
        Some(id) => owner_key(id).u8(0),
        None => Key::new().u32(u32::MAX),
    };
    let rows = tx.range(Tree::Endpoint, from.as_slice(), None, Direction::Forward, limit)?;
    let mut found = Vec::with_capacity(rows.len());
    for (key, _) in &rows {
        let id = EndpointId::from_bytes(key.get(4..).unwrap_or_default());
        let id = id.ok_or_else(|| StoreError::corrupt(Tree::Endpoint, "a key holds no endpoint id"))?;
        found.extend(get(tx, id)?);
    }
    Ok(found)
}

/// Removes an endpoint; its deliveries stop and are cleared by the janitor.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn remove(tx: &mut WriteTx<'_>, id: EndpointId, now_ms: Millis) -> Result<bool, StoreError> {
    let Some(endpoint) = tx.reading(|tx| get(tx, id))? else { return Ok(false) };
    note(tx, Act::EndpointRemoved(id), endpoint.account, now_ms)?;
    let wake = tx.reading(|tx| counters::endpoint(tx, id))?.wake_ms;
    due::reset(tx, due::DueKind::Endpoint, &id.to_bytes(), wake, None)?;
    counters::drop_endpoint(tx, id)?;
    tx.delete(Tree::Endpoint, record_key(endpoint.account, id))?;
    tx.delete(Tree::Endpoint, owner_key(id))?;
    super::purge::endpoint(tx, id)?;
    Ok(true)
}

/// Queues an event that only this endpoint gets, whatever it listens to; `None` where there is no such endpoint.
///
/// # Errors
/// [`StoreError`] when a row can't be read; [`StoreError::StaleEpoch`] where its account is gone.
pub fn test(tx: &mut WriteTx<'_>, id: EndpointId, now_ms: Millis) -> Result<Option<DeliveryId>, StoreError> {
    let Some(endpoint) = tx.reading(|tx| get(tx, id))? else { return Ok(None) };
    let mut scope = match endpoint.account {
        EVERY_ACCOUNT => AccountScope::server(tx)?,
        no => AccountScope::open(tx, no)?,
    };
    let (kind, data) = (EventKind::EndpointTest, EventData::Test { id: id.to_string() });
    let position = event::append_quietly(tx, &mut scope, NewEvent { kind, data, chat_no: None, now_ms })?;
    delivery::enqueue(tx, &endpoint, position, endpoint.account, None, now_ms)?;
    scope.close(tx)?;
    note(tx, Act::EndpointTested(id), endpoint.account, now_ms)?;
    Ok(Some(DeliveryId { endpoint: id, position }))
}

fn note(tx: &mut WriteTx<'_>, act: Act, owner: AccountNo, now_ms: Millis) -> Result<(), StoreError> {
    let owner = tx.reading(|tx| account::owner(tx, owner))?.map(|owner| owner.id);
    audit::note(tx, act, owner.as_ref(), now_ms)
}
