//! Jobs: many messages of one account, sent one after the other. Each account has a line of them, served in the order in
//! which they were accepted; one that is paused steps out of it and keeps its place.
//!
//! `job`: 0 · job id → record; 1 · no u32 · job id → (): it stands in its account's line; 2 · no u32 · job id → (): every job
//! of the account; 3 · job id → (): its items are still being written. `own`: tenant u32 · 5 · job id → (). Items: see
//! [`super::run`].

mod accepting;
mod ending;
mod line;
mod turn;

use super::{account, audit, own, purge};
use crate::id::{AccountNo, JobId, Millis, TenantNo};
use crate::key::Key;
use crate::records::{Act, JobRecord, JobState, RunId};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx, envelope};

pub use accepting::{Accepted, ITEMS_AT_ONCE, NewJob, add, begin, drop_abandoned, ready, replayed};
pub use ending::{Wish, Wished, wish};
pub(super) use ending::{complete, fail_of_account, restored};
pub use line::{first, length, lines};
pub use turn::{Draw, Turn, enqueue, next_item};

/// Bad items that one commit goes over.
const LOOKS: u32 = 256;

const RECORD: u8 = 0;
const LINE: u8 = 1;
const OF_ACCOUNT: u8 = 2;
const PREPARING: u8 = 3;

fn key(id: JobId) -> Key {
    Key::new().u8(RECORD).bytes(&id.to_bytes())
}

fn line_key(no: AccountNo, id: JobId) -> Key {
    Key::new().u8(LINE).u32(no.0).bytes(&id.to_bytes())
}

fn of_account(no: AccountNo) -> Key {
    Key::new().u8(OF_ACCOUNT).u32(no.0)
}

fn preparing_key(id: JobId) -> Key {
    Key::new().u8(PREPARING).bytes(&id.to_bytes())
}

fn own_prefix(tenant: TenantNo) -> Key {
    own::all(tenant, own::JOB)
}

fn put(tx: &mut WriteTx<'_>, id: JobId, record: &JobRecord) -> Result<(), StoreError> {
    tx.put_record(Tree::Job, key(id), record)
}

fn last_id(tree: Tree, key: &[u8]) -> Result<JobId, StoreError> {
    let id = key.last_chunk::<16>().and_then(|id| JobId::from_bytes(id));
    id.ok_or_else(|| StoreError::corrupt(tree, "a key holds no job"))
}

fn drop_it(tx: &mut WriteTx<'_>, id: JobId, record: &JobRecord) -> Result<(), StoreError> {
    tx.delete(Tree::Job, key(id))?;
    tx.delete(Tree::Job, preparing_key(id))?;
    tx.delete(Tree::Job, line_key(record.account, id))?;
    tx.delete(Tree::Job, of_account(record.account).bytes(&id.to_bytes()))?;
    tx.delete(Tree::Own, own_prefix(record.tenant).bytes(&id.to_bytes()))?;
    purge::run(tx, RunId::Job(id))
}

/// A job, also one that is being prepared.
pub(crate) fn get(tx: &ReadTx<'_>, id: JobId) -> Result<Option<JobRecord>, StoreError> {
    tx.record(Tree::Job, key(id))
}

/// A job that was accepted.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn find(tx: &ReadTx<'_>, id: JobId) -> Result<Option<JobRecord>, StoreError> {
    Ok(get(tx, id)?.filter(|record| record.state != JobState::Preparing))
}

/// Whose jobs are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobsOf {
    /// A tenant's.
    Tenant(TenantNo),
    /// An account's.
    Account(AccountNo),
}

/// At most `limit` jobs before one, the newest first.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn page(
    tx: &ReadTx<'_>,
    of: JobsOf,
    before: Option<JobId>,
    limit: usize,
) -> Result<Vec<(JobId, JobRecord)>, StoreError> {
    let (tree, all) = match of {
        JobsOf::Tenant(tenant) => (Tree::Own, own_prefix(tenant)),
        JobsOf::Account(no) => (Tree::Job, of_account(no)),
    };
    let ids = own::newest(tx, (tree, &all), before.map(JobId::to_bytes), limit)?;
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        let id = last_id(tree, &id)?;
        found.push((id, get(tx, id)?.ok_or_else(|| StoreError::corrupt(tree, "a job is gone"))?));
    }
    Ok(found)
}

/// Deletes a job that is over, with its items; its messages stay. `false` where there is none, or it is not over.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn delete(tx: &mut WriteTx<'_>, id: JobId, now_ms: Millis) -> Result<bool, StoreError> {
    let Some(job) = tx.reading(|tx| find(tx, id))?.filter(|job| job.state.is_over()) else { return Ok(false) };
    let owner = tx.reading(|tx| account::by_no(tx, job.account))?;
    audit::note(tx, Act::JobDeleted(id), owner.as_ref().map(|owner| &owner.id), now_ms)?;
    drop_it(tx, id, &job)?;
    Ok(true)
}

/// At most `limit` jobs that were over before a time, from the oldest accepted on, after one; with the id to go on from.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn over_before(
    tx: &ReadTx<'_>,
    after: Option<JobId>,
    before_ms: Millis,
    looks: usize,
) -> Result<(Vec<JobId>, Option<JobId>), StoreError> {
    let from = after.map_or_else(|| Key::new().u8(RECORD), |after| key(after).u8(0));
    // What was accepted later can't be over earlier.
    let to = Key::new().u8(RECORD).u64(before_ms);
    let rows = tx.range(Tree::Job, from.as_slice(), Some(to.as_slice()), Direction::Forward, looks)?;
    let (mut found, mut last) = (Vec::new(), None);
    for (row, value) in &rows {
        let (id, job) = (last_id(Tree::Job, row)?, envelope::open_record::<JobRecord>(Tree::Job, value)?);
        if job.state.is_over() && job.ended_ms.is_some_and(|ended_ms| ended_ms < before_ms) {
            found.push(id);
        }
        last = Some(id);
    }
    Ok((found, last.filter(|_| rows.len() == looks)))
}

/// What a row of the tree is, for whoever walks over all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Row {
    Job(JobId),
    Line(AccountNo, JobId),
    OfAccount(AccountNo, JobId),
    Preparing(JobId),
}

pub(crate) fn row_of(key: &[u8]) -> Option<Row> {
    let mut parts = crate::key::Parts(key);
    Some(match parts.u8()? {
        RECORD => Row::Job(JobId::from_bytes(parts.rest())?),
        LINE => Row::Line(AccountNo(parts.u32()?), JobId::from_bytes(parts.rest())?),
        OF_ACCOUNT => Row::OfAccount(AccountNo(parts.u32()?), JobId::from_bytes(parts.rest())?),
        PREPARING => Row::Preparing(JobId::from_bytes(parts.rest())?),
        _ => return None,
    })
}

/// The job of a row among a tenant's own, where it is a job's.
pub(crate) fn own_of(key: &[u8]) -> Option<JobId> {
    JobId::from_bytes(&own::id_of(key, own::JOB)?)
}

/// The index rows that a job has.
pub(crate) fn index_keys(id: JobId, job: &JobRecord) -> Vec<(Tree, Key)> {
    if job.state == JobState::Preparing {
        return vec![(Tree::Job, preparing_key(id))];
    }
    let mut keys = vec![
        (Tree::Job, of_account(job.account).bytes(&id.to_bytes())),
        (Tree::Own, own_prefix(job.tenant).bytes(&id.to_bytes())),
    ];
    if job.is_in_line() {
        keys.push((Tree::Job, line_key(job.account, id)));
    }
    keys
}
