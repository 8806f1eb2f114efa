//! The scheduler: does the accounts' due work, and runs schedules at their times. What is due stands in the store, so losing everything in here costs time,
//! never the work itself.

mod expiry;

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use wasup_store::id::Millis;
use wasup_store::repo::due::{self, DueKind};
use wasup_store::repo::{account, schedule};
use wasup_store::{Durability, StoreError};

use crate::accounts::SupervisorMsg;
use crate::alarm::Alarm;
use crate::campaigns::start_due;
use crate::context::Context;
use crate::root::Beat;
use crate::schedules::{Left, run_due};
use crate::supervision::{Crash, StoreTrouble};

use expiry::Expiry;

/// Subjects dealt with in one job.
const STEP: usize = 64;
/// The longest time between two looks at the index, should every nudge be lost.
const SLOW_WAKE: Duration = Duration::from_secs(60);
/// How soon it looks again while something that was due is not done with, as when the supervisor is being restarted.
const AGAIN: Duration = Duration::from_secs(5);
/// The shortest time between two alarms.
const ALARM_MIN: Duration = Duration::from_millis(20);

/// What the scheduler is told.
pub(crate) enum SchedulerMsg {
    /// Something may be due sooner than it knows. One.
    Nudge,
    /// Time to look at the index. One.
    Alarm,
    /// The removal of an account came to its end. One.
    Removed,
    /// A round over the schedules came to its end. One.
    Fired(Result<Left, StoreError>),
    /// The root asks for a sign of life. One.
    Ping(Beat),
    /// Break.
    #[cfg(test)]
    Fault(crate::accounts::Fault),
}

/// The scheduler.
pub(crate) struct Scheduler;

/// What it remembers.
pub(crate) struct Scheduling {
    ctx: Arc<Context>,
    myself: ActorRef<SchedulerMsg>,
    alarm: Alarm,
    expiry: Expiry,
    /// The removal of an account that is under way.
    removal: Option<AbortOnDropHandle<()>>,
    /// The round over the schedules that is under way.
    firing: Option<AbortOnDropHandle<()>>,
    /// Up to when schedules were looked at.
    fired_ms: Millis,
}

impl Actor for Scheduler {
    type Msg = SchedulerMsg;
    type State = Scheduling;
    type Arguments = Arc<Context>;

    async fn pre_start(
        &self,
        myself: ActorRef<SchedulerMsg>,
        ctx: Arc<Context>,
    ) -> Result<Scheduling, ActorProcessingErr> {
        ctx.nudges.doors.scheduler.open(myself.clone());
        let (alarm, expiry) = (Alarm::default(), Expiry::default());
        Ok(Scheduling { ctx, myself, alarm, expiry, removal: None, firing: None, fired_ms: 0 })
    }

    async fn post_start(&self, myself: ActorRef<SchedulerMsg>, _: &mut Scheduling) -> Result<(), ActorProcessingErr> {
        // What became due while nobody was there.
        Ok(myself.cast(SchedulerMsg::Nudge)?)
    }

    async fn handle(
        &self,
        _: ActorRef<SchedulerMsg>,
        message: SchedulerMsg,
        state: &mut Scheduling,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            SchedulerMsg::Nudge => {
                state.ctx.nudges.doors.scheduler.answered();
                state.round(true).await?;
            }
            SchedulerMsg::Alarm => {
                state.alarm.rang();
                state.round(true).await?;
            }
            SchedulerMsg::Removed => {
                state.removal = None;
                state.round(false).await?;
            }
            SchedulerMsg::Fired(left) => {
                state.firing = None;
                let left = left.or_else(|error| weather(error).map(|()| Left::Doubted))?;
                state.round(left == Left::More).await?;
                if left == Left::Doubted {
                    state.set_alarm(true, None).await?;
                }
            }
            SchedulerMsg::Ping(beat) => beat.answer(),
            #[cfg(test)]
            SchedulerMsg::Fault(fault) => fault.strike().await?,
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<SchedulerMsg>,
        _: SupervisionEvent,
        _: &mut Scheduling,
    ) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn post_stop(
        &self,
        myself: ActorRef<SchedulerMsg>,
        state: &mut Scheduling,
    ) -> Result<(), ActorProcessingErr> {
        state.ctx.nudges.doors.scheduler.close(myself.get_id());
        Ok(())
    }
}

