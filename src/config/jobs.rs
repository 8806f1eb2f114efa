//! `[jobs]`: many messages of one account, sent one after the other.

use serde::{Deserialize, Serialize};
use wasup_store::records::DelayRange;

use super::check::Checks;
use super::units::{Size, Span};

/// The longest wait between two items.
pub(crate) const DELAY_MAX: Span = Span::secs(86_400);

/// Limits of jobs. Keys: `config/default.toml`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct JobsConfig {
    /// Most items of a job.
    pub items_max: usize,
    /// Longest body of a request with a job.
    pub body_max: Size,
    /// The shortest wait between two items, where the job says none.
    pub delay_min: Span,
    /// ... and the longest.
    pub delay_max: Span,
    /// How long a job that is over is kept.
    pub keep: Span,
}

impl JobsConfig {
    /// The wait between two items where a job says none.
    #[must_use]
    pub fn delay(&self) -> DelayRange {
        let millis = |span: Span| u64::try_from(span.0.as_millis()).unwrap_or(u64::MAX);
        DelayRange { min_ms: millis(self.delay_min), max_ms: millis(self.delay_max) }
    }

    pub(super) fn check(&self, checks: &mut Checks) {
        if self.items_max == 0 || self.items_max > 100_000 {
            checks.refuse("jobs.items_max", "must be 1 to 100000");
        }
        checks.between("jobs.delay_max", self.delay_max, self.delay_min, DELAY_MAX);
        checks.between("jobs.keep", self.keep, Span::secs(60), Span::secs(3_650 * 86_400));
    }
}
