//! What of an account's messages is kept, and how long.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::Millis;

/// Whether messages enter the stored history. A word that this version does not know can't be read, and what can't be read
/// means that nothing is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeepPolicy {
    /// All do.
    All,
    /// Those of accounts whose own number is among the allowed ones, and active there.
    Allowed,
    /// None does.
    None,
}

impl KeepPolicy {
    /// The word used in the API and in the config.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Allowed => "allowed",
            Self::None => "none",
        }
    }
}

/// A number of the account's own whose messages may be stored.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AllowedNumber {
    /// Its digits, with the country's code.
    pub phone: String,
    /// Whether it is so now.
    pub active: bool,
}

/// Leaves the number out.
impl fmt::Debug for AllowedNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllowedNumber").field("active", &self.active).finish_non_exhaustive()
    }
}

/// How much is kept of an account's messages. `None` is the installation's; 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct KeepLimits {
    /// Messages that are no older than this.
    pub age_ms: Option<Millis>,
    /// So many messages, the newest.
    pub messages: Option<u64>,
    /// So many bytes of what messages say, the newest.
    pub bytes: Option<u64>,
}

impl KeepLimits {
    /// These, and where nothing is said those.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            age_ms: self.age_ms.or(others.age_ms),
            messages: self.messages.or(others.messages),
            bytes: self.bytes.or(others.bytes),
        }
    }
}

/// Row of `keep`: one an account; the one of account 0 is the installation's, written when the process starts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct KeepRecord {
    /// Whether messages are stored; `None` is the installation's.
    pub policy: Option<KeepPolicy>,
    /// The numbers of the account that policy `allowed` is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<AllowedNumber>,
    /// How much of what is stored stays.
    pub limits: KeepLimits,
    /// The installation's: what is not stored is erased so long after its last delivery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erase_after_ms: Option<Millis>,
    /// When it was set.
    pub set_ms: Millis,
}
