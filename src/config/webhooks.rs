//! `[webhooks]`: how events are delivered.

use std::ops::RangeInclusive;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use wasup_store::records::EventKind;

use super::check::Checks;
use super::statuses::StatusesConfig;
use super::units::{Size, Span, SpanOrNever};
use crate::endpoint_form::{BAD_SECRET, secret_bytes};
use crate::webhook_http::Reach;

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
    /// How long deliveries are kept once they have ended.
    pub keep_deliveries: Span,
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
    /// When an endpoint that fails is only probed.
    pub breaker: BreakerConfig,
    /// The webhook of accounts that come without one.
    pub default: DefaultWebhook,
}

/// When an endpoint that fails is only probed.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BreakerConfig {
    /// Failures in a row.
    pub failures: u32,
    /// Wait before the first probe.
    pub probe_after: Span,
    /// Longest wait between probes.
    pub probe_max: Span,
}

impl BreakerConfig {
    fn check(&self, checks: &mut Checks) {
        checks.between("webhooks.breaker.failures", self.failures, 1, 10_000);
        checks.between("webhooks.breaker.probe_after", self.probe_after, Span::millis(10), Span::secs(3_600));
        checks.between("webhooks.breaker.probe_max", self.probe_max, self.probe_after, Span::secs(86_400));
    }
}

/// The webhook that a new account gets.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DefaultWebhook {
    /// Its address; empty for none.
    pub url: String,
    /// Its signing secret; empty for one of its own each time.
    #[serde(serialize_with = "super::mask::secret")]
    pub secret: SecretString,
    /// Kinds of events; empty for all.
    pub events: Vec<EventKind>,
}

impl DefaultWebhook {
    fn check(&self, reach: Reach, checks: &mut Checks) {
        if let Some(error) = (!self.url.is_empty()).then(|| reach.check(&self.url).err()).flatten() {
            checks.refuse("webhooks.default.url", error.to_string());
        }
        let secret = self.secret.expose_secret();
        if !secret.is_empty() && secret_bytes(secret).is_none() {
            checks.refuse("webhooks.default.secret", BAD_SECRET);
        }
    }
}

/// Most attempts of one delivery.
pub(crate) const SCHEDULE_MAX: usize = 50;
/// How long a replaced secret may go on signing.
pub(crate) const OVERLAP_MAX: Span = Span::secs(30 * 86_400);
/// Longest wait before an attempt.
pub(crate) const WAIT_MAX: Span = Span::secs(7 * 86_400);
/// How long one attempt may take.
pub(crate) const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(120);
/// How long an endpoint may fail before it is switched off.
pub(crate) const DISABLE_AFTER: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(365 * 86_400);

impl WebhooksConfig {
    pub(super) fn check(&self, checks: &mut Checks) {
        checks.between("webhooks.timeout", self.timeout, Span(*TIMEOUT.start()), Span(*TIMEOUT.end()));
        checks.between("webhooks.jitter", self.jitter, 0.0, 1.0);
        checks.between("webhooks.concurrency", self.concurrency, 1, 10_000);
        let per_endpoint = self.concurrency_per_endpoint;
        checks.between("webhooks.concurrency_per_endpoint", per_endpoint, 1, self.concurrency);
        checks.between("webhooks.lease_margin", self.lease_margin, Span::secs(1), Span::secs(600));
        checks.between("webhooks.keep_deliveries", self.keep_deliveries, Span::secs(3_600), Span::secs(3_650 * 86_400));
        checks.between("webhooks.answer_max_bytes", self.answer_max_bytes, Size(0), Size::mib(1));
        checks.between("webhooks.secret_overlap", self.secret_overlap, Span::secs(0), OVERLAP_MAX);
        if self.disable_after.0.is_some_and(|after| !DISABLE_AFTER.contains(&after)) {
            checks.refuse("webhooks.disable_after", "must be \"never\" or from 1m to 365 days");
        }
        self.statuses.check(checks);
        self.breaker.check(checks);
        self.default.check(Reach::from(self), checks);
        if self.schedule.is_empty() || self.schedule.len() > SCHEDULE_MAX {
            checks.refuse("webhooks.schedule", "must have 1 to 50 entries, such as [\"0s\", \"5s\", \"5m\"]");
        }
        if self.schedule.iter().any(|wait| *wait > WAIT_MAX) {
            checks.refuse("webhooks.schedule", "must not wait longer than 7 days before an attempt");
        }
    }
}
