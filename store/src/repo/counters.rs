//! Rows of counters in [`Tree::Meta`].

use crate::id::{AccountNo, EndpointId, TenantNo};
use crate::key::Key;
use crate::records::{AccountCounters, EndpointCounters, TenantCounters};
use crate::{ReadTx, StoreError, Tree, WriteTx};

fn account_key(no: AccountNo) -> Key {
    Key::new().bytes(b"count/account/").u32(no.0)
}

fn endpoint_key(id: EndpointId) -> Key {
    Key::new().bytes(b"count/endpoint/").bytes(&id.to_bytes())
}

fn tenant_key(tenant: TenantNo) -> Key {
    Key::new().bytes(b"count/tenant/").u32(tenant.0)
}

/// A tenant's counters; zeroes for an unknown one.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn tenant(tx: &ReadTx<'_>, tenant: TenantNo) -> Result<TenantCounters, StoreError> {
    Ok(tx.record(Tree::Meta, tenant_key(tenant))?.unwrap_or_default())
}

/// Changes a tenant's counters; writes nothing where nothing changed.
pub(crate) fn change_tenant(
    tx: &mut WriteTx<'_>,
    no: TenantNo,
    change: impl FnOnce(TenantCounters) -> TenantCounters,
) -> Result<(), StoreError> {
    let before = tx.reading(|tx| tenant(tx, no))?;
    let after = change(before);
    if after == before {
        return Ok(());
    }
    tx.put_record(Tree::Meta, tenant_key(no), &after)
}

/// An account's counters; zeroes for an unknown one.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn account(tx: &ReadTx<'_>, no: AccountNo) -> Result<AccountCounters, StoreError> {
    Ok(tx.record(Tree::Meta, account_key(no))?.unwrap_or_default())
}

/// An endpoint's counters; zeroes for an unknown one.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn endpoint(tx: &ReadTx<'_>, id: EndpointId) -> Result<EndpointCounters, StoreError> {
    Ok(tx.record(Tree::Meta, endpoint_key(id))?.unwrap_or_default())
}

/// An endpoint's counters, where it has any: from its first delivery until it is removed.
pub(super) fn known_endpoint(tx: &ReadTx<'_>, id: EndpointId) -> Result<Option<EndpointCounters>, StoreError> {
    tx.record(Tree::Meta, endpoint_key(id))
}

pub(crate) fn put_account(tx: &mut WriteTx<'_>, no: AccountNo, counters: &AccountCounters) -> Result<(), StoreError> {
    tx.put_record(Tree::Meta, account_key(no), counters)
}

pub(super) fn put_endpoint(
    tx: &mut WriteTx<'_>,
    id: EndpointId,
    counters: &EndpointCounters,
) -> Result<(), StoreError> {
    tx.put_record(Tree::Meta, endpoint_key(id), counters)
}

pub(super) fn drop_account(tx: &mut WriteTx<'_>, no: AccountNo) -> Result<(), StoreError> {
    tx.delete(Tree::Meta, account_key(no))
}

pub(super) fn drop_endpoint(tx: &mut WriteTx<'_>, id: EndpointId) -> Result<(), StoreError> {
    tx.delete(Tree::Meta, endpoint_key(id))
}
