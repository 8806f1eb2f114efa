//! How an endpoint's deliveries are tried: what it asks for itself, over the server's defaults. Pure.

use std::sync::Arc;
use std::time::Duration;

use wasup_store::records::{EndpointRecord, StatusRules};

use crate::settings::WebhookSettings;

/// How one endpoint's deliveries are tried. Clones share what is long.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Longest time for one attempt.
    pub timeout: Duration,
    /// Waits before the attempts, the first one's first. Used up: the delivery is discarded. Never empty.
    pub schedule: Arc<[Duration]>,
    /// Share by which waits are spread either way, 0 to 1.
    pub jitter: f64,
    /// Attempts at the same time, at least one and never more than all endpoints have together.
    pub concurrency: usize,
    /// After this long of failures only the endpoint is switched off; `None` for never.
    pub disable_after: Option<Duration>,
    /// What the receiver's statuses mean.
    pub statuses: Arc<StatusRules>,
}

/// What an endpoint asks for, and where it asks for nothing, what the server's config says.
#[must_use]
pub fn resolve(endpoint: &EndpointRecord, settings: &WebhookSettings) -> Policy {
    let own = &endpoint.policy;
    let schedule = own.schedule_ms.as_deref().filter(|waits| !waits.is_empty());
    let concurrency = own.concurrency.map_or(settings.concurrency_per_endpoint, usize::from);
    Policy {
        timeout: own.timeout_ms.map_or(settings.timeout, |ms| Duration::from_millis(ms.into())),
        schedule: schedule.map_or_else(
            || Arc::clone(&settings.schedule),
            |waits| waits.iter().copied().map(Duration::from_millis).collect(),
        ),
        jitter: own.jitter_percent.map_or(settings.jitter, |percent| f64::from(percent.min(100)) / 100.0),
        concurrency: concurrency.clamp(1, settings.concurrency.max(1)),
        disable_after: match own.disable_after_ms {
            None => settings.disable_after,
            Some(0) => None,
            Some(ms) => Some(Duration::from_millis(ms)),
        },
        statuses: own.statuses.clone().map_or_else(|| Arc::clone(&settings.statuses), Arc::new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasup_store::id::{AccountNo, EndpointId};
    use wasup_store::records::{DeliveryPolicy, StatusRange};

    fn asked(policy: DeliveryPolicy) -> Policy {
        let plain = EndpointRecord::new(EndpointId::new(1, 1), AccountNo(1), "http://a/".into(), vec![7; 32], 1);
        resolve(&EndpointRecord { policy, ..plain }, &WebhookSettings::default())
    }

    #[test]
    fn an_endpoint_that_asks_for_nothing_gets_the_servers_defaults() {
        let (got, server) = (asked(DeliveryPolicy::default()), WebhookSettings::default());
        let expected = Policy {
            timeout: Duration::from_secs(15),
            schedule: server.schedule,
            jitter: 0.2,
            concurrency: 8,
            disable_after: Some(Duration::from_secs(5 * 86_400)),
            statuses: Arc::new(StatusRules::default()),
        };
        assert_eq!(got, expected);
    }

    #[test]
    fn each_value_of_its_own_comes_first_and_changes_no_other() {
        let default = asked(DeliveryPolicy::default());
        let none = DeliveryPolicy::default();
        let rules =
            StatusRules { gone: Vec::new(), overloaded: Vec::new(), refused: vec![StatusRange { from: 400, to: 499 }] };
        let ms = Duration::from_millis;
        let days = |days: u64| Duration::from_secs(days * 86_400);
        #[rustfmt::skip]
        let table = [
            (DeliveryPolicy { timeout_ms: Some(250), ..none.clone() }, Policy { timeout: ms(250), ..default.clone() }),
            (DeliveryPolicy { schedule_ms: Some(vec![0, 7]), ..none.clone() }, Policy { schedule: [ms(0), ms(7)].into(), ..default.clone() }),
            (DeliveryPolicy { schedule_ms: Some(vec![]), ..none.clone() }, default.clone()),
            (DeliveryPolicy { jitter_percent: Some(0), ..none.clone() }, Policy { jitter: 0.0, ..default.clone() }),
            (DeliveryPolicy { jitter_percent: Some(200), ..none.clone() }, Policy { jitter: 1.0, ..default.clone() }),
            (DeliveryPolicy { concurrency: Some(1), ..none.clone() }, Policy { concurrency: 1, ..default.clone() }),
            (DeliveryPolicy { concurrency: Some(0), ..none.clone() }, Policy { concurrency: 1, ..default.clone() }),
            (DeliveryPolicy { concurrency: Some(9_999), ..none.clone() }, Policy { concurrency: 64, ..default.clone() }),
            (DeliveryPolicy { disable_after_ms: Some(0), ..none.clone() }, Policy { disable_after: None, ..default.clone() }),
            (DeliveryPolicy { disable_after_ms: Some(86_400_000), ..none.clone() }, Policy { disable_after: Some(days(1)), ..default.clone() }),
            (DeliveryPolicy { statuses: Some(rules.clone()), ..none }, Policy { statuses: Arc::new(rules), ..default }),
        ];
        for (asks, expected) in table {
            assert_eq!(asked(asks.clone()), expected, "{asks:?}");
        }
    }

    #[test]
    fn a_server_that_never_disables_lets_an_endpoint_ask_for_it() {
        let settings = WebhookSettings { disable_after: None, ..WebhookSettings::default() };
        let plain = EndpointRecord::new(EndpointId::new(1, 1), AccountNo(1), "http://a/".into(), vec![7; 32], 1);
        assert_eq!(resolve(&plain, &settings).disable_after, None);
        let policy = DeliveryPolicy { disable_after_ms: Some(1_000), ..DeliveryPolicy::default() };
        assert_eq!(resolve(&EndpointRecord { policy, ..plain }, &settings).disable_after, Some(Duration::from_secs(1)));
    }
}
