//! What of the configuration concerns the tree.

use std::sync::Arc;
use std::time::Duration;

use wasup_store::SpaceFloor;
use wasup_store::id::Millis;
use wasup_store::records::{RestartSettings, StatusRules};

use crate::endpoints::NewEndpoint;
use crate::supervision::{Backoff, OnExceeded, RestartKind, RestartPolicy};

/// Everything together.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Restarts, heartbeats, deadlines.
    pub supervision: SupervisionSettings,
    /// What happens to accounts by themselves.
    pub accounts: AccountsSettings,
    /// Sends.
    pub send: SendSettings,
    /// Webhook deliveries.
    pub webhooks: WebhookSettings,
    /// Region for numbers in national form, where an account has none of its own.
    pub default_region: Option<String>,
    /// How long rows are kept.
    pub retention: RetentionSettings,
    /// Schedules.
    pub schedules: SchedulesSettings,
    /// Whether there is an index of words.
    pub search_index: bool,
}

/// What is set for all schedules.
#[derive(Debug, Clone, Copy)]
pub struct SchedulesSettings {
    /// A time that came this long ago still runs; an older one was missed.
    pub grace: Duration,
    /// Most runs that a schedule's history keeps.
    pub history: u32,
    /// How long a schedule that has ended is kept.
    pub keep: Duration,
}

impl Default for SchedulesSettings {
    fn default() -> Self {
        Self { grace: Duration::from_secs(60), history: 100, keep: Duration::from_secs(30 * 86_400) }
    }
}

impl Settings {
    /// The shortest life of rows that the clock ends.
    #[must_use]
    pub fn shortest_life(&self) -> Duration {
        let RetentionSettings { events, deliveries, acts, timeline, messages, ids, jobs, campaigns, .. } =
            self.retention;
        let rows = self
            .send
            .idempotency_ttl
            .min(events)
            .min(deliveries)
            .min(acts)
            .min(timeline)
            .min(ids)
            .min(jobs)
            .min(campaigns);
        let rows = rows.min(self.schedules.keep);
        let rows = if messages.is_zero() { rows } else { rows.min(messages) };
        let AccountsSettings { expire_never_linked, expire_logged_out, .. } = self.accounts;
        [expire_never_linked, expire_logged_out].into_iter().filter(|after| !after.is_zero()).fold(rows, Duration::min)
    }
}

/// How long rows are kept.
#[derive(Debug, Clone)]
pub struct RetentionSettings {
    /// Events of the log.
    pub events: Duration,
    /// Newest events that are kept at most; `None` for any number.
    pub events_max: Option<u64>,
    /// Deliveries that have ended, with their attempts.
    pub deliveries: Duration,
    /// Who did what.
    pub acts: Duration,
    /// What happened to the accounts.
    pub timeline: Duration,
    /// Messages; nothing for ever. What is set for an account comes first, and both stand in the store.
    pub messages: Duration,
    /// By what repeats of messages are known.
    pub ids: Duration,
    /// What messages said that are not kept, after their last delivery.
    pub erase_after: Duration,
    /// Jobs that are over.
    pub jobs: Duration,
    /// How long campaigns that are over are kept.
    pub campaigns: Duration,
}

impl Default for RetentionSettings {
    fn default() -> Self {
        let days = |days: u64| Duration::from_secs(days * 86_400);
        Self {
            events: days(30),
            events_max: None,
            deliveries: days(14),
            acts: days(365),
            timeline: days(90),
            messages: Duration::ZERO,
            ids: days(60),
            erase_after: Duration::from_secs(3_600),
            jobs: days(30),
            campaigns: days(365),
        }
    }
}

