//! The supervisor over imports: an actor for each that has its turn. What it forgets when it breaks, it finds again.

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use rand::rngs::StdRng;
use tokio::time::Instant;

use super::run::{Run, RunArgs, RunMsg};
use super::{IMPORTS_AT_ONCE, ImportPlace};
use crate::context::Context;
use crate::lists::Lists;
use crate::principal::Principal;
use crate::root::Beat;
use crate::supervision::{
    Backoff, ChildTable, Departure, Exit, OnExceeded, RestartKind, RestartPolicy, StopReason, Verdict, cause,
    not_started,
};

/// An import that keeps breaking harms no other, and is tried again as long as its file is there.
const RUNS: RestartPolicy = RestartPolicy {
    kind: RestartKind::Transient,
    max_restarts: 5,
    within: Duration::from_secs(60),
    backoff: Backoff { base: Duration::from_millis(200), factor: 2.0, cap: Duration::from_secs(10), jitter: 0.2 },
    stable_after: Duration::from_secs(60),
    on_exceeded: OnExceeded::KeepTrying(Duration::from_secs(60)),
};

/// How long a run may take to come to the end of a commit when the supervisor ends.
const STOP_PATIENCE: Duration = Duration::from_secs(6);

/// What the supervisor over imports is told.
pub(crate) enum ImportsMsg {
    /// There may be more to run. One.
    Look,
    /// A restart's time has come.
    Respawn { place: ImportPlace, generation: u64 },
    /// The root asks for a sign of life. One.
    Ping(Beat),
    /// Break.
    #[cfg(test)]
    Fault(crate::accounts::Fault),
}

/// The supervisor over imports.
pub(crate) struct ImportsSupervisor;

/// What it remembers.
pub(crate) struct Supervising {
    ctx: Arc<Context>,
    myself: ActorRef<ImportsMsg>,
    runs: ChildTable<ImportPlace, ActorRef<RunMsg>>,
    rng: StdRng,
}

impl Actor for ImportsSupervisor {
    type Msg = ImportsMsg;
    type State = Supervising;
    type Arguments = Arc<Context>;

    async fn pre_start(
        &self,
        myself: ActorRef<ImportsMsg>,
        ctx: Arc<Context>,
    ) -> Result<Supervising, ActorProcessingErr> {
        if let Some(files) = &ctx.imports {
            for place in files.left(&Lists::new(Arc::clone(&ctx))).await? {
                ctx.importing.add(place, Principal::system("import"));
            }
        }
        ctx.nudges.doors.imports.open(myself.clone());
        myself.cast(ImportsMsg::Look)?;
        Ok(Supervising { ctx, myself, runs: ChildTable::with_own_budgets(RUNS), rng: rand::make_rng() })
    }

    async fn handle(
        &self,
        _: ActorRef<ImportsMsg>,
        message: ImportsMsg,
        state: &mut Supervising,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            ImportsMsg::Look => {
                state.ctx.nudges.doors.imports.answered();
                state.look().await;
            }
            ImportsMsg::Respawn { place, generation } => {
                // Its turn may be another's by now: then it waits for the next as all others.
                if state.runs.alive().len() < IMPORTS_AT_ONCE && state.runs.begin_due(&place, generation).is_some() {
                    state.spawn(place).await;
                }
            }
            ImportsMsg::Ping(beat) => beat.answer(),
            #[cfg(test)]
            ImportsMsg::Fault(fault) => fault.strike().await?,
        }
        state.gauge();
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<ImportsMsg>,
        event: SupervisionEvent,
        state: &mut Supervising,
    ) -> Result<(), ActorProcessingErr> {
        let (actor, exit, cause) = match event {
            SupervisionEvent::ActorTerminated(actor, _, reason) => (actor, Exit::terminated(reason.as_deref()), None),
            SupervisionEvent::ActorFailed(actor, error) => (actor, Exit::failed(&error), cause(&error)),
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => return Ok(()),
        };
        if let Some(gone) = state.runs.exited(actor.get_id(), exit, Instant::now(), &mut state.rng) {
            let Departure { key, generation, verdict, .. } = gone;
            state.carry_out(key, generation, verdict, cause.as_deref());
            state.look().await;
            state.gauge();
        }
        Ok(())
    }

    async fn post_stop(&self, _: ActorRef<ImportsMsg>, state: &mut Supervising) -> Result<(), ActorProcessingErr> {
        let stop = |run: ActorRef<RunMsg>| async move {
            let reason = Some(StopReason::Shutdown.as_str().to_owned());
            let _ = run.stop_and_wait(reason, Some(STOP_PATIENCE)).await;
        };
        futures_util::future::join_all(state.runs.children().into_iter().map(stop)).await;
        Ok(())
    }
}

impl Supervising {
    /// Gives turns to those that wait, the oldest first.
    async fn look(&mut self) {
        for place in self.ctx.importing.all() {
            if self.runs.alive().len() >= IMPORTS_AT_ONCE {
                return;
            }
            // One in a back-off is started by its timer.
            if !self.waits(&place) && self.runs.begin(&place).is_some() {
                self.spawn(place).await;
            }
        }
    }

    fn waits(&self, place: &ImportPlace) -> bool {
        self.runs.standing(place, Instant::now()).restart_in.is_some_and(|left| !left.is_zero())
    }

    async fn spawn(&mut self, place: ImportPlace) {
        let (Some(files), Some(principal)) = (self.ctx.imports.clone(), self.ctx.importing.principal(place.id)) else {
            return;
        };
        let args = RunArgs { ctx: Arc::clone(&self.ctx), files, principal, place };
        match Actor::spawn_linked(None, Run, args, self.myself.get_cell()).await {
            Ok((run, _)) => self.runs.started(&place, run.get_id(), run, Instant::now()),
            Err(error) => {
                let cause = not_started(&error);
                let (generation, verdict) = self.runs.not_started(&place, Instant::now(), &mut self.rng);
                self.carry_out(place, generation, verdict, cause.as_deref());
            }
        }
    }

    fn carry_out(&mut self, place: ImportPlace, generation: u64, verdict: Verdict, cause: Option<&str>) {
        match verdict {
            Verdict::RestartAfter(wait) => {
                tracing::warn!(import.id = %place.id, cause, ?wait, "an import broke and is run again");
                self.myself.send_after(wait, move || ImportsMsg::Respawn { place, generation });
            }
            // It is at its end, or nobody wants it.
            Verdict::LeaveStopped | Verdict::Quarantine | Verdict::Escalate => {
                self.runs.forget(&place);
                self.ctx.importing.ended(place.id);
            }
        }
    }

    /// Tells how many run and wait.
    #[expect(clippy::cast_precision_loss, reason = "a gauge of at most a few dozen")]
    fn gauge(&self) {
        let (all, running) = (self.ctx.importing.len(), self.runs.alive().len());
        self.ctx.meters.imports_running.set(running as f64);
        self.ctx.meters.imports_waiting.set(all.saturating_sub(running) as f64);
    }
}
