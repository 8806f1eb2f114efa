//! What a tenant has apart from its accounts. `own`: tenant u32 · kind u8 · id 16 → (). The kinds: 1 phone numbers, 2 lists,
//! 3 people who opted out, 4 templates, 5 jobs, 6 schedules, 7 campaigns.

use crate::id::TenantNo;
use crate::key::{Key, prefix_end};
use crate::{Direction, ReadTx, StoreError, Tree};

/// The kind of campaigns.
pub(super) const CAMPAIGN: u8 = 7;

pub(super) fn key(tenant: TenantNo, kind: u8, id: [u8; 16]) -> Key {
    Key::new().u32(tenant.0).u8(kind).bytes(&id)
}

/// The id of a row of a kind; `None` for one of another.
pub(super) fn id_of(key: &[u8], kind: u8) -> Option<[u8; 16]> {
    (*key.get(4)? == kind).then(|| key.get(5..)?.try_into().ok()).flatten()
}

/// At most `limit` ids of a kind before one, the newest first.
pub(super) fn newest(
    tx: &ReadTx<'_>,
    (tenant, kind): (TenantNo, u8),
    before: Option<[u8; 16]>,
    limit: usize,
) -> Result<Vec<[u8; 16]>, StoreError> {
    let all = Key::new().u32(tenant.0).u8(kind);
    let end = match before {
        Some(before) => Some(key(tenant, kind, before).as_slice().to_vec()),
        None => prefix_end(all.as_slice()),
    };
    let rows = tx.range(Tree::Own, all.as_slice(), end.as_deref(), Direction::Backward, limit)?;
    let bad = || StoreError::corrupt(Tree::Own, "a key holds no id");
    rows.iter().map(|(row, _)| id_of(row, kind).ok_or_else(bad)).collect()
}
