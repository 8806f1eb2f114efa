//! Webhook receivers that do what a test says.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use wasup_store::id::EventId;
use wasup_store::records::EventRecord;

use crate::door::lock;
use crate::webhook::{Answered, EventEncoder, WebhookAnswer, WebhookRequest, WebhookTransport};

type Rule = Box<dyn Fn(&Received, usize) -> Answer + Send + Sync>;

/// What a receiver does.
#[derive(Clone, Copy)]
pub(super) enum Answer {
    Status(u16),
    Says(u16, &'static str, &'static str),
    /// A status, and seconds to wait.
    Wait(u16, u64),
    /// 200, and a body that was cut.
    Cut,
    /// 200, after a while.
    Slow,
    /// The connection breaks.
    Break,
    Hang,
    Panic,
}

/// A request as it came in.
#[derive(Clone)]
pub(super) struct Received {
    pub(super) url: String,
    pub(super) id: String,
    pub(super) headers: Vec<(Cow<'static, str>, String)>,
    pub(super) body: Bytes,
}

pub(super) struct Receivers {
    rule: Mutex<Rule>,
    seen: Mutex<Vec<Received>>,
    /// By address: requests there now, and the most there ever were.
    busy: Mutex<HashMap<String, (usize, usize)>>,
}

impl Receivers {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            rule: Mutex::new(Box::new(|_, _| Answer::Status(200))),
            seen: Mutex::default(),
            busy: Mutex::default(),
        })
    }

    /// Answers by this rule from now on; it gets the request and how often its id came to its address, this time
    /// included.
    pub(super) fn answer(&self, rule: impl Fn(&Received, usize) -> Answer + Send + Sync + 'static) {
        *lock(&self.rule) = Box::new(rule);
    }

    pub(super) fn seen(&self) -> Vec<Received> {
        lock(&self.seen).clone()
    }

    /// The most requests that an address ever had at once.
    pub(super) fn at_once(&self, url: &str) -> usize {
        lock(&self.busy).get(url).map_or(0, |(_, most)| *most)
    }

    fn enter(&self, url: &str) {
        let mut busy = lock(&self.busy);
        let (now, most) = busy.entry(url.to_owned()).or_default();
        *now += 1;
        *most = (*most).max(*now);
    }

    fn leave(&self, url: &str) {
        if let Some((now, _)) = lock(&self.busy).get_mut(url) {
            *now -= 1;
        }
    }

    /// What came to an address.
    pub(super) fn at(&self, url: &str) -> Vec<Received> {
        self.seen().into_iter().filter(|request| request.url == url).collect()
    }
}

/// The transport's handle, because the receivers are shared with the test.
pub(super) struct Transport(pub(super) Arc<Receivers>);

#[async_trait]
impl WebhookTransport for Transport {
    async fn post(&self, request: WebhookRequest) -> WebhookAnswer {
        let id = request.headers.iter().find(|(name, _)| *name == "webhook-id").map(|(_, id)| id.clone());
        let received = Received {
            url: request.url,
            id: id.expect("every request has an id"),
            headers: request.headers,
            body: request.body,
        };
        let times = {
            let mut seen = lock(&self.0.seen);
            seen.push(received.clone());
            seen.iter().filter(|other| other.id == received.id && other.url == received.url).count()
        };
        let answer = lock(&self.0.rule)(&received, times);
        self.0.enter(&received.url);
        let answered = said(answer, request.timeout).await;
        self.0.leave(&received.url);
        answered
    }
}

async fn said(answer: Answer, timeout: Duration) -> WebhookAnswer {
    match answer {
        Answer::Status(status) => WebhookAnswer::Answered(Answered::status(status)),
        Answer::Says(status, content_type, body) => WebhookAnswer::Answered(Answered {
            content_type: Some(content_type.to_owned()),
            body: Bytes::from_static(body.as_bytes()),
            ..Answered::status(status)
        }),
        Answer::Wait(status, seconds) => {
            let retry_after = Some(Duration::from_secs(seconds));
            WebhookAnswer::Answered(Answered { retry_after, ..Answered::status(status) })
        }
        Answer::Cut => WebhookAnswer::Answered(Answered { cut: true, ..Answered::status(200) }),
        Answer::Slow => {
            // Long enough for another one to come in beside it, if it may.
            let _ = tokio::time::timeout(Duration::from_millis(5), std::future::pending::<()>()).await;
            WebhookAnswer::Answered(Answered::status(200))
        }
        Answer::Break => WebhookAnswer::Unreachable,
        Answer::Hang => match tokio::time::timeout(timeout, std::future::pending::<()>()).await {
            Ok(()) => WebhookAnswer::Unreachable,
            Err(_) => WebhookAnswer::TimedOut,
        },
        Answer::Panic => panic!("the transport breaks"),
    }
}

/// Bodies that name the event.
pub(super) struct Encoder;

impl EventEncoder for Encoder {
    fn encode(&self, id: EventId, event: &EventRecord) -> Bytes {
        serde_json::json!({ "id": id.to_string(), "type": event.kind.as_str(), "seq": event.seq.0 }).to_string().into()
    }
}

/// Time enough for anything that a test waits for.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
