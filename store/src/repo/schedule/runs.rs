//! The history of a schedule: its newest runs.

use super::{parts, run_key};
use crate::id::ScheduleId;
use crate::key::Key;
use crate::records::{ScheduleRecord, ScheduleRun};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx, envelope};

/// Rows that one commit forgets of a history that is longer than it may be.
const FORGET: u32 = 64;

fn all(id: ScheduleId) -> Key {
    parts(id).u8(super::RUN)
}

/// Puts a run into the history and takes the oldest out of it; answers its number. The record is still to be written.
pub(super) fn note(
    tx: &mut WriteTx<'_>,
    id: ScheduleId,
    record: &mut ScheduleRecord,
    run: &ScheduleRun,
    most: u32,
) -> Result<u32, StoreError> {
    record.runs = record.runs.wrapping_add(1);
    record.kept += 1;
    tx.put_record(Tree::Sched, run_key(id, record.runs), run)?;
    for _ in 0..FORGET {
        if record.kept <= most.max(1) {
            break;
        }
        record.kept -= 1;
        tx.delete(Tree::Sched, run_key(id, record.runs.wrapping_sub(record.kept)))?;
    }
    Ok(record.runs)
}

/// A run.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn run(tx: &ReadTx<'_>, id: ScheduleId, no: u32) -> Result<Option<ScheduleRun>, StoreError> {
    tx.record(Tree::Sched, run_key(id, no))
}

/// At most `limit` runs before one, the newest first, with their numbers.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn runs(
    tx: &ReadTx<'_>,
    id: ScheduleId,
    before: Option<u32>,
    limit: usize,
) -> Result<Vec<(u32, ScheduleRun)>, StoreError> {
    let all = all(id);
    let end = match before {
        Some(before) => Some(run_key(id, before).as_slice().to_vec()),
        None => crate::key::prefix_end(all.as_slice()),
    };
    let rows = tx.range(Tree::Sched, all.as_slice(), end.as_deref(), Direction::Backward, limit)?;
    let run = |(row, value): &(bytes::Bytes, bytes::Bytes)| {
        let no = row.last_chunk().copied().map(u32::from_be_bytes);
        let no = no.ok_or_else(|| StoreError::corrupt(Tree::Sched, "a key holds no number"))?;
        Ok((no, envelope::open_record(Tree::Sched, value)?))
    };
    rows.iter().map(run).collect()
}
