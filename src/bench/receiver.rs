//! A webhook receiver that knows when the first byte of each request arrived.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, to_bytes};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// Longest body that is read.
const LONGEST: usize = 1 << 20;

/// A received message as the webhook told it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    /// When the first byte of the first request about it arrived.
    pub at: Instant,
    /// Under how many webhook ids it was told; more than one is a duplicate.
    pub times: u32,
}

/// Which endpoint it is: the number at the end of its address.
pub(super) type EndpointNo = u16;

#[derive(Debug, Default)]
struct Book {
    /// By our id of the message, and by endpoint.
    received: HashMap<String, HashMap<EndpointNo, Told>>,
    webhooks: HashMap<EndpointNo, HashSet<String>>,
    told: usize,
    redelivered: u64,
}

/// The receiver. Clones are the same; it ends with its runtime.
#[derive(Clone)]
pub(super) struct Receiver {
    address: SocketAddr,
    book: Arc<Mutex<Book>>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    r#type: &'a str,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    id: String,
}

impl Receiver {
    /// Starts listening on a free loopback port.
    ///
    /// # Errors
    /// When no port can be had.
    pub(super) async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let receiver = Self { address: listener.local_addr()?, book: Arc::default() };
        let accepting = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(accepting.clone().serve(stream));
            }
        });
        Ok(receiver)
    }

    /// Where webhooks go.
    #[must_use]
    pub(super) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Where the webhooks of an endpoint go, where there are several.
    #[must_use]
    pub(super) fn url_of(&self, endpoint: EndpointNo) -> String {
        format!("{}/{endpoint}", self.url())
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many different received messages were told, counted anew for each endpoint.
    #[must_use]
    pub(super) fn received(&self) -> usize {
        self.book().told
    }

    /// How many messages were told under more than one webhook id, and how many requests repeated a webhook id that
    /// had come before.
    #[must_use]
    pub(super) fn duplicates_and_repeats(&self) -> (u64, u64) {
        let book = self.book();
        let doubled = book.received.values().flat_map(HashMap::values).filter(|told| told.times > 1).count();
        (doubled as u64, book.redelivered)
    }

    /// What was told of a message to the endpoint at [`Receiver::url`].
    #[must_use]
    pub(super) fn told(&self, message: &str) -> Option<Told> {
        self.told_to(0, message)
    }

    /// What was told of a message to an endpoint.
    #[must_use]
    pub(super) fn told_to(&self, endpoint: EndpointNo, message: &str) -> Option<Told> {
        self.book().received.get(message)?.get(&endpoint).copied()
    }

    async fn serve(self, stream: TcpStream) {
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let first = Arc::new(Mutex::new(Instant::now()));
        let timed = Timed { inner: stream, first: Arc::clone(&first), idle: true };
        let service = service_fn(move |request| {
            let (receiver, at) = (self.clone(), *first.lock().unwrap_or_else(PoisonError::into_inner));
            async move { Ok::<_, Infallible>(receiver.take(request, at).await) }
        });
        // A connection that breaks is the sender's to make again.
        let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(timed), service).await;
    }

    async fn take(&self, request: Request<Incoming>, at: Instant) -> Response<Body> {
        let id = request.headers().get("webhook-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        let endpoint = request.uri().path().trim_start_matches("/hook").trim_start_matches('/').parse().unwrap_or(0);
        let body = to_bytes(Body::new(request.into_body()), LONGEST).await;
        let taken = match (id, body) {
            (Some(id), Ok(body)) => self.note(endpoint, id, &body, at),
            _ => false,
        };
        let mut response = Response::new(Body::empty());
        *response.status_mut() = if taken { StatusCode::NO_CONTENT } else { StatusCode::BAD_REQUEST };
        response
    }

    fn note(&self, endpoint: EndpointNo, webhook: String, body: &[u8], at: Instant) -> bool {
        let Ok(Envelope { r#type, data }) = serde_json::from_slice::<Envelope<'_>>(body) else { return false };
        let mut book = self.book();
        if !book.webhooks.entry(endpoint).or_default().insert(webhook) {
            book.redelivered += 1;
            return true;
        }
        if r#type == "message.received" {
            let told = book.received.entry(data.id).or_default().entry(endpoint).or_insert(Told { at, times: 0 });
            told.times += 1;
            if told.times == 1 {
                book.told += 1;
            }
        }
        true
    }
}

/// A stream that notes when it was read from for the first time after it was written to.
struct Timed {
    inner: TcpStream,
    first: Arc<Mutex<Instant>>,
    idle: bool,
}

impl AsyncRead for Timed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        if self.idle && buf.filled().len() > before {
            self.idle = false;
            *self.first.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        }
        polled
    }
}

impl AsyncWrite for Timed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        self.idle = true;
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
