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
    /// How long a repeat gets the first answer.
    pub idempotency_ttl: Span,
}

const MONTH: Span = Span::secs(30 * 86_400);

impl SendConfig {
    pub(super) fn check(&self, checks: &mut Checks) {
        checks.between("send.ack_timeout", self.ack_timeout, Span::secs(1), Span::secs(600));
        checks.between("send.tries_max", self.tries_max, 1, 100);
        checks.between("send.age_max", self.age_max, self.ack_timeout, MONTH);
        checks.between("send.in_flight", self.in_flight, 1, 1_000);
        checks.between("send.outbox_max", self.outbox_max, 1, 1_000_000);
        checks.between("send.idempotency_ttl", self.idempotency_ttl, Span::secs(60), MONTH);
        if self.idempotency_ttl < self.age_max {
            checks.warn(
                "send.idempotency_ttl",
                "is shorter than send.age_max: a caller that repeats a slow send may send it twice",
            );
        }
    }
}
