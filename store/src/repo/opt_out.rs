//! People who want no campaigns of a tenant. `own`: tenant u32 · 3 · digits → record. No list and no campaign overrides it.

use crate::id::{Millis, TenantNo};
use crate::key::Key;
use crate::records::OptOut;
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx, envelope};

/// The kind of these rows among the tenant's own.
const KIND: u8 = 3;

fn key_of(tenant: TenantNo, number: &str) -> Key {
    Key::new().u32(tenant.0).u8(KIND).personal(number.as_bytes())
}

/// Notes that somebody wants no campaigns. What was noted first stays.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn add(
    tx: &mut WriteTx<'_>,
    tenant: TenantNo,
    number: &str,
    note: Option<&str>,
    now_ms: Millis,
) -> Result<OptOut, StoreError> {
    let key = key_of(tenant, number);
    if let Some(known) = tx.record(Tree::Own, &key)? {
        return Ok(known);
    }
    let new = OptOut { number: number.to_owned(), since_ms: now_ms, note: note.map(str::to_owned) };
    tx.put_record(Tree::Own, &key, &new)?;
    Ok(new)
}

/// Somebody wants campaigns again; `false` where they did.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn remove(tx: &mut WriteTx<'_>, tenant: TenantNo, number: &str) -> Result<bool, StoreError> {
    let key = key_of(tenant, number);
    let known = tx.contains(Tree::Own, &key)?;
    tx.delete(Tree::Own, &key)?;
    Ok(known)
}

/// Whether somebody wants no campaigns, since when and why.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn get(tx: &ReadTx<'_>, tenant: TenantNo, number: &str) -> Result<Option<OptOut>, StoreError> {
    tx.record(Tree::Own, key_of(tenant, number))
}

/// At most `limit` of them after a number.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn page(tx: &ReadTx<'_>, tenant: TenantNo, after: Option<&str>, limit: usize) -> Result<Vec<OptOut>, StoreError> {
    let all = Key::new().u32(tenant.0).u8(KIND);
    let from = after.map_or_else(|| all.as_slice().to_vec(), |after| tx.stored(Tree::Own, key_of(tenant, after).u8(0)));
    let to = crate::key::prefix_end(all.as_slice());
    let rows = tx.range(Tree::Own, &from, to.as_deref(), Direction::Forward, limit)?;
    rows.iter().map(|(_, value)| envelope::open_record(Tree::Own, value)).collect()
}
