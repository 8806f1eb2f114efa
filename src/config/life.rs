//! `[accounts]`: the accounts file, and what happens to accounts by themselves.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::check::Checks;
use super::units::{Span, SpanOrNever};

const HOUR: Span = Span::secs(3_600);
const DAY: Span = Span::secs(86_400);
/// The longest time that anything is kept by config.
const TEN_YEARS: Span = Span::secs(3_650 * 86_400);

/// Keys and limits: `config/default.toml`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AccountsConfig {
    /// The accounts file; empty for none.
    pub file: PathBuf,
    /// Shortest time between two events of one account's state.
    pub state_events_every: Span,
    /// How long an account's timeline is kept.
    pub timeline_keep: Span,
    /// How long a phone may take to finish linking.
    pub pairing_timeout: Span,
    /// How long nothing may be heard of a link.
    pub silence_max: Span,
    /// When an outdated client is tried again.
    pub outdated_retry: Span,
    /// What happens to a second account of the same phone.
    pub same_phone: SamePhoneWord,
    /// When accounts that were never linked are removed.
    pub expire_never_linked: SpanOrNever,
    /// When accounts that are logged out are removed.
    pub expire_logged_out: SpanOrNever,
}

/// What happens to a second account of the same phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SamePhoneWord {
    /// It is told.
    Tell,
    /// ... and turned away.
    Refuse,
}

impl AccountsConfig {
    pub(super) fn check(&self, checks: &mut Checks) {
        checks.between("accounts.state_events_every", self.state_events_every, Span::default(), HOUR);
        checks.between("accounts.timeline_keep", self.timeline_keep, HOUR, TEN_YEARS);
        checks.between("accounts.pairing_timeout", self.pairing_timeout, Span::secs(10), HOUR);
        checks.between("accounts.silence_max", self.silence_max, Span::secs(60), DAY);
        checks.between("accounts.outdated_retry", self.outdated_retry, Span::secs(60), Span::secs(30 * 86_400));
        for (key, after) in [
            ("accounts.expire_never_linked", self.expire_never_linked),
            ("accounts.expire_logged_out", self.expire_logged_out),
        ] {
            if let Some(after) = after.0 {
                checks.between(key, Span(after), HOUR, TEN_YEARS);
            }
        }
    }
}
