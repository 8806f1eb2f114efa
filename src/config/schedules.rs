//! `[schedules]`: what happens at a time, or again and again.

use serde::{Deserialize, Serialize};

use super::check::Checks;
use super::units::Span;

/// Limits of schedules. Keys: `config/default.toml`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SchedulesConfig {
    /// A time that came this long ago still runs; an older one was missed.
    pub grace: Span,
    /// Most runs that a schedule's history keeps.
    pub history: u32,
    /// How long a schedule that has ended is kept.
    pub keep: Span,
}

impl SchedulesConfig {
    pub(super) fn check(&self, checks: &mut Checks) {
        checks.between("schedules.grace", self.grace, Span::secs(1), Span::secs(86_400));
        checks.between("schedules.history", self.history, 1, 10_000);
        checks.between("schedules.keep", self.keep, Span::secs(60), Span::secs(3_650 * 86_400));
    }
}
