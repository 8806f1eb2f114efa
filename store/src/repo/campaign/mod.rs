//! Campaigns: one message, made anew for each recipient, sent by one or several accounts.
//!
//! `campaign`: 0 · id → record; 1 · id · kind · rest → what it owns: 1 · first seq u32 → some hundred recipients, packed; 2 ·
//! due_ms u64 · seq u32 → (), those put aside until then; 3 · hour u32 and 4 · no u32 → what happened in the hour, and of the
//! account. 2 · no u32 · id → (): the account sends in it, and it is not over; 3 · id → (): it runs. `own`: tenant u32 · 7 · id
//! → (). A recipient has a row of its own (see [`super::run`]) from its turn on.

mod audience;
mod counts;
mod ending;
mod gathering;
mod reply;
mod turn;
mod writing;

use super::own;
use crate::id::{AccountNo, CampaignId, Millis, TenantNo};
use crate::key::{Key, Parts};
use crate::records::{CampaignRecord, CampaignState};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx, envelope};

pub use audience::{PACK, Packed, recipients};
pub(crate) use audience::{pack_size, unpacked_from};
pub(super) use counts::moved;
pub use counts::{hours, of_senders};
pub use ending::{CampaignEnd, Wish, Wished, auto_pause, halt, start_due, wish};
pub(super) use ending::{complete, leave, restored};
pub use gathering::{Gathered, gather, gathered};
pub(super) use reply::{heard, merged};
pub use turn::{Offer, Outcome, Proposal, Turn, aside, offer};
pub use writing::{Created, NewCampaign, Walked, change, create, delete, replayed, walk};

const RECORD: u8 = 0;
const OWNED: u8 = 1;
const OF_ACCOUNT: u8 = 2;
const RUNNING: u8 = 3;

const AUDIENCE: u8 = 1;
const ASIDE: u8 = 2;
const HOUR: u8 = 3;
const SENDER: u8 = 4;

fn key(id: CampaignId) -> Key {
    Key::new().u8(RECORD).bytes(&id.to_bytes())
}

/// What begins the rows that a campaign owns.
pub(crate) fn owned(id: CampaignId) -> Key {
    Key::new().u8(OWNED).bytes(&id.to_bytes())
}

fn of_account(no: AccountNo) -> Key {
    Key::new().u8(OF_ACCOUNT).u32(no.0)
}

fn running_key(id: CampaignId) -> Key {
    Key::new().u8(RUNNING).bytes(&id.to_bytes())
}

fn last_id(tree: Tree, key: &[u8]) -> Result<CampaignId, StoreError> {
    let id = key.last_chunk::<16>().and_then(|id| CampaignId::from_bytes(id));
    id.ok_or_else(|| StoreError::corrupt(tree, "a key holds no campaign"))
}

/// Writes a campaign with its indexes.
fn put(
    tx: &mut WriteTx<'_>,
    id: CampaignId,
    before: Option<&CampaignRecord>,
    after: &CampaignRecord,
) -> Result<(), StoreError> {
    let (old, new) = (before.map(|before| index_keys(id, before)).unwrap_or_default(), index_keys(id, after));
    for (tree, row) in old.iter().filter(|row| !new.contains(row)) {
        tx.delete(*tree, row)?;
    }
    for (tree, row) in new.iter().filter(|row| !old.contains(row)) {
        tx.put_fixed(*tree, row.clone(), &[])?;
    }
    let at = |record: &CampaignRecord| record.start_at_ms.filter(|_| record.state == CampaignState::Scheduled);
    super::due::reset(tx, super::due::DueKind::Campaign, &id.to_bytes(), before.and_then(at), at(after))?;
    tx.put_record(Tree::Campaign, key(id), after)
}

/// A campaign.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn get(tx: &ReadTx<'_>, id: CampaignId) -> Result<Option<CampaignRecord>, StoreError> {
    tx.record(Tree::Campaign, key(id))
}

