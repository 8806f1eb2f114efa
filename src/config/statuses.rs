//! `[webhooks.statuses]`: what receivers' statuses mean.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use wasup_store::records::{StatusRange, StatusRules};

use super::check::Checks;

/// Most entries of one list.
pub(crate) const STATUSES_MAX: usize = 32;

/// A status, `410`, or a range of them, `500-599`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusText(pub StatusRange);

impl<'de> Deserialize<'de> for StatusText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

impl Serialize for StatusText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// What receivers' statuses mean. Keys: `config/default.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StatusesConfig {
    /// The receiver is gone for good.
    pub gone: Vec<StatusText>,
    /// The receiver has too much to do.
    pub overloaded: Vec<StatusText>,
    /// No repeat changes it.
    pub refused: Vec<StatusText>,
}

impl StatusesConfig {
    pub(super) fn check(&self, checks: &mut Checks) {
        for (key, list) in [
            ("webhooks.statuses.gone", &self.gone),
            ("webhooks.statuses.overloaded", &self.overloaded),
            ("webhooks.statuses.refused", &self.refused),
        ] {
            if list.len() > STATUSES_MAX {
                checks.refuse(key, format!("must not have more than {STATUSES_MAX} entries"));
            }
        }
    }
}

impl From<&StatusesConfig> for StatusRules {
    fn from(config: &StatusesConfig) -> Self {
        let ranges = |list: &[StatusText]| list.iter().map(|text| text.0).collect();
        Self { gone: ranges(&config.gone), overloaded: ranges(&config.overloaded), refused: ranges(&config.refused) }
    }
}
