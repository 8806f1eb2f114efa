//! The event log and the accounts' own order in it.

use std::collections::BTreeMap;

use super::check::{Check, Standing, fixed, record};
use super::finding::FindingCode;
use crate::Tree;
use crate::id::AccountNo;
use crate::key::{Key, Parts};
use crate::records::EventRecord;
use crate::repo::revival::LEAP;
use crate::repo::{counters, retention};

pub(super) fn check(check: &mut Check<'_>) {
    let mut counted: BTreeMap<u32, u64> = BTreeMap::new();
    let floor = retention::floor(&check.tx).map_or(0, |floor| floor.0);
    let mut last = floor;
    // Deleted accounts take their events along.
    let whole = !check.accounts.values().any(|standing| !matches!(standing, Standing::Live(_)));
    check.all(Tree::Event, |check, key, value| {
        let Some(position) = Parts(key).u64().filter(|_| key.len() == 8) else {
            check.fail(FindingCode::BadKey, Tree::Event, key);
            return Ok(());
        };
        if position > check.commit.position || (whole && position != last + 1) {
            check.fail(FindingCode::Hole, Tree::Event, key);
        }
        if position <= floor {
            check.fail(FindingCode::IndexStale, Tree::Event, key);
        }
        last = position;
        let event: EventRecord = record(Tree::Event, value)?;
        match check.accounts.get(&event.no.0) {
            Some(Standing::Live(_)) => {
                *counted.entry(event.no.0).or_default() += 1;
                let index = Key::new().u32(event.no.0).u64(event.seq.0);
                check.expect_fixed((Tree::Event, key), Tree::EventAcct, &index, key)
            }
            Some(Standing::Purging) => Ok(()),
            Some(Standing::Gone) | None => {
                check.fail(FindingCode::Orphan, Tree::Event, key);
                Ok(())
            }
        }
    });
    if floor > check.commit.position || (whole && last != check.commit.position) {
        check.fail(FindingCode::Hole, Tree::Event, &check.commit.position.to_be_bytes());
    }
    sequences(check, &counted, floor);
}

fn sequences(check: &mut Check<'_>, events: &BTreeMap<u32, u64>, floor: u64) {
    let mut seen: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    check.owned(Tree::EventAcct, |check, no, key, value| {
        let Some(seq) = Parts(key.get(4..).unwrap_or_default()).u64().filter(|_| key.len() == 12) else {
            check.fail(FindingCode::BadKey, Tree::EventAcct, key);
            return Ok(());
        };
        fixed(Tree::EventAcct, value)?;
        let (rows, last) = seen.entry(no).or_default();
        *rows += 1;
        if *rows > 1 && !follows(*last, seq) {
            check.fail(FindingCode::Hole, Tree::EventAcct, key);
        }
        *last = seq;
        Ok(())
    });
    let live: Vec<u32> =
        check.accounts.iter().filter(|(_, s)| matches!(s, Standing::Live(_))).map(|(no, _)| *no).collect();
    for no in live {
        let (rows, last) = seen.get(&no).copied().unwrap_or_default();
        if rows > events.get(&no).copied().unwrap_or(0) {
            check.fail(FindingCode::IndexStale, Tree::EventAcct, &no.to_be_bytes());
        }
        let stored = counters::account(&check.tx, AccountNo(no)).map_or(0, |counters| counters.seq.0);
        // Where all of its events were pruned, the counter alone remembers how many there were.
        let pruned = rows == 0 && floor > 0;
        if stored != last && !pruned && !(rows > 0 && stored > last && (stored - last).is_multiple_of(LEAP)) {
            check.fail(FindingCode::CounterWrong, Tree::EventAcct, &no.to_be_bytes());
        }
    }
}

/// Whether a number comes right after another one, perhaps with restores between them.
const fn follows(last: u64, next: u64) -> bool {
    next > last && (next - last - 1).is_multiple_of(LEAP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_restores_leap() {
        for (last, next, good) in
            [(1, 2, true), (1, 3, false), (2, 2, false), (7, 8 + LEAP, true), (7, 9 + LEAP, false)]
        {
            assert_eq!(follows(last, next), good, "{last} {next}");
        }
    }
}
