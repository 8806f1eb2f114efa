//! `[campaigns]`: one message for many recipients.

use serde::{Deserialize, Serialize};
use wasup_store::records::CampaignPace;

use super::check::Checks;
use super::units::Span;

/// How fast campaigns send that say nothing of it, and how long they are kept. Keys: `config/default.toml`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CampaignsConfig {
    /// The shortest wait between two messages of an account.
    pub gap_min: Span,
    /// The longest.
    pub gap_max: Span,
    /// Most messages of an account in a minute; 0 for any number.
    pub per_minute: u32,
    /// Most in an hour.
    pub per_hour: u32,
    /// Most in 24 hours.
    pub per_day: u32,
    /// How long a campaign that is over is kept.
    pub keep: Span,
}

impl CampaignsConfig {
    /// The pace of a campaign that says none.
    #[must_use]
    pub fn pace(&self) -> CampaignPace {
        let millis = |span: Span| u64::try_from(span.0.as_millis()).unwrap_or(u64::MAX);
        let limit = |most: u32| (most > 0).then_some(most);
        CampaignPace {
            gap_min_ms: millis(self.gap_min),
            gap_max_ms: millis(self.gap_max),
            per_minute: limit(self.per_minute),
            per_hour: limit(self.per_hour),
            per_day: limit(self.per_day),
            warm_up: None,
        }
    }

    pub(super) fn check(&self, checks: &mut Checks) {
        checks.between("campaigns.gap_max", self.gap_max, self.gap_min, super::jobs::DELAY_MAX);
        checks.between("campaigns.keep", self.keep, Span::secs(60), Span::secs(3_650 * 86_400));
    }
}
