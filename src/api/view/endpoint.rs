//! A webhook endpoint.

use serde::Serialize;
use utoipa::ToSchema;
use wasup_actors::{Endpoint, NewSecret, Tested};
use wasup_store::id::EndpointId;
use wasup_store::records::{DeliveryOrder, EndpointCounters, EventFilter, FilesAs, Off, PayloadFormat, ReplyMode};

use super::{RetryInForceView, RetryView, Time};

/// A webhook endpoint.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EndpointView {
    /// Its id.
    #[schema(value_type = String, examples("ep_000001hnp5dqo0000000000000"))]
    pub id: EndpointId,
    /// The account whose events it gets; `null`: every account's.
    #[schema(examples("shop"))]
    pub account: Option<String>,
    /// What you call it.
    pub name: Option<String>,
    /// Where deliveries go.
    #[schema(examples("https://example.com/hook"))]
    pub url: String,
    /// Types of events it gets; empty: every one.
    #[schema(examples("message.received"))]
    pub events: Vec<&'static str>,
    /// Which of those events.
    pub filter: FilterView,
    /// Names of the headers that go with every delivery. Their values are never shown.
    #[schema(examples("authorization"))]
    pub header_names: Vec<String>,
    /// What it asks for itself about how deliveries are tried.
    pub retry: RetryView,
    /// How its deliveries are tried: what it asks for, over the server's config.
    pub retry_in_force: RetryInForceView,
    /// Whether deliveries of a chat wait for one another: `none` or `chat`.
    #[schema(value_type = String, examples("none"))]
    pub order: DeliveryOrder,
    /// Whether the receiver's answer may be a message: `off` or `answer`.
    #[schema(value_type = String, examples("off"))]
    pub reply: ReplyMode,
    /// How files stand in events: `link`, `base64` or `none`.
    #[schema(value_type = String, examples("link"))]
    pub media: FilesAs,
    /// What the body looks like: `envelope`.
    #[schema(value_type = String, examples("envelope"))]
    pub format: PayloadFormat,
    /// It is its account's chatbot: it hears only humans for whom that is switched on.
    pub chatbot: bool,
    /// Whether deliveries are tried.
    pub state: EndpointState,
    /// Why it was disabled: `gone` (the receiver said so) or `failing` (nothing but failures for too long).
    pub reason: Option<&'static str>,
    /// When it was made.
    pub created_at: Time,
    /// Secrets that were replaced and still sign.
    pub retired_secrets: Vec<RetiredSecretView>,
    /// What became of its deliveries.
    pub deliveries: DeliveriesView,
    /// The signing secret: only in the answer to the request that made it, never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(examples("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))]
    pub secret: Option<String>,
}

/// Whether deliveries are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndpointState {
    /// They are.
    Active,
    /// Not until somebody resumes it: it was paused.
    Paused,
    /// Not until somebody resumes it: it was switched off, `reason` says why.
    Disabled,
}

/// Which events an endpoint gets besides their types.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FilterView {
    /// Addresses of chats; empty: every chat.
    #[schema(examples("6281234567890@s.whatsapp.net"))]
    pub chats: Vec<String>,
    /// What messages hold; empty: whatever they hold.
    #[schema(examples("text"))]
    pub message_types: Vec<String>,
}

/// A secret that was replaced.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RetiredSecretView {
    /// Until then it signs.
    pub until: Time,
}

/// Deliveries of an endpoint, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeliveriesView {
    /// Not decided yet.
    pub pending: u64,
    /// Accepted by the receiver.
    pub completed: u64,
    /// Given up.
    pub discarded: u64,
    /// Attempts that failed.
    pub failed_attempts: u64,
    /// Since when attempts do nothing but fail; `null` after a success.
    pub failing_since: Option<Time>,
}

/// A test that is on its way.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TestView {
    /// The delivery, which tells what came of it.
    #[schema(examples("dlv_000001hnp5dqo00000000000000000000000001c"))]
    pub delivery: String,
    /// The event's id, as the receiver sees it in `webhook-id`.
    #[schema(examples("evt_00000000000000000000000001"))]
    pub event: String,
}

impl EndpointState {
    const fn of(off: Option<Off>) -> Self {
        match off {
            None => Self::Active,
            Some(Off::Paused) => Self::Paused,
            Some(Off::Gone | Off::Failing) => Self::Disabled,
        }
    }
}

impl EndpointView {
    /// With the secret that was made in this request.
    #[must_use]
    pub fn with_secret(endpoint: &Endpoint, secret: Option<NewSecret>) -> Self {
        Self { secret: secret.map(|secret| secret.0), ..Self::from(endpoint) }
    }
}

impl From<&Endpoint> for EndpointView {
    fn from(endpoint: &Endpoint) -> Self {
        let record = &endpoint.record;
        let EventFilter { chats, message_types } = record.filter.clone();
        Self {
            id: record.id,
            account: endpoint.account.as_ref().map(ToString::to_string),
            name: record.name.clone(),
            url: record.url.clone(),
            events: record.events.iter().map(|kind| kind.as_str()).collect(),
            filter: FilterView { chats, message_types },
            header_names: record.headers.iter().map(|(name, _)| name.clone()).collect(),
            retry: RetryView::from(&record.policy),
            retry_in_force: RetryInForceView::from(&endpoint.policy),
            order: record.order,
            reply: record.reply,
            media: record.media,
            format: record.format,
            chatbot: record.chatbot,
            state: EndpointState::of(record.off),
            reason: record.off.filter(|off| *off != Off::Paused).map(Off::as_str),
            created_at: Time::from_ms(record.created_ms),
            retired_secrets: {
                let view = |until_ms| RetiredSecretView { until: Time::from_ms(until_ms) };
                record.retired.iter().map(|retired| view(retired.until_ms)).collect()
            },
            deliveries: DeliveriesView::from(endpoint.counters),
            secret: None,
        }
    }
}

impl From<EndpointCounters> for DeliveriesView {
    fn from(counters: EndpointCounters) -> Self {
        let EndpointCounters { pending, completed, discarded, failed_attempts, failing_since_ms, .. } = counters;
        let failing_since = failing_since_ms.map(Time::from_ms);
        Self { pending, completed, discarded, failed_attempts, failing_since }
    }
}

impl From<Tested> for TestView {
    fn from(tested: Tested) -> Self {
        Self { delivery: tested.delivery.to_string(), event: tested.event.to_string() }
    }
}
