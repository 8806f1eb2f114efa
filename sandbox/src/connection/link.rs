//! The way into a live connection: a queue of stanzas and a switch.

use super::connecting::Underway;
use crate::fault::FaultScope;
use crate::trace::{Direction, Trace};
use std::sync::{Arc, OnceLock};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wacore_binary::Node;

/// What the writer of a connection is asked to do.
pub(crate) enum Order {
    /// Send a stanza, not before `due` when a fault holds it back.
    Stanza { node: Arc<Node>, due: Option<Instant> },
    /// Close in order after everything queued before.
    Close,
}

/// A connection as the rest of the server sees it. Sending never waits: a client that lets too much
/// pile up loses its connection.
pub(crate) struct Link {
    pub(crate) id: u64,
    orders: mpsc::Sender<Order>,
    cut: CancellationToken,
    scope: OnceLock<FaultScope>,
    trace: Arc<Trace>,
    underway: Underway,
}

impl Link {
    pub(crate) fn new(
        id: u64,
        orders: mpsc::Sender<Order>,
        cut: CancellationToken,
        trace: Arc<Trace>,
        underway: Underway,
    ) -> Self {
        Self { id, orders, cut, scope: OnceLock::new(), trace, underway }
    }

    /// The device has taken over what waited: the connection is made.
    pub(crate) fn is_made(&self) {
        self.underway.done();
    }

    /// From now on these faults apply: the connection has logged in.
    pub(crate) fn bind(&self, scope: FaultScope) {
        // A connection logs in once; a second binding would be a bug of the login, not of ours.
        let _bound = self.scope.set(scope);
    }

    /// Queues a stanza. A silent connection takes it and says nothing, like a dead network.
    pub(crate) fn send(&self, node: impl Into<Arc<Node>>) {
        let node = node.into();
        let mut due = None;
        if let Some(scope) = self.scope.get() {
            if scope.silent() {
                return;
            }
            due = scope.delay().map(|delay| Instant::now() + delay);
        }
        self.trace.record(self.id, Direction::ToClient, &node);
        self.order(Order::Stanza { node, due });
    }

    /// Sends the last stanzas and closes in order. Works on silent connections too: it is an
    /// operator's order.
    pub(crate) fn say_goodbye(&self, words: impl IntoIterator<Item = Node>) {
        self.goodbye(words, None);
    }

    /// As [`Self::say_goodbye`], a little later.
    pub(crate) fn say_goodbye_at(&self, node: Node, due: Instant) {
        self.goodbye([node], Some(due));
    }

    fn goodbye(&self, words: impl IntoIterator<Item = Node>, due: Option<Instant>) {
        for node in words {
            self.trace.record(self.id, Direction::ToClient, &node);
            let node = Arc::new(node);
            self.order(Order::Stanza { node, due });
        }
        self.order(Order::Close);
    }

    fn order(&self, order: Order) {
        // A closed queue means the connection is ending; the mailbox keeps what matters.
        if let Err(TrySendError::Full(_)) = self.orders.try_send(order) {
            tracing::warn!(connection = self.id, "a client does not read; its connection is dropped");
            self.drop_now();
        }
    }

    /// Drops the socket without a word.
    pub(crate) fn drop_now(&self) {
        self.cut.cancel();
    }

    pub(crate) fn silent(&self) -> bool {
        self.scope.get().is_some_and(FaultScope::silent)
    }
}
