//! How deliveries of an endpoint are tried, as people write it.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Deserialize;
use utoipa::ToSchema;
use wasup_actors::PolicyChange;
use wasup_store::id::Millis;
use wasup_store::records::StatusRules;

use super::patch;
use crate::api::problem::FieldError;
use crate::config::{DISABLE_AFTER, SCHEDULE_MAX, STATUSES_MAX, Span, SpanOrNever, StatusText, TIMEOUT, WAIT_MAX};

/// Most attempts at the same time that an endpoint may ask for.
const CONCURRENCY_MAX: u16 = 1_000;

/// How deliveries are tried. What is left out stays, `null` is the server's default. Spans of time have a unit: `15s`.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryForm {
    /// Longest time of one attempt, 100ms to 2m.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<String>, examples("15s"))]
    pub timeout: Option<Option<Span>>,
    /// Waits before the attempts, the first one's first: 1 to 50, each up to 7 days. Used up, the delivery is discarded.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<Vec<String>>, examples("0s", "5s", "5m", "1h"))]
    pub schedule: Option<Option<Vec<Span>>>,
    /// Share by which waits are spread either way, 0 to 1.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 1, examples(0.2))]
    pub jitter: Option<Option<f64>>,
    /// Attempts at the same time, 1 to 1000, and never more than the server makes to all endpoints together.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<u16>, minimum = 1, maximum = 1000)]
    pub concurrency: Option<Option<u16>>,
    /// After this long of failures only the endpoint is switched off: `never`, or 1m to 365 days.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<String>, examples("5days", "never"))]
    pub disable_after: Option<Option<SpanOrNever>>,
    /// What the receiver's statuses mean. Set as a whole.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<StatusLists>)]
    pub statuses: Option<Option<StatusLists>>,
}

/// What a receiver's statuses mean: statuses (`410`) and ranges (`500-599`) from 300 to 599. 2xx is success; what is in
/// none of the lists is tried again. A list that is left out is that of Standard Webhooks.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StatusLists {
    /// The receiver is gone for good: the endpoint is switched off. Looked at first. Default `410`.
    #[schema(value_type = Option<Vec<String>>, examples("410"))]
    pub gone: Option<Vec<StatusText>>,
    /// The receiver gets at least a minute. Default `429`, `502-504`.
    #[schema(value_type = Option<Vec<String>>, examples("429", "502-504"))]
    pub overloaded: Option<Vec<StatusText>>,
    /// The delivery is discarded at once. Looked at last. Default `400-407`, `409-499`.
    #[schema(value_type = Option<Vec<String>>, examples("400-407", "409-499"))]
    pub refused: Option<Vec<StatusText>>,
}

impl RetryForm {
    pub(super) fn check(self, errors: &mut Vec<FieldError>) -> PolicyChange {
        let mut refuse = |field: &str, what: String| errors.push(FieldError::new(format!("retry.{field}"), what));
        if self.timeout.flatten().is_some_and(|timeout| !TIMEOUT.contains(&timeout.0)) {
            refuse("timeout", "must be from 100ms to 2m".to_owned());
        }
        if let Some(waits) = self.schedule.as_ref().and_then(Option::as_ref) {
            if waits.is_empty() || waits.len() > SCHEDULE_MAX {
                refuse("schedule", format!("must have 1 to {SCHEDULE_MAX} entries"));
            }
            if waits.iter().any(|wait| *wait > WAIT_MAX) {
                refuse("schedule", "must not wait longer than 7 days before an attempt".to_owned());
            }
        }
        if self.jitter.flatten().is_some_and(|share| !(0.0..=1.0).contains(&share)) {
            refuse("jitter", "must be from 0 to 1".to_owned());
        }
        let allowed: RangeInclusive<u16> = 1..=CONCURRENCY_MAX;
        if self.concurrency.flatten().is_some_and(|attempts| !allowed.contains(&attempts)) {
            refuse("concurrency", format!("must be from 1 to {CONCURRENCY_MAX}"));
        }
        if self.disable_after.flatten().and_then(|after| after.0).is_some_and(|after| !DISABLE_AFTER.contains(&after)) {
            refuse("disable_after", "must be \"never\" or from 1m to 365 days".to_owned());
        }
        if let Some(lists) = self.statuses.as_ref().and_then(Option::as_ref) {
            for (name, list) in [("gone", &lists.gone), ("overloaded", &lists.overloaded), ("refused", &lists.refused)]
            {
                if list.as_ref().is_some_and(|list| list.len() > STATUSES_MAX) {
                    refuse(&format!("statuses.{name}"), format!("must not have more than {STATUSES_MAX} entries"));
                }
            }
        }
        PolicyChange {
            timeout_ms: self.timeout.map(|span| span.map(|span| u32::try_from(span.0.as_millis()).unwrap_or(u32::MAX))),
            schedule_ms: self
                .schedule
                .map(|waits| waits.map(|waits| waits.iter().map(|wait| millis(wait.0)).collect())),
            jitter_percent: self.jitter.map(|share| share.map(percent)),
            concurrency: self.concurrency,
            disable_after_ms: self.disable_after.map(|after| after.map(|after| after.0.map_or(0, millis))),
            statuses: self.statuses.map(|lists| lists.map(StatusRules::from)),
        }
    }
}

