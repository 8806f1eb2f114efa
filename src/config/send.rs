//! `[send]`: limits of what accounts send.

use serde::{Deserialize, Serialize};

use super::check::Checks;
use super::units::Span;

/// Limits of what accounts send. Keys and limits: `config/default.toml`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SendConfig {
    /// Longest wait for the server's acknowledgement of one try.
    pub ack_timeout: Span,
    /// Tries without an acknowledgement.
    pub tries_max: u32,
    /// Longest time until it is given up.
    pub age_max: Span,
    /// Messages of an account on the wire.
    pub in_flight: usize,
    /// Messages of an account that wait.
    pub outbox_max: u64,
    /// Characters of a text.
    pub text_max: usize,
    /// How long a repeat gets the first answer.
    pub idempotency_ttl: Span,
    /// How long a restriction is believed to hold.
    pub restriction_retry: Span,
    /// How fast accounts send.
    pub pacing: PacingConfig,
}

/// How fast an account sends, where it has no pace of its own.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PacingConfig {
    /// The shortest time between two messages.
    pub gap_min: Span,
    /// The longest.
    pub gap_max: Span,
    /// Most messages in a minute.
    pub per_minute: u32,
    /// Most chats in a day that never answered.
    pub cold_per_day: u32,
}

impl PacingConfig {
    fn check(&self, checks: &mut Checks) {
        checks.between("send.pacing.gap_min", self.gap_min, Span::secs(0), Span::secs(3_600));
        checks.between("send.pacing.gap_max", self.gap_max, self.gap_min, Span::secs(3_600));
        checks.between("send.pacing.per_minute", self.per_minute, 0, 1_000);
        checks.between("send.pacing.cold_per_day", self.cold_per_day, 0, 1_000);
    }
}

const MONTH: Span = Span::secs(30 * 86_400);

impl SendConfig {
    pub(super) fn check(&self, checks: &mut Checks) {
        checks.between("send.ack_timeout", self.ack_timeout, Span::secs(1), Span::secs(600));
        checks.between("send.tries_max", self.tries_max, 1, 100);
        checks.between("send.age_max", self.age_max, self.ack_timeout, MONTH);
        checks.between("send.in_flight", self.in_flight, 1, 1_000);
        checks.between("send.outbox_max", self.outbox_max, 1, 1_000_000);
        checks.between("send.text_max", self.text_max, 1, 65_536);
        checks.between("send.idempotency_ttl", self.idempotency_ttl, Span::secs(60), MONTH);
        checks.between("send.restriction_retry", self.restriction_retry, Span::secs(1), Span::secs(86_400));
        self.pacing.check(checks);
        if self.idempotency_ttl < self.age_max {
            checks.warn(
                "send.idempotency_ttl",
                "is shorter than send.age_max: a caller that repeats a slow send may send it twice",
            );
        }
    }
}
