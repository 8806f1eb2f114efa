//! `[metrics]`: what is shown for each account by itself.

use serde::{Deserialize, Serialize};

use super::check::Checks;

/// What `/metrics` shows. Keys and limits: `config/default.toml`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsConfig {
    /// Accounts that have series of their own.
    pub per_account_max: usize,
}

impl MetricsConfig {
    pub(super) fn check(&self, checks: &mut Checks) {
        checks.between("metrics.per_account_max", self.per_account_max, 0, 100_000);
    }
}
