//! Why a connection goes: what the network, the library or this house said before it went. The library tells of some
//! stream errors only in its log, so their stanzas are waited for.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;
use wacore_binary::OwnedNodeRef;
use whatsapp_rust::futures::channel::oneshot::Receiver;
use whatsapp_rust::{Client, NodeFilter};

use crate::ports::DisconnectReason;

/// How long a reason explains a loss. What was said earlier the connection has survived.
const GOOD_FOR: Duration = Duration::from_secs(60);

/// A connection that was silent this long before it went was found dead by the library's keep-alive, which gives up 20 s
/// after what it asked (whatsapp-rust 0.7.0, `keepalive.rs`).
const SILENCE: Duration = Duration::from_secs(15);

#[derive(Debug, Clone, Copy)]
struct Known {
    reason: DisconnectReason,
    at: Instant,
    ends: bool,
}

#[derive(Default)]
struct Inner {
    waiting: Option<Receiver<Arc<OwnedNodeRef>>>,
    known: Option<Known>,
    received: u64,
    heard: Option<Instant>,
}

/// What is known of why the connection of a link will be, or was, lost.
#[derive(Default)]
pub(super) struct Losses {
    client: OnceLock<Weak<Client>>,
    inner: Mutex<Inner>,
}

impl Losses {
    fn with<T>(&self, f: impl FnOnce(&mut Inner) -> T) -> T {
        f(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whose stream errors are waited for from now on.
    pub(super) fn of(&self, client: &Arc<Client>) {
        // A link has one client.
        let _ = self.client.set(Arc::downgrade(client));
        self.look();
    }

    /// The stream is over, for this reason, whether or not the socket goes.
    pub(super) fn ends(&self, reason: DisconnectReason) {
        self.with(|inner| inner.known = Some(Known { reason, at: Instant::now(), ends: true }));
    }

    /// If the connection goes soon, this is why.
    pub(super) fn hint(&self, reason: DisconnectReason) {
        self.with(|inner| inner.known = Some(Known { reason, at: Instant::now(), ends: false }));
    }

    /// What the library has received so far; a change is a sign of life.
    pub(super) fn received(&self, mark: u64) {
        self.with(|inner| {
            if inner.received != mark {
                (inner.received, inner.heard) = (mark, Some(Instant::now()));
            }
        });
    }

    /// Looks for a stream error, and waits for the next one. Answers since when the stream is over.
    pub(super) fn look(&self) -> Option<Instant> {
        self.with(|inner| {
            self.learn(inner);
            inner.known.filter(|known| known.ends).map(|known| known.at)
        })
    }

    fn learn(&self, inner: &mut Inner) {
        match inner.waiting.as_mut().map(Receiver::try_recv) {
            Some(Ok(None)) => return,
            Some(Ok(Some(node))) => {
                let code = node.get().get_attr("code").map(|code| code.as_str().into_owned());
                if let Some(reason) = untold(code.as_deref().unwrap_or_default()) {
                    inner.known = Some(Known { reason, at: Instant::now(), ends: true });
                }
            }
            Some(Err(_)) | None => {}
        }
        let client = self.client.get().and_then(Weak::upgrade);
        inner.waiting = client.map(|client| client.wait_for_node(NodeFilter::tag("stream:error")));
    }

    /// Why the connection went, as far as it was said. It is told once.
    pub(super) fn take(&self) -> Option<DisconnectReason> {
        self.with(|inner| {
            self.learn(inner);
            inner.heard = None;
            inner.known.take().filter(|known| known.at.elapsed() < GOOD_FOR).map(|known| known.reason)
        })
    }

    /// Why a connection went of which nothing was said: it had been silent, or it closed.
    pub(super) fn guess(&self) -> DisconnectReason {
        // The end of a stream may be the first word for a while, and it is one.
        if let Some(client) = self.client.get().and_then(Weak::upgrade) {
            self.received(client.stats().last_data_received_ms);
        }
        let silent = self.with(|inner| inner.heard.is_some_and(|heard| heard.elapsed() >= SILENCE));
        if silent { DisconnectReason::TimedOut } else { DisconnectReason::ConnectionLost }
    }
}

/// The codes that the library handles without an event.
fn untold(code: &str) -> Option<DisconnectReason> {
    match code {
        "515" => Some(DisconnectReason::StreamRestart),
        "503" => Some(DisconnectReason::ServiceUnavailable),
        "429" => Some(DisconnectReason::RateLimited),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_without_an_event_have_reasons() {
        for (code, reason) in [
            ("515", Some(DisconnectReason::StreamRestart)),
            ("503", Some(DisconnectReason::ServiceUnavailable)),
            ("429", Some(DisconnectReason::RateLimited)),
            // These end the link or come as events.
            ("401", None),
            ("409", None),
            ("516", None),
            ("500", None),
            ("", None),
        ] {
            assert_eq!(untold(code), reason, "{code}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_reason_is_told_once_and_not_for_ever() {
        let losses = Losses::default();
        assert_eq!(losses.take(), None);
        losses.hint(DisconnectReason::StreamError);
        assert_eq!(losses.look(), None, "a hint ends nothing");
        losses.ends(DisconnectReason::RateLimited);
        assert_eq!(losses.look(), Some(Instant::now()));
        assert_eq!(losses.take(), Some(DisconnectReason::RateLimited));
        assert_eq!((losses.take(), losses.look()), (None, None));
        losses.hint(DisconnectReason::StreamError);
        tokio::time::advance(GOOD_FOR).await;
        assert_eq!(losses.take(), None, "the connection survived it");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_fell_silent_timed_out() {
        let losses = Losses::default();
        assert_eq!(losses.guess(), DisconnectReason::ConnectionLost, "nothing is known of it");
        losses.received(7);
        tokio::time::advance(SILENCE).await;
        losses.received(7);
        assert_eq!(losses.guess(), DisconnectReason::TimedOut);
        losses.received(8);
        assert_eq!(losses.guess(), DisconnectReason::ConnectionLost);
    }
}