/// At most `limit` campaigns of a tenant before one, the newest first.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn page(
    tx: &ReadTx<'_>,
    tenant: TenantNo,
    before: Option<CampaignId>,
    limit: usize,
) -> Result<Vec<(CampaignId, CampaignRecord)>, StoreError> {
    let all = own::all(tenant, own::CAMPAIGN);
    let ids = own::newest(tx, (Tree::Own, &all), before.map(CampaignId::to_bytes), limit)?;
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        let id = last_id(Tree::Own, &id)?;
        found.push((id, get(tx, id)?.ok_or_else(|| StoreError::corrupt(Tree::Own, "a campaign is gone"))?));
    }
    Ok(found)
}

/// At most `limit` running campaigns after one.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn running(tx: &ReadTx<'_>, after: Option<CampaignId>, limit: usize) -> Result<Vec<CampaignId>, StoreError> {
    let from = after.map_or_else(|| Key::new().u8(RUNNING), |after| running_key(after).u8(0));
    let rows = tx.range(Tree::Campaign, from.as_slice(), Some(&[RUNNING + 1]), Direction::Forward, limit)?;
    rows.iter().map(|(row, _)| last_id(Tree::Campaign, row)).collect()
}

/// At most `limit` campaigns that are due to start, the oldest time first, with it.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn due(tx: &ReadTx<'_>, now_ms: Millis, limit: usize) -> Result<Vec<(Millis, CampaignId)>, StoreError> {
    let due = super::due::ripe(tx, super::due::DueKind::Campaign, now_ms, limit)?;
    due.iter().map(|(at_ms, id)| Ok((*at_ms, last_id(Tree::Due, id)?))).collect()
}

/// What a row of the tree is, for whoever walks over all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Row {
    Record(CampaignId),
    Audience(CampaignId, u32),
    Aside(CampaignId, u32),
    Counts(CampaignId),
    Index,
}

pub(crate) fn row_of(key: &[u8]) -> Option<Row> {
    let mut parts = Parts(key);
    let kind = parts.u8()?;
    if kind == OF_ACCOUNT {
        parts.u32()?;
    }
    let id = CampaignId::from_bytes(parts.take(16)?)?;
    Some(match kind {
        RECORD => Row::Record(id),
        OF_ACCOUNT | RUNNING => Row::Index,
        OWNED => match parts.u8()? {
            AUDIENCE => Row::Audience(id, parts.u32()?),
            ASIDE => Row::Aside(id, parts.u64().and_then(|_| parts.u32())?),
            HOUR | SENDER => Row::Counts(id),
            _ => return None,
        },
        _ => return None,
    })
}

/// The campaign of a row among a tenant's own, where it is a campaign's.
pub(crate) fn own_of(key: &[u8]) -> Option<CampaignId> {
    CampaignId::from_bytes(&own::id_of(key, own::CAMPAIGN)?)
}

/// The index rows that a campaign has.
pub(crate) fn index_keys(id: CampaignId, record: &CampaignRecord) -> Vec<(Tree, Key)> {
    let mut keys = vec![(Tree::Own, own::key(record.tenant, own::CAMPAIGN, id.to_bytes()))];
    if !record.state.is_over() {
        let of = |no: &AccountNo| (Tree::Campaign, of_account(*no).bytes(&id.to_bytes()));
        keys.extend(record.plan.senders.iter().map(of));
    }
    if record.state == CampaignState::Running {
        keys.push((Tree::Campaign, running_key(id)));
    }
    keys
}

/// The account and the campaign of an index row by account.
pub(crate) fn account_of(key: &[u8]) -> Option<AccountNo> {
    let mut parts = Parts(key);
    (parts.u8()? == OF_ACCOUNT).then(|| parts.u32()).flatten().map(AccountNo)
}

/// Records of the tree from a place on, for retention.
fn records(
    tx: &ReadTx<'_>,
    after: Option<CampaignId>,
    looks: usize,
) -> Result<Vec<(CampaignId, CampaignRecord)>, StoreError> {
    let from = after.map_or_else(|| Key::new().u8(RECORD), |after| key(after).u8(0));
    let rows = tx.range(Tree::Campaign, from.as_slice(), Some(&[RECORD + 1]), Direction::Forward, looks)?;
    rows.iter()
        .map(|(row, value)| Ok((last_id(Tree::Campaign, row)?, envelope::open_record(Tree::Campaign, value)?)))
        .collect()
}
