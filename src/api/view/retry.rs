//! How an endpoint's deliveries are tried.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;
use wasup_actors::Policy;
use wasup_store::records::{DeliveryPolicy, StatusRange, StatusRules};

use crate::config::{Span, SpanOrNever};

/// What an endpoint asks for itself; `null` where it goes by the server's config.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RetryView {
    /// Longest time of one attempt.
    #[schema(examples("15s"))]
    pub timeout: Option<String>,
    /// Waits before the attempts.
    #[schema(examples("0s", "5s", "5m"))]
    pub schedule: Option<Vec<String>>,
    /// Share by which waits are spread either way.
    #[schema(examples(0.2))]
    pub jitter: Option<f64>,
    /// Attempts at the same time.
    pub concurrency: Option<u16>,
    /// After this long of failures only it is switched off.
    #[schema(examples("5days", "never"))]
    pub disable_after: Option<String>,
    /// What the receiver's statuses mean.
    pub statuses: Option<StatusesView>,
}

/// How deliveries are tried.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RetryInForceView {
    /// Longest time of one attempt.
    #[schema(examples("15s"))]
    pub timeout: String,
    /// Waits before the attempts.
    #[schema(examples("0s", "5s", "5m"))]
    pub schedule: Vec<String>,
    /// Share by which waits are spread either way.
    #[schema(examples(0.2))]
    pub jitter: f64,
    /// Attempts at the same time.
    pub concurrency: usize,
    /// After this long of failures only it is switched off.
    #[schema(examples("5days", "never"))]
    pub disable_after: String,
    /// What the receiver's statuses mean.
    pub statuses: StatusesView,
}

/// What a receiver's statuses mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StatusesView {
    /// The receiver is gone for good.
    #[schema(examples("410"))]
    pub gone: Vec<String>,
    /// The receiver gets at least a minute.
    #[schema(examples("429", "502-504"))]
    pub overloaded: Vec<String>,
    /// The delivery is discarded at once.
    #[schema(examples("400-407", "409-499"))]
    pub refused: Vec<String>,
}

fn span(ms: u64) -> String {
    Span::millis(ms).to_string()
}

fn after(span: Option<Duration>) -> String {
    SpanOrNever(span).to_string()
}

impl From<&StatusRules> for StatusesView {
    fn from(rules: &StatusRules) -> Self {
        let texts = |ranges: &[StatusRange]| ranges.iter().map(ToString::to_string).collect();
        Self { gone: texts(&rules.gone), overloaded: texts(&rules.overloaded), refused: texts(&rules.refused) }
    }
}

impl From<&DeliveryPolicy> for RetryView {
    fn from(own: &DeliveryPolicy) -> Self {
        Self {
            timeout: own.timeout_ms.map(|ms| span(ms.into())),
            schedule: own.schedule_ms.as_ref().map(|waits| waits.iter().copied().map(span).collect()),
            jitter: own.jitter_percent.map(|percent| f64::from(percent) / 100.0),
            concurrency: own.concurrency,
            disable_after: own.disable_after_ms.map(|ms| after((ms > 0).then(|| Duration::from_millis(ms)))),
            statuses: own.statuses.as_ref().map(StatusesView::from),
        }
    }
}

impl From<&Policy> for RetryInForceView {
    fn from(policy: &Policy) -> Self {
        Self {
            timeout: Span(policy.timeout).to_string(),
            schedule: policy.schedule.iter().map(|wait| Span(*wait).to_string()).collect(),
            jitter: policy.jitter,
            concurrency: policy.concurrency,
            disable_after: after(policy.disable_after),
            statuses: StatusesView::from(&*policy.statuses),
        }
    }
}
