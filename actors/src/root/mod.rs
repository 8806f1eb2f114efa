//! The root supervisor: keeps the branches of the tree up, and gives up when that does not work.

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, RpcReplyPort, SpawnErr, SupervisionEvent};
use rand::rngs::StdRng;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::accounts::AccountsSupervisor;
use crate::context::Context;
use crate::janitor::Janitor;
use crate::supervision::{
    Backoff, ChildTable, Departure, Exit, OnExceeded, RestartKind, RestartPolicy, StopReason, StopStep, Verdict, cause,
    not_started,
};
use crate::webhook::Dispatcher;

/// The branches share three restarts a minute: more means that a restart does not help.
const POLICY: RestartPolicy = RestartPolicy {
    kind: RestartKind::Permanent,
    max_restarts: 3,
    within: Duration::from_secs(60),
    backoff: Backoff { base: Duration::from_millis(200), factor: 2.0, cap: Duration::from_secs(10), jitter: 0.0 },
    stable_after: Duration::from_secs(60),
    on_exceeded: OnExceeded::Escalate,
};
/// How long a branch may take to end when the root ends.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// A branch, in the order in which they start. They stop in the opposite order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Branch {
    /// Keeps the store tidy.
    Janitor,
    /// Delivers events.
    Webhooks,
    /// The accounts and their supervisor.
    Accounts,
}

impl Branch {
    /// Every branch, in the order in which they start.
    pub const ALL: [Self; 3] = [Self::Janitor, Self::Webhooks, Self::Accounts];

    /// The word used in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Janitor => "janitor",
            Self::Webhooks => "webhooks",
            Self::Accounts => "accounts",
        }
    }
}

/// What the root is told.
pub(crate) enum RootMsg {
    /// Start every branch. Answered when all are up, or not.
    Start(RpcReplyPort<bool>),
    /// A restart's time has come.
    Respawn { branch: Branch, generation: u64 },
    /// The process stops: start nothing any more.
    Closing,
    /// Break a branch.
    #[cfg(test)]
    Kill(Branch),
}

/// What the root is started with.
pub(crate) struct RootArgs {
    pub(crate) ctx: Arc<Context>,
    /// Told when the root gave up.
    pub(crate) gave_up: watch::Sender<bool>,
}

/// The root supervisor.
pub(crate) struct Root;

/// What it remembers.
pub(crate) struct Rooted {
    ctx: Arc<Context>,
    gave_up: watch::Sender<bool>,
    myself: ActorRef<RootMsg>,
    table: ChildTable<Branch, ActorCell>,
    closing: bool,
    rng: StdRng,
}

impl Actor for Root {
    type Msg = RootMsg;
    type State = Rooted;
    type Arguments = RootArgs;

    async fn pre_start(&self, myself: ActorRef<RootMsg>, args: RootArgs) -> Result<Rooted, ActorProcessingErr> {
        let RootArgs { ctx, gave_up } = args;
        let table = ChildTable::with_common_budget(POLICY);
        Ok(Rooted { ctx, gave_up, myself, table, closing: false, rng: rand::make_rng() })
    }

    async fn handle(
        &self,
        _: ActorRef<RootMsg>,
        message: RootMsg,
        state: &mut Rooted,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            RootMsg::Start(done) => {
                let mut all = true;
                for branch in Branch::ALL {
                    all &= state.start(branch).await;
                }
                let _ = done.send(all);
            }
            RootMsg::Respawn { branch, generation } => {
                if !state.closing && state.table.begin_due(&branch, generation).is_some() {
                    state.spawn(branch).await;
                }
            }
            RootMsg::Closing => state.closing = true,
            #[cfg(test)]
            RootMsg::Kill(branch) => {
                state.table.child(&branch).inspect(ActorCell::kill);
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<RootMsg>,
        event: SupervisionEvent,
        state: &mut Rooted,
    ) -> Result<(), ActorProcessingErr> {
        let (actor, exit, cause) = match event {
            SupervisionEvent::ActorTerminated(actor, _, reason) => (actor, Exit::terminated(reason.as_deref()), None),
            SupervisionEvent::ActorFailed(actor, error) => (actor, Exit::failed(&error), cause(&error)),
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => return Ok(()),
        };
        if state.closing {
            return Ok(());
        }
        if let Some(gone) = state.table.exited(actor.get_id(), exit, Instant::now(), &mut state.rng) {
            let Departure { key, generation, verdict, .. } = gone;
            state.carry_out(key, generation, verdict, cause.as_deref());
        }
        Ok(())
    }

    async fn post_stop(&self, _: ActorRef<RootMsg>, state: &mut Rooted) -> Result<(), ActorProcessingErr> {
        for branch in Branch::ALL.into_iter().rev() {
            if let StopStep::Ask(cell) = state.table.stop(&branch) {
                let reason = Some(StopReason::Shutdown.as_str().to_owned());
                let _ = cell.stop_and_wait(reason, Some(STOP_PATIENCE)).await;
            }
        }
        Ok(())
    }
}

impl Rooted {
    async fn start(&mut self, branch: Branch) -> bool {
        self.table.begin(&branch).is_some() && self.spawn(branch).await
    }

    async fn spawn(&mut self, branch: Branch) -> bool {
        match self.spawn_linked(branch).await {
            Ok(cell) => {
                self.table.started(&branch, cell.get_id(), cell, Instant::now());
                tracing::info!(branch = branch.as_str(), "a branch of the tree is up");
                true
            }
            Err(error) => {
                let cause = not_started(&error);
                let (generation, verdict) = self.table.not_started(&branch, Instant::now(), &mut self.rng);
                self.carry_out(branch, generation, verdict, cause.as_deref());
                false
            }
        }
    }

    async fn spawn_linked(&self, branch: Branch) -> Result<ActorCell, SpawnErr> {
        let (ctx, root) = (Arc::clone(&self.ctx), self.myself.get_cell());
        Ok(match branch {
            Branch::Janitor => Actor::spawn_linked(None, Janitor, ctx, root).await?.0.get_cell(),
            Branch::Webhooks => Actor::spawn_linked(None, Dispatcher, ctx, root).await?.0.get_cell(),
            Branch::Accounts => Actor::spawn_linked(None, AccountsSupervisor, ctx, root).await?.0.get_cell(),
        })
    }

    fn carry_out(&self, branch: Branch, generation: u64, verdict: Verdict, cause: Option<&str>) {
        match verdict {
            Verdict::RestartAfter(wait) => {
                self.ctx.meters.branch_restarts.count(branch);
                tracing::warn!(
                    branch = branch.as_str(),
                    cause,
                    ?wait,
                    "a branch of the tree broke and is started again"
                );
                self.myself.send_after(wait, move || RootMsg::Respawn { branch, generation });
            }
            Verdict::Escalate | Verdict::Quarantine => {
                tracing::error!(branch = branch.as_str(), cause, "the tree broke too often; the process has to end");
                self.gave_up.send_replace(true);
            }
            Verdict::LeaveStopped => {}
        }
    }
}
