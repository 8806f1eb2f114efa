//! What is done when times have come. All of it stands in the store: a round that is cut off at any place is simply made again.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use wasup_store::id::{Millis, ScheduleId};
use wasup_store::records::{ScheduleRecord, ScheduleState};
use wasup_store::repo::schedule::{self, Fire, Fired, Miss, Rules};
use wasup_store::{Durability, StoreError, WriteTx};

use super::change::made;
use super::made::drawn;
use super::missed::{Step, is_late, step};
use super::{Times, rules};
use crate::context::Context;
use crate::meters::ScheduleOutcome;

/// Schedules of one round.
const ROUND: usize = 256;
/// Of them, how many are dealt with at once: their commits share what a commit costs.
const AT_ONCE: usize = 32;
/// Times of one schedule that are dealt with before others have their turn.
const STEPS: usize = 64;
/// How long one waits whose times can't be read any more, as after a change of the zones that are known.
const UNREADABLE_MS: Millis = 3_600_000;

/// What a round left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// More has come already.
    More,
    /// Something is late, and the clock not believed.
    Doubted,
    /// Nothing that has come.
    Nothing,
}

fn grace_ms(ctx: &Context) -> Millis {
    u64::try_from(ctx.settings.schedules.grace.as_millis()).unwrap_or(u64::MAX)
}

/// Runs what has come until now. Of what is late nothing is decided while the clock is not believed.
pub(crate) async fn run_due(ctx: &Context, now_ms: Millis) -> Result<Left, StoreError> {
    let (store, grace_ms) = (&ctx.store, grace_ms(ctx));
    let oldest_ms = now_ms.saturating_sub(grace_ms);
    let mut ids = store.read(|tx| schedule::due_between(tx, (oldest_ms, now_ms), ROUND)).await?;
    let late = match oldest_ms.checked_sub(1) {
        Some(to_ms) => store.read(|tx| schedule::due_between(tx, (0, to_ms), ROUND)).await?,
        None => Vec::new(),
    };
    let trusted = ctx.time.look(store).await?.is_some();
    let doubted = !late.is_empty() && !trusted;
    if trusted {
        ids.extend(late);
    }
    let (rules, many) = (rules(ctx), ids.len() >= ROUND);
    let turns = stream::iter(ids).map(|id| turn(ctx, id, (rules, grace_ms, trusted))).buffer_unordered(AT_ONCE);
    let more = turns.try_fold(many, |more, left| async move { Ok(more | left) }).await?;
    Ok(match (more, doubted) {
        (true, _) => Left::More,
        (false, true) => Left::Doubted,
        (false, false) => Left::Nothing,
    })
}

/// Deals with the times of a schedule that have come; `true` where more of them are left.
async fn turn(ctx: &Context, id: ScheduleId, with: (Rules, Millis, bool)) -> Result<bool, StoreError> {
    for _ in 0..STEPS {
        let Some(record) = ctx.store.read(|tx| schedule::get(tx, id)).await? else { return Ok(false) };
        let now_ms = ctx.store.now_ms();
        if record.wake_ms.is_none_or(|wake_ms| wake_ms > now_ms) {
            return Ok(false);
        }
        if !one(ctx, id, record, now_ms, with).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// One step of a schedule; `false` where nothing more can be done now.
async fn one(
    ctx: &Context,
    id: ScheduleId,
    record: ScheduleRecord,
    now_ms: Millis,
    (rules, grace_ms, trusted): (Rules, Millis, bool),
) -> Result<bool, StoreError> {
    let Some(at_ms) = record.next_ms.filter(|_| record.state == ScheduleState::Active) else {
        // It has ended, and was kept long enough.
        if trusted && record.state == ScheduleState::Ended {
            write(ctx, move |tx| schedule::forget(tx, id, now_ms)).await?;
            ctx.nudges.janitor();
        }
        return Ok(false);
    };
    if is_late(at_ms, now_ms, grace_ms) && !trusted {
        return Ok(false);
    }
    let version = record.version;
    let Ok(times) = Times::of(&record.plan) else {
        tracing::error!(schedule = %id, "the times of a schedule can't be read any more; it waits");
        let until_ms = now_ms.saturating_add(UNREADABLE_MS);
        write(ctx, move |tx| schedule::postpone(tx, (id, version, at_ms), until_ms)).await?;
        return Ok(false);
    };
    match step(&times, record.plan.missed, at_ms, (now_ms, grace_ms)) {
        Step::Miss { until_ms, count, next_ms } => {
            let miss = Miss { id, version, at_ms, until_ms, count, next_ms, now_ms };
            if write(ctx, move |tx| schedule::miss(tx, &miss, &rules)).await? {
                ctx.meters.schedules.count(ScheduleOutcome::Missed);
            }
            ctx.nudges.deliveries();
            Ok(true)
        }
        Step::Run { next_ms } => {
            let Some(make) = drawn(ctx, id, &record, Some(at_ms)).await? else { return Ok(true) };
            let fire = Fire { id, version, at_ms, next_ms, make, now_ms: ctx.store.now_ms() };
            let fired = write(ctx, move |tx| schedule::fire(tx, &fire, &rules)).await?;
            match fired {
                Fired::Ran(_, run) => made(ctx, &record, &run),
                Fired::AccountGone => ctx.meters.schedules.count(ScheduleOutcome::Failed),
                Fired::OutboxFull | Fired::Stale => {}
            }
            Ok(matches!(fired, Fired::Ran(..) | Fired::Stale))
        }
    }
}

async fn write<T: Send + 'static>(
    ctx: &Context,
    job: impl Fn(&mut WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    ctx.store.write(Durability::Durable, job).await
}
