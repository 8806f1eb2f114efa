//! What a link has to say, in order, between the library's dispatch, which must never wait, and the listener, who may
//! be slow.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use wacore::types::events::MessageBatch;
use wacore::types::message::MessageInfo;

use crate::counted::Counted;
use crate::ports::{DisconnectReason, EndReason, LinkEvent};

/// Receipts, acknowledgements and ungated messages that may wait for the listener.
const WAITING_MAX: usize = 4_096;

/// Something to say or to do about it first.
pub(crate) enum Note {
    /// Pass it on.
    Say(LinkEvent),
    /// Make sure that the device is on disk, then say that it is paired.
    Paired,
    /// Say that it is connected, with who it is.
    Connected,
    /// Messages that the hook does not see: channels, and copies that the phone sent again.
    Ungated(MessageBatch),
    /// Messages committed as unavailable, because their decrypted copies are lost.
    Lost(Vec<Arc<MessageInfo>>),
    /// A message that could not be decrypted.
    Unreadable(Arc<MessageInfo>),
}

impl Note {
    /// Whether a listener that is too slow may miss it.
    const fn may_drop(&self) -> bool {
        matches!(self, Self::Say(LinkEvent::ServerAck { .. } | LinkEvent::Receipt { .. }) | Self::Ungated(_))
    }
}

#[derive(Default)]
struct Queue {
    notes: VecDeque<Note>,
    connected: bool,
    ended: Option<EndReason>,
    silent: bool,
}

/// The queue of notes.
#[derive(Default)]
pub(crate) struct Outlet {
    queue: Mutex<Queue>,
    filled: Notify,
    counted: Arc<Counted>,
}

impl Outlet {
    /// A queue that counts what is missed in `counted`.
    pub(crate) fn counting(counted: Arc<Counted>) -> Self {
        Self { counted, ..Self::default() }
    }

    fn with<T>(&self, f: impl FnOnce(&mut Queue) -> T) -> T {
        f(&mut self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes a note; never waits. Connection events are never lost.
    pub(crate) fn push(&self, note: Note) {
        let taken = self.with(|queue| {
            if queue.silent || (matches!(note, Note::Connected) && queue.connected) {
                return true;
            }
            if note.may_drop() && queue.notes.len() >= WAITING_MAX {
                return false;
            }
            match &note {
                Note::Connected => queue.connected = true,
                Note::Say(LinkEvent::Disconnected { .. }) => queue.connected = false,
                Note::Say(LinkEvent::Ended { reason }) => {
                    queue.connected = false;
                    queue.ended = Some(*reason);
                }
                // Its end is told by this very event.
                Note::Say(LinkEvent::QrExhausted) => queue.ended = Some(EndReason::Unexpected),
                _ => {}
            }
            queue.notes.push_back(note);
            true
        });
        if taken {
            self.filled.notify_one();
        } else {
            self.counted.note_dropped();
        }
    }

    /// A new connection is being made. The library says nothing of the old one's end when the server asked for it or
    /// its keep-alive found it dead.
    pub(crate) fn dialing(&self, why: impl FnOnce() -> DisconnectReason) {
        if self.connected() {
            self.push(Note::Say(LinkEvent::Disconnected { reason: why() }));
        }
    }

    /// The library's loop is over. That is a crash unless the end was told before.
    pub(crate) fn loop_over(&self) {
        if self.with(|queue| queue.ended.is_none()) {
            self.push(Note::Say(LinkEvent::Ended { reason: EndReason::Unexpected }));
        }
    }

    /// Nothing is said from now on: whoever listens asked for the end.
    pub(crate) fn silence(&self) {
        self.with(|queue| {
            queue.silent = true;
            queue.connected = false;
            queue.notes.clear();
        });
    }

    /// Whether the last thing said about the connection is that it stands.
    pub(crate) fn connected(&self) -> bool {
        self.with(|queue| queue.connected)
    }

    /// Why the link has ended, once that was said.
    pub(crate) fn ended(&self) -> Option<EndReason> {
        self.with(|queue| queue.ended)
    }

    /// The next note, in order.
    pub(crate) async fn next(&self) -> Note {
        loop {
            if let Some(note) = self.with(|queue| queue.notes.pop_front()) {
                return note;
            }
            self.filled.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ack(n: usize) -> Note {
        Note::Say(LinkEvent::ServerAck { provider_id: n.to_string(), error: None })
    }

    #[tokio::test]
    async fn a_slow_listener_misses_acks_and_never_a_connection_event() {
        let outlet = Outlet::default();
        outlet.push(Note::Connected);
        for n in 0..WAITING_MAX + 10 {
            outlet.push(ack(n));
        }
        outlet.push(Note::Say(LinkEvent::Ended { reason: EndReason::LoggedOut }));
        assert_eq!(outlet.counted.stats().notes_dropped, 11);
        assert!(matches!(outlet.next().await, Note::Connected));
        for _ in 0..WAITING_MAX - 1 {
            assert!(matches!(outlet.next().await, Note::Say(LinkEvent::ServerAck { .. })));
        }
        assert!(matches!(outlet.next().await, Note::Say(LinkEvent::Ended { .. })));
    }

    #[tokio::test]
    async fn the_end_is_told_once() {
        let outlet = Outlet::default();
        outlet.push(Note::Say(LinkEvent::Ended { reason: EndReason::Replaced }));
        outlet.loop_over();
        assert!(matches!(outlet.next().await, Note::Say(LinkEvent::Ended { reason: EndReason::Replaced })));
        assert!(outlet.with(|queue| queue.notes.is_empty()));
        let outlet = Outlet::default();
        outlet.loop_over();
        assert!(matches!(outlet.next().await, Note::Say(LinkEvent::Ended { reason: EndReason::Unexpected })));
        let outlet = Outlet::default();
        outlet.silence();
        outlet.loop_over();
        assert!(outlet.with(|queue| queue.notes.is_empty()));
    }

    #[tokio::test]
    async fn a_restart_that_the_server_asked_for_is_told() {
        let outlet = Outlet::default();
        outlet.dialing(|| DisconnectReason::StreamRestart);
        assert!(outlet.with(|queue| queue.notes.is_empty()), "the first connect interrupts nothing");
        outlet.push(Note::Connected);
        outlet.dialing(|| DisconnectReason::StreamRestart);
        outlet.dialing(|| DisconnectReason::StreamRestart);
        outlet.next().await;
        let restart = LinkEvent::Disconnected { reason: DisconnectReason::StreamRestart };
        assert!(matches!(outlet.next().await, Note::Say(event) if event == restart));
        assert!(outlet.with(|queue| queue.notes.is_empty()));
    }
}
