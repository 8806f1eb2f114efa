//! `[webhooks]`: how events are delivered.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::check::Checks;
use super::statuses::StatusesConfig;
use super::units::{Size, Span, SpanOrNever};

/// How events are delivered. Keys and limits: `config/default.toml`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WebhooksConfig {
    /// Longest time of one attempt.
    pub timeout: Span,
    /// Waits before the attempts.
    pub schedule: Vec<Span>,
    /// Share by which waits are spread.
    pub jitter: f64,
    /// Attempts at the same time.
    pub concurrency: usize,
    /// Attempts at the same time to one endpoint.
    pub concurrency_per_endpoint: usize,
    /// How long after `timeout` a dead worker's delivery comes back.
    pub lease_margin: Span,
    /// Most bytes read of an answer.
    pub answer_max_bytes: Size,
    /// After this long of failures only an endpoint is switched off.
    pub disable_after: SpanOrNever,
    /// How long a secret that was replaced still signs.
    pub secret_overlap: Span,
    /// Whether only https addresses are taken.
    pub require_https: bool,
    /// Whether this machine may be called.
    pub allow_loopback: bool,
    /// Whether private networks may be called.
    pub allow_private: bool,
    /// What receivers' statuses mean.
    pub statuses: StatusesConfig,
}

/// Most attempts of one delivery.
const SCHEDULE_MAX: usize = 50;
/// How long an endpoint may fail before it is switched off.
const DISABLE_AFTER: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(365 * 86_400);

impl WebhooksConfig {
    pub(super) fn check(&self, checks: &mut Checks) {
        checks.between("webhooks.timeout", self.timeout, Span::millis(100), Span::secs(120));
        checks.between("webhooks.jitter", self.jitter, 0.0, 1.0);
        checks.between("webhooks.concurrency", self.concurrency, 1, 10_000);
        let per_endpoint = self.concurrency_per_endpoint;
        checks.between("webhooks.concurrency_per_endpoint", per_endpoint, 1, self.concurrency);
        checks.between("webhooks.lease_margin", self.lease_margin, Span::secs(1), Span::secs(600));
        checks.between("webhooks.answer_max_bytes", self.answer_max_bytes, Size(0), Size::mib(1));
        checks.between("webhooks.secret_overlap", self.secret_overlap, Span::secs(0), Span::secs(30 * 86_400));
        if self.disable_after.0.is_some_and(|after| !DISABLE_AFTER.contains(&after)) {
            checks.refuse("webhooks.disable_after", "must be \"never\" or from 1m to 365 days");
        }
        self.statuses.check(checks);
        if self.schedule.is_empty() || self.schedule.len() > SCHEDULE_MAX {
            checks.refuse("webhooks.schedule", "must have 1 to 50 entries, such as [\"0s\", \"5s\", \"5m\"]");
        }
        if self.schedule.iter().any(|wait| *wait > Span::secs(7 * 86_400)) {
            checks.refuse("webhooks.schedule", "must not wait longer than 7 days before an attempt");
        }
    }
}
