//! How a job comes into its account's line: its items are written in many commits, and nobody sees it before the last one.

use super::{LOOKS, PREPARING, drop_it, get, last_id, line_key, of_account, own_prefix, preparing_key, put};
use crate::id::{AccountNo, JobId, Millis};
use crate::key::Key;
use crate::records::{DelayRange, IdempotencyRecord, JobRecord, JobState, RunId, RunItem};
use crate::repo::scope::AccountScope;
use crate::repo::send::Idempotency;
use crate::repo::{account, idempotency, run};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx};

/// Most items of one commit.
pub const ITEMS_AT_ONCE: usize = 500;

/// A job as it is asked for, without its items.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Its id, drawn by the caller.
    pub id: JobId,
    /// The account that sends.
    pub no: AccountNo,
    /// What people call it.
    pub name: Option<String>,
    /// The wait between two items.
    pub delay: DelayRange,
    /// Now.
    pub now_ms: Millis,
}

/// Begins a job; nobody sees it before [`ready`]. `None` where there is no such account.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn begin(tx: &mut WriteTx<'_>, new: &NewJob) -> Result<Option<JobRecord>, StoreError> {
    let owner = tx.reading(|tx| account::owner(tx, new.no))?.filter(|owner| !owner.gone);
    let Some(owner) = owner.filter(|owner| account::reaches(tx, owner.tenant)) else { return Ok(None) };
    let record = JobRecord {
        tenant: owner.tenant,
        account: new.no,
        name: new.name.clone(),
        delay: new.delay,
        created_ms: new.now_ms,
        ..JobRecord::default()
    };
    put(tx, new.id, &record)?;
    tx.put_fixed(Tree::Job, preparing_key(new.id), &[])?;
    Ok(Some(record))
}

/// Puts at most [`ITEMS_AT_ONCE`] items into a job that was begun.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn add(tx: &mut WriteTx<'_>, id: JobId, items: &[RunItem]) -> Result<(), StoreError> {
    run::add(tx, RunId::Job(id), items)
}

/// What became of a job that was to be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// It stands in its account's line.
    InLine(JobRecord),
    /// The request had been accepted before, as this job; the new one is dropped.
    Replayed(JobId),
    /// The request's key was used with another body; the new one is dropped.
    KeyReused,
    /// Its account is gone meanwhile; the new one is dropped.
    NoAccount,
}

/// Puts a job whose items are all there into its account's line.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn ready(
    tx: &mut WriteTx<'_>,
    id: JobId,
    request: Option<&Idempotency>,
    now_ms: Millis,
) -> Result<Accepted, StoreError> {
    let record = tx.reading(|tx| get(tx, id))?.filter(|record| record.state == JobState::Preparing);
    let Some(record) = record else { return Ok(Accepted::NoAccount) };
    let owner = tx.reading(|tx| account::owner(tx, record.account))?;
    if owner.is_none_or(|owner| owner.gone) {
        drop_it(tx, id, &record)?;
        return Ok(Accepted::NoAccount);
    }
    if let Some(request) = request {
        let known = tx.reading(|tx| idempotency::find(tx, record.tenant, record.account, request.key, now_ms))?;
        if let Some(first) = known {
            drop_it(tx, id, &record)?;
            return Ok(replay(request, &first));
        }
        idempotency::remember_job(tx, record.tenant, record.account, request, id)?;
    }
    let record = JobRecord { state: JobState::Queued, ..record };
    put(tx, id, &record)?;
    tx.delete(Tree::Job, preparing_key(id))?;
    tx.put_fixed(Tree::Job, line_key(record.account, id), &[])?;
    tx.put_fixed(Tree::Job, of_account(record.account).bytes(&id.to_bytes()), &[])?;
    tx.put_fixed(Tree::Own, own_prefix(record.tenant).bytes(&id.to_bytes()), &[])?;
    let mut scope = AccountScope::open(tx, record.account)?;
    // One whose items are all bad is over at once.
    if run::next(tx, RunId::Job(id), LOOKS)?.is_none() {
        run::through(tx, &mut scope, RunId::Job(id), now_ms)?;
    }
    scope.close(tx)?;
    Ok(Accepted::InLine(tx.reading(|tx| get(tx, id))?.unwrap_or(record)))
}

fn replay(request: &Idempotency, first: &IdempotencyRecord) -> Accepted {
    match first.job {
        Some(job) if first.body == request.body => Accepted::Replayed(job),
        _ => Accepted::KeyReused,
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
) -> Result<Option<Accepted>, StoreError> {
    let Some(owner) = account::owner(tx, no)?.filter(|owner| !owner.gone) else { return Ok(None) };
    let first = idempotency::find(tx, owner.tenant, no, request.key, now_ms)?;
    Ok(first.map(|first| replay(request, &first)))
}

/// Drops jobs whose items were never all written: whoever wrote them is gone since `before_ms`. Answers how many.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn drop_abandoned(tx: &mut WriteTx<'_>, before_ms: Millis, limit: usize) -> Result<usize, StoreError> {
    let to = Key::new().u8(PREPARING).u64(before_ms);
    let rows = tx.range(Tree::Job, &[PREPARING], Some(to.as_slice()), Direction::Forward, limit)?;
    for (row, _) in &rows {
        let id = last_id(Tree::Job, row)?;
        let record = tx.reading(|tx| get(tx, id))?.unwrap_or_default();
        drop_it(tx, id, &record)?;
    }
    Ok(rows.len())
}
