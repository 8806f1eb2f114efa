//! `[search]`: the index of words.

use serde::{Deserialize, Serialize};

/// How messages are searched. Keys: `config/default.toml`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SearchConfig {
    /// Whether there is an index of words.
    pub index: bool,
}
