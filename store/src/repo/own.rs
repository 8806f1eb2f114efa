//! What a tenant has apart from its accounts. `own`: tenant u32 · kind u8 · id → (). Kinds 1 (phone numbers) and 3 (people who
//! opted out) have numbers for ids, and pages of their own.

use crate::id::TenantNo;
use crate::key::{Key, prefix_end};
use crate::{Direction, ReadTx, StoreError, Tree};

/// Lists.
pub(super) const LIST: u8 = 2;
/// Templates.
pub(super) const TEMPLATE: u8 = 4;
/// Jobs.
pub(super) const JOB: u8 = 5;
/// Schedules.
pub(super) const SCHEDULE: u8 = 6;
/// Campaigns.
pub(super) const CAMPAIGN: u8 = 7;

/// An id as it stands in keys.
type Id = [u8; 16];

/// What begins the rows of a kind.
pub(super) fn all(tenant: TenantNo, kind: u8) -> Key {
    Key::new().u32(tenant.0).u8(kind)
}

pub(super) fn key(tenant: TenantNo, kind: u8, id: Id) -> Key {
    all(tenant, kind).bytes(&id)
}

/// The id of a row of a kind; `None` for one of another.
pub(super) fn id_of(key: &[u8], kind: u8) -> Option<Id> {
    (*key.get(4)? == kind).then(|| key.get(5..)?.try_into().ok()).flatten()
}

fn ids(tree: Tree, rows: &[(bytes::Bytes, bytes::Bytes)]) -> Result<Vec<Id>, StoreError> {
    let id = |row: &[u8]| row.last_chunk().copied().ok_or_else(|| StoreError::corrupt(tree, "a key holds no id"));
    rows.iter().map(|(row, _)| id(row)).collect()
}

/// At most `limit` ids that rows with a prefix end in, before one, the newest first.
pub(super) fn newest(
    tx: &ReadTx<'_>,
    (tree, all): (Tree, &Key),
    before: Option<Id>,
    limit: usize,
) -> Result<Vec<Id>, StoreError> {
    let end = match before {
        Some(before) => Some(all.clone().bytes(&before).as_slice().to_vec()),
        None => prefix_end(all.as_slice()),
    };
    ids(tree, &tx.range(tree, all.as_slice(), end.as_deref(), Direction::Backward, limit)?)
}

/// At most `limit` ids of a kind after one, the oldest first.
pub(super) fn oldest(
    tx: &ReadTx<'_>,
    (tenant, kind): (TenantNo, u8),
    after: Option<Id>,
    limit: usize,
) -> Result<Vec<Id>, StoreError> {
    let all = all(tenant, kind);
    let from = after.map_or_else(|| all.clone(), |after| key(tenant, kind, after).u8(0));
    let end = prefix_end(all.as_slice());
    ids(Tree::Own, &tx.range(Tree::Own, from.as_slice(), end.as_deref(), Direction::Forward, limit)?)
}