/// Restarts, heartbeats, deadlines of the accounts.
#[derive(Debug, Clone)]
pub struct SupervisionSettings {
    /// Restarts of one account allowed within `within`; then it is quarantined.
    pub max_restarts: u32,
    /// The window in which they are counted.
    pub within: Duration,
    /// Wait before the first restart.
    pub backoff_base: Duration,
    /// Each further wait is this many times longer.
    pub backoff_factor: f64,
    /// Longest wait.
    pub backoff_cap: Duration,
    /// Share by which waits are spread either way, 0 to 1.
    pub jitter: f64,
    /// An account that stayed up this long starts with a clean history.
    pub stable_after: Duration,
    /// How often a running account's actor must answer; two misses and it is started anew.
    pub heartbeat: Duration,
    /// Longest time for one account to stop.
    pub stop_timeout: Duration,
}

impl Default for SupervisionSettings {
    fn default() -> Self {
        Self {
            max_restarts: 5,
            within: Duration::from_secs(600),
            backoff_base: Duration::from_secs(1),
            backoff_factor: 2.0,
            backoff_cap: Duration::from_secs(300),
            jitter: 0.2,
            stable_after: Duration::from_secs(600),
            heartbeat: Duration::from_secs(15),
            stop_timeout: Duration::from_secs(10),
        }
    }
}

impl SupervisionSettings {
    /// How an account is treated: what is set for it alone comes before the installation's own.
    #[must_use]
    pub fn policy_for(&self, own: &RestartSettings) -> RestartPolicy {
        let policy = self.account_policy();
        let millis = |own: Option<Millis>, ours: Duration| own.map_or(ours, Duration::from_millis);
        let base = millis(own.backoff_base_ms, policy.backoff.base);
        RestartPolicy {
            max_restarts: own.max_restarts.unwrap_or(policy.max_restarts),
            within: millis(own.within_ms, policy.within),
            stable_after: millis(own.stable_after_ms, policy.stable_after),
            backoff: Backoff { base, cap: millis(own.backoff_cap_ms, policy.backoff.cap).max(base), ..policy.backoff },
            ..policy
        }
    }

    /// How accounts are treated for which nothing else is set.
    #[must_use]
    pub fn account_policy(&self) -> RestartPolicy {
        RestartPolicy {
            kind: RestartKind::Transient,
            max_restarts: self.max_restarts,
            within: self.within,
            backoff: Backoff {
                base: self.backoff_base,
                factor: self.backoff_factor,
                cap: self.backoff_cap,
                jitter: self.jitter,
            },
            stable_after: self.stable_after,
            on_exceeded: OnExceeded::Quarantine,
        }
    }
}

/// What happens to accounts by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountsSettings {
    /// The shortest time between two events of one account's state; what happens in between is told as the last state.
    /// Zero tells every change.
    pub state_events_every: Duration,
    /// A phone that began to link must have finished by then; else the link is made anew, with new codes.
    pub pairing_timeout: Duration,
    /// An account that is not connected and of whose link nothing was heard for this long gets a new link.
    pub silence_max: Duration,
    /// When an account whose client is outdated is tried again.
    pub outdated_retry: Duration,
    /// What happens to a second account that links the same phone.
    pub same_phone: SamePhone,
    /// Accounts that were never linked are removed after this long; zero for never.
    pub expire_never_linked: Duration,
    /// Accounts that are logged out are removed after this long; zero for never.
    pub expire_logged_out: Duration,
}

impl Default for AccountsSettings {
    fn default() -> Self {
        Self {
            state_events_every: Duration::from_secs(1),
            pairing_timeout: Duration::from_secs(120),
            silence_max: Duration::from_secs(1_200),
            outdated_retry: Duration::from_secs(6 * 3_600),
            same_phone: SamePhone::Tell,
            expire_never_linked: Duration::ZERO,
            expire_logged_out: Duration::ZERO,
        }
    }
}

/// What happens to a second account that links the same phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SamePhone {
    /// It is told as an event.
    #[default]
    Tell,
    /// ... and the newcomer's device is removed again, and it is stopped.
    Refuse,
}