impl Scheduling {
    /// Does what is due, and sleeps until the next time that something is.
    async fn round(&mut self, fire: bool) -> Result<(), Crash> {
        if fire && let Err(error) = self.fire().await {
            weather(error)?;
        }
        let (told, left, expires) = match self.work().await {
            Ok(done) => done,
            Err(error) => {
                weather(error)?;
                (0, true, None)
            }
        };
        if told > 0 {
            self.ctx.nudges.deliveries();
        }
        if told == STEP {
            // Others get their turn in between.
            self.ctx.nudges.scheduler();
        }
        self.set_alarm(left, expires).await
    }

    /// Answers how many states were told, whether something due is not done with, and when the next account expires.
    async fn work(&mut self) -> Result<(usize, bool, Option<Instant>), StoreError> {
        let store = &self.ctx.store;
        let now_ms = store.now_ms();
        let told = match store.read(|tx| due::next(tx, DueKind::StateEvent)).await? {
            Some(at_ms) if at_ms <= now_ms => {
                store.write(Durability::Durable, move |tx| account::tell_due(tx, now_ms, STEP)).await?
            }
            _ => 0,
        };
        let restarts = store.read(|tx| account::restarts_due(tx, now_ms, STEP)).await?;
        if let Some(supervisor) = self.ctx.nudges.doors.supervisor.inside() {
            for no in &restarts {
                // Its row in the index goes with the state that it is for.
                let _ = supervisor.cast(SupervisorMsg::Retry(*no));
            }
        }
        let campaigns_left = start_due(&self.ctx, now_ms).await?;
        let expires = self.expire().await?;
        Ok((told, !restarts.is_empty() || campaigns_left, expires))
    }

    /// Begins to run the schedules whose time has come. A job may take a while to be written, which is no reason to be deaf.
    async fn fire(&mut self) -> Result<(), StoreError> {
        if self.firing.as_ref().is_some_and(|firing| !firing.is_finished()) {
            return Ok(());
        }
        let now_ms = self.ctx.store.now_ms();
        let first_ms = self.ctx.store.read(|tx| due::next(tx, DueKind::Schedule)).await?;
        if first_ms.is_none_or(|first_ms| first_ms > now_ms) {
            return Ok(());
        }
        self.fired_ms = now_ms;
        let (ctx, myself) = (Arc::clone(&self.ctx), self.myself.clone());
        self.firing = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            let left = run_due(&ctx, now_ms).await;
            let _ = myself.cast(SchedulerMsg::Fired(left));
        })));
        Ok(())
    }

    async fn set_alarm(&mut self, left: bool, expires: Option<Instant>) -> Result<(), Crash> {
        let (store, now) = (&self.ctx.store, Instant::now());
        let now_ms = store.now_ms();
        let mut at = now + SLOW_WAKE;
        for kind in [DueKind::StateEvent, DueKind::Restart, DueKind::Campaign] {
            // What is due and still there could not be dealt with: it is looked at again a little later.
            match store.read(|tx| due::next(tx, kind)).await {
                Ok(Some(due_ms)) if due_ms > now_ms => at = at.min(now + Duration::from_millis(due_ms - now_ms)),
                Ok(Some(_)) => at = at.min(now + AGAIN),
                Ok(None) => {}
                Err(error) => weather(error)?,
            }
        }
        // While a round is under way its end is waited for, not the next time.
        if self.firing.is_none() {
            let after_ms = self.fired_ms;
            match store.read(|tx| schedule::next_wake(tx, after_ms)).await {
                Ok(Some(due_ms)) => at = at.min(now + Duration::from_millis(due_ms.saturating_sub(now_ms))),
                Ok(None) => {}
                Err(error) => weather(error)?,
            }
        }
        if left {
            at = at.min(now + AGAIN);
        }
        let at = expires.map_or(at, |expires| at.min(expires)).max(now + ALARM_MIN);
        let myself = self.myself.clone();
        self.alarm.set(at, move || {
            // An actor that is gone needs no waking.
            let _ = myself.cast(SchedulerMsg::Alarm);
        });
        Ok(())
    }
}

fn weather(error: StoreError) -> Result<(), Crash> {
    let told = error.to_string();
    match StoreTrouble::from(error) {
        StoreTrouble::Crash(crash) => Err(crash),
        StoreTrouble::Stale | StoreTrouble::Outage => {
            tracing::error!(error = told, "the store does not work; what is due waits");
            Ok(())
        }
    }
}
