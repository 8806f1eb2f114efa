//! Files are looked at by a virus scanner before they are kept, where the config names one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasup_store::shelf::Whole;

use super::clamd::{ClamdAddress, Finding, ScanError, scan};
use super::refusal::MediaRefusal;
use crate::metrics::{ScanMeters, ScanOutcome};

/// What becomes of files while nobody can say what is in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unscanned {
    /// They are refused.
    Refused,
    /// They are kept all the same.
    Kept,
}

/// Looks at files. Clones are the same.
#[derive(Clone)]
pub struct Scanner(Arc<Inner>);

struct Inner {
    address: ClamdAddress,
    patience: Duration,
    unscanned: Unscanned,
    meters: ScanMeters,
}

impl Scanner {
    /// Asks clamd at an address, for at most `patience` a file.
    #[must_use]
    pub(crate) fn new(address: ClamdAddress, patience: Duration, unscanned: Unscanned, meters: ScanMeters) -> Self {
        Self(Arc::new(Inner { address, patience, unscanned, meters }))
    }

    /// Refuses a file that is infected, and, where that is the rule, one that nobody can look at.
    ///
    /// # Errors
    /// [`MediaRefusal::Infected`], [`MediaRefusal::Unscanned`], [`MediaRefusal::TooLongToScan`], or the disk's.
    pub(super) async fn look(&self, whole: &Whole) -> Result<(), MediaRefusal> {
        let Inner { address, patience, unscanned, meters } = &*self.0;
        let file = tokio::fs::File::from_std(whole.reader()?);
        let begun = Instant::now();
        let found = scan(address, file, *patience).await;
        let outcome = match &found {
            Ok(Finding::Clean) => ScanOutcome::Clean,
            Ok(Finding::Infected(_)) => ScanOutcome::Infected,
            Err(_) => ScanOutcome::Failed,
        };
        meters.count(outcome, begun.elapsed());
        match found {
            Ok(Finding::Clean) => Ok(()),
            Ok(Finding::Infected(signature)) => {
                tracing::warn!(signature, "an infected file is refused");
                Err(MediaRefusal::Infected(signature))
            }
            Err(error) => unscanned.apply(&error),
        }
    }
}

impl Unscanned {
    fn apply(self, error: &ScanError) -> Result<(), MediaRefusal> {
        if self == Self::Kept {
            tracing::warn!(%error, "a file is kept that was not scanned");
            return Ok(());
        }
        tracing::warn!(%error, "a file is refused because it can't be scanned");
        Err(match error {
            ScanError::TooLong => MediaRefusal::TooLongToScan,
            ScanError::Unreachable(_) | ScanError::TimedOut | ScanError::Answered(_) => MediaRefusal::Unscanned,
        })
    }
}
