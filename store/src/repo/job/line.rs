//! The lines: which job of which account is next.

use super::{LINE, get, last_id};
use crate::id::{AccountNo, JobId};
use crate::key::Key;
use crate::records::JobRecord;
use crate::{Direction, ReadTx, StoreError, Tree};

/// The job that stands first in an account's line.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn first(tx: &ReadTx<'_>, no: AccountNo) -> Result<Option<(JobId, JobRecord)>, StoreError> {
    let Some((row, _)) = tx.first(Tree::Job, Key::new().u8(LINE).u32(no.0), Direction::Forward)? else {
        return Ok(None);
    };
    let id = last_id(Tree::Job, &row)?;
    let record = get(tx, id)?.ok_or_else(|| StoreError::corrupt(Tree::Job, "a job is gone"))?;
    Ok(Some((id, record)))
}

/// How many jobs stand in an account's line, looked at up to `most`.
///
/// # Errors
/// [`StoreError`] when the rows can't be read.
pub fn length(tx: &ReadTx<'_>, no: AccountNo, most: usize) -> Result<usize, StoreError> {
    let line = Key::new().u8(LINE).u32(no.0);
    let end = crate::key::prefix_end(line.as_slice());
    Ok(tx.range(Tree::Job, line.as_slice(), end.as_deref(), Direction::Forward, most)?.len())
}

/// At most `limit` accounts after one that have jobs in their lines.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn lines(tx: &ReadTx<'_>, after: Option<AccountNo>, limit: usize) -> Result<Vec<AccountNo>, StoreError> {
    let (mut found, mut next) = (Vec::new(), after.map_or(0, |after| after.0.saturating_add(1)));
    while found.len() < limit {
        let from = Key::new().u8(LINE).u32(next);
        let rows = tx.range(Tree::Job, from.as_slice(), Some(&[LINE + 1]), Direction::Forward, 1)?;
        let Some((row, _)) = rows.first() else { break };
        let no = row.get(1..5).and_then(|no| no.try_into().ok()).map(u32::from_be_bytes);
        let no = no.ok_or_else(|| StoreError::corrupt(Tree::Job, "a key holds no account"))?;
        found.push(AccountNo(no));
        next = no.saturating_add(1);
    }
    Ok(found)
}
