//! The dispatcher: claims due deliveries, sends workers, commits what they bring home. Deliveries live in the store;
//! losing everything in here costs time, never a delivery.

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent};
use rand::rngs::StdRng;
use tokio::task::JoinSet;
use tokio::time::Instant;
use wasup_store::id::{DeliveryId, Millis};
use wasup_store::records::{Attempt as AttemptRow, AttemptOutcome, DeliveryRecord, DiscardReason};
use wasup_store::repo::delivery::{self, Finished, Verdict};
use wasup_store::repo::schema;
use wasup_store::{Durability, StoreError, WriteTx};

use super::claims::{Found, claim_all, load, switch_off};
use super::counts::{count, count_lost};
use super::lane::Lanes;
use super::retry;
use super::worker::{self, Attempt, Attempted};
use crate::alarm::Alarm;
use crate::context::Context;
use crate::supervision::{Crash, StoreTrouble};
use crate::tray::Tray;

/// The longest time between two looks for work, should every nudge be lost.
const SLOW_WAKE: Duration = Duration::from_secs(5);
/// How soon it looks again while the endpoint that is first in line takes nothing: it hides when the next one is due.
const BLOCKED_WAKE: Duration = Duration::from_millis(250);
/// Endpoints looked at in one go, besides those known to take nothing.
const DUE_PAGE: usize = 256;

/// What the dispatcher is told.
pub(crate) enum DispatcherMsg {
    /// There may be work. One.
    Nudge,
    /// Time to look for work. One.
    Alarm,
    /// Workers came home. One.
    Attempted,
    /// Claim nothing any more; answered when no worker is out. One.
    Drain(RpcReplyPort<()>),
}

/// The dispatcher.
pub(crate) struct Dispatcher;

/// What it remembers.
pub(crate) struct Dispatching {
    ctx: Arc<Context>,
    myself: ActorRef<DispatcherMsg>,
    incarnation: u64,
    lanes: Lanes,
    out: usize,
    workers: JoinSet<()>,
    tray: Arc<Tray<Attempted>>,
    alarm: Alarm,
    draining: bool,
    drained: Option<RpcReplyPort<()>>,
    rng: StdRng,
}

impl Actor for Dispatcher {
    type Msg = DispatcherMsg;
    type State = Dispatching;
    type Arguments = Arc<Context>;

    async fn pre_start(
        &self,
        myself: ActorRef<DispatcherMsg>,
        ctx: Arc<Context>,
    ) -> Result<Dispatching, ActorProcessingErr> {
        let identity = ctx.store.read(schema::identity).await.map_err(Crash::Rows)?;
        ctx.nudges.doors.dispatcher.open(myself.clone());
        // The breakers' memory begins anew.
        ctx.meters.endpoints_probed.set(0.0);
        Ok(Dispatching {
            ctx,
            myself,
            incarnation: identity.incarnation,
            lanes: Lanes::default(),
            out: 0,
            workers: JoinSet::new(),
            tray: Arc::new(Tray::new()),
            alarm: Alarm::default(),
            draining: false,
            drained: None,
            rng: rand::make_rng(),
        })
    }

    async fn post_start(&self, myself: ActorRef<DispatcherMsg>, _: &mut Dispatching) -> Result<(), ActorProcessingErr> {
        // Also takes back the deliveries of a former life whose leases have ended.
        Ok(myself.cast(DispatcherMsg::Nudge)?)
    }

    async fn handle(
        &self,
        _: ActorRef<DispatcherMsg>,
        message: DispatcherMsg,
        state: &mut Dispatching,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            DispatcherMsg::Nudge => {
                state.ctx.nudges.doors.dispatcher.answered();
                state.dispatch().await?;
            }
            DispatcherMsg::Alarm => {
                state.alarm.rang();
                state.dispatch().await?;
            }
            DispatcherMsg::Attempted => {
                state.settle().await?;
                state.dispatch().await?;
            }
            DispatcherMsg::Drain(done) => {
                state.draining = true;
                state.drained = Some(done);
            }
        }
        state.end_drain();
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<DispatcherMsg>,
        _: SupervisionEvent,
        _: &mut Dispatching,
    ) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn post_stop(
        &self,
        myself: ActorRef<DispatcherMsg>,
        state: &mut Dispatching,
    ) -> Result<(), ActorProcessingErr> {
        state.ctx.nudges.doors.dispatcher.close(myself.get_id());
        Ok(())
    }
}

/// A store error inside a turn: only what makes the actor's memory worthless ends it.
fn weather(error: StoreError) -> Result<(), Crash> {
    let told = error.to_string();
    match StoreTrouble::from(error) {
        StoreTrouble::Crash(crash) => Err(crash),
        StoreTrouble::Stale | StoreTrouble::Outage => {
            tracing::error!(error = told, "the store does not work; deliveries wait");
            Ok(())
        }
    }
}

