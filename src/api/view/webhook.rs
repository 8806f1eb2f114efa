//! A webhook endpoint in its simple form, and its secret in public form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use utoipa::ToSchema;
use wasup_store::id::EndpointId;
use wasup_store::records::{EndpointRecord, Off};

use super::{DeliveriesView, Time};

/// The webhook of an account: its first endpoint, in short.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct WebhookView {
    /// Its id, also under `/v1/endpoints`.
    #[schema(value_type = String, examples("ep_000001hnp5dqo0000000000000"))]
    pub id: EndpointId,
    /// Where deliveries go.
    #[schema(examples("https://example.com/hook"))]
    pub url: String,
    /// Types of events it gets; empty: every one.
    #[schema(examples("message.received"))]
    pub events: Vec<&'static str>,
    /// Whether deliveries are tried.
    pub enabled: bool,
    /// Why they are not: a stable code.
    pub disabled_reason: Option<&'static str>,
    /// When it was made.
    pub created_at: Time,
    /// The signing secret: only in the answer to the request that made it, never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(examples("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))]
    pub secret: Option<String>,
    /// What became of its deliveries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deliveries: Option<DeliveriesView>,
}

impl From<&EndpointRecord> for WebhookView {
    fn from(record: &EndpointRecord) -> Self {
        Self {
            id: record.id,
            url: record.url.clone(),
            events: record.events.iter().map(|kind| kind.as_str()).collect(),
            enabled: record.enabled(),
            disabled_reason: record.off.map(Off::as_str),
            created_at: Time::from_ms(record.created_ms),
            secret: None,
            deliveries: None,
        }
    }
}

/// A signing secret in its public form (Standard Webhooks): `whsec_` and base64.
#[must_use]
pub fn whsec(secret: &[u8]) -> String {
    format!("whsec_{}", STANDARD.encode(secret))
}
