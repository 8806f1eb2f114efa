//! What an account sent in bulk lately, whatever campaign or job it was for.
//!
//! `pace`: no · 3 · n u64 → u64, when the n-th bulk message of the account got its outcome. They are numbered without gaps, so
//! that "may one more go" is one look at the row of the message that would have to be old enough, however large the limit
//! is. While one has no outcome none follows it: a message that is counted when it has its outcome was on the wire before
//! that and not later, which is why no window of any length ever holds more than its limit.

use super::{counters, pace};
use crate::id::{AccountNo, Millis};
use crate::key::{Key, Parts};
use crate::records::Lane;
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx, envelope};

/// How long they count.
const KEPT_MS: Millis = pace::DAY_MS + 3_600_000;
/// Old ones that one more makes forgotten.
const FORGOTTEN_AT_ONCE: usize = 4;

/// Most bulk messages of an account in any window of a length, for several lengths of at most a day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BulkCaps(Vec<(u32, Millis)>);

impl BulkCaps {
    /// With these limits; a limit of 0 lets nothing go.
    #[must_use]
    pub fn new(caps: impl IntoIterator<Item = (u32, Millis)>) -> Self {
        Self(caps.into_iter().map(|(most, window_ms)| (most, window_ms.min(pace::DAY_MS))).collect())
    }
}

/// What of an account's bulk messages there is to know before one more goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BulkStanding {
    /// One has no outcome yet.
    pub waiting: bool,
    /// When the last one got its outcome.
    pub last_ms: Option<Millis>,
    /// The limits let none go before this; 0 where they let one go.
    pub not_before_ms: Millis,
}

fn all(no: AccountNo) -> Key {
    Key::new().u32(no.0).u8(pace::BULK)
}

fn at(value: &[u8]) -> Result<Millis, StoreError> {
    Parts(value).u64().ok_or_else(|| StoreError::corrupt(Tree::Pace, "a row of a bulk message is damaged"))
}

fn number(key: &[u8]) -> Result<u64, StoreError> {
    let number = key.get(5..).and_then(|number| Parts(number).u64());
    number.ok_or_else(|| StoreError::corrupt(Tree::Pace, "a key holds no number"))
}

fn newest(tx: &ReadTx<'_>, no: AccountNo) -> Result<Option<(u64, Millis)>, StoreError> {
    let Some((key, value)) = tx.first(Tree::Pace, all(no), Direction::Backward)? else { return Ok(None) };
    let body = envelope::open(Tree::Pace, envelope::Codec::Fixed, &value)?;
    Ok(Some((number(&key)?, at(&body)?)))
}

/// Whether an account may send one more bulk message.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn standing(tx: &ReadTx<'_>, no: AccountNo, caps: &BulkCaps, now_ms: Millis) -> Result<BulkStanding, StoreError> {
    let waiting = *counters::account(tx, no)?.lane(Lane::Bulk) > 0;
    let newest = newest(tx, no)?;
    let mut standing = BulkStanding { waiting, last_ms: newest.map(|(_, at_ms)| at_ms), not_before_ms: 0 };
    for (most, window_ms) in &caps.0 {
        if *most == 0 {
            standing.not_before_ms = standing.not_before_ms.max(now_ms.saturating_add(*window_ms));
            continue;
        }
        // The one that has to be out of the window for one more to be in it.
        let Some(n) = newest.and_then(|(newest, _)| (newest + 1).checked_sub(u64::from(*most))) else { continue };
        let Some(then) = tx.fixed(Tree::Pace, all(no).u64(n))? else { continue };
        let free_ms = at(&then)?.saturating_add(*window_ms);
        if free_ms > now_ms {
            standing.not_before_ms = standing.not_before_ms.max(free_ms);
        }
    }
    Ok(standing)
}

/// Notes that a bulk message of an account has its outcome.
pub(super) fn note(tx: &mut WriteTx<'_>, no: AccountNo, now_ms: Millis) -> Result<(), StoreError> {
    let next = tx.reading(|tx| newest(tx, no))?.map_or(0, |(n, _)| n + 1);
    tx.put_fixed(Tree::Pace, all(no).u64(next), &now_ms.to_be_bytes())?;
    let oldest = tx.prefix(Tree::Pace, all(no), Direction::Forward, FORGOTTEN_AT_ONCE)?;
    for (key, value) in &oldest {
        let body = envelope::open(Tree::Pace, envelope::Codec::Fixed, value)?;
        if at(&body)?.saturating_add(KEPT_MS) > now_ms {
            break;
        }
        tx.delete(Tree::Pace, key)?;
    }
    Ok(())
}
