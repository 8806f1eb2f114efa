//! The janitor: clears what deleted accounts, ended links and removed endpoints left behind, and rows whose time is
//! over. One store job a message, so that it never stands in anybody's way.

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::time::Instant;
use wasup_store::id::Millis;
use wasup_store::repo::{account, expiry};
use wasup_store::{Durability, StoreError};

use crate::context::Context;
use crate::supervision::{Crash, StoreTrouble};

/// Time between two rounds.
const ROUND: Duration = Duration::from_secs(60);
/// Rows cleared in one job.
const STEP: usize = 500;
/// A clock that jumps by more than this is not believed at once.
const JUMP: Duration = Duration::from_secs(3_600);
/// A clock that stood this long without a jump is believed.
const BELIEVED_AFTER: Duration = Duration::from_secs(600);

/// What the janitor is told.
pub(crate) enum JanitorMsg {
    /// There may be something to clear. One.
    Nudge,
    /// Time for a round. One.
    Round,
    /// Go on with what could not be done in one job. One.
    Purge,
    /// As [`Self::Purge`], for rows whose time is over.
    Expire,
}

/// Whether the clock can be trusted with rows' lives. Pure: both clocks come in.
///
/// After a start it is not, for a while: the process may have stood still for longer than rows live, and whoever comes
/// back with a repeated request should still find its first answer.
#[derive(Debug)]
struct Steady {
    last: (Millis, Instant),
    since: Instant,
}

impl Steady {
    const fn new(wall_ms: Millis, now: Instant) -> Self {
        Self { last: (wall_ms, now), since: now }
    }

    /// Looks at the clocks; `true` when rows may be ended by them.
    fn look(&mut self, wall_ms: Millis, now: Instant) -> bool {
        let (last_ms, last) = std::mem::replace(&mut self.last, (wall_ms, now));
        let passed = now.duration_since(last);
        let should_be = last_ms.saturating_add(u64::try_from(passed.as_millis()).unwrap_or(u64::MAX));
        if Duration::from_millis(should_be.abs_diff(wall_ms)) > JUMP {
            tracing::warn!("the clock jumped by more than an hour; expiry waits");
            self.since = now;
        }
        now.duration_since(self.since) >= BELIEVED_AFTER
    }
}

/// The janitor.
pub(crate) struct Janitor;

/// What it remembers.
pub(crate) struct Rounds {
    ctx: Arc<Context>,
    myself: ActorRef<JanitorMsg>,
    steady: Steady,
}

impl Actor for Janitor {
    type Msg = JanitorMsg;
    type State = Rounds;
    type Arguments = Arc<Context>;

    async fn pre_start(&self, myself: ActorRef<JanitorMsg>, ctx: Arc<Context>) -> Result<Rounds, ActorProcessingErr> {
        ctx.nudges.doors.janitor.open(myself.clone());
        let steady = Steady::new(ctx.store.now_ms(), Instant::now());
        Ok(Rounds { ctx, myself, steady })
    }

    async fn post_start(&self, myself: ActorRef<JanitorMsg>, _: &mut Rounds) -> Result<(), ActorProcessingErr> {
        Ok(myself.cast(JanitorMsg::Round)?)
    }

    async fn handle(
        &self,
        myself: ActorRef<JanitorMsg>,
        message: JanitorMsg,
        state: &mut Rounds,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            JanitorMsg::Nudge => {
                state.ctx.nudges.doors.janitor.answered();
                state.purge().await?;
            }
            JanitorMsg::Purge => state.purge().await?,
            JanitorMsg::Expire => state.expire().await?,
            JanitorMsg::Round => {
                state.purge().await?;
                if state.steady.look(state.ctx.store.now_ms(), Instant::now()) {
                    state.expire().await?;
                }
                myself.send_after(ROUND, || JanitorMsg::Round);
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<JanitorMsg>,
        _: SupervisionEvent,
        _: &mut Rounds,
    ) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn post_stop(&self, myself: ActorRef<JanitorMsg>, state: &mut Rounds) -> Result<(), ActorProcessingErr> {
        state.ctx.nudges.doors.janitor.close(myself.get_id());
        Ok(())
    }
}

impl Rounds {
    async fn purge(&self) -> Result<(), Crash> {
        match self.ctx.store.write(Durability::Durable, |tx| account::purge_step(tx, STEP)).await {
            Ok(true) => {
                // Sends of an ended link may have been settled by it.
                self.ctx.nudges.deliveries();
                let _ = self.myself.cast(JanitorMsg::Purge);
                Ok(())
            }
            Ok(false) => Ok(()),
            Err(error) => weather(error),
        }
    }

    async fn expire(&self) -> Result<(), Crash> {
        let now_ms = self.ctx.store.now_ms();
        match self.ctx.store.write(Durability::Durable, move |tx| expiry::prune(tx, now_ms, STEP)).await {
            Ok(STEP) => drop(self.myself.cast(JanitorMsg::Expire)),
            Ok(_) => {}
            Err(error) => return weather(error),
        }
        Ok(())
    }
}

fn weather(error: StoreError) -> Result<(), Crash> {
    let told = error.to_string();
    match StoreTrouble::from(error) {
        StoreTrouble::Crash(crash) => Err(crash),
        StoreTrouble::Stale | StoreTrouble::Outage => {
            tracing::error!(error = told, "the store does not work; clearing waits");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_believed_after_ten_minutes_without_a_jump() {
        let begin = Instant::now();
        let at = |seconds: u64| begin + Duration::from_secs(seconds);
        let mut steady = Steady::new(0, begin);
        #[rustfmt::skip]
        let table = [
            (60, 60, false),
            (600, 600, true),
            (660, 660, true),
            (720, 720 + 7_200, false), // two hours ahead
            (1_319, 1_319 + 7_200, false),
            (1_320, 1_320 + 7_200, true),
            (1_380, 1_380, false), // and back
            (1_980, 1_980, true),
            (2_040, 2_040 + 3_000, true), // less than an hour
        ];
        for (passed, wall, believed) in table {
            assert_eq!(steady.look(wall * 1_000, at(passed)), believed, "{passed}");
        }
    }
}
