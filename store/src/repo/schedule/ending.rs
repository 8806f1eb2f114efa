//! How a schedule is paused, goes on, ends and is deleted.

use super::firing::fail;
use super::making::{drop_it, keep_files};
use super::{ScheduleRecord, get, items_key, last_id, of_account, put};
use crate::id::{AccountNo, Millis, ScheduleId};
use crate::records::{Act, PlannedJob, ScheduleReason, ScheduleState};
use crate::repo::{account, audit};
use crate::{Direction, StoreError, Tree, WriteTx};

/// How long a schedule is kept that ended with its account, and how long its history may be then.
const GONE: (Millis, u32) = (30 * 86_400_000, 1_000);
/// Schedules paused in one commit after a restore.
const AT_ONCE: usize = 256;

/// What became of a wish.
#[derive(Debug, Clone, PartialEq)]
pub enum Wished {
    /// It is so now, or was so already.
    Done(Box<ScheduleRecord>),
    /// It has ended.
    Over,
    /// It was changed since it was looked at.
    Stale,
    /// There is no such schedule.
    Unknown,
}

fn note(tx: &mut WriteTx<'_>, act: Act, no: AccountNo, now_ms: Millis) -> Result<(), StoreError> {
    let owner = tx.reading(|tx| account::by_no(tx, no))?;
    audit::note(tx, act, owner.as_ref().map(|owner| &owner.id), now_ms)
}

/// Pauses a schedule: its times pass without it, and are not made up for.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn pause(tx: &mut WriteTx<'_>, id: ScheduleId, now_ms: Millis) -> Result<Wished, StoreError> {
    let Some(before) = tx.reading(|tx| get(tx, id))? else { return Ok(Wished::Unknown) };
    match before.state {
        ScheduleState::Paused => return Ok(Wished::Done(Box::new(before))),
        ScheduleState::Ended => return Ok(Wished::Over),
        ScheduleState::Active => {}
    }
    note(tx, Act::SchedulePaused(id), before.account, now_ms)?;
    let after = paused(&before, None);
    put(tx, id, Some(&before), &after)?;
    Ok(Wished::Done(Box::new(after)))
}

fn paused(before: &ScheduleRecord, reason: Option<ScheduleReason>) -> ScheduleRecord {
    ScheduleRecord {
        state: ScheduleState::Paused,
        reason,
        version: before.version + 1,
        next_ms: None,
        wake_ms: None,
        ..before.clone()
    }
}

/// Lets a paused schedule go on, at the first time after now.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn resume(
    tx: &mut WriteTx<'_>,
    (id, version): (ScheduleId, u32),
    next_ms: Millis,
    (now_ms, files_ms): (Millis, Millis),
) -> Result<Wished, StoreError> {
    let Some(before) = tx.reading(|tx| get(tx, id))? else { return Ok(Wished::Unknown) };
    match before.state {
        ScheduleState::Active => return Ok(Wished::Done(Box::new(before))),
        ScheduleState::Ended => return Ok(Wished::Over),
        ScheduleState::Paused if before.version != version => return Ok(Wished::Stale),
        ScheduleState::Paused => {}
    }
    note(tx, Act::ScheduleResumed(id), before.account, now_ms)?;
    let after = ScheduleRecord {
        state: ScheduleState::Active,
        reason: None,
        version: before.version + 1,
        next_ms: Some(next_ms),
        wake_ms: Some(next_ms),
        ..before.clone()
    };
    put(tx, id, Some(&before), &after)?;
    keep_files(tx, &after.plan, next_ms.saturating_add(files_ms))?;
    Ok(Wished::Done(Box::new(after)))
}

/// Deletes a schedule with its history; what it made stays. `false` where there is none.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn delete(tx: &mut WriteTx<'_>, id: ScheduleId, now_ms: Millis) -> Result<bool, StoreError> {
    let Some(record) = tx.reading(|tx| get(tx, id))? else { return Ok(false) };
    note(tx, Act::ScheduleDeleted(id), record.account, now_ms)?;
    drop_it(tx, id, &record)?;
    Ok(true)
}

/// Forgets a schedule that has ended long enough ago; `false` where that is not so.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn forget(tx: &mut WriteTx<'_>, id: ScheduleId, now_ms: Millis) -> Result<bool, StoreError> {
    let over = |record: &ScheduleRecord| {
        record.state == ScheduleState::Ended && record.wake_ms.is_some_and(|at_ms| at_ms <= now_ms)
    };
    let Some(record) = tx.reading(|tx| get(tx, id))?.filter(over) else { return Ok(false) };
    drop_it(tx, id, &record)?;
    Ok(true)
}

pub(super) fn drop_items(tx: &mut WriteTx<'_>, id: ScheduleId, job: &PlannedJob) -> Result<(), StoreError> {
    (0..job.rows).try_for_each(|row| tx.delete(Tree::Sched, items_key(id, job.load, row)))
}

/// Ends a schedule of an account that is gone, and forgets that it was the account's; `false` where it has none.
pub(in crate::repo) fn end_of_account(tx: &mut WriteTx<'_>, no: AccountNo, now_ms: Millis) -> Result<bool, StoreError> {
    let Some((row, _)) = tx.first(Tree::Sched, of_account(no), Direction::Forward)? else { return Ok(false) };
    let id = last_id(Tree::Sched, &row)?;
    if let Some(record) = tx.reading(|tx| get(tx, id))?.filter(|record| record.state != ScheduleState::Ended) {
        fail(tx, (id, &record), (now_ms, GONE.0, GONE.1))?;
    }
    tx.delete(Tree::Sched, row)?;
    Ok(true)
}

/// Pauses schedules of an account whose store came out of a backup, after one; answers the last that was looked at, `None`
/// when none is left.
pub(in crate::repo) fn restored(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    after: Option<ScheduleId>,
) -> Result<Option<ScheduleId>, StoreError> {
    let all = of_account(no);
    let from = after.map_or_else(|| all.clone(), |after| all.clone().bytes(&after.to_bytes()).u8(0));
    let end = crate::key::prefix_end(all.as_slice());
    let rows = tx.range(Tree::Sched, from.as_slice(), end.as_deref(), Direction::Forward, AT_ONCE)?;
    let mut last = None;
    for (row, _) in &rows {
        let id = last_id(Tree::Sched, row)?;
        let found = tx.reading(|tx| get(tx, id))?;
        if let Some(before) = found.filter(|record| record.state == ScheduleState::Active) {
            put(tx, id, Some(&before), &paused(&before, Some(ScheduleReason::Restored)))?;
        }
        last = Some(id);
    }
    Ok(last.filter(|_| rows.len() == AT_ONCE))
}
