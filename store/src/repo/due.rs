//! The due index: what happens at which time. One row a subject, so that a long backlog stands in nobody's way.

use crate::id::Millis;
use crate::key::{Key, Parts};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx};

/// What becomes due. The numbers are on disk and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum DueKind {
    /// An endpoint's next wake; the id is the endpoint's.
    Endpoint = 1,
    /// A schedule's next run.
    Schedule = 2,
    /// An account's restart after a ban, or for another try; the id is its number.
    Restart = 3,
    /// A round of retention.
    Retention = 4,
    /// The event of an account's state that could not be told at once; the id is the account's number.
    StateEvent = 5,
    /// The content of a message that is not kept, and of its event; see [`super::fleeting`].
    Erase = 6,
    /// The file of a received message, to be fetched before anybody asks; the id is the message's.
    Fetch = 7,
    /// A chat that is losing its messages; see [`super::clearing`].
    Clear = 8,
    /// A campaign that is to start; the id is the campaign's.
    Campaign = 9,
}

pub(crate) fn key(kind: DueKind, at_ms: Millis, id: &[u8]) -> Key {
    Key::new().u8(kind as u8).u64(at_ms).bytes(id)
}

/// Moves a subject from one time to another, either of which may be none.
///
/// # Errors
/// [`StoreError`] when the key would be too long.
pub fn reset(
    tx: &mut WriteTx<'_>,
    kind: DueKind,
    id: &[u8],
    from: Option<Millis>,
    to: Option<Millis>,
) -> Result<(), StoreError> {
    if from == to {
        return Ok(());
    }
    if let Some(from) = from {
        tx.delete(Tree::Due, key(kind, from, id))?;
    }
    match to {
        Some(to) => tx.put_fixed(Tree::Due, key(kind, to, id), &[]),
        None => Ok(()),
    }
}

/// At most `limit` subjects that are due, the oldest first.
///
/// # Errors
/// [`StoreError`] when the index can't be read.
pub fn due(tx: &ReadTx<'_>, kind: DueKind, now_ms: Millis, limit: usize) -> Result<Vec<Vec<u8>>, StoreError> {
    Ok(ripe(tx, kind, now_ms, limit)?.into_iter().map(|(_, id)| id).collect())
}

/// As [`due`], with the times.
///
/// # Errors
/// [`StoreError`] when the index can't be read.
pub fn ripe(
    tx: &ReadTx<'_>,
    kind: DueKind,
    now_ms: Millis,
    limit: usize,
) -> Result<Vec<(Millis, Vec<u8>)>, StoreError> {
    let from = Key::new().u8(kind as u8);
    let to = key(kind, now_ms.saturating_add(1), &[]);
    let rows = tx.range(Tree::Due, from.as_slice(), Some(to.as_slice()), Direction::Forward, limit)?;
    let row = |key: &[u8]| {
        let mut parts = Parts(key.get(1..)?);
        Some((parts.u64()?, parts.rest().to_vec()))
    };
    let bad = || StoreError::corrupt(Tree::Due, "a key holds no time");
    rows.iter().map(|(key, _)| row(key).ok_or_else(bad)).collect()
}

/// When the next subject becomes due.
///
/// # Errors
/// [`StoreError`] when the index can't be read.
pub fn next(tx: &ReadTx<'_>, kind: DueKind) -> Result<Option<Millis>, StoreError> {
    let first = tx.first(Tree::Due, Key::new().u8(kind as u8), Direction::Forward)?;
    Ok(first.and_then(|(key, _)| Parts(key.get(1..).unwrap_or_default()).u64()))
}