/// Sends.
#[derive(Debug, Clone)]
pub struct SendSettings {
    /// How long the server may take to acknowledge a message before it is sent again.
    pub ack_timeout: Duration,
    /// After this many tries without acknowledgement it ends in failed.
    pub tries_max: u32,
    /// ... and after this long.
    pub age_max: Duration,
    /// Messages of one account that are on the wire and not acknowledged; at most 1,000 are used.
    pub in_flight: usize,
    /// Messages of one account that wait; further ones are refused.
    pub outbox_max: u64,
    /// How long a repeated request gets the first answer.
    pub idempotency_ttl: Duration,
    /// Under this much free space sends are refused.
    pub free_space_floor: SpaceFloor,
    /// How long messages to people who never wrote are held when the network refuses them, where it names no term itself.
    pub restriction_retry: Duration,
    /// How fast accounts send, where they have no pace of their own.
    pub pace: PaceSettings,
}

/// How fast an account sends. By default nothing is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PaceSettings {
    /// The shortest time between two messages.
    pub gap_min: Duration,
    /// The longest time that is drawn between two messages.
    pub gap_max: Duration,
    /// Most messages in a minute; 0 for any number.
    pub per_minute: u32,
    /// Most chats in 24 hours that an account may write to without ever having heard from them; 0 for any number.
    pub cold_per_day: u32,
}

/// Webhook deliveries.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// Longest time for one attempt.
    pub timeout: Duration,
    /// Waits before the attempts, the first one's first. Used up: the delivery is discarded.
    pub schedule: Arc<[Duration]>,
    /// Share by which waits are spread either way, 0 to 1.
    pub jitter: f64,
    /// Attempts at the same time.
    pub concurrency: usize,
    /// Attempts at the same time to one endpoint.
    pub concurrency_per_endpoint: usize,
    /// A worker that died gives its delivery back this long after `timeout`.
    pub lease_margin: Duration,
    /// After this long of failures only an endpoint is switched off; `None` for never.
    pub disable_after: Option<Duration>,
    /// What receivers' statuses mean.
    pub statuses: Arc<StatusRules>,
    /// How long a secret that was replaced still signs beside the new one.
    pub secret_overlap: Duration,
    /// When an endpoint that fails is only probed.
    pub breaker: BreakerSettings,
    /// The endpoint that a new account gets, where it is to get one.
    pub for_new_accounts: Option<Arc<NewEndpoint>>,
}

/// When an endpoint that fails is only probed, so that it costs next to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Failures in a row after which it is.
    pub failures: u32,
    /// Wait before the first probe; each further one doubles it.
    pub probe_after: Duration,
    /// Longest wait between probes.
    pub probe_max: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { failures: 10, probe_after: Duration::from_secs(30), probe_max: Duration::from_secs(900) }
    }
}

impl Default for WebhookSettings {
    fn default() -> Self {
        let schedule = [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
        Self {
            timeout: Duration::from_secs(15),
            schedule: schedule.map(Duration::from_secs).into(),
            jitter: 0.2,
            concurrency: 64,
            concurrency_per_endpoint: 8,
            lease_margin: Duration::from_secs(15),
            disable_after: Some(Duration::from_secs(5 * 86_400)),
            statuses: Arc::default(),
            secret_overlap: Duration::from_secs(86_400),
            breaker: BreakerSettings::default(),
            for_new_accounts: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accounts_own_restarts_come_before_the_installations() {
        let ours = SupervisionSettings::default();
        assert_eq!(ours.policy_for(&RestartSettings::default()), ours.account_policy());
        let own = RestartSettings { max_restarts: Some(1), within_ms: Some(9_000), ..RestartSettings::default() };
        let policy = ours.policy_for(&own);
        assert_eq!((policy.max_restarts, policy.within), (1, Duration::from_secs(9)));
        assert_eq!(policy.backoff, ours.account_policy().backoff);
        let slow = RestartSettings { backoff_base_ms: Some(900_000), ..own };
        assert_eq!(ours.policy_for(&slow).backoff.cap, Duration::from_secs(900), "never shorter than the first wait");
    }
}
