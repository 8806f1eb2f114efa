//! What a link does about a store that refused a write: within one connection the library never tries again, so the
//! connection has to end.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;
use wasup_store::StoreError;

/// Signals refused writes from the key store and the hook to the link.
#[derive(Default)]
pub(crate) struct Trouble {
    fatal: AtomicBool,
    signal: Notify,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    /// A new connection may fare better.
    Passing,
    /// The store stopped, or another incarnation owns the account: this link must not go on.
    Fatal,
}

impl Trouble {
    /// Reports a refused write.
    pub(crate) fn report(&self, error: &StoreError) {
        if severity(error) == Severity::Fatal {
            self.fatal.store(true, Ordering::Release);
        }
        self.signal.notify_one();
    }

    /// Resolves after a report.
    pub(crate) async fn reported(&self) -> Severity {
        self.signal.notified().await;
        if self.fatal.load(Ordering::Acquire) { Severity::Fatal } else { Severity::Passing }
    }
}

fn severity(error: &StoreError) -> Severity {
    if error.is_poisoned() || matches!(error, StoreError::StaleEpoch) { Severity::Fatal } else { Severity::Passing }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_fatal_report_is_not_hidden_by_a_later_passing_one() {
        let trouble = Trouble::default();
        trouble.report(&StoreError::JobPanicked);
        assert_eq!(trouble.reported().await, Severity::Passing);
        trouble.report(&StoreError::StaleEpoch);
        trouble.report(&StoreError::JobPanicked);
        assert_eq!(trouble.reported().await, Severity::Fatal);
    }
}
