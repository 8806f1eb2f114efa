//! What readings of the accounts file are counted with.

use wasup_sessions::meters::Counters;

use super::catalogue::RELOADS;
use super::recorder::Metrics;

/// What came of reading the accounts file again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReloadOutcome {
    /// Something was changed.
    Applied,
    /// All was as the file says.
    Unchanged,
    /// Some of it could not be done.
    Partly,
    /// It was wrong, and nothing was changed.
    Refused,
}

impl ReloadOutcome {
    const ALL: [Self; 4] = [Self::Applied, Self::Unchanged, Self::Partly, Self::Refused];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Unchanged => "unchanged",
            Self::Partly => "partly",
            Self::Refused => "refused",
        }
    }
}

/// Counts them.
#[derive(Clone)]
pub(crate) struct ReloadMeters(Counters<ReloadOutcome>);

impl ReloadMeters {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self(Counters::new(ReloadOutcome::ALL, |outcome| metrics.counter(&RELOADS, &[outcome.as_str()])))
    }

    /// One was read.
    pub(crate) fn count(&self, outcome: ReloadOutcome) {
        self.0.count(outcome);
    }
}
