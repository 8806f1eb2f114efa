//! What the dispatcher needs of the edge.

use std::borrow::Cow;
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
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// The event.
    pub body: Bytes,
    /// Longest time for the whole attempt.
    pub timeout: Duration,
    /// Most bytes that are read of the answer, where it may bring a file; `None` for the usual limit.
    pub answer_max: Option<usize>,
}

/// Leaves out the address, which may hold a secret, and the body, which holds a message.
impl std::fmt::Debug for WebhookRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookRequest").field("bytes", &self.body.len()).finish_non_exhaustive()
    }
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookAnswer {
    /// The receiver answered.
    Answered(Answered),
    /// No answer in time.
    TimedOut,
    /// No connection, or it broke.
    Unreachable,
    /// The address may not be called.
    Forbidden,
}

/// A receiver's answer, its body as far as it is kept.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Answered {
    /// The HTTP status.
    pub status: u16,
    /// When the receiver wants to be asked again.
    pub retry_after: Option<Duration>,
    /// The body's type, as the receiver named it.
    pub content_type: Option<String>,
    /// The body's first bytes.
    pub body: Bytes,
    /// There was more of it, or its end did not come in time.
    pub cut: bool,
}

/// Leaves out the body, which may quote a message.
impl std::fmt::Debug for Answered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { status, retry_after, body, cut, .. } = self;
        let mut shown = f.debug_struct("Answered");
        shown.field("status", status).field("retry_after", retry_after);
        shown.field("bytes", &body.len()).field("cut", cut).finish_non_exhaustive()
    }
}

impl Answered {
    /// An answer without a body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status, ..Self::default() }
    }
}

/// Turns an event into the body of a webhook: the envelope of the API, `{id, seq, type, account, timestamp, data}`.
pub trait EventEncoder: Send + Sync + 'static {
    /// The body.
    fn encode(&self, id: EventId, event: &EventRecord) -> Bytes;

    /// The body, with its message's file.
    fn encode_with(&self, id: EventId, event: &EventRecord, _file: FileInEvent<'_>) -> Bytes {
        self.encode(id, event)
    }
}

/// How the file of a message stands in the event that tells of it.
#[derive(Clone, Copy)]
pub enum FileInEvent<'a> {
    /// Its type and size only.
    Told,
    /// With a link, made now.
    Linked {
        /// The wall clock's time, by which links end.
        now_ms: u64,
    },
    /// With its bytes.
    Whole(&'a [u8]),
}
