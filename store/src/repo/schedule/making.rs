//! How a schedule is made and changed. The items of its job are written in many commits before, and nobody sees them until
//! the last one.

use super::ending::drop_items;
use super::{PREPARING, get, items_key, key, last_id, of_account, own_prefix, parts, preparing_key, put};
use crate::id::{AccountNo, Millis, ScheduleId};
use crate::key::Key;
use crate::records::{
    Act, IdempotencyRecord, RunItem, SchedulePlan, ScheduleReason, ScheduleRecord, ScheduleState, ScheduleWhat,
};
use crate::repo::idempotency::{self, Idempotency};
use crate::repo::{account, audit, media, purge};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx};

/// Items in a row.
pub const ITEMS_IN_ROW: usize = 100;

/// What files stay longer than they must.
const FILES_MORE_MS: Millis = 86_400_000;

/// Rows of a schedule's items that one commit looks at.
const ROWS: usize = 4_096;

/// Notes that items of a schedule are being written.
///
/// # Errors
/// [`StoreError`] when the key would be too long.
pub fn begin(tx: &mut WriteTx<'_>, id: ScheduleId, since_ms: Millis) -> Result<(), StoreError> {
    tx.put_fixed(Tree::Sched, preparing_key(since_ms, id), &id.to_bytes())
}

/// Writes a row of at most [`ITEMS_IN_ROW`] items.
///
/// # Errors
/// [`StoreError`] when the row can't be made.
pub fn add_items(
    tx: &mut WriteTx<'_>,
    id: ScheduleId,
    (load, row): (u32, u32),
    items: &[RunItem],
) -> Result<(), StoreError> {
    tx.put_record(Tree::Sched, items_key(id, load, row), &items)
}

/// A row of items.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn items(tx: &ReadTx<'_>, id: ScheduleId, (load, row): (u32, u32)) -> Result<Option<Vec<RunItem>>, StoreError> {
    tx.record(Tree::Sched, items_key(id, load, row))
}

/// A schedule as it is asked for, its items written already.
#[derive(Debug, Clone)]
pub struct NewSchedule {
    /// Its id, drawn by the caller.
    pub id: ScheduleId,
    /// The account that sends.
    pub no: AccountNo,
    /// What people set.
    pub plan: SchedulePlan,
    /// When it runs first; `None` for one that is made paused.
    pub next_ms: Option<Millis>,
    /// Since when its items were written, where it has some.
    pub prepared_ms: Option<Millis>,
    /// Until when its files stay at least.
    pub files_ms: Millis,
    /// The request's key.
    pub idempotency: Option<Idempotency>,
    /// Now.
    pub now_ms: Millis,
}

/// What became of a schedule that was to be made.
#[derive(Debug, Clone, PartialEq)]
pub enum Created {
    /// It is there.
    Done(Box<ScheduleRecord>),
    /// The request had been accepted before, as this schedule or run.
    Replayed(ScheduleId, u32),
    /// The request's key was used with another body.
    KeyReused,
    /// There is no such account.
    NoAccount,
}

/// Lets the files of a schedule stay until a time at least. They get a little more, so that one that runs every minute does not
/// write them every minute.
pub(super) fn keep_files(tx: &mut WriteTx<'_>, plan: &SchedulePlan, until_ms: Millis) -> Result<(), StoreError> {
    for file in &plan.files {
        let found = tx.reading(|tx| media::get(tx, *file))?;
        if found.is_some_and(|found| found.expires_ms < until_ms) {
            media::prolong(tx, *file, until_ms.saturating_add(FILES_MORE_MS))?;
        }
    }
    Ok(())
}

/// Makes a schedule.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn create(tx: &mut WriteTx<'_>, new: &NewSchedule) -> Result<Created, StoreError> {
    let owner = tx.reading(|tx| account::owner(tx, new.no))?.filter(|owner| !owner.gone);
    let Some(owner) = owner.filter(|owner| account::reaches(tx, owner.tenant)) else { return Ok(Created::NoAccount) };
    if let Some(request) = &new.idempotency {
        let known = tx.reading(|tx| idempotency::find(tx, owner.tenant, new.no, request.key, new.now_ms))?;
        if let Some(first) = known {
            return Ok(replay(request, &first));
        }
        idempotency::remember_schedule(tx, (owner.tenant, new.no), request, (new.id, 0))?;
    }
    let record = ScheduleRecord {
        tenant: owner.tenant,
        account: new.no,
        plan: new.plan.clone(),
        state: if new.next_ms.is_some() { ScheduleState::Active } else { ScheduleState::Paused },
        reason: None,
        version: 1,
        next_ms: new.next_ms,
        wake_ms: new.next_ms,
        runs: 0,
        kept: 0,
        last_ms: None,
        created_ms: new.now_ms,
        ended_ms: None,
    };
    put(tx, new.id, None, &record)?;
    tx.put_fixed(Tree::Sched, of_account(new.no).bytes(&new.id.to_bytes()), &[])?;
    tx.put_fixed(Tree::Own, own_prefix(owner.tenant).bytes(&new.id.to_bytes()), &[])?;
    if let Some(since_ms) = new.prepared_ms {
        tx.delete(Tree::Sched, preparing_key(since_ms, new.id))?;
    }
    keep_files(tx, &new.plan, new.files_ms)?;
    audit::note(tx, Act::ScheduleCreated(new.id), Some(&owner.id), new.now_ms)?;
    Ok(Created::Done(Box::new(record)))
}

