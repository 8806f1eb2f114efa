//! What is set for an account.

use serde::Serialize;
use utoipa::ToSchema;
use wasup_store::id::Millis;
use wasup_store::records::{HistorySettings, PacingSettings, RestartSettings, Restriction};

use super::Time;
use crate::config::Span;

/// How often a broken account is started again; `null` is the installation's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RestartView {
    /// Restarts ...
    pub max_restarts: Option<u32>,
    /// ... within this time; then it is quarantined.
    #[schema(examples("10m"))]
    pub within: Option<String>,
    /// The first wait.
    pub backoff_base: Option<String>,
    /// The longest wait.
    pub backoff_cap: Option<String>,
    /// Up this long, its history is forgotten.
    pub stable_after: Option<String>,
}

/// How fast an account sends; `null` is the installation's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PacingView {
    /// Time between two messages.
    pub gap: GapView,
    /// Most messages in a minute; 0 for any number.
    pub per_minute: Option<u32>,
    /// Most chats in 24 hours that it may write to without ever having heard from them; 0 for any number.
    pub cold_per_day: Option<u32>,
}

/// Time between two messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct GapView {
    /// The shortest.
    #[schema(examples("500ms"))]
    pub min: Option<String>,
    /// The longest.
    pub max: Option<String>,
}

/// What a fresh link asks the phone for; `null` is the installation's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HistoryView {
    /// Days back.
    pub days: Option<u32>,
    /// Megabytes.
    pub megabytes: Option<u32>,
    /// Everything that the phone has, within these bounds.
    pub full: Option<bool>,
}

/// The network lets the account write only to those who wrote to it. What goes to others waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RestrictionView {
    /// The network's code.
    #[schema(examples(463))]
    pub code: u16,
    /// Since when.
    pub since: Time,
    /// When it ends, or is tried.
    pub until: Time,
    /// Whether `until` is the network's own word; otherwise it is when one message is tried.
    pub told: bool,
}

fn span(ms: Option<Millis>) -> Option<String> {
    ms.map(|ms| Span::millis(ms).to_string())
}

impl From<&RestartSettings> for RestartView {
    fn from(own: &RestartSettings) -> Self {
        Self {
            max_restarts: own.max_restarts,
            within: span(own.within_ms),
            backoff_base: span(own.backoff_base_ms),
            backoff_cap: span(own.backoff_cap_ms),
            stable_after: span(own.stable_after_ms),
        }
    }
}

impl From<&PacingSettings> for PacingView {
    fn from(own: &PacingSettings) -> Self {
        Self {
            gap: GapView { min: span(own.gap_min_ms), max: span(own.gap_max_ms) },
            per_minute: own.per_minute,
            cold_per_day: own.cold_per_day,
        }
    }
}

impl From<&HistorySettings> for HistoryView {
    fn from(own: &HistorySettings) -> Self {
        Self { days: own.days, megabytes: own.megabytes, full: own.full }
    }
}

impl From<&Restriction> for RestrictionView {
    fn from(restriction: &Restriction) -> Self {
        let Restriction { code, since_ms, until_ms, told, refusals: _ } = *restriction;
        Self { code, since: Time::from_ms(since_ms), until: Time::from_ms(until_ms), told }
    }
}
