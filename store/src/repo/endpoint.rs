//! Webhook subscriptions.
//!
//! `endpoint`: owner no u32 (0 = every account) · endpoint id → record; `0xffffffff` · endpoint id → owner no.

use super::{account, audit, counters, delivery, due};
use crate::id::{AccountNo, EndpointId, Millis};
use crate::key::{Key, Parts};
use crate::records::{Act, EndpointRecord};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx, envelope};

/// Owner number of an endpoint that gets every account's events.
pub const EVERY_ACCOUNT: AccountNo = AccountNo(0);

/// Most endpoints of one owner; more are refused when they are created.
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
    if let Some(before) = tx.reading(|tx| get(tx, endpoint.id))?.filter(|before| before.account != endpoint.account) {
        tx.delete(Tree::Endpoint, record_key(before.account, before.id))?;
    }
    tx.put_record(Tree::Endpoint, record_key(endpoint.account, endpoint.id), endpoint)?;
    tx.put_fixed(Tree::Endpoint, owner_key(endpoint.id), &endpoint.account.0.to_be_bytes())?;
    note(tx, Act::EndpointSet(endpoint.id), endpoint.account, now_ms)?;
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

/// The endpoints that get an account's events: its own and those for every account.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn for_account(tx: &ReadTx<'_>, no: AccountNo) -> Result<Vec<EndpointRecord>, StoreError> {
    let mut all = owned_by(tx, EVERY_ACCOUNT)?;
    if no != EVERY_ACCOUNT {
        all.extend(owned_by(tx, no)?);
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

fn note(tx: &mut WriteTx<'_>, act: Act, owner: AccountNo, now_ms: Millis) -> Result<(), StoreError> {
    let owner = tx.reading(|tx| account::owner(tx, owner))?.map(|owner| owner.id);
    audit::note(tx, act, owner.as_ref(), now_ms)
}
