//! Who did what. `audit`: tenant u32 · ts u64 · n u32 → record.

use crate::id::{AccountId, Millis, TenantNo};
use crate::key::{Key, Parts};
use crate::records::{Act, AuditRecord, Author};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx, envelope};

/// Notes an act of the one who asked for this write; nothing where the product itself did.
///
/// # Errors
/// [`StoreError`] when the newest row can't be read.
pub fn note(tx: &mut WriteTx<'_>, act: Act, account: Option<&AccountId>, now_ms: Millis) -> Result<(), StoreError> {
    let Some(principal) = tx.principal() else { return Ok(()) };
    let (tenant, by) = (principal.tenant, Author::from(principal));
    let newest = tx.first(Tree::Audit, Key::new().u32(tenant.0), Direction::Backward)?;
    let (at_ms, n) = after(newest.and_then(|(key, _)| place(&key)), now_ms);
    let record = AuditRecord { by, act, account: account.cloned() };
    tx.put_record(Tree::Audit, Key::new().u32(tenant.0).u64(at_ms).u32(n), &record)
}

/// The next place: rows stay in the order of their commits, also when the clock stands still or steps back.
fn after(newest: Option<(Millis, u32)>, now_ms: Millis) -> (Millis, u32) {
    match newest {
        Some((at_ms, n)) if at_ms >= now_ms => n.checked_add(1).map_or((at_ms + 1, 0), |n| (at_ms, n)),
        _ => (now_ms, 0),
    }
}

fn place(key: &[u8]) -> Option<(Millis, u32)> {
    let mut parts = Parts(key.get(4..)?);
    Some((parts.u64()?, parts.u32()?))
}

/// Where an act stands among its tenant's: when it was, and the how manieth of that moment.
pub type AuditPlace = (Millis, u32);

/// At most `limit` acts of a tenant before a place, the newest first.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn list(
    tx: &ReadTx<'_>,
    tenant: TenantNo,
    before: Option<AuditPlace>,
    limit: usize,
) -> Result<Vec<(AuditPlace, AuditRecord)>, StoreError> {
    let from = Key::new().u32(tenant.0);
    let to = before.map_or_else(|| from.clone().u64(u64::MAX), |(at_ms, n)| from.clone().u64(at_ms).u32(n));
    let rows = tx.range(Tree::Audit, from.as_slice(), Some(to.as_slice()), Direction::Backward, limit)?;
    let row = |(key, value): &(bytes::Bytes, bytes::Bytes)| {
        let place = place(key).ok_or_else(|| StoreError::corrupt(Tree::Audit, "a key holds no time"))?;
        Ok((place, envelope::open_record(Tree::Audit, value)?))
    };
    rows.iter().map(row).collect()
}

/// At most `limit` acts of a tenant with their times, the newest first.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn newest(tx: &ReadTx<'_>, tenant: TenantNo, limit: usize) -> Result<Vec<(Millis, AuditRecord)>, StoreError> {
    let found = list(tx, tenant, None, limit)?;
    Ok(found.into_iter().map(|((at_ms, _), record)| (at_ms, record)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acts_stay_in_order_whatever_the_clock_does() {
        for (newest, now_ms, expected) in [
            (None, 7, (7, 0)),
            (Some((5, 3)), 7, (7, 0)),
            (Some((7, 0)), 7, (7, 1)),
            (Some((9, 4)), 7, (9, 5)),
            (Some((9, u32::MAX)), 7, (10, 0)),
        ] {
            assert_eq!(after(newest, now_ms), expected);
        }
    }
}
