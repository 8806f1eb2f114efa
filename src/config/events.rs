//! `[events]` and `[audit]`: what is kept of what happened, and how it is streamed.

use serde::{Deserialize, Serialize};

use super::check::Checks;
use super::units::Span;

/// The longest time that anything is kept by config.
const TEN_YEARS: Span = Span::secs(3_650 * 86_400);
/// With fewer events than this a reader that comes back may find its place gone.
const ROWS_FEW: u64 = 10_000;

/// The event log and its live streams. Keys and limits: `config/default.toml`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EventsConfig {
    /// How long events are kept.
    pub keep: Span,
    /// Newest events that are kept at most; 0 for no limit.
    pub max_rows: u64,
    /// How often a stream without news says that it is alive.
    pub heartbeat: Span,
    /// How long a stream's client may take nothing.
    pub stream_patience: Span,
}

/// Who did what. Keys and limits: `config/default.toml`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AuditConfig {
    /// How long it is kept.
    pub keep: Span,
}

impl EventsConfig {
    pub(super) fn check(&self, write_timeout: Span, checks: &mut Checks) {
        checks.between("events.keep", self.keep, Span::secs(3_600), TEN_YEARS);
        checks.between("events.heartbeat", self.heartbeat, Span::secs(1), Span::secs(300));
        checks.between("events.stream_patience", self.stream_patience, Span::millis(100), Span::secs(300));
        if self.stream_patience >= write_timeout {
            let what = format!("must be shorter than server.write_timeout ({write_timeout}): who lags is told first");
            checks.refuse("events.stream_patience", what);
        }
        if (1..ROWS_FEW).contains(&self.max_rows) {
            let what = "is small: undelivered webhooks end, and readers find their place gone, when events come fast";
            checks.warn("events.max_rows", what);
        }
    }
}

impl AuditConfig {
    pub(super) fn check(&self, checks: &mut Checks) {
        checks.between("audit.keep", self.keep, Span::secs(86_400), TEN_YEARS);
    }
}
