//! How a job is paused and ends.

use super::{find, first, get, last_id, line_key, of_account, put};
use crate::id::{AccountNo, JobId, Millis};
use crate::records::{Act, EventData, EventKind, ItemState, JobEvent, JobReason, JobRecord, JobState, RunId};
use crate::repo::scope::AccountScope;
use crate::repo::{account, audit, cancel, event, run};
use crate::{Direction, StoreError, Tree, WriteTx};

/// Most sends of a job that have no outcome: one waits at a time, some more may be held.
const OPEN_MAX: usize = 512;

/// What somebody wants of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Nothing more is sent for now.
    Pause,
    /// It goes on, at its old place in the line.
    Resume,
    /// It is given up; what waits for the wire is taken back.
    Cancel,
}

/// What became of a wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wished {
    /// It is so now, or was so already.
    Done(JobRecord),
    /// The job is over.
    Over(JobRecord),
    /// There is no such job.
    Unknown,
}

/// Does to a job what somebody wants.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn wish(tx: &mut WriteTx<'_>, id: JobId, wish: Wish, now_ms: Millis) -> Result<Wished, StoreError> {
    let Some(before) = tx.reading(|tx| find(tx, id))? else { return Ok(Wished::Unknown) };
    let to = match (wish, before.state) {
        (Wish::Cancel, JobState::Cancelled) => return Ok(Wished::Done(before)),
        (_, state) if state.is_over() => return Ok(Wished::Over(before)),
        (Wish::Pause, _) => JobState::Paused,
        (Wish::Resume, JobState::Paused) if before.started_ms.is_some() => JobState::Running,
        (Wish::Resume, JobState::Paused) => JobState::Queued,
        (Wish::Resume, state) => state,
        (Wish::Cancel, _) => JobState::Cancelled,
    };
    if to == before.state {
        return Ok(Wished::Done(before));
    }
    let act = match wish {
        Wish::Pause => Act::JobPaused(id),
        Wish::Resume => Act::JobResumed(id),
        Wish::Cancel => Act::JobCancelled(id),
    };
    let owner = tx.reading(|tx| account::by_no(tx, before.account))?;
    let Some(owner) = owner else {
        // The janitor has not come to it yet.
        fail(tx, (id, &before), JobReason::AccountGone, now_ms)?;
        return Ok(Wished::Over(before));
    };
    audit::note(tx, act, Some(&owner.id), now_ms)?;
    let after = JobRecord { state: to, reason: None, ..before };
    if to != JobState::Cancelled {
        move_in_line(tx, id, &after)?;
        return Ok(Wished::Done(after));
    }
    // It is over before its last messages are taken back, which would end it as completed.
    put(tx, id, &after)?;
    for message in tx.reading(|tx| run::open(tx, RunId::Job(id), OPEN_MAX))? {
        cancel::cancel(tx, message, now_ms)?;
    }
    let mut scope = AccountScope::open(tx, after.account)?;
    let over = end(tx, &mut scope, (id, &after), now_ms)?;
    scope.close(tx)?;
    Ok(Wished::Done(over))
}

pub(super) fn move_in_line(tx: &mut WriteTx<'_>, id: JobId, after: &JobRecord) -> Result<(), StoreError> {
    let line = line_key(after.account, id);
    if after.is_in_line() {
        tx.put_fixed(Tree::Job, line, &[])?;
    } else {
        tx.delete(Tree::Job, line)?;
    }
    put(tx, id, after)
}

/// Ends a job in a state in which it is over, and tells it.
fn end(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    (id, job): (JobId, &JobRecord),
    now_ms: Millis,
) -> Result<JobRecord, StoreError> {
    let over = JobRecord { ended_ms: Some(now_ms), ..job.clone() };
    move_in_line(tx, id, &over)?;
    let stop = if over.state == JobState::Cancelled { ItemState::Cancelled } else { ItemState::Failed };
    let tally = run::stop(tx, RunId::Job(id), stop)?;
    let data = EventData::Job(JobEvent { id, name: over.name.clone(), state: over.state, reason: over.reason, tally });
    event::append(tx, scope, event::NewEvent { kind: EventKind::JobFinished, data, chat_no: None, now_ms })?;
    Ok(over)
}

pub(in crate::repo) fn complete(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    id: JobId,
    now_ms: Millis,
) -> Result<(), StoreError> {
    let Some(job) = tx.reading(|tx| get(tx, id))?.filter(|job| !job.state.is_over()) else { return Ok(()) };
    end(tx, scope, (id, &JobRecord { state: JobState::Completed, reason: None, ..job }), now_ms).map(drop)
}

/// Ends a job whose account is gone. Nobody hears of it: the account's endpoints are gone, too.
pub(super) fn fail(
    tx: &mut WriteTx<'_>,
    (id, job): (JobId, &JobRecord),
    reason: JobReason,
    now_ms: Millis,
) -> Result<(), StoreError> {
    let over = JobRecord { state: JobState::Failed, reason: Some(reason), ended_ms: Some(now_ms), ..job.clone() };
    run::stop(tx, RunId::Job(id), ItemState::Failed)?;
    run::fail_open(tx, RunId::Job(id), None, OPEN_MAX)?;
    move_in_line(tx, id, &over)
}

/// Fails a job of an account that is gone, and forgets that it was the account's; `false` where it has none.
pub(in crate::repo) fn fail_of_account(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    now_ms: Millis,
) -> Result<bool, StoreError> {
    let Some((row, _)) = tx.first(Tree::Job, of_account(no), Direction::Forward)? else { return Ok(false) };
    let id = last_id(Tree::Job, &row)?;
    if let Some(job) = tx.reading(|tx| get(tx, id))?.filter(|job| !job.state.is_over()) {
        fail(tx, (id, &job), JobReason::AccountGone, now_ms)?;
    }
    tx.delete(Tree::Job, row)?;
    Ok(true)
}

/// Pauses every job in the line of an account whose store came out of a backup.
pub(in crate::repo) fn restored(tx: &mut WriteTx<'_>, no: AccountNo) -> Result<(), StoreError> {
    while let Some((id, job)) = tx.reading(|tx| first(tx, no))? {
        let paused = JobRecord { state: JobState::Paused, reason: Some(JobReason::Restored), ..job };
        move_in_line(tx, id, &paused)?;
    }
    Ok(())
}
