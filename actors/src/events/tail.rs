//! A reader of the event log, at its own place and its own pace.
//!
//! Readers share nothing but the number of the newest event on disk. That number wakes them, and each reads from the
//! store what it lacks, in pieces: nobody waits for anybody, and a slow reader costs nothing but its place.

use tokio::sync::watch;
use wasup_store::cursor::EventCursor;
use wasup_store::id::{EventId, Position};
use wasup_store::records::EventRecord;
use wasup_store::repo::follow::{Bounds, Followed, Sight, read_on};
use wasup_store::{ReadTx, Store, StoreError};

use super::EventsError;

/// A piece of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Events in order; all of them are on disk.
    pub events: Vec<(EventId, EventRecord)>,
    /// Everything up to here was looked at, also what the filter left out.
    pub cursor: EventCursor,
    /// Whether more is on disk already.
    pub more: bool,
}

/// A reader of the event log.
pub struct Tail {
    store: Store,
    durable: watch::Receiver<Position>,
    sight: Sight,
    incarnation: u64,
    at: Position,
    /// It wants whatever is the oldest, and has read nothing yet.
    follows_oldest: bool,
}

impl std::fmt::Debug for Tail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tail").field("at", &self.at).finish_non_exhaustive()
    }
}

impl Tail {
    pub(super) const fn new(
        store: Store,
        durable: watch::Receiver<Position>,
        sight: Sight,
        incarnation: u64,
        at: Position,
        follows_oldest: bool,
    ) -> Self {
        Self { store, durable, sight, incarnation, at, follows_oldest }
    }

    /// Where it stands.
    #[must_use]
    pub const fn cursor(&self) -> EventCursor {
        EventCursor::new(self.incarnation, self.at)
    }

    /// Reads on as far as there is something and the bounds allow. Never waits.
    ///
    /// # Errors
    /// [`EventsError::CursorGone`] when what would be next was pruned meanwhile.
    pub async fn read(&mut self, bounds: Bounds) -> Result<Batch, EventsError> {
        let upto = *self.durable.borrow();
        loop {
            let look = |tx: &ReadTx<'_>| read_on(tx, &self.sight, self.at, upto, bounds);
            match self.store.read::<_, StoreError>(look).await? {
                Followed::Read { events, reached } => {
                    (self.at, self.follows_oldest) = (reached, false);
                    let id = |position| EventId { incarnation: self.incarnation, position };
                    let events = events.into_iter().map(|(position, event)| (id(position), event)).collect();
                    return Ok(Batch { events, cursor: self.cursor(), more: reached < upto });
                }
                Followed::Gone { floor } if self.follows_oldest => self.at = floor,
                Followed::Gone { floor } => {
                    return Err(EventsError::CursorGone { oldest: EventCursor::new(self.incarnation, floor) });
                }
            }
        }
    }

    /// Resolves when more of the log is on disk than was looked at. May be dropped and begun anew at any time.
    pub async fn more(&mut self) {
        let at = self.at;
        // The store that is held here holds the other end.
        if self.durable.wait_for(|newest| *newest > at).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
