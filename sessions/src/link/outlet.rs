//! What a link has to say, in order, between the library's dispatch, which must never wait, and the listener, who may
//! be slow.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use wacore::types::events::MessageBatch;
use wacore::types::message::MessageInfo;
use wasup_store::records::Content;

use super::news::News;
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
    /// What is no message.
    News(News),
    /// Messages committed as unavailable, because their decrypted copies are lost.
    Lost(Vec<Arc<MessageInfo>>),
    /// A message that could not be decrypted, and what stands in its place.
    Unreadable(Arc<MessageInfo>, Content),
}

impl Note {
    /// Whether a listener that is too slow may miss it.
    const fn may_drop(&self) -> bool {
        matches!(
            self,
            Self::Say(LinkEvent::ServerAck { .. } | LinkEvent::Receipt { .. })
                | Self::Ungated(_)
                | Self::News(News::Chat(_) | News::Group(_) | News::Glimpse(_) | News::Call(_))
        )
    }
}

#[derive(Default)]
struct Queue {
    notes: VecDeque<Note>,
    /// A connection was made and its end was not told yet.
    open: bool,
    connected: bool,
    /// QR codes are on show on this connection.
    showing: bool,
    /// By when the connection must have got on.
    deadline: Option<Instant>,
    /// The last reason that was told since something worked.
    told: Option<DisconnectReason>,
    ended: Option<EndReason>,
    silent: bool,
}

/// How things stand, by what was said.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    /// A connection was made and its end was not told yet.
    pub(crate) open: bool,
    /// It was reported as connected.
    pub(crate) connected: bool,
    /// By when it must have got on.
    pub(crate) deadline: Option<Instant>,
}

impl Queue {
    fn take(&mut self, note: Note) {
        match &note {
            Note::Connected => {
                (self.open, self.connected, self.showing) = (true, true, false);
                (self.told, self.deadline) = (None, None);
            }
            Note::Paired => self.told = None,
            Note::Say(LinkEvent::Qr { .. }) => (self.told, self.showing) = (None, true),
            Note::Say(LinkEvent::Ended { reason }) => {
                (self.open, self.connected) = (false, false);
                self.ended = Some(*reason);
            }
            // Its end is told by this very event.
            Note::Say(LinkEvent::QrExhausted) => self.ended = Some(EndReason::Unexpected),
            _ => {}
        }
        self.notes.push_back(note);
    }

    /// Notes a loss and answers whether it is told: not after the end, not again, and not the restart that is a step of
    /// every pairing.
    fn lose(&mut self, reason: DisconnectReason) -> bool {
        let step = reason == DisconnectReason::StreamRestart && !self.connected;
        let again = self.told == Some(reason);
        (self.open, self.connected, self.showing, self.deadline) = (false, false, false, None);
        if self.silent || self.ended.is_some() || step || again {
            return false;
        }
        self.told = Some(reason);
        self.notes.push_back(Note::Say(LinkEvent::Disconnected { reason }));
        true
    }
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
            queue.take(note);
            true
        });
        if taken {
            self.filled.notify_one();
        } else {
            self.counted.note_dropped();
        }
    }

    /// A connection was made. It has so long to get on.
    pub(crate) fn opened(&self, limit: Duration) {
        self.with(|queue| {
            queue.open = true;
            queue.showing = false;
            queue.deadline = Some(Instant::now() + limit);
        });
    }

    /// A step was made that leads on within a time: a code was shown, a phone answered.
    pub(crate) fn got_on(&self, limit: Duration) {
        self.with(|queue| queue.deadline = Some(Instant::now() + limit));
    }

    /// The connection is gone. It is told once, whoever notices first.
    pub(crate) fn lost(&self, reason: DisconnectReason) {
        let told = self.with(|queue| queue.open && queue.lose(reason));
        if told {
            self.filled.notify_one();
        }
    }

    /// No connection could be made. It is told once until another reason comes or something works.
    pub(crate) fn failed(&self, reason: DisconnectReason) {
        let told = self.with(|queue| queue.lose(reason));
        if told {
            self.filled.notify_one();
        }
    }

    /// A new connection is being made. The library says nothing of the old one's end when the server asked for it or
    /// its keep-alive found it dead.
    pub(crate) fn dialing(&self, why: impl FnOnce() -> DisconnectReason) {
        if self.standing().open {
            self.lost(why());
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
            queue.open = false;
            queue.notes.clear();
        });
    }

    /// Whether the last thing said about the connection is that it stands.
    pub(crate) fn connected(&self) -> bool {
        self.with(|queue| queue.connected)
    }

    /// Whether QR codes are on show.
    pub(crate) fn showing(&self) -> bool {
        self.with(|queue| queue.showing)
    }

    /// How things stand.
    pub(crate) fn standing(&self) -> Standing {
        self.with(|queue| Standing { open: queue.open, connected: queue.connected, deadline: queue.deadline })
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

    /// What was said of losses.
    fn losses(outlet: &Outlet) -> Vec<DisconnectReason> {
        outlet.with(|queue| {
            let lost = queue.notes.drain(..).filter_map(|note| match note {
                Note::Say(LinkEvent::Disconnected { reason }) => Some(reason),
                _ => None,
            });
            lost.collect()
        })
    }

    #[tokio::test]
    async fn a_restart_that_the_server_asked_for_is_told() {
        let outlet = Outlet::default();
        outlet.dialing(|| DisconnectReason::StreamRestart);
        outlet.opened(Duration::ZERO);
        outlet.dialing(|| DisconnectReason::StreamRestart);
        assert_eq!(losses(&outlet), [], "it is a step of every pairing");
        outlet.push(Note::Connected);
        outlet.dialing(|| DisconnectReason::StreamRestart);
        outlet.dialing(|| DisconnectReason::StreamRestart);
        assert_eq!(losses(&outlet), [DisconnectReason::StreamRestart]);
    }

    #[tokio::test]
    async fn a_loss_is_told_once_and_a_failure_once_for_each_change() {
        use DisconnectReason::{ConnectionLost, TimedOut, Unreachable};
        let outlet = Outlet::default();
        outlet.lost(ConnectionLost);
        assert_eq!(losses(&outlet), [], "there was nothing to lose");
        for reason in [Unreachable, Unreachable, TimedOut, TimedOut, Unreachable] {
            outlet.failed(reason);
        }
        assert_eq!(losses(&outlet), [Unreachable, TimedOut, Unreachable]);
        // A socket alone is no success: whoever can't log in is told once too.
        for _ in 0..2 {
            outlet.opened(Duration::ZERO);
            outlet.lost(ConnectionLost);
            outlet.lost(TimedOut);
        }
        assert_eq!(losses(&outlet), [ConnectionLost]);
        for _ in 0..2 {
            outlet.opened(Duration::ZERO);
            outlet.push(Note::Connected);
            outlet.lost(ConnectionLost);
        }
        assert_eq!(losses(&outlet), [ConnectionLost, ConnectionLost]);
        outlet.push(Note::Say(LinkEvent::Ended { reason: EndReason::Replaced }));
        outlet.failed(Unreachable);
        assert_eq!(losses(&outlet), [], "the end was told");
    }
}