fn millis(span: Duration) -> Millis {
    Millis::try_from(span.as_millis()).unwrap_or(Millis::MAX)
}

/// A share from 0 to 1 in whole percent.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 100 after the clamp")]
fn percent(share: f64) -> u8 {
    (share.clamp(0.0, 1.0) * 100.0).round() as u8
}

impl From<StatusLists> for StatusRules {
    fn from(lists: StatusLists) -> Self {
        let ranges = |list: Vec<StatusText>| list.into_iter().map(|text| text.0).collect();
        let default = Self::default();
        Self {
            gone: lists.gone.map_or(default.gone, ranges),
            overloaded: lists.overloaded.map_or(default.overloaded, ranges),
            refused: lists.refused.map_or(default.refused, ranges),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasup_store::records::StatusRange;

    fn checked(json: &str) -> (PolicyChange, Vec<String>) {
        let mut errors = Vec::new();
        let change = serde_json::from_str::<RetryForm>(json).unwrap().check(&mut errors);
        (change, errors.into_iter().map(|error| error.field).collect())
    }

    #[test]
    fn each_value_is_read_and_null_is_the_default() {
        let none = PolicyChange::default;
        let gone = StatusRules { gone: vec![StatusRange { from: 404, to: 404 }], ..StatusRules::default() };
        let empty = StatusRules { overloaded: Vec::new(), ..StatusRules::default() };
        for (json, expected) in [
            ("{}", none()),
            (r#"{"timeout": "2s"}"#, PolicyChange { timeout_ms: Some(Some(2_000)), ..none() }),
            (r#"{"timeout": null}"#, PolicyChange { timeout_ms: Some(None), ..none() }),
            (r#"{"schedule": ["0s", "1m"]}"#, PolicyChange { schedule_ms: Some(Some(vec![0, 60_000])), ..none() }),
            (r#"{"jitter": 0.15}"#, PolicyChange { jitter_percent: Some(Some(15)), ..none() }),
            (r#"{"concurrency": 3}"#, PolicyChange { concurrency: Some(Some(3)), ..none() }),
            (r#"{"disable_after": "1h"}"#, PolicyChange { disable_after_ms: Some(Some(3_600_000)), ..none() }),
            (r#"{"disable_after": "never"}"#, PolicyChange { disable_after_ms: Some(Some(0)), ..none() }),
            (r#"{"disable_after": null}"#, PolicyChange { disable_after_ms: Some(None), ..none() }),
            (r#"{"statuses": {"gone": ["404"]}}"#, PolicyChange { statuses: Some(Some(gone)), ..none() }),
            (r#"{"statuses": {"overloaded": []}}"#, PolicyChange { statuses: Some(Some(empty)), ..none() }),
            (r#"{"statuses": null}"#, PolicyChange { statuses: Some(None), ..none() }),
        ] {
            assert_eq!(checked(json), (expected, Vec::new()), "{json}");
        }
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        let many = format!(r#"{{"schedule": [{}"0s"]}}"#, r#""1s","#.repeat(50));
        for (json, field) in [
            (r#"{"timeout": "3m"}"#, "retry.timeout"),
            (r#"{"timeout": "1ms"}"#, "retry.timeout"),
            (r#"{"schedule": []}"#, "retry.schedule"),
            (r#"{"schedule": ["8d"]}"#, "retry.schedule"),
            (many.as_str(), "retry.schedule"),
            (r#"{"jitter": 1.5}"#, "retry.jitter"),
            (r#"{"concurrency": 0}"#, "retry.concurrency"),
            (r#"{"concurrency": 1001}"#, "retry.concurrency"),
            (r#"{"disable_after": "10s"}"#, "retry.disable_after"),
            (r#"{"disable_after": "366d"}"#, "retry.disable_after"),
        ] {
            assert_eq!(checked(json).1, [field], "{json}");
        }
        for bad in
            [r#"{"timeout": 5}"#, r#"{"statuses": {"gone": ["200"]}}"#, r#"{"tries": 5}"#, r#"{"concurrency": -1}"#]
        {
            assert!(serde_json::from_str::<RetryForm>(bad).is_err(), "{bad}");
        }
    }
}
