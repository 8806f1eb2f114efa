//! When each position of the event log reached the disk, to the microsecond: the store's own times are milliseconds.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use wasup_store::Store;
use wasup_store::id::Position;

/// The syncs of a store, in order, each with the newest position on disk after it.
#[derive(Debug, Clone, Default)]
pub(super) struct Commits(Arc<Mutex<Vec<(u64, Instant)>>>);

impl Commits {
    /// Listens to a store from now on.
    #[must_use]
    pub(super) fn of(store: &Store) -> Self {
        let commits = Self::default();
        let log = commits.clone();
        // A store that has a listener already tells nothing here, and all times stay unknown.
        store.on_sync(move |position| log.note(position, Instant::now()));
        commits
    }

    fn log(&self) -> MutexGuard<'_, Vec<(u64, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, position: Position, at: Instant) {
        let mut log = self.log();
        // A sync without new events moves no position.
        if log.last().is_none_or(|(last, _)| *last < position.0) {
            log.push((position.0, at));
        }
    }

    /// When a position reached the disk; `None` when it had before this listened, or has not yet.
    #[must_use]
    pub(super) fn at(&self, position: Position) -> Option<Instant> {
        let log = self.log();
        let found = log.partition_point(|(upto, _)| *upto < position.0);
        // Before the first entry nothing is known: what it covers began earlier.
        log.get(found).filter(|_| found > 0).map(|(_, at)| *at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_position_is_on_disk_with_the_first_sync_that_covers_it() {
        let (commits, begun) = (Commits::default(), Instant::now());
        let at = |n| begun + Duration::from_millis(n);
        for (position, n) in [(5, 1), (5, 2), (9, 3), (10, 4)] {
            commits.note(Position(position), at(n));
        }
        assert_eq!(commits.at(Position(5)), None, "it may have been there before");
        assert_eq!(commits.at(Position(6)), Some(at(3)));
        assert_eq!(commits.at(Position(9)), Some(at(3)));
        assert_eq!(commits.at(Position(10)), Some(at(4)));
        assert_eq!(commits.at(Position(11)), None);
    }
}
