//! A small webhook receiver: it answers, remembers what arrived under which `webhook-id`, and can be told to fail.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// An event as it arrived the first time.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// The `type` of the envelope.
    pub kind: String,
    /// The account's id.
    pub account: String,
    /// The `data` of the envelope.
    pub data: Value,
    /// How often it arrived; more than once is lawful after a crash or a time-out.
    pub times: u32,
}

/// What arrived, and how many different events of each kind.
#[derive(Default)]
struct Book {
    events: HashMap<String, Arrived>,
    tallies: HashMap<String, usize>,
    /// Messages whose delivery was told, be it by `read` alone.
    delivered: HashSet<String>,
}

#[derive(Default)]
struct Shared {
    book: Mutex<Book>,
    changed: Notify,
    requests: AtomicU64,
    /// Every n-th request is answered with 500; 0 for never.
    fail_every: AtomicU64,
}

impl Book {
    fn note(&mut self, id: &str, envelope: &Value) {
        if let Some(known) = self.events.get_mut(id) {
            known.times += 1;
            return;
        }
        let text = |name: &str| envelope.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let kind = text("type");
        if matches!(envelope["data"]["state"].as_str(), Some("delivered" | "read" | "played")) {
            self.delivered.insert(envelope["data"]["id"].as_str().unwrap_or_default().to_owned());
        }
        *self.tallies.entry(kind.clone()).or_default() += 1;
        let arrived = Arrived { kind, account: text("account"), data: envelope["data"].clone(), times: 1 };
        self.events.insert(id.to_owned(), arrived);
    }
}

/// A receiver on a free loopback port. It ends with its runtime.
#[derive(Clone)]
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Receiver {
    /// Starts listening.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let address = listener.local_addr()?;
        let shared = Arc::<Shared>::default();
        let app = Router::new().route("/hook", post(take)).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Self { address, shared })
    }

    /// Where webhooks go.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Answers every n-th request with 500 from now on; 0 ends that.
    pub fn fail_every(&self, n: u64) {
        self.shared.fail_every.store(n, Ordering::Relaxed);
    }

    /// Events that arrived, by `webhook-id`.
    #[must_use]
    pub fn events(&self) -> HashMap<String, Arrived> {
        self.book().events.clone()
    }

    /// How many different events of a kind arrived.
    #[must_use]
    pub fn count(&self, kind: &str) -> usize {
        self.book().tallies.get(kind).copied().unwrap_or(0)
    }

    /// How many messages were told to be delivered.
    #[must_use]
    pub fn delivered(&self) -> usize {
        self.book().delivered.len()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.shared.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the receiver's events satisfy a condition; answers whether they did within the time.
    pub async fn wait_until(&self, within: Duration, reached: impl Fn(&Self) -> bool) -> bool {
        let waiting = async {
            loop {
                // Registered before the look, so that what arrives between look and wait is not missed.
                let changed = self.shared.changed.notified();
                if reached(self) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(within, waiting).await.is_ok()
    }
}

async fn take(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let n = shared.requests.fetch_add(1, Ordering::Relaxed) + 1;
    let fail_every = shared.fail_every.load(Ordering::Relaxed);
    if fail_every != 0 && n.is_multiple_of(fail_every) {
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    let id = headers.get("webhook-id").and_then(|id| id.to_str().ok());
    let (Some(id), Ok(envelope)) = (id, serde_json::from_slice::<Value>(&body)) else {
        return StatusCode::BAD_REQUEST;
    };
    shared.book.lock().unwrap_or_else(PoisonError::into_inner).note(id, &envelope);
    shared.changed.notify_waiters();
    StatusCode::NO_CONTENT
}
