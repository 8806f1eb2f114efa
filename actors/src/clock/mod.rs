//! The machine's clock: whether it may end rows, and the use cases around it.

mod due;
mod trust;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use wasup_store::id::Millis;
use wasup_store::records::ClockEvent;
use wasup_store::repo::event;
use wasup_store::{Durability, Store, StoreError};

use crate::context::Context;
use crate::principal::Principal;

use due::DueTime;
use trust::{Finding, Trust};

/// What the tree knows of time beyond the store's own.
#[derive(Debug)]
pub(crate) struct Timekeeper {
    trust: Mutex<Trust>,
    /// What the start found, until it was told.
    untold: Mutex<Finding>,
    due: DueTime,
}

impl Timekeeper {
    /// `retention` is the shortest life of rows that the clock ends.
    pub(crate) fn new(store: &Store, retention: Duration) -> Self {
        let now = Instant::now();
        let (trust, first) = Trust::at_start(store.wall_ms(), store.stopped_ms(), retention, now);
        Self { trust: Mutex::new(trust), untold: Mutex::new(first), due: DueTime::new(store.now_ms(), now) }
    }

    /// The time by which retries become due.
    pub(crate) fn due_ms(&self, store: &Store) -> Millis {
        self.due.now_ms(store.now_ms(), Instant::now())
    }

    /// Whether the clock was believed at the last look.
    pub(crate) fn is_trusted(&self) -> bool {
        self.trust().doubted().is_none()
    }

    /// Looks at the clock, tells what changed, and answers until when rows may be ended; `None` while they may not.
    pub(crate) async fn look(&self, store: &Store) -> Result<Option<Millis>, StoreError> {
        let wall_ms = store.wall_ms();
        let found = [self.take_untold(), self.trust().look(wall_ms, Instant::now())];
        for finding in found {
            let change = match finding {
                Finding::Same => continue,
                Finding::Jumped(jump_ms) => ClockEvent { trusted: false, jump_ms },
                Finding::Held => ClockEvent { trusted: true, jump_ms: 0 },
            };
            tracing::warn!(trusted = change.trusted, jump_ms = change.jump_ms, "the clock's standing changed");
            let now_ms = store.now_ms();
            store.write(Durability::Durable, move |tx| event::tell_clock(tx, change, now_ms)).await?;
        }
        let trusted = self.trust().doubted().is_none();
        // The store's time may still be ahead of a clock that was set back.
        Ok(trusted.then(|| wall_ms.min(store.now_ms())))
    }

    fn take_untold(&self) -> Finding {
        std::mem::replace(&mut *self.untold.lock().unwrap_or_else(PoisonError::into_inner), Finding::Same)
    }

    fn trust(&self) -> std::sync::MutexGuard<'_, Trust> {
        self.trust.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the machine's clock stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockStanding {
    /// Whether rows are ended by it.
    pub trusted: bool,
    /// While it is not believed: by how many milliseconds it had jumped ahead, negative back.
    pub jump_ms: i64,
}

/// The use cases around the machine's clock. Clones are the same.
#[derive(Clone)]
pub struct Clock {
    ctx: Arc<Context>,
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clock").finish_non_exhaustive()
    }
}

impl Clock {
    pub(crate) const fn new(ctx: Arc<Context>) -> Self {
        Self { ctx }
    }

    /// How it stands.
    #[must_use]
    pub fn standing(&self) -> ClockStanding {
        let doubted = self.ctx.time.trust().doubted();
        ClockStanding { trusted: doubted.is_none(), jump_ms: doubted.unwrap_or(0) }
    }

    /// Believes the clock at once instead of after ten minutes. Nothing happens where it is believed already.
    ///
    /// # Errors
    /// [`StoreError`] when that can't be written down; the clock is then not believed.
    pub async fn trust(&self, principal: &Principal) -> Result<ClockStanding, StoreError> {
        if !self.standing().trusted {
            let now_ms = self.ctx.store.now_ms();
            let change = ClockEvent { trusted: true, jump_ms: 0 };
            let write = move |tx: &mut wasup_store::WriteTx<'_>| event::tell_clock(tx, change, now_ms);
            self.ctx.store.write_by(principal, Durability::Durable, write).await?;
            self.ctx.time.trust().agree();
            tracing::info!(
                who = principal.who.as_str(),
                request_id = principal.request_id,
                "the clock is to be trusted"
            );
        }
        Ok(self.standing())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::{AtomicU64, Ordering};

    use wasup_store::engine::MemoryEngine;
    use wasup_store::id::Position;
    use wasup_store::records::{EventData, EventKind};

    use super::*;

    struct Hands(AtomicU64);

    impl wasup_store::Clock for Hands {
        fn now_ms(&self) -> u64 {
            self.0.load(Ordering::SeqCst)
        }
    }

    async fn told(store: &Store) -> Vec<ClockEvent> {
        let page = store.read(|tx| event::page(tx, Position(0), 99)).await.unwrap();
        page.into_iter()
            .map(|(_, event)| match (event.kind, event.account, event.data) {
                (EventKind::ServerClock, None, EventData::Clock(change)) => change,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_jump_is_told_and_nothing_ends_until_it_held() {
        const HOUR: u64 = 3_600_000;
        let begin = 1_800_000_000_000;
        let hands = Arc::new(Hands(AtomicU64::new(begin)));
        let store =
            Store::over(Arc::new(MemoryEngine::default()), Arc::clone(&hands) as _, Path::new("clock")).unwrap();
        let time = Timekeeper::new(&store, Duration::from_secs(86_400));
        assert_eq!(time.look(&store).await.unwrap(), Some(begin));
        hands.0.fetch_add(2 * HOUR, Ordering::SeqCst);
        assert_eq!(time.look(&store).await.unwrap(), None);
        assert_eq!(told(&store).await, [ClockEvent { trusted: false, jump_ms: 7_200_000 }]);
        let pass = async |seconds: u64| {
            tokio::time::advance(Duration::from_secs(seconds)).await;
            hands.0.fetch_add(seconds * 1_000, Ordering::SeqCst);
        };
        pass(599).await;
        assert_eq!(time.look(&store).await.unwrap(), None);
        pass(1).await;
        assert_eq!(time.look(&store).await.unwrap(), Some(begin + 2 * HOUR + 600_000));
        assert_eq!(told(&store).await[1..], [ClockEvent { trusted: true, jump_ms: 0 }]);
        // Back again: rows are ended by the clock, not by the store's time, which is still ahead.
        hands.0.fetch_sub(2 * HOUR, Ordering::SeqCst);
        assert_eq!(time.look(&store).await.unwrap(), None);
        assert!(time.trust().agree());
        assert!(store.now_ms() > begin + 2 * HOUR);
        assert_eq!(time.look(&store).await.unwrap(), Some(begin + 600_000));
        // Retries go on as if nothing had happened.
        let due = time.due_ms(&store);
        pass(60).await;
        assert_eq!(time.due_ms(&store), due + 60_000);
    }
}
