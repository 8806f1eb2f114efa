//! Rows of counters in [`Tree::Meta`].

use crate::id::{AccountNo, EndpointId};
use crate::key::Key;
use crate::records::{AccountCounters, EndpointCounters};
use crate::{ReadTx, StoreError, Tree, WriteTx};

fn account_key(no: AccountNo) -> Key {
    Key::new().bytes(b"count/account/").u32(no.0)
}

fn endpoint_key(id: EndpointId) -> Key {
    Key::new().bytes(b"count/endpoint/").bytes(&id.to_bytes())
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

pub(super) fn put_account(tx: &mut WriteTx<'_>, no: AccountNo, counters: &AccountCounters) -> Result<(), StoreError> {
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
