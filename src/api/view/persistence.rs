//! What of an account's messages is kept.

use serde::Serialize;
use utoipa::ToSchema;
use wasup_actors::Persistence;
use wasup_store::id::AccountId;
use wasup_store::records::{KeepLimits, KeepPolicy};

use super::Time;
use crate::config::{Size, Span};

/// What of an account's messages is kept, and how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PersistenceView {
    /// The account.
    #[schema(examples("shop"))]
    pub account: String,
    /// `all`, `allowed` or `none`; `null` is the installation's.
    #[schema(examples("allowed"))]
    pub policy: Option<&'static str>,
    /// Numbers that policy `allowed` is about.
    pub allowed_numbers: Vec<AllowedNumberView>,
    /// Whether messages enter the stored history now.
    pub stored: bool,
    /// Why: `all`; `number_allowed`, `number_not_allowed` or `number_unknown` by policy `allowed`; `none`; `unreadable` where
    /// what is set can't be read, and so nothing is stored.
    #[schema(examples("number_allowed"))]
    pub reason: &'static str,
    /// How much is set to stay; `null` is the installation's.
    pub limits: KeepLimitsView,
    /// How much stays.
    pub limits_in_force: KeepLimitsView,
    /// When it was set.
    pub set_at: Option<Time>,
}

/// A number of the account's own whose messages may be stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AllowedNumberView {
    /// Its digits, with the country's code.
    #[schema(examples("6281234567890"))]
    pub phone: String,
    /// Whether it is allowed now.
    pub active: bool,
}

/// How much of what is stored stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct KeepLimitsView {
    /// How old stored messages get; `never` for any age.
    #[schema(examples("90days"))]
    pub max_age: Option<String>,
    /// How many messages; 0 for any number.
    pub max_messages: Option<u64>,
    /// How many bytes they say; `0 B` for any number.
    #[schema(examples("64 MiB"))]
    pub max_bytes: Option<String>,
}

impl From<KeepLimits> for KeepLimitsView {
    fn from(limits: KeepLimits) -> Self {
        let age = |age_ms: u64| if age_ms == 0 { "never".to_owned() } else { Span::millis(age_ms).to_string() };
        Self {
            max_age: limits.age_ms.map(age),
            max_messages: limits.messages,
            max_bytes: limits.bytes.map(|bytes| Size(bytes).to_string()),
        }
    }
}

impl PersistenceView {
    /// What was found of this account.
    #[must_use]
    pub fn new(account: &AccountId, found: &Persistence, set_at: Option<Time>) -> Self {
        let own = found.own.clone().unwrap_or_default();
        let numbers = own.allowed.into_iter();
        Self {
            account: account.to_string(),
            policy: own.policy.map(KeepPolicy::as_str),
            allowed_numbers: numbers.map(|one| AllowedNumberView { phone: one.phone, active: one.active }).collect(),
            stored: found.standing.keeps(),
            reason: found.standing.as_str(),
            limits: own.limits.into(),
            limits_in_force: found.limits.into(),
            set_at,
        }
    }
}
