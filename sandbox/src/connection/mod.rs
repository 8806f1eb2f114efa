//! One client's connection, from the first byte to the last.

mod connecting;
mod link;
mod login;
mod register;
mod session;
mod writer;

pub use connecting::Connects;

pub(crate) use connecting::{Connecting, Underway};
pub(crate) use link::Link;
pub(crate) use session::Session;

use crate::frame::{self, FrameReader};
use crate::noise::{self, Established, HandshakeKind, Opener};
use crate::registry::Registry;
use crate::trace::Direction;
use crate::violation::{Broken, Rule};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wacore_binary::Node;

/// How long a client may take for the upgrade and the handshake.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(20);

/// Stanzas that may wait for a client that does not read. One more and the connection is dropped;
/// what matters is in the mailbox.
const LONGEST_QUEUE: usize = 65_536;

/// Serves a connection until it ends.
pub(crate) async fn serve(registry: Arc<Registry>, stream: TcpStream, underway: Underway) {
    let greeted = tokio::time::timeout(HANDSHAKE_PATIENCE, greet(&registry, stream, underway)).await;
    let (reader, established, link) = match greeted {
        Ok(Ok(greeted)) => greeted,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a handshake failed");
            return;
        }
        Err(_elapsed) => return,
    };
    registry.counters.connections.add_one();
    if established.kind == HandshakeKind::Ik {
        registry.counters.resumptions.add_one();
    }
    let incoming = Incoming {
        reader,
        opener: established.opener,
        link: link.0.clone(),
        cut: link.1.clone(),
        registry: registry.clone(),
    };
    registry.add_link(link.0.clone());
    let payload = established.payload;
    if payload.device_pairing_data.is_set() {
        register::run(&registry, incoming, established.client_static, &payload).await;
    } else {
        login::run(&registry, incoming, established.client_static, &payload).await;
    }
    registry.remove_link(link.0.id);
    registry.changed.notify_waiters();
}

type Greeted = (FrameReader, Handshaken, (Arc<Link>, CancellationToken));

/// What is left of a handshake once the writer has its cipher.
struct Handshaken {
    kind: HandshakeKind,
    client_static: [u8; 32],
    payload: waproto::whatsapp::ClientPayload,
    opener: Opener,
}

/// Upgrade, handshake, and the writer's task.
async fn greet(
    registry: &Arc<Registry>,
    stream: TcpStream,
    underway: Underway,
) -> Result<Greeted, noise::NoiseFailure> {
    let accepted = tokio_websockets::ServerBuilder::new().accept(stream).await;
    let (_request, socket) = accepted.map_err(frame::FrameError::from)?;
    let (mut reader, mut writer) = frame::split(socket);
    let identity = registry.identity();
    let Established { kind, client_static, payload, opener, sealer } =
        noise::respond(&mut reader, &mut writer, &identity).await?;
    let (orders, queue) = mpsc::channel(LONGEST_QUEUE);
    let cut = registry.shutdown.child_token();
    let link = Link::new(registry.next_number(), orders, cut.clone(), registry.trace.clone(), underway);
    tokio::spawn(writer::run(writer, sealer, queue, cut.clone()));
    let handshaken = Handshaken { kind, client_static, payload, opener };
    Ok((reader, handshaken, (Arc::new(link), cut)))
}

/// The stanzas a client sends.
pub(crate) struct Incoming {
    reader: FrameReader,
    opener: Opener,
    link: Arc<Link>,
    cut: CancellationToken,
    registry: Arc<Registry>,
}

impl Incoming {
    /// Waits until the connection's scope is not silent; what the client says meanwhile is lost. False when the client has
    /// gone.
    async fn outlasts_silence(&mut self) -> bool {
        let registry = self.registry.clone();
        while self.link.silent() {
            let healed = registry.changed.notified();
            tokio::pin!(healed);
            healed.as_mut().enable();
            if !self.link.silent() {
                break;
            }
            tokio::select! {
                () = healed => {}
                node = self.next() => if node.is_none() { return false },
            }
        }
        true
    }

    /// The next stanza; `None` when the connection is over. Cancel safe.
    async fn next(&mut self) -> Option<Node> {
        loop {
            let frame = tokio::select! {
                () = self.cut.cancelled() => return None,
                frame = self.reader.next() => frame.ok(),
            };
            let Some(frame) = frame else {
                self.cut.cancel();
                return None;
            };
            match self.opener.open(frame) {
                Ok(node) => {
                    let trace = &self.registry.trace;
                    trace.record(self.link.id, Direction::FromClient, &node);
                    if !self.link.silent() {
                        return Some(node);
                    }
                    // A silent connection swallows what it is sent.
                    self.registry.counters.unheard.add_one();
                    self.registry.changed.notify_waiters();
                }
                Err(error) => {
                    let broken = Broken::new(Rule::Encryption, error.to_string());
                    self.registry.violated(None, &broken, &Node::default());
                    self.cut.cancel();
                    return None;
                }
            }
        }
    }
}
