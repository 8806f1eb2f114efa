//! The listener: connections that come in, that are left hanging, and a server that nobody reaches.

use super::Network;
use crate::connection::{self, Underway};
use crate::registry::Registry;
use crate::wait::{WaitError, until};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::Interest;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

/// How long the listener may take to go or to come back.
const SWITCHED: Duration = Duration::from_secs(10);

impl Network {
    /// Stops listening, so that whoever connects is refused by the machine itself, or listens again at the same address.
    /// Open connections stay. Ends when it is so.
    ///
    /// # Errors
    /// When it is not so in time: somebody else has taken the address.
    pub async fn set_reachable(&self, reachable: bool) -> Result<(), WaitError> {
        self.registry.reachable.send_replace(reachable);
        let listening = &self.registry.listening;
        until(&self.registry.changed, SWITCHED, "the listener's change", || {
            (listening.load(Ordering::Acquire) == reachable).then_some(())
        })
        .await
    }
}

/// Accepts connections until the network ends.
pub(super) async fn accept(registry: Arc<Registry>, listener: TcpListener, address: SocketAddr) {
    let (mut listener, mut wanted) = (Some(listener), registry.reachable.subscribe());
    loop {
        let open = tokio::select! {
            () = registry.shutdown.cancelled() => return,
            // The sender lives as long as the registry, which is held here.
            _changed = wanted.changed() => None,
            stream = next(listener.as_ref()) => Some(stream),
        };
        if let Some(stream) = open {
            admit(&registry, stream);
            continue;
        }
        let reachable = *wanted.borrow_and_update();
        listener = match (reachable, listener.take()) {
            (false, _) => None,
            (true, Some(listener)) => Some(listener),
            (true, None) => TcpListener::bind(address).await.inspect_err(warn).ok(),
        };
        registry.listening.store(listener.is_some(), Ordering::Release);
        registry.changed.notify_waiters();
    }
}

fn warn(error: &std::io::Error) {
    tracing::warn!(%error, "cannot listen again");
}

async fn next(listener: Option<&TcpListener>) -> TcpStream {
    let Some(listener) = listener else { return std::future::pending().await };
    loop {
        match listener.accept().await {
            Ok((stream, _peer)) => return stream,
            Err(error) => {
                // Out of file descriptors, most likely; the next attempt may find one.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

fn admit(registry: &Arc<Registry>, stream: TcpStream) {
    let now = Instant::now();
    let underway = registry.connecting.begin(now);
    registry.changed.notify_waiters();
    if registry.faults.refuses_connection(now) {
        registry.counters.connections_refused.add_one();
        return;
    }
    tokio::spawn(serve(registry.clone(), stream, underway));
}

async fn serve(registry: Arc<Registry>, stream: TcpStream, underway: Underway) {
    match outlasting_silence(&registry, stream).await {
        // Small frames answer each other: Nagle's algorithm would cost 40 ms a hop.
        Some(stream) if stream.set_nodelay(true).is_ok() => {
            connection::serve(registry.clone(), stream, underway).await;
        }
        _ => drop(underway),
    }
    registry.changed.notify_waiters();
}

/// Leaves a socket hanging, unread, while the whole network is silent. `None` when the client gives up.
async fn outlasting_silence(registry: &Registry, stream: TcpStream) -> Option<TcpStream> {
    if !registry.faults.silent() {
        return Some(stream);
    }
    while registry.faults.silent() {
        let healed = registry.changed.notified();
        tokio::pin!(healed);
        healed.as_mut().enable();
        if !registry.faults.silent() {
            break;
        }
        tokio::select! {
            () = registry.shutdown.cancelled() => return None,
            () = healed => {}
            () = given_up(&stream) => return None,
        }
    }
    // Registered anew: what came meanwhile has been looked at, and would not be told again.
    TcpStream::from_std(stream.into_std().ok()?).ok()
}

/// Ends when the client closes the socket, without reading what it has sent.
async fn given_up(stream: &TcpStream) {
    while let Ok(ready) = stream.ready(Interest::READABLE).await {
        if ready.is_read_closed() {
            return;
        }
        // Takes the readiness back, so that the next turn waits for the next event.
        let _waits: std::io::Result<()> =
            stream.try_io(Interest::READABLE, || Err(std::io::ErrorKind::WouldBlock.into()));
    }
}