impl Dispatching {
    /// Claims what is due as far as there is room, and sets the alarm for the rest.
    async fn dispatch(&mut self) -> Result<(), Crash> {
        while self.workers.try_join_next().is_some() {}
        while !self.draining {
            match self.claim().await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    weather(error)?;
                    break;
                }
            }
        }
        self.set_alarm().await;
        Ok(())
    }

    /// Claims one share for everyone who is due; answers how many deliveries are on their way now.
    async fn claim(&mut self) -> Result<usize, StoreError> {
        let settings = &self.ctx.settings.webhooks;
        let (now_ms, now) = (self.ctx.time.due_ms(&self.ctx.store), Instant::now());
        let free = settings.concurrency.max(1).saturating_sub(self.out);
        let most = settings.concurrency_per_endpoint.max(1);
        if free == 0 {
            return Ok(0);
        }
        let page = DUE_PAGE + self.lanes.blocked(most, now);
        let due = self.ctx.store.read(|tx| delivery::due_endpoints(tx, now_ms, page)).await?;
        let shares = self.lanes.share(&due, free, most, now);
        if shares.is_empty() {
            return Ok(0);
        }
        let lease = settings.timeout + settings.lease_margin;
        let lease_ms = now_ms.saturating_add(u64::try_from(lease.as_millis()).unwrap_or(u64::MAX));
        let claims =
            self.ctx.store.write(Durability::Relaxed, move |tx| claim_all(tx, &shares, now_ms, lease_ms)).await?;
        count_lost(&self.ctx.meters, &claims.lost);
        let claimed = claims.taken;
        if claimed.is_empty() {
            return Ok(0);
        }
        // An effect follows: nothing may leave that a power cut could take back.
        let incarnation = self.incarnation;
        let errands = self.ctx.store.read_durable(|tx| load(tx, &claimed, incarnation)).await?;
        let count = claimed.len();
        for (claim, errand) in claimed.into_iter().zip(errands) {
            self.send_out(&claim, errand, now_ms);
        }
        Ok(count)
    }

    fn send_out(&mut self, (id, record): &(DeliveryId, DeliveryRecord), found: Found, now_ms: Millis) {
        let errand = match found {
            // Its rows go with it.
            Found::NoEndpoint => return,
            Found::NoEvent => {
                let (no, tries, at_ms) = (record.no, record.tries, now_ms);
                self.lanes.begun(id.endpoint, 1);
                self.out += 1;
                let gone =
                    Attempted { id: *id, no, tries, at_ms, took_ms: 0, event_ms: at_ms, result: Attempt::Pruned };
                if self.tray.put(gone) {
                    let _ = self.myself.cast(DispatcherMsg::Attempted);
                }
                return;
            }
            Found::Errand(errand) => *errand,
        };
        self.lanes.begun(id.endpoint, 1);
        self.out += 1;
        let (ctx, tray, actor) = (Arc::clone(&self.ctx), Arc::clone(&self.tray), self.myself.clone());
        self.workers.spawn(worker::run(ctx, errand, tray, actor));
    }

    /// Commits what the workers brought home, in one job.
    async fn settle(&mut self) -> Result<(), Crash> {
        let (now, now_ms) = (Instant::now(), self.ctx.store.now_ms());
        let due_ms = self.ctx.time.due_ms(&self.ctx.store);
        let attempts = self.tray.take();
        self.out = self.out.saturating_sub(attempts.len());
        let (mut finished, mut gone) = (Vec::with_capacity(attempts.len()), Vec::new());
        for attempted in &attempts {
            let (outcome, verdict) = self.judge(attempted, due_ms);
            let success = matches!(verdict, Verdict::Completed) || attempted.result == Attempt::Pruned;
            let endpoint = attempted.id.endpoint;
            if self.lanes.ended(endpoint, success, now, &mut self.rng) {
                tracing::warn!(endpoint.id = %endpoint, "an endpoint failed ten times in a row and is only probed now");
            }
            if verdict == Verdict::Discarded(DiscardReason::Gone) && !gone.contains(&endpoint) {
                gone.push(endpoint);
            }
            let attempt = AttemptRow { at_ms: attempted.at_ms, took_ms: attempted.took_ms, outcome };
            finished.push(Finished { id: attempted.id, attempt, verdict });
        }
        self.gauge_probed();
        let rows = finished.clone();
        let switched_off = gone.clone();
        let write = move |tx: &mut WriteTx<'_>| {
            delivery::finish(tx, &rows, now_ms)?;
            switched_off.iter().try_for_each(|id| switch_off(tx, *id, now_ms))
        };
        match self.ctx.store.write(Durability::Durable, write).await {
            Ok(()) => {
                for id in gone {
                    tracing::warn!(endpoint.id = %id, "an endpoint answered that it is gone and is switched off");
                }
                count(&self.ctx.meters, &attempts, &finished);
                Ok(())
            }
            // Not noted: the leases end and the attempts are made again, with the same ids.
            Err(error) => weather(error),
        }
    }

    fn gauge_probed(&self) {
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and there are fewer endpoints than 2^52")]
        self.ctx.meters.endpoints_probed.set(self.lanes.probed() as f64);
    }

    fn judge(&mut self, attempted: &Attempted, now_ms: Millis) -> (AttemptOutcome, Verdict) {
        let answer = match &attempted.result {
            Attempt::Answered(answer) => Some(answer),
            Attempt::Lost => None,
            Attempt::Pruned => return (AttemptOutcome::Lost, Verdict::Discarded(DiscardReason::EventPruned)),
        };
        let verdict = retry::decide(attempted.tries, answer, &self.ctx.settings.webhooks, now_ms, &mut self.rng);
        (retry::outcome(answer), verdict)
    }

    async fn set_alarm(&mut self) {
        let (now, now_ms) = (Instant::now(), self.ctx.time.due_ms(&self.ctx.store));
        let next = self.ctx.store.read(delivery::next_wake).await.ok().flatten();
        let wait = match next {
            Some(at_ms) if at_ms > now_ms => Duration::from_millis(at_ms - now_ms),
            Some(_) => BLOCKED_WAKE,
            None => SLOW_WAKE,
        };
        let actor = self.myself.clone();
        self.alarm.set(now + wait.min(SLOW_WAKE), move || {
            // A dispatcher that is gone needs no waking.
            let _ = actor.cast(DispatcherMsg::Alarm);
        });
    }

    fn end_drain(&mut self) {
        if self.draining
            && self.out == 0
            && let Some(done) = self.drained.take()
        {
            let _ = done.send(());
        }
    }
}
