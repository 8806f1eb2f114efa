//! How many messages an account received and sent, by hour and type: numbers that outlive the messages.
//!
//! `stat`: no u32 · hour u32 (since 1970) → [`HourCounts`] of an hour that is over. The running hour stands in the
//! account's counters, which every commit writes anyway; the first message of the next one brings it here. What was
//! received counts when it is stored, what was sent when the network has it.

use bytes::Bytes;

use super::counters;
use crate::id::{AccountNo, Millis};
use crate::key::{Key, Parts};
use crate::records::{AccountCounters, Content, Direction, HourCounts};
use crate::{Direction as Walk, ReadTx, StoreError, Tree, WriteTx, envelope};

/// Milliseconds of an hour.
pub const HOUR_MS: Millis = 3_600_000;
/// Hours of which numbers are kept: 400 days.
pub const KEEP_HOURS: u32 = 400 * 24;
/// Old rows that go when a new one comes. Two for one, so that there are never many more than those that are kept.
const PRUNE: usize = 2;

fn key(no: AccountNo, hour: u32) -> Key {
    Key::new().u32(no.0).u32(hour)
}

/// The hour that a moment is in.
#[must_use]
pub fn hour_of(at_ms: Millis) -> u32 {
    u32::try_from(at_ms / HOUR_MS).unwrap_or(u32::MAX)
}

/// Counts a message in the running hour; hands back the hour before, when this is the first of a new one.
pub(super) fn count(
    counters: &mut AccountCounters,
    direction: Direction,
    content: &Content,
    now_ms: Millis,
) -> Option<HourCounts> {
    let hour = hour_of(now_ms);
    let over = (counters.this_hour.hour != hour)
        .then(|| std::mem::replace(&mut counters.this_hour, HourCounts::of(hour)))
        .filter(|over| !over.is_empty());
    counters.this_hour.count(direction, content);
    over
}

/// Keeps the numbers of an hour that is over. A clock that was set back may bring it here again.
pub(super) fn keep(tx: &mut WriteTx<'_>, no: AccountNo, over: &HourCounts) -> Result<(), StoreError> {
    let place = key(no, over.hour);
    let mut sum = tx.reading(|tx| tx.record::<HourCounts>(Tree::Stat, &place))?.unwrap_or(HourCounts::of(over.hour));
    sum.add(over);
    let (from, to) = (Key::new().u32(no.0), key(no, over.hour.saturating_sub(KEEP_HOURS)));
    for (old, _) in tx.range(Tree::Stat, from.as_slice(), Some(to.as_slice()), Walk::Forward, PRUNE)? {
        tx.delete(Tree::Stat, &old)?;
    }
    tx.put_record(Tree::Stat, place, &sum)
}

/// The numbers of an account from one hour up to and without another, in the order of time.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn list(tx: &ReadTx<'_>, no: AccountNo, from: u32, to: u32) -> Result<Vec<HourCounts>, StoreError> {
    if from >= to {
        return Ok(Vec::new());
    }
    let (begin, end) = (key(no, from), key(no, to));
    let rows = tx.range(Tree::Stat, begin.as_slice(), Some(end.as_slice()), Walk::Forward, usize::MAX)?;
    let mut found: Vec<_> = rows.iter().map(|(key, value)| read(key, value)).collect::<Result<_, _>>()?;
    let running = counters::account(tx, no)?.this_hour;
    if running.is_empty() || !(from..to).contains(&running.hour) {
        return Ok(found);
    }
    match found.binary_search_by_key(&running.hour, |counts| counts.hour) {
        Ok(at) => found[at].add(&running),
        Err(at) => found.insert(at, running),
    }
    Ok(found)
}

/// A row; also what `verify` asks of one.
pub(crate) fn read(key: &[u8], value: &Bytes) -> Result<HourCounts, StoreError> {
    let hour = key.get(4..).and_then(|hour| Parts(hour).u32()).filter(|_| key.len() == 8);
    let counts: HourCounts = envelope::open_record(Tree::Stat, value)?;
    match hour == Some(counts.hour) {
        true => Ok(counts),
        false => Err(StoreError::corrupt(Tree::Stat, "a row stands under another hour")),
    }
}
