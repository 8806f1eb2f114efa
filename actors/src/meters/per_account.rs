//! What is counted for each account by itself, since the process started. Who shows it decides how many accounts are
//! worth a series of their own.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use wasup_store::id::AccountNo;

/// One account's counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AccountCounts {
    /// Connections that were lost and made again.
    pub reconnects: u64,
    /// Attempts to deliver its events that were accepted.
    pub attempts_ok: u64,
    /// ... and that were not.
    pub attempts_failed: u64,
}

#[derive(Debug, Default)]
struct Cell {
    reconnects: AtomicU64,
    attempts_ok: AtomicU64,
    attempts_failed: AtomicU64,
}

/// Every account's counts. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct PerAccount(Arc<RwLock<HashMap<AccountNo, Cell>>>);

impl PerAccount {
    /// What was counted for an account; zeroes where nothing was.
    #[must_use]
    pub fn of(&self, no: AccountNo) -> AccountCounts {
        let cells = self.0.read().unwrap_or_else(PoisonError::into_inner);
        cells.get(&no).map_or_else(AccountCounts::default, |cell| AccountCounts {
            reconnects: cell.reconnects.load(Ordering::Relaxed),
            attempts_ok: cell.attempts_ok.load(Ordering::Relaxed),
            attempts_failed: cell.attempts_failed.load(Ordering::Relaxed),
        })
    }

    pub(crate) fn reconnected(&self, no: AccountNo) {
        self.with(no, |cell| &cell.reconnects);
    }

    pub(crate) fn attempted(&self, no: AccountNo, ok: bool) {
        self.with(no, |cell| if ok { &cell.attempts_ok } else { &cell.attempts_failed });
    }

    /// The account is deleted. A number is never given out again.
    pub(crate) fn forget(&self, no: AccountNo) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&no);
    }

    fn with(&self, no: AccountNo, which: impl Fn(&Cell) -> &AtomicU64) {
        let count = |cell: &Cell| which(cell).fetch_add(1, Ordering::Relaxed);
        if let Some(cell) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&no) {
            count(cell);
            return;
        }
        count(self.0.write().unwrap_or_else(PoisonError::into_inner).entry(no).or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_counted_apart_and_forgotten() {
        let counts = PerAccount::default();
        counts.reconnected(AccountNo(1));
        counts.attempted(AccountNo(1), true);
        counts.attempted(AccountNo(1), false);
        counts.attempted(AccountNo(2), false);
        assert_eq!(counts.of(AccountNo(1)), AccountCounts { reconnects: 1, attempts_ok: 1, attempts_failed: 1 });
        assert_eq!(counts.of(AccountNo(2)), AccountCounts { reconnects: 0, attempts_ok: 0, attempts_failed: 1 });
        counts.forget(AccountNo(1));
        assert_eq!(counts.of(AccountNo(1)), AccountCounts::default());
    }
}
