//! What the dispatcher needs of the edge.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use wasup_store::id::EventId;
use wasup_store::records::EventRecord;

/// Posts webhooks.
#[async_trait]
pub trait WebhookTransport: Send + Sync + 'static {
    /// One attempt. It keeps the request's time limit, follows no redirect and checks the address.
    async fn post(&self, request: WebhookRequest) -> WebhookAnswer;
}

/// One attempt.
#[derive(Clone)]
pub struct WebhookRequest {
    /// Where it goes.
    pub url: String,
    /// Names in lower case, and values.
    pub headers: Vec<(&'static str, String)>,
    /// The event.
    pub body: Bytes,
    /// Longest time for the whole attempt.
    pub timeout: Duration,
}

/// Leaves out the address, which may hold a secret, and the body, which holds a message.
impl std::fmt::Debug for WebhookRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookRequest").field("bytes", &self.body.len()).finish_non_exhaustive()
    }
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookAnswer {
    /// The receiver answered.
    Answered {
        /// The HTTP status.
        status: u16,
        /// When the receiver wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// No answer in time.
    TimedOut,
    /// No connection, or it broke.
    Unreachable,
    /// The address may not be called.
    Forbidden,
}

/// Turns an event into the body of a webhook: the envelope of the API, `{id, seq, type, account, timestamp, data}`.
pub trait EventEncoder: Send + Sync + 'static {
    /// The body.
    fn encode(&self, id: EventId, event: &EventRecord) -> Bytes;
}
