//! From the config to what each room wants to know of it.

use secrecy::ExposeSecret as _;
use std::sync::Arc;
use wasup_actors::{
    AccountsSettings, AutoFetch, BreakerSettings, EndpointChange, FilePorts, NewEndpoint, PaceSettings,
    RetentionSettings, SamePhone, SchedulesSettings, SendSettings, Settings, SupervisionSettings, WebhookSettings,
};
use wasup_sessions::link::LinkSettings;
use wasup_store::SpaceFloor;

use crate::config::{AccountsConfig, Config, DefaultWebhook, SamePhoneWord};
use crate::endpoint_form::secret_bytes;
use crate::media::{Intake, Replies};
use crate::metrics::Limits;

/// What the supervision tree wants to know.
#[must_use]
pub(crate) fn tree_settings(config: &Config, free_space_floor: SpaceFloor) -> Settings {
    let (supervision, send, webhooks) = (&config.supervision, &config.send, &config.webhooks);
    Settings {
        supervision: SupervisionSettings {
            max_restarts: supervision.max_restarts,
            within: supervision.within.0,
            backoff_base: supervision.backoff_base.0,
            backoff_factor: supervision.backoff_factor,
            backoff_cap: supervision.backoff_cap.0,
            jitter: supervision.jitter,
            stable_after: supervision.stable_after.0,
            heartbeat: supervision.heartbeat.0,
            stop_timeout: supervision.stop_timeout.0,
        },
        accounts: accounts(&config.accounts),
        send: SendSettings {
            ack_timeout: send.ack_timeout.0,
            tries_max: send.tries_max,
            age_max: send.age_max.0,
            in_flight: send.in_flight,
            outbox_max: send.outbox_max,
            idempotency_ttl: send.idempotency_ttl.0,
            free_space_floor,
            restriction_retry: send.restriction_retry.0,
            pace: PaceSettings {
                gap_min: send.pacing.gap_min.0,
                gap_max: send.pacing.gap_max.0,
                per_minute: send.pacing.per_minute,
                cold_per_day: send.pacing.cold_per_day,
            },
        },
        webhooks: WebhookSettings {
            timeout: webhooks.timeout.0,
            schedule: webhooks.schedule.iter().map(|wait| wait.0).collect(),
            jitter: webhooks.jitter,
            concurrency: webhooks.concurrency,
            concurrency_per_endpoint: webhooks.concurrency_per_endpoint,
            lease_margin: webhooks.lease_margin.0,
            disable_after: webhooks.disable_after.0,
            statuses: Arc::new((&webhooks.statuses).into()),
            secret_overlap: webhooks.secret_overlap.0,
            breaker: BreakerSettings {
                failures: webhooks.breaker.failures,
                probe_after: webhooks.breaker.probe_after.0,
                probe_max: webhooks.breaker.probe_max.0,
            },
            for_new_accounts: for_new_accounts(&webhooks.default).map(Arc::new),
        },
        schedules: SchedulesSettings {
            grace: config.schedules.grace.0,
            history: config.schedules.history,
            keep: config.schedules.keep.0,
        },
        search_index: config.search.index,
        default_region: config.region().map(str::to_owned),
        retention: RetentionSettings {
            events: config.events.keep.0,
            events_max: (config.events.max_rows > 0).then_some(config.events.max_rows),
            deliveries: config.webhooks.keep_deliveries.0,
            acts: config.audit.keep.0,
            timeline: config.accounts.timeline_keep.0,
            messages: config.persistence.max_age.0.unwrap_or_default(),
            ids: config.persistence.remember_ids.0,
            erase_after: config.persistence.erase_after.0,
            jobs: config.jobs.keep.0,
            campaigns: config.campaigns.keep.0,
        },
    }
}

/// What happens to accounts by themselves.
fn accounts(config: &AccountsConfig) -> AccountsSettings {
    AccountsSettings {
        state_events_every: config.state_events_every.0,
        pairing_timeout: config.pairing_timeout.0,
        silence_max: config.silence_max.0,
        outdated_retry: config.outdated_retry.0,
        same_phone: match config.same_phone {
            SamePhoneWord::Tell => SamePhone::Tell,
            SamePhoneWord::Refuse => SamePhone::Refuse,
        },
        expire_never_linked: config.expire_never_linked.0.unwrap_or_default(),
        expire_logged_out: config.expire_logged_out.0.unwrap_or_default(),
    }
}

/// The endpoint that a new account gets.
fn for_new_accounts(default: &DefaultWebhook) -> Option<NewEndpoint> {
    let settings = EndpointChange { events: Some(default.events.clone()), ..EndpointChange::default() };
    let (url, secret) = (default.url.clone(), secret_bytes(default.secret.expose_secret()));
    (!url.is_empty()).then_some(NewEndpoint { account: None, url, secret, settings })
}

/// What the metrics show beside what is in use.
#[must_use]
pub(crate) fn limits(config: &Config) -> Limits {
    Limits {
        http_connections: config.server.connections_max,
        streams: config.server.streams_max,
        connects_in_flight: config.link.connects_in_flight,
        connects_per_minute: config.link.connects_per_minute,
        delivery_attempts: config.webhooks.concurrency,
        outbox_messages: config.send.outbox_max,
        sends_in_flight: config.send.in_flight,
        media_bytes: config.media.max_bytes.0,
        free_floor: config.data.free_space_floor.0,
    }
}

/// What the tree does with files.
#[must_use]
pub(crate) fn file_ports(config: &Config, intake: &Intake) -> FilePorts {
    let media = &config.media;
    FilePorts {
        shelf: intake.shelf().clone(),
        source: Arc::new(Replies::new(intake.clone())),
        max: media.max_size.0,
        event_max: media.event_base64_max.0,
        reply_max: media.reply_base64_max.as_usize(),
        auto: AutoFetch { kinds: media.auto_download.clone(), max: media.auto_download_max.0 },
    }
}

/// What the links want to know.
#[must_use]
pub(crate) fn link_settings(config: &Config) -> LinkSettings {
    let link = &config.link;
    LinkSettings {
        url: (!link.url.is_empty()).then(|| link.url.clone()),
        connect_timeout: link.connect_timeout.0,
        query_timeout: link.query_timeout.0,
        keepalive_interval: link.keepalive_interval.0,
        initial_sync_wait: link.initial_sync_wait.0,
        connects_in_flight: link.connects_in_flight,
        connects_per_minute: link.connects_per_minute,
        connect_jitter: link.connect_jitter.0,
        prekeys: Some(link.prekeys),
        history: config.history.bounds(),
        ..LinkSettings::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    /// Whoever reads one of the two lists of defaults must not be misled by the other.
    #[test]
    fn the_config_delivers_by_the_trees_own_defaults() {
        let config = Config::load(&Sources { file: None, env: Vec::new() }).unwrap().config;
        let got = tree_settings(&config, SpaceFloor::new("/", 0)).webhooks;
        assert_eq!(format!("{got:?}"), format!("{:?}", WebhookSettings::default()));
        let got = tree_settings(&config, SpaceFloor::new("/", 0));
        assert_eq!(got.accounts, AccountsSettings::default());
        assert_eq!(got.retention.timeline, RetentionSettings::default().timeline);
        assert_eq!(got.retention.ids, RetentionSettings::default().ids);
        assert_eq!(got.retention.erase_after, RetentionSettings::default().erase_after);
    }
}
