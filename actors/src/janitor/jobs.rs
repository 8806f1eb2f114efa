//! Jobs that were over long enough, and those whose items were never all written; the same of schedules.

use std::time::Duration;

use tokio::time::Instant;
use wasup_store::id::{JobId, Millis};
use wasup_store::repo::{job, schedule};
use wasup_store::{Durability, Store, StoreError, WriteTx};

use super::retention::{Left, before};
use crate::meters::{Meters, PrunedRows};

/// Jobs looked at in one step.
const LOOKS: usize = 256;
/// Time between two walks over the jobs.
const WALK: Duration = Duration::from_secs(600);
/// After this long nobody writes at a job's items any more.
const ABANDONED: Duration = Duration::from_secs(3_600);

/// What is kept of it between two steps.
#[derive(Debug, Default)]
pub(super) struct OldJobs {
    after: Option<JobId>,
    walked: Option<Instant>,
}

impl OldJobs {
    /// One step.
    pub(super) async fn step(
        &mut self,
        store: &Store,
        keep: Duration,
        now_ms: Millis,
        meters: &Meters,
    ) -> Result<Left, StoreError> {
        let now = Instant::now();
        if self.after.is_none() {
            if self.walked.is_some_and(|walked| now.duration_since(walked) < WALK) {
                return Ok(Left::Nothing);
            }
            self.walked = Some(now);
            let abandoned_ms = before(now_ms, ABANDONED);
            let drop = move |tx: &mut WriteTx<'_>| job::drop_abandoned(tx, abandoned_ms, LOOKS);
            store.write::<_, StoreError, _>(Durability::Durable, drop).await?;
            let drop = move |tx: &mut WriteTx<'_>| schedule::drop_abandoned(tx, abandoned_ms, LOOKS / 16);
            store.write::<_, StoreError, _>(Durability::Durable, drop).await?;
        }
        let (after, before_ms) = (self.after, before(now_ms, keep));
        let (over, next) = store.read(|tx| job::over_before(tx, after, before_ms, LOOKS)).await?;
        if !over.is_empty() {
            let count = over.len() as u64;
            let drop =
                move |tx: &mut WriteTx<'_>| over.iter().try_for_each(|id| job::delete(tx, *id, now_ms).map(drop));
            store.write::<_, StoreError, _>(Durability::Durable, drop).await?;
            meters.pruned.add(PrunedRows::Jobs, count);
        }
        self.after = next;
        Ok(if next.is_some() { Left::More } else { Left::Nothing })
    }
}
