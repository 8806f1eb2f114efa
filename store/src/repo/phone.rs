//! Which accounts are linked to a phone number. `own`: tenant u32 · kind u8 · digits · no u32 → ().

use crate::id::{AccountNo, TenantNo};
use crate::key::Key;
use crate::records::Identity;
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx};

/// The kind of these rows among the tenant's own.
const KIND: u8 = 1;

fn of(tenant: TenantNo, digits: &str) -> Key {
    Key::new().u32(tenant.0).u8(KIND).personal(digits.as_bytes())
}

/// Whether a key is one of these rows'.
pub(crate) fn is_one(key: &[u8]) -> bool {
    key.get(4) == Some(&KIND)
}

/// The accounts of a tenant that are linked to a phone number, in the order of their numbers.
///
/// # Errors
/// [`StoreError`] when the index can't be read.
pub fn linked_to(tx: &ReadTx<'_>, tenant: TenantNo, digits: &str) -> Result<Vec<AccountNo>, StoreError> {
    let rows = tx.prefix(Tree::Own, of(tenant, digits), Direction::Forward, usize::MAX)?;
    let no = |key: &[u8]| {
        let last = key.last_chunk().ok_or_else(|| StoreError::corrupt(Tree::Own, "a key holds no account"))?;
        Ok(AccountNo(u32::from_be_bytes(*last)))
    };
    rows.iter().map(|(key, _)| no(key)).collect()
}

/// Notes that an account is linked to a phone. `true` where that is new.
pub(super) fn add(
    tx: &mut WriteTx<'_>,
    tenant: TenantNo,
    no: AccountNo,
    identity: &Identity,
) -> Result<bool, StoreError> {
    let Some(digits) = identity.jid.phone_digits() else { return Ok(false) };
    let key = of(tenant, digits).u32(no.0);
    if tx.contains(Tree::Own, &key)? {
        return Ok(false);
    }
    tx.put_fixed(Tree::Own, key, &[]).map(|()| true)
}

/// Forgets that an account is linked to a phone.
pub(super) fn remove(
    tx: &mut WriteTx<'_>,
    tenant: TenantNo,
    no: AccountNo,
    identity: Option<&Identity>,
) -> Result<(), StoreError> {
    match identity.and_then(|identity| identity.jid.phone_digits()) {
        Some(digits) => tx.delete(Tree::Own, of(tenant, digits).u32(no.0)),
        None => Ok(()),
    }
}
