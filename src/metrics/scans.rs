//! What scans of files are counted with.

use std::time::Duration;

use metrics::Histogram;
use wasup_sessions::meters::Counters;

use super::catalogue::{SCAN_TIME, SCANS};
use super::recorder::Metrics;

/// What came of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScanOutcome {
    /// Nothing was found.
    Clean,
    /// Something was.
    Infected,
    /// The scanner could not say.
    Failed,
}

impl ScanOutcome {
    const ALL: [Self; 3] = [Self::Clean, Self::Infected, Self::Failed];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Infected => "infected",
            Self::Failed => "failed",
        }
    }
}

/// Counts them.
#[derive(Clone)]
pub(crate) struct ScanMeters {
    scans: Counters<ScanOutcome>,
    seconds: Histogram,
}

impl ScanMeters {
    pub(super) fn new(metrics: &Metrics) -> Self {
        let scans = Counters::new(ScanOutcome::ALL, |outcome| metrics.counter(&SCANS, &[outcome.as_str()]));
        Self { scans, seconds: metrics.histogram(&SCAN_TIME, &[]) }
    }

    /// One was made.
    pub(crate) fn count(&self, outcome: ScanOutcome, took: Duration) {
        self.scans.count(outcome);
        self.seconds.record(took.as_secs_f64());
    }
}
