//! A chatbot, and for whom it is switched on.

use serde::Serialize;
use utoipa::ToSchema;
use wasup_actors::Endpoint;
use wasup_store::id::{AccountId, EndpointId};
use wasup_store::records::{BotSender, Off, Participant};

use super::{DeliveriesView, PersonView, Time};

/// The chatbot of an account.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ChatbotView {
    /// The account.
    #[schema(examples("shop"))]
    pub account: String,
    /// The endpoint that it is, also under `/v1/endpoints`.
    #[schema(value_type = String, examples("ep_000001hnp5dqo0000000000000"))]
    pub endpoint: EndpointId,
    /// Where messages go.
    #[schema(examples("https://example.com/bot"))]
    pub url: String,
    /// Whether messages are delivered; while not, they wait.
    pub active: bool,
    /// Why they are not: `paused`, `gone` (the receiver said so) or `failing` (nothing but failures for too long).
    pub reason: Option<&'static str>,
    /// When it was made.
    pub created_at: Time,
    /// What became of its deliveries.
    pub deliveries: DeliveriesView,
    /// The signing secret: only in the answer to the request that made it, never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(examples("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))]
    pub secret: Option<String>,
}

impl ChatbotView {
    /// The chatbot of this account.
    #[must_use]
    pub fn new(account: &AccountId, endpoint: &Endpoint) -> Self {
        let record = &endpoint.record;
        Self {
            account: account.to_string(),
            endpoint: record.id,
            url: record.url.clone(),
            active: record.enabled(),
            reason: record.off.map(Off::as_str),
            created_at: Time::from_ms(record.created_ms),
            deliveries: DeliveriesView::from(endpoint.counters),
            secret: None,
        }
    }
}

/// A human, and whether a chatbot hears what they write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ChatbotSenderView {
    /// Who they are.
    pub sender: PersonView,
    /// Whether it does.
    pub active: bool,
    /// Since when it is so.
    pub since: Time,
}

impl ChatbotSenderView {
    /// What was said about a human.
    #[must_use]
    pub fn new(who: &Participant, standing: BotSender) -> Self {
        Self { sender: PersonView::from(who), active: standing.on, since: Time::from_ms(standing.since_ms) }
    }
}
