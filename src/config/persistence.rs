//! `[persistence]`: what of messages is kept, and how long.

use serde::{Deserialize, Serialize};
use wasup_store::id::Millis;
use wasup_store::records::{KeepLimits, KeepPolicy, KeepRecord};

use super::check::Checks;
use super::units::{Size, Span, SpanOrNever};

const DAY: Span = Span::secs(86_400);
const TEN_YEARS: Span = Span::secs(3_650 * 86_400);
/// The shortest time that messages can be kept.
pub(crate) const MAX_AGE_LEAST: Span = Span::secs(60);
/// For less long than this the network can bring a message once more.
const IDS_FEW: Span = Span::secs(30 * 86_400);

/// What of messages is kept, where nothing is set for their account. Keys and limits: `config/default.toml`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PersistenceConfig {
    /// Whether messages enter the stored history.
    pub policy: KeepPolicy,
    /// How long what is not stored stays after its last delivery.
    pub erase_after: Span,
    /// How old stored messages get.
    pub max_age: SpanOrNever,
    /// How many messages of an account are stored; 0 for any number.
    pub max_messages: u64,
    /// How many bytes an account's stored messages say; 0 for any number.
    pub max_bytes: Size,
    /// How long repeats of messages are known that are not stored any more.
    pub remember_ids: Span,
}

impl PersistenceConfig {
    pub(super) fn check(&self, checks: &mut Checks) {
        checks.between("persistence.erase_after", self.erase_after, Span::default(), Span::secs(30 * 86_400));
        checks.between("persistence.remember_ids", self.remember_ids, DAY, TEN_YEARS);
        if let Some(age) = self.max_age.0 {
            checks.between("persistence.max_age", Span(age), MAX_AGE_LEAST, TEN_YEARS);
        }
        if self.remember_ids < IDS_FEW {
            let what = "is short: what the network kept while an account was offline may be told twice";
            checks.warn("persistence.remember_ids", what);
        }
    }

    /// As it stands in the store.
    #[must_use]
    pub fn record(&self, set_ms: Millis) -> KeepRecord {
        let millis = |span: std::time::Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        KeepRecord {
            policy: Some(self.policy),
            allowed: Vec::new(),
            limits: KeepLimits {
                age_ms: Some(self.max_age.0.map_or(0, millis)),
                messages: Some(self.max_messages),
                bytes: Some(self.max_bytes.0),
            },
            erase_after_ms: Some(millis(self.erase_after.0)),
            set_ms,
        }
    }
}
