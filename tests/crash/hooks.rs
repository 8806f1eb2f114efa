//! Webhook receivers that are slow, refuse, and hang up after they took something; each keeps a list of all that came.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// Longest body that is read.
const LONGEST: usize = 1 << 20;
/// Every so many requests one is answered with 500. Less than the ten failures in a row that make an endpoint be probed.
const REFUSE_EVERY: u64 = 9;
/// Every so many requests one is taken, and the connection ends without an answer.
const HANG_UP_EVERY: u64 = 13;
/// Every so many requests one takes long.
const SLOW_EVERY: u64 = 7;
/// Times that short and long answers take.
const QUICK: Duration = Duration::from_millis(3);
const SLOW: Duration = Duration::from_millis(250);

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    /// `webhook-id`.
    pub(crate) id: String,
    /// The envelope.
    pub(crate) event: Value,
    /// Whether it was taken; false where it was refused, or the sender died first.
    pub(crate) taken: bool,
}

impl Arrival {
    pub(crate) fn text_of(&self, name: &str) -> &str {
        self.event[name].as_str().unwrap_or_default()
    }

    pub(crate) fn seq(&self) -> u64 {
        self.event["seq"].as_u64().unwrap_or_default()
    }
}

#[derive(Default)]
struct Shared {
    arrivals: Mutex<Vec<Arrival>>,
    requests: AtomicU64,
    in_flight: AtomicU64,
    changed: Notify,
}

/// One receiver, on a port of its own. It ends with its runtime.
#[derive(Clone)]
pub(crate) struct Hook {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// Counts a request as long as it is being answered, also where the sender dies.
struct InFlight(Arc<Shared>);

impl InFlight {
    fn of(shared: &Arc<Shared>) -> Self {
        shared.in_flight.fetch_add(1, Ordering::SeqCst);
        shared.changed.notify_waiters();
        Self(Arc::clone(shared))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Hook {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let hook = Self { address: listener.local_addr().unwrap(), shared: Arc::default() };
        let accepting = hook.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(accepting.clone().serve(stream));
            }
        });
        hook
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Everything that came, in the order in which it came.
    pub(crate) fn arrivals(&self) -> Vec<Arrival> {
        self.shared.arrivals.lock().unwrap().clone()
    }

    /// Waits until a request is being answered.
    pub(crate) async fn wait_busy(&self) {
        loop {
            let changed = self.shared.changed.notified();
            if self.shared.in_flight.load(Ordering::SeqCst) > 0 {
                return;
            }
            changed.await;
        }
    }

    async fn serve(self, stream: TcpStream) {
        let service = service_fn(move |request| {
            let hook = self.clone();
            async move { hook.answer(request).await }
        });
        // A connection that breaks is the sender's to make again.
        let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }

    /// An error ends the connection without an answer.
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, io::Error> {
        let id = request.headers().get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
        // The sender may die in the middle of its request.
        let body = to_bytes(Body::new(request.into_body()), LONGEST).await.map_err(io::Error::other)?;
        let _in_flight = InFlight::of(&self.shared);
        let event = serde_json::from_slice(&body).map_err(io::Error::other)?;
        let place = {
            let mut arrivals = self.shared.arrivals.lock().unwrap();
            arrivals.push(Arrival { id, event, taken: false });
            arrivals.len() - 1
        };
        let n = self.shared.requests.fetch_add(1, Ordering::SeqCst) + 1;
        tokio::time::sleep(if n.is_multiple_of(SLOW_EVERY) { SLOW } else { QUICK }).await;
        if n.is_multiple_of(REFUSE_EVERY) {
            return Ok(empty(StatusCode::INTERNAL_SERVER_ERROR));
        }
        self.shared.arrivals.lock().unwrap()[place].taken = true;
        if n.is_multiple_of(HANG_UP_EVERY) {
            return Err(io::Error::other("hung up"));
        }
        Ok(empty(StatusCode::NO_CONTENT))
    }
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