pub(super) fn replay(request: &Idempotency, first: &IdempotencyRecord) -> Created {
    match first.schedule {
        Some((id, run)) if first.body == request.body => Created::Replayed(id, run),
        _ => Created::KeyReused,
    }
}

/// What a request was accepted as, where it is a repeat.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn replayed(
    tx: &ReadTx<'_>,
    no: AccountNo,
    request: &Idempotency,
    now_ms: Millis,
) -> Result<Option<Created>, StoreError> {
    let Some(owner) = account::owner(tx, no)?.filter(|owner| !owner.gone) else { return Ok(None) };
    let first = idempotency::find(tx, owner.tenant, no, request.key, now_ms)?;
    Ok(first.map(|first| replay(request, &first)))
}

/// A change of a schedule as it is asked for, new items written already.
#[derive(Debug, Clone)]
pub struct Change {
    /// Which.
    pub id: ScheduleId,
    /// As it was looked at.
    pub version: u32,
    /// Its next time as it was looked at: a run in between changes nothing else.
    pub was_ms: Option<Millis>,
    /// What people set now.
    pub plan: SchedulePlan,
    /// When it runs next; of no account for a paused one.
    pub next_ms: Option<Millis>,
    /// Since when new items were written, where there are some.
    pub prepared_ms: Option<Millis>,
    /// Until when its files stay at least.
    pub files_ms: Millis,
    /// Now.
    pub now_ms: Millis,
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq)]
pub enum Changed {
    /// It is so now.
    Done(Box<ScheduleRecord>),
    /// Somebody else changed it, or it ran, since it was looked at.
    Stale,
    /// Its account is gone.
    NoAccount,
    /// There is no such schedule.
    Unknown,
}

/// Changes a schedule. One that had ended goes on, where a time is left.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn change(tx: &mut WriteTx<'_>, change: &Change) -> Result<Changed, StoreError> {
    let id = change.id;
    let Some(before) = tx.reading(|tx| get(tx, id))? else { return Ok(Changed::Unknown) };
    if (before.version, before.next_ms) != (change.version, change.was_ms) {
        return Ok(Changed::Stale);
    }
    let owner = tx.reading(|tx| account::owner(tx, before.account))?.filter(|owner| !owner.gone);
    let Some(owner) = owner.filter(|_| before.reason != Some(ScheduleReason::AccountGone)) else {
        return Ok(Changed::NoAccount);
    };
    let paused = before.state == ScheduleState::Paused;
    let next_ms = change.next_ms.filter(|_| !paused);
    let state = match (paused, next_ms) {
        (true, _) => ScheduleState::Paused,
        (false, Some(_)) => ScheduleState::Active,
        // Only what is called otherwise: it stays over.
        (false, None) => before.state,
    };
    let over = state == ScheduleState::Ended;
    let after = ScheduleRecord {
        plan: change.plan.clone(),
        state,
        reason: before.reason.filter(|_| paused || over),
        version: before.version + 1,
        next_ms,
        wake_ms: if over { before.wake_ms } else { next_ms },
        ended_ms: before.ended_ms.filter(|_| over),
        ..before.clone()
    };
    if let ScheduleWhat::Job(old) = &before.plan.what
        && !matches!(&after.plan.what, ScheduleWhat::Job(new) if new.load == old.load)
    {
        drop_items(tx, id, old)?;
    }
    put(tx, id, Some(&before), &after)?;
    if let Some(since_ms) = change.prepared_ms {
        tx.delete(Tree::Sched, preparing_key(since_ms, id))?;
    }
    keep_files(tx, &after.plan, change.files_ms)?;
    audit::note(tx, Act::ScheduleChanged(id), Some(&owner.id), change.now_ms)?;
    Ok(Changed::Done(Box::new(after)))
}

/// Drops items that nobody took for a schedule: whoever wrote them is gone since `before_ms`. Answers how many schedules'.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn drop_abandoned(tx: &mut WriteTx<'_>, before_ms: Millis, limit: usize) -> Result<usize, StoreError> {
    let to = Key::new().u8(PREPARING).u64(before_ms);
    let rows = tx.range(Tree::Sched, &[PREPARING], Some(to.as_slice()), Direction::Forward, limit)?;
    for (row, _) in &rows {
        let id = last_id(Tree::Sched, row)?;
        tx.delete(Tree::Sched, row)?;
        let Some(record) = tx.reading(|tx| get(tx, id))? else {
            purge::schedule(tx, id)?;
            continue;
        };
        let taken = match &record.plan.what {
            ScheduleWhat::Job(job) => Some(job.load),
            ScheduleWhat::Message { .. } | ScheduleWhat::Campaign(_) => None,
        };
        for (row, _) in tx.prefix(Tree::Sched, parts(id).u8(super::ITEMS), Direction::Forward, ROWS)? {
            if !matches!(super::row_of(&row), Some(super::Row::Items(_, load, _)) if Some(load) == taken) {
                tx.delete(Tree::Sched, &row)?;
            }
        }
    }
    Ok(rows.len())
}

/// Takes a schedule's record and every row that leads to it away; runs and items are cleared away later.
pub(super) fn drop_it(tx: &mut WriteTx<'_>, id: ScheduleId, record: &ScheduleRecord) -> Result<(), StoreError> {
    let gone = ScheduleRecord { wake_ms: None, ..record.clone() };
    put(tx, id, Some(record), &gone)?;
    tx.delete(Tree::Sched, key(id))?;
    tx.delete(Tree::Sched, of_account(record.account).bytes(&id.to_bytes()))?;
    tx.delete(Tree::Own, own_prefix(record.tenant).bytes(&id.to_bytes()))?;
    purge::schedule(tx, id)
}
