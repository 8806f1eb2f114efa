//! Schedules: what happens at a time, or again and again. When that is, is worked out above the store; here a run, what it
//! makes and the next time are one commit, so that a crash neither loses nor doubles one.
//!
//! `sched`: 0 · schedule id → record; 1 · no u32 · id → (): the account's; 2 · ms u64 · id → id: its items are being written
//! since then; 3 · id · 0 · number u32 → run; 3 · id · 1 · load u32 · row u32 → items of its job, some to a row. `own`:
//! tenant u32 · 6 · id → (). `due`: one row a schedule, at its `wake_ms`.

mod ending;
mod firing;
mod making;
mod missing;
mod runs;

use super::due::{self, DueKind};
use super::own;
use crate::id::{AccountNo, Millis, ScheduleId, TenantNo};
use crate::key::{Key, Parts};
use crate::records::{ScheduleRecord, ScheduleWhat};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx};

pub use ending::{Wished, delete, forget, pause, resume};
pub(super) use ending::{end_of_account, restored};
pub use firing::{Fire, Fired, Make, RanNow, Rules, fire, postpone, run_now};
pub use making::{
    Change, Changed, Created, ITEMS_IN_ROW, NewSchedule, add_items, begin, change, create, drop_abandoned, items,
    replayed,
};
pub use missing::{Miss, miss};
pub use runs::{run, runs};

const RECORD: u8 = 0;
const OF_ACCOUNT: u8 = 1;
const PREPARING: u8 = 2;
const PART: u8 = 3;
const RUN: u8 = 0;
const ITEMS: u8 = 1;

fn key(id: ScheduleId) -> Key {
    Key::new().u8(RECORD).bytes(&id.to_bytes())
}

fn of_account(no: AccountNo) -> Key {
    Key::new().u8(OF_ACCOUNT).u32(no.0)
}

fn preparing_key(since_ms: Millis, id: ScheduleId) -> Key {
    Key::new().u8(PREPARING).u64(since_ms).bytes(&id.to_bytes())
}

/// What begins the keys of a schedule's runs and items.
pub(crate) fn parts(id: ScheduleId) -> Key {
    Key::new().u8(PART).bytes(&id.to_bytes())
}

fn run_key(id: ScheduleId, no: u32) -> Key {
    parts(id).u8(RUN).u32(no)
}

fn items_key(id: ScheduleId, load: u32, row: u32) -> Key {
    parts(id).u8(ITEMS).u32(load).u32(row)
}

fn own_prefix(tenant: TenantNo) -> Key {
    own::all(tenant, own::SCHEDULE)
}

fn last_id(tree: Tree, key: &[u8]) -> Result<ScheduleId, StoreError> {
    let id = key.last_chunk::<16>().and_then(|id| ScheduleId::from_bytes(id));
    id.ok_or_else(|| StoreError::corrupt(tree, "a key holds no schedule"))
}

/// Writes the record, and the row by which it is looked at again.
fn put(
    tx: &mut WriteTx<'_>,
    id: ScheduleId,
    before: Option<&ScheduleRecord>,
    after: &ScheduleRecord,
) -> Result<(), StoreError> {
    let was_ms = before.and_then(|before| before.wake_ms);
    due::reset(tx, DueKind::Schedule, &id.to_bytes(), was_ms, after.wake_ms)?;
    tx.put_record(Tree::Sched, key(id), after)
}

/// A schedule.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn get(tx: &ReadTx<'_>, id: ScheduleId) -> Result<Option<ScheduleRecord>, StoreError> {
    tx.record(Tree::Sched, key(id))
}

/// Whose schedules are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchedulesOf {
    /// A tenant's.
    Tenant(TenantNo),
    /// An account's.
    Account(AccountNo),
}

/// At most `limit` schedules before one, the newest first.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn page(
    tx: &ReadTx<'_>,
    of: SchedulesOf,
    before: Option<ScheduleId>,
    limit: usize,
) -> Result<Vec<(ScheduleId, ScheduleRecord)>, StoreError> {
    let (tree, all) = match of {
        SchedulesOf::Tenant(tenant) => (Tree::Own, own_prefix(tenant)),
        SchedulesOf::Account(no) => (Tree::Sched, of_account(no)),
    };
    let ids = own::newest(tx, (tree, &all), before.map(ScheduleId::to_bytes), limit)?;
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        let id = last_id(tree, &id)?;
        found.push((id, get(tx, id)?.ok_or_else(|| StoreError::corrupt(tree, "a schedule is gone"))?));
    }
    Ok(found)
}

