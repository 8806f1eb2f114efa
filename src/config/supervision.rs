//! `[supervision]`: how often a broken account is started again.

use serde::{Deserialize, Serialize};

use super::check::Checks;
use super::units::Span;

/// Restart budget and back-off of each account. Keys and limits: `config/default.toml`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SupervisionConfig {
    /// Restarts ...
    pub max_restarts: u32,
    /// ... within this time.
    pub within: Span,
    /// First wait.
    pub backoff_base: Span,
    /// Growth of the waits.
    pub backoff_factor: f64,
    /// Longest wait.
    pub backoff_cap: Span,
    /// Share by which waits are spread.
    pub jitter: f64,
    /// Time after which history is forgotten.
    pub stable_after: Span,
    /// How often an actor must answer.
    pub heartbeat: Span,
    /// Longest time for one account to stop.
    pub stop_timeout: Span,
}

const DAY: Span = Span::secs(86_400);

impl SupervisionConfig {
    pub(super) fn check(&self, checks: &mut Checks) {
        checks.between("supervision.max_restarts", self.max_restarts, 0, 1_000);
        checks.between("supervision.within", self.within, Span::secs(1), DAY);
        checks.between("supervision.backoff_base", self.backoff_base, Span::millis(10), Span::secs(3_600));
        checks.between("supervision.backoff_factor", self.backoff_factor, 1.0, 10.0);
        checks.between("supervision.backoff_cap", self.backoff_cap, self.backoff_base, DAY);
        checks.between("supervision.jitter", self.jitter, 0.0, 1.0);
        checks.between("supervision.stable_after", self.stable_after, Span::secs(1), DAY);
        checks.between("supervision.heartbeat", self.heartbeat, Span::secs(1), Span::secs(600));
        checks.between("supervision.stop_timeout", self.stop_timeout, Span::millis(100), Span::secs(300));
    }
}
