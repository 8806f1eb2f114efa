//! What is written before a schedule is made or runs: rows of items, a job, what a message draws.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};
use wasup_store::id::{CampaignId, JobId, MediaId, Millis, ScheduleId};
use wasup_store::records::{PlannedJob, RunItem, ScheduleRecord, ScheduleWhat};
use wasup_store::repo::campaign;
use wasup_store::repo::job::{self, Draw, NewJob};
use wasup_store::repo::schedule::{self, ITEMS_IN_ROW, Make};
use wasup_store::{Durability, StoreError, WriteTx};

use super::{Planned, ScheduleError, Schedules, file_of};
use crate::context::Context;
use crate::jobs::item;
use crate::messages::{provider_id, secret};
use crate::principal::Principal;

/// Most different files of a schedule.
pub(super) const FILES_MAX: usize = 500;

/// What a schedule does, its items written, and the files that it needs.
pub(super) struct Written {
    pub(super) what: ScheduleWhat,
    pub(super) files: Vec<MediaId>,
    /// Since when its items were written.
    pub(super) prepared_ms: Option<Millis>,
}

fn distinct(files: impl Iterator<Item = MediaId>) -> Result<Vec<MediaId>, ScheduleError> {
    let files: BTreeSet<_> = files.collect();
    if files.len() > FILES_MAX {
        return Err(ScheduleError::TooManyFiles);
    }
    Ok(files.into_iter().collect())
}

impl Schedules {
    /// Writes what a schedule needs beside its record. Where nobody takes it, the janitor clears it away.
    pub(super) async fn written(
        &self,
        principal: &Principal,
        id: ScheduleId,
        what: Planned,
    ) -> Result<Written, ScheduleError> {
        let (name, delay, items) = match what {
            Planned::Message { chat, load } => {
                let files = distinct(file_of(&load).into_iter())?;
                return Ok(Written { what: ScheduleWhat::Message { chat, load }, files, prepared_ms: None });
            }
            Planned::Campaign(campaign) => {
                let tenant = principal.tenant;
                let there = self.ctx.store.read(|tx| campaign::get(tx, campaign)).await?;
                if there.is_none_or(|there| there.tenant != tenant) {
                    return Err(ScheduleError::NoCampaign);
                }
                // Its file is the campaign's, which the janitor looks after.
                return Ok(Written { what: ScheduleWhat::Campaign(campaign), files: Vec::new(), prepared_ms: None });
            }
            Planned::Job { name, delay, items } => (name, delay, items),
        };
        let items: Vec<RunItem> = items.into_iter().map(item).collect();
        let files = distinct(items.iter().filter_map(|item| file_of(item.load.as_ref()?)))?;
        let (since_ms, load) = (self.ctx.store.now_ms(), rand::random());
        self.write(principal, move |tx| schedule::begin(tx, id, since_ms)).await?;
        let mut rows = 0;
        for some in items.chunks(ITEMS_IN_ROW) {
            let (some, row) = (some.to_vec(), rows);
            self.write(principal, move |tx| schedule::add_items(tx, id, (load, row), &some)).await?;
            rows += 1;
        }
        let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
        let job = PlannedJob { name, delay, items: count, load, rows };
        Ok(Written { what: ScheduleWhat::Job(job), files, prepared_ms: Some(since_ms) })
    }
}

/// The network's id of a message: the same whenever the same time of a schedule is tried, so that phones know a repeat.
fn drawn_from(id: ScheduleId, at_ms: Millis) -> [u8; 9] {
    let hash = Sha256::new().chain_update(id.to_bytes()).chain_update(at_ms.to_be_bytes()).finalize();
    std::array::from_fn(|at| hash[at])
}

/// What a run of a schedule makes, ready to be made with it in one commit. `at_ms` is the time that is meant; a run beside the
/// times has none. `None` where the schedule was changed meanwhile.
pub(super) async fn drawn(
    ctx: &Context,
    id: ScheduleId,
    record: &ScheduleRecord,
    at_ms: Option<Millis>,
) -> Result<Option<Make>, StoreError> {
    match &record.plan.what {
        ScheduleWhat::Message { load, .. } => {
            let random = at_ms.map_or_else(rand::random, |at_ms| drawn_from(id, at_ms));
            let secret = secret(&ctx.store, &load.content).await?;
            Ok(Some(Make::Message(Draw { provider_id: provider_id(random), rand: rand::random(), secret })))
        }
        ScheduleWhat::Campaign(_) => {
            let id = CampaignId::new(ctx.store.now_ms(), rand::random());
            Ok(Some(Make::Campaign(id, rand::random())))
        }
        ScheduleWhat::Job(planned) => Ok(prepared(ctx, (id, record), planned).await?.map(Make::Job)),
    }
}

/// A job whose items are all written; nobody sees it before the run does.
async fn prepared(
    ctx: &Context,
    (id, record): (ScheduleId, &ScheduleRecord),
    planned: &PlannedJob,
) -> Result<Option<JobId>, StoreError> {
    let now_ms = ctx.store.now_ms();
    let job = JobId::new(now_ms, rand::random());
    let (name, delay) = (planned.name.clone().or_else(|| record.plan.name.clone()), planned.delay);
    let new = NewJob { id: job, no: record.account, name, delay, now_ms };
    let begun: Option<_> = write(ctx, move |tx| job::begin(tx, &new)).await?;
    if begun.is_none() {
        // Its account is gone, which the run itself finds.
        return Ok(Some(job));
    }
    for row in 0..planned.rows {
        let load = planned.load;
        let Some(items) = ctx.store.read(|tx| schedule::items(tx, id, (load, row))).await? else { return Ok(None) };
        write(ctx, move |tx| job::add(tx, job, &items)).await?;
    }
    Ok(Some(job))
}

async fn write<T: Send + 'static>(
    ctx: &Context,
    job: impl Fn(&mut WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    ctx.store.write(Durability::Durable, job).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_of_each_schedule_has_its_own_id() {
        let (a, b) = (ScheduleId::new(1, 2), ScheduleId::new(1, 3));
        assert_eq!(drawn_from(a, 7), drawn_from(a, 7));
        assert_ne!(drawn_from(a, 7), drawn_from(a, 8));
        assert_ne!(drawn_from(a, 7), drawn_from(b, 7));
    }
}