/// At most `limit` schedules that are to be looked at from one time to another, both of them in it, the oldest first.
///
/// # Errors
/// [`StoreError`] when the index can't be read.
pub fn due_between(
    tx: &ReadTx<'_>,
    (from_ms, to_ms): (Millis, Millis),
    limit: usize,
) -> Result<Vec<ScheduleId>, StoreError> {
    let key = |at_ms: Millis| due::key(DueKind::Schedule, at_ms, &[]);
    let (from, to) = (key(from_ms), key(to_ms.saturating_add(1)));
    let rows = tx.range(Tree::Due, from.as_slice(), Some(to.as_slice()), Direction::Forward, limit)?;
    rows.iter().map(|(row, _)| last_id(Tree::Due, row)).collect()
}

/// When the first schedule is to be looked at after a time.
///
/// # Errors
/// [`StoreError`] when the index can't be read.
pub fn next_wake(tx: &ReadTx<'_>, after_ms: Millis) -> Result<Option<Millis>, StoreError> {
    let from = due::key(DueKind::Schedule, after_ms.saturating_add(1), &[]);
    let to = [DueKind::Schedule as u8 + 1];
    let rows = tx.range(Tree::Due, from.as_slice(), Some(&to), Direction::Forward, 1)?;
    Ok(rows.first().and_then(|(row, _)| Parts(row.get(1..)?).u64()))
}

/// What a row of the tree is, for whoever walks over all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Row {
    Schedule(ScheduleId),
    OfAccount(AccountNo, ScheduleId),
    Preparing(ScheduleId),
    Run(ScheduleId, u32),
    Items(ScheduleId, u32, u32),
}

pub(crate) fn row_of(key: &[u8]) -> Option<Row> {
    let mut rest = Parts(key);
    Some(match rest.u8()? {
        RECORD => Row::Schedule(ScheduleId::from_bytes(rest.rest())?),
        OF_ACCOUNT => Row::OfAccount(AccountNo(rest.u32()?), ScheduleId::from_bytes(rest.rest())?),
        PREPARING => {
            rest.u64()?;
            Row::Preparing(ScheduleId::from_bytes(rest.rest())?)
        }
        PART => {
            let id = ScheduleId::from_bytes(rest.take(16)?)?;
            let row = match rest.u8()? {
                RUN => Row::Run(id, rest.u32()?),
                ITEMS => Row::Items(id, rest.u32()?, rest.u32()?),
                _ => return None,
            };
            return rest.rest().is_empty().then_some(row);
        }
        _ => return None,
    })
}

/// The schedule of a row among a tenant's own, where it is a schedule's.
pub(crate) fn own_of(key: &[u8]) -> Option<ScheduleId> {
    ScheduleId::from_bytes(&own::id_of(key, own::SCHEDULE)?)
}

/// The rows that a schedule has besides its own, but those that its account has of it.
pub(crate) fn rows_of(id: ScheduleId, record: &ScheduleRecord) -> Vec<(Tree, Key)> {
    let mut keys = vec![(Tree::Own, own_prefix(record.tenant).bytes(&id.to_bytes()))];
    keys.extend(record.wake_ms.map(|at_ms| (Tree::Due, due::key(DueKind::Schedule, at_ms, &id.to_bytes()))));
    keys.extend((0..record.kept).map(|n| (Tree::Sched, run_key(id, record.runs.saturating_sub(n)))));
    if let ScheduleWhat::Job(job) = &record.plan.what {
        keys.extend((0..job.rows).map(|row| (Tree::Sched, items_key(id, job.load, row))));
    }
    keys
}

/// The row that its account has of a schedule.
pub(crate) fn account_row(id: ScheduleId, record: &ScheduleRecord) -> Key {
    of_account(record.account).bytes(&id.to_bytes())
}
