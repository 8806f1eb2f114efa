//! The accept loop: connections with a limit, a time limit for their heads, and an end.
//!
//! `axum::serve` never ends while one client keeps a stream open, and leaves its connection tasks (and with them the
//! store's handle) behind. Here every connection is a task of one set that can be ended.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::metrics::HttpMeters;
use crate::patience::Patient;

/// Where a request comes from: the other end of its connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// Limits of the accept loop.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Longest time for the head of a request.
    pub header_timeout: Duration,
    /// How long a client may take nothing of an answer.
    pub write_timeout: Duration,
}

/// Pause after the system refused a new connection (no file descriptors left): without it the loop would spin.
const BREATH: Duration = Duration::from_millis(50);

/// Serves until `stop`, then lets requests that are running end. Drop the future to end them too.
pub(crate) async fn serve(
    listener: TcpListener,
    app: Router,
    limits: Limits,
    meters: HttpMeters,
    stop: CancellationToken,
) {
    let (open, failures) = (meters.connections(), meters.accept_failures());
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = stop.cancelled() => break,
            next = next => next,
        };
        match accepted {
            Ok((socket, peer)) => {
                let connection = connection(socket, Peer(peer), app.clone(), limits, stop.clone());
                let open = open.clone();
                connections.spawn(async move {
                    open.increment(1.0);
                    let _closed = OnDrop(|| open.decrement(1.0));
                    connection.await;
                    drop(place);
                });
            }
            Err(error) => {
                failures.increment(1);
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Runs when it is dropped: a connection's task may also be ended from outside.
struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        self.0();
    }
}

async fn connection(socket: TcpStream, peer: Peer, app: Router, limits: Limits, stop: CancellationToken) {
    // Answers are written whole: waiting to fill a packet only delays them.
    let _ = socket.set_nodelay(true);
    let service = tower::service_fn(move |request: hyper::Request<Incoming>| {
        let mut app = app.clone();
        async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            Ok::<_, Infallible>(answer(&mut app, request).await)
        }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.header_timeout);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(Some(Duration::from_secs(30)));
    let io = TokioIo::new(Patient::new(socket, limits.write_timeout));
    let served = builder.serve_connection_with_upgrades(io, TowerToHyperService::new(service));
    tokio::pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = stop.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::trace!(error, "a connection ended early");
    }
}

async fn answer(app: &mut Router, request: axum::extract::Request) -> axum::response::Response {
    use tower::Service as _;
    match app.call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
