//! A webhook receiver that remembers what came.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::world::PATIENCE;

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    pub(crate) bytes: Bytes,
}

#[derive(Default)]
struct Shared {
    came: Mutex<Vec<Received>>,
    status: AtomicU16,
    changed: Notify,
}

/// A receiver on this machine.
#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) url: String,
    shared: Arc<Shared>,
}

impl Receiver {
    /// One that answers 204 to everything until it is told otherwise.
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared { status: 204.into(), ..Shared::default() });
        let router = Router::new().fallback(take).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, shared }
    }

    /// From now on it answers this.
    pub(crate) fn answer(&self, status: u16) {
        self.shared.status.store(status, Ordering::Relaxed);
    }

    /// What came so far.
    pub(crate) fn came(&self) -> Vec<Received> {
        self.shared.came.lock().unwrap().clone()
    }

    /// Waits until so many requests came.
    pub(crate) async fn wait(&self, count: usize) -> Vec<Received> {
        let enough = async {
            loop {
                let changed = self.shared.changed.notified();
                if self.came().len() >= count {
                    return;
                }
                changed.await;
            }
        };
        timeout(PATIENCE, enough).await.unwrap_or_else(|_| panic!("only {} of {count} came", self.came().len()));
        self.came()
    }
}

async fn take(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap, body: Bytes) -> StatusCode {
    let (path, bytes) = (uri.path().to_owned(), body);
    let body = serde_json::from_slice(&bytes).unwrap_or_default();
    shared.came.lock().unwrap().push(Received { path, headers, body, bytes });
    shared.changed.notify_waiters();
    StatusCode::from_u16(shared.status.load(Ordering::Relaxed)).unwrap()
}
