//! Rows that are kept for a time of the config: events, ended deliveries, timelines, acts.

use std::time::Duration;

use tokio::time::Instant;
use wasup_store::id::{AccountNo, Millis, Position};
use wasup_store::repo::retention::{self, EventLife, OldDeliveries};
use wasup_store::repo::timeline;
use wasup_store::{Durability, ReadTx, Store, StoreError};

use crate::meters::{DeliveryOutcome, Meters, PrunedRows};
use crate::settings::RetentionSettings;

/// Rows changed in one job.
const STEP: usize = 500;
/// Deliveries looked at in one step.
const LOOKS: usize = 256;
/// Time between two walks over the deliveries: each looks at all that are old enough, also those that never ended.
const WALK: Duration = Duration::from_secs(600);

/// What is left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// Nothing before the next round.
    Nothing,
    /// Another step.
    More,
}

/// A walk over the deliveries.
#[derive(Debug)]
struct Walk {
    from: Vec<u8>,
    upto: Position,
    before_ms: Millis,
}

/// What is kept of retention between two steps.
#[derive(Debug, Default)]
pub(super) struct Retention {
    walk: Option<Walk>,
    walked: Option<Instant>,
    /// Where the walk over the timelines goes on, and when it began.
    timeline: Option<AccountNo>,
    timelines: Option<Instant>,
}

pub(super) fn before(now_ms: Millis, keep: Duration) -> Millis {
    now_ms.saturating_sub(u64::try_from(keep.as_millis()).unwrap_or(u64::MAX))
}

impl Retention {
    /// One step. `until_ms` is the time by which rows may be ended; `None` while the clock is doubted: only the limit of
    /// rows holds then, which needs no clock.
    pub(super) async fn step(
        &mut self,
        store: &Store,
        keep: &RetentionSettings,
        until_ms: Option<Millis>,
        meters: &Meters,
    ) -> Result<Left, StoreError> {
        let life = EventLife {
            before_ms: until_ms.map_or(0, |now_ms| before(now_ms, keep.events)),
            max_rows: keep.events_max,
        };
        if store.read(|tx| retention::events_are_due(tx, life)).await? {
            let now_ms = store.now_ms();
            let prune = move |tx: &mut wasup_store::WriteTx<'_>| retention::prune_events(tx, life, now_ms, STEP);
            let pruned = store.write::<_, StoreError, _>(Durability::Durable, prune).await?;
            meters.pruned.add(PrunedRows::Events, pruned.events);
            meters.deliveries.add(DeliveryOutcome::EventPruned, pruned.discarded);
            return Ok(Left::More);
        }
        let Some(now_ms) = until_ms else { return Ok(Left::Nothing) };
        if self.walk_on(store, before(now_ms, keep.deliveries), meters).await? == Left::More {
            return Ok(Left::More);
        }
        if self.timelines_on(store, before(now_ms, keep.timeline), meters).await? == Left::More {
            return Ok(Left::More);
        }
        let old_ms = before(now_ms, keep.acts);
        if !store.read(|tx| retention::acts_are_due(tx, old_ms)).await? {
            return Ok(Left::Nothing);
        }
        let prune = move |tx: &mut wasup_store::WriteTx<'_>| retention::prune_acts(tx, old_ms, STEP);
        let acts = store.write::<_, StoreError, _>(Durability::Durable, prune).await?;
        meters.pruned.add(PrunedRows::Acts, acts as u64);
        Ok(Left::More)
    }

    /// A step of the walk over the accounts' timelines.
    async fn timelines_on(&mut self, store: &Store, before_ms: Millis, meters: &Meters) -> Result<Left, StoreError> {
        let now = Instant::now();
        let from = match self.timeline.take() {
            Some(from) => from,
            None if self.timelines.is_some_and(|began| now.duration_since(began) < WALK) => return Ok(Left::Nothing),
            None => {
                self.timelines = Some(now);
                AccountNo(0)
            }
        };
        let prune = move |tx: &mut wasup_store::WriteTx<'_>| timeline::prune(tx, from, before_ms, STEP);
        let pruned = store.write::<_, StoreError, _>(Durability::Durable, prune).await?;
        meters.pruned.add(PrunedRows::Timeline, pruned.rows);
        self.timeline = pruned.next;
        Ok(if self.timeline.is_some() { Left::More } else { Left::Nothing })
    }

    async fn walk_on(&mut self, store: &Store, before_ms: Millis, meters: &Meters) -> Result<Left, StoreError> {
        let now = Instant::now();
        let walk = match self.walk.take() {
            Some(walk) => walk,
            None if self.walked.is_some_and(|walked| now.duration_since(walked) < WALK) => return Ok(Left::Nothing),
            None => {
                self.walked = Some(now);
                let upto = store.read(|tx| retention::event_before(tx, before_ms)).await?;
                Walk { from: Vec::new(), upto, before_ms }
            }
        };
        let look = |tx: &ReadTx<'_>| retention::old_deliveries(tx, &walk.from, walk.upto, walk.before_ms, LOOKS);
        let OldDeliveries { ended, next } = store.read(look).await?;
        let mut rest = ended;
        while !rest.is_empty() {
            let (ids, before_ms) = (rest.clone(), walk.before_ms);
            let drop = move |tx: &mut wasup_store::WriteTx<'_>| retention::drop_deliveries(tx, &ids, before_ms, STEP);
            let done = store.write::<_, StoreError, _>(Durability::Durable, drop).await?;
            meters.pruned.add(PrunedRows::Deliveries, done.dropped);
            rest.drain(..done.looked_at.max(1));
        }
        self.walk = next.map(|from| Walk { from, ..walk });
        Ok(if self.walk.is_some() { Left::More } else { Left::Nothing })
    }
}
