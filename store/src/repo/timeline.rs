//! What happened to an account. `timeline`: no u32 · ts u64 · n u32 → record; `n` counts the account's rows.

use crate::id::{AccountNo, Millis};
use crate::key::{Key, Parts, prefix_end};
use crate::records::TimelineRecord;
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx, envelope};

/// Rows kept of one account; a further one takes the place of the oldest.
pub const ROWS_MAX: u32 = 1_000;

/// Where a row stands among its account's: when it was, and its number.
pub type TimelinePlace = (Millis, u32);

fn of(no: AccountNo) -> Key {
    Key::new().u32(no.0)
}

fn key(no: AccountNo, (at_ms, n): TimelinePlace) -> Key {
    of(no).u64(at_ms).u32(n)
}

fn place(key: &[u8]) -> Option<TimelinePlace> {
    let mut parts = Parts(key.get(4..)?);
    Some((parts.u64()?, parts.u32()?))
}

/// The next place: rows stay in the order of their commits, also when the clock stands still or steps back.
fn after(newest: Option<TimelinePlace>, now_ms: Millis) -> TimelinePlace {
    newest.map_or((now_ms, 0), |(at_ms, n)| (now_ms.max(at_ms), n.wrapping_add(1)))
}

/// Whether the oldest row goes when this one comes.
fn is_crowded(oldest: TimelinePlace, new: TimelinePlace) -> bool {
    new.1.wrapping_sub(oldest.1) >= ROWS_MAX
}

/// Adds a row.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub(super) fn note(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    record: &TimelineRecord,
    now_ms: Millis,
) -> Result<(), StoreError> {
    let end = |tx: &ReadTx<'_>, direction| {
        let found = tx.first(Tree::Timeline, of(no), direction)?;
        Ok::<_, StoreError>(found.and_then(|(key, _)| place(&key)))
    };
    let (oldest, newest) = tx.reading(|tx| Ok((end(tx, Direction::Forward)?, end(tx, Direction::Backward)?)))?;
    let new = after(newest, now_ms);
    if let Some(oldest) = oldest.filter(|oldest| is_crowded(*oldest, new)) {
        tx.delete(Tree::Timeline, key(no, oldest))?;
    }
    tx.put_record(Tree::Timeline, key(no, new), record)
}

/// At most `limit` rows of an account before a place, the newest first.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn list(
    tx: &ReadTx<'_>,
    no: AccountNo,
    before: Option<TimelinePlace>,
    limit: usize,
) -> Result<Vec<(TimelinePlace, TimelineRecord)>, StoreError> {
    let end = match before {
        Some(place) => Some(key(no, place).into_vec()),
        None => prefix_end(&no.0.to_be_bytes()),
    };
    let rows = tx.range(Tree::Timeline, of(no).as_slice(), end.as_deref(), Direction::Backward, limit)?;
    let row = |(key, value): &(bytes::Bytes, bytes::Bytes)| {
        let place = place(key).ok_or_else(|| StoreError::corrupt(Tree::Timeline, "a key holds no time"))?;
        Ok((place, envelope::open_record(Tree::Timeline, value)?))
    };
    rows.iter().map(row).collect()
}

/// What a step of pruning did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PrunedTimelines {
    /// Rows that are gone.
    pub rows: u64,
    /// The account to go on with; `None` at the end.
    pub next: Option<AccountNo>,
}

/// Removes at most `limit` rows from before a time, looking at no more than as many accounts, from one on.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn prune(
    tx: &mut WriteTx<'_>,
    from: AccountNo,
    before_ms: Millis,
    limit: usize,
) -> Result<PrunedTimelines, StoreError> {
    let (mut no, mut done) = (from, PrunedTimelines::default());
    for _ in 0..limit {
        let first = tx.range(Tree::Timeline, of(no).as_slice(), None, Direction::Forward, 1)?;
        let Some(found) = first.first().and_then(|(key, _)| Parts(key).u32()) else { return Ok(done) };
        no = AccountNo(found);
        let left = limit - usize::try_from(done.rows).unwrap_or(limit);
        let end = of(no).u64(before_ms);
        let old = tx.range(Tree::Timeline, of(no).as_slice(), Some(end.as_slice()), Direction::Forward, left)?;
        for (key, _) in &old {
            tx.delete(Tree::Timeline, key)?;
            done.rows += 1;
        }
        if old.len() == left {
            break;
        }
        let Some(next) = found.checked_add(1) else { return Ok(done) };
        no = AccountNo(next);
    }
    Ok(PrunedTimelines { next: Some(no), ..done })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stay_in_order_whatever_the_clock_does() {
        for (newest, now_ms, expected) in [
            (None, 7, (7, 0)),
            (Some((5, 3)), 7, (7, 4)),
            (Some((7, 0)), 7, (7, 1)),
            (Some((9, 4)), 7, (9, 5)),
            (Some((9, u32::MAX)), 9, (9, 0)),
        ] {
            assert_eq!(after(newest, now_ms), expected);
        }
    }

    #[test]
    fn the_oldest_goes_when_it_is_crowded() {
        assert!(!is_crowded((1, 0), (2, ROWS_MAX - 1)));
        assert!(is_crowded((1, 0), (2, ROWS_MAX)));
        assert!(is_crowded((1, u32::MAX), (2, ROWS_MAX - 1)), "also where the numbers begin anew");
    }
}
