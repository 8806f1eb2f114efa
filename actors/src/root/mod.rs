//! The root supervisor: keeps the branches of the tree up, each by a policy and with a budget of its own, and gives up
//! when that does not work for the one that holds the links.

mod branch;

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort, SpawnErr, SupervisionEvent};
use rand::rngs::StdRng;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::accounts::AccountsSupervisor;
use crate::campaigns::CampaignsSupervisor;
use crate::context::Context;
use crate::files::Fetcher;
use crate::importing::ImportsSupervisor;
use crate::indexing::Indexer;
use crate::janitor::Janitor;
use crate::look::BranchView;
use crate::scheduler::Scheduler;
use crate::supervision::{ChildTable, CrashKind, Departure, Exit, StopReason, StopStep, Verdict, cause, not_started};
use crate::webhook::Dispatcher;

pub use branch::Branch;
use branch::{OTHERS, Running};

pub(crate) use branch::Beat;

/// How long a branch may take to end when the root ends.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// What the root is told.
pub(crate) enum RootMsg {
    /// Start every branch. Answered when all are up, or not.
    Start(RpcReplyPort<bool>),
    /// A restart's time has come.
    Respawn { branch: Branch, generation: u64 },
    /// The process stops: start nothing any more.
    Closing,
    /// Time to ask for signs of life. One.
    Heartbeat,
    /// A sign of life. One a branch.
    Pong { branch: Branch, generation: u64 },
    /// Somebody looks at the tree. One for each request.
    Look(RpcReplyPort<Vec<BranchView>>),
    /// Break a branch.
    #[cfg(test)]
    Kill(Branch),
    /// ... in a way of one's choice; the accounts' branch is killed.
    #[cfg(test)]
    Strike(Branch, crate::accounts::Fault),
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
    table: ChildTable<Branch, Running>,
    closing: bool,
    rng: StdRng,
}

impl Actor for Root {
    type Msg = RootMsg;
    type State = Rooted;
    type Arguments = RootArgs;

    async fn pre_start(&self, myself: ActorRef<RootMsg>, args: RootArgs) -> Result<Rooted, ActorProcessingErr> {
        let RootArgs { ctx, gave_up } = args;
        let mut table = ChildTable::with_own_budgets(OTHERS);
        Branch::ALL.into_iter().for_each(|branch| table.treat(&branch, branch.policy()));
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
                state.set_heartbeat();
            }
            RootMsg::Respawn { branch, generation } => {
                if !state.closing && state.table.begin_due(&branch, generation).is_some() {
                    state.spawn(branch).await;
                }
            }
            RootMsg::Closing => state.closing = true,
            RootMsg::Heartbeat => state.heartbeat(),
            RootMsg::Pong { branch, generation } => state.table.pong(&branch, generation),
            RootMsg::Look(done) => drop(done.send(state.look())),
            #[cfg(test)]
            RootMsg::Kill(branch) => {
                state.table.child(&branch).inspect(|running| running.cell().kill());
            }
            #[cfg(test)]
            RootMsg::Strike(branch, fault) => {
                state.table.child(&branch).inspect(|running| running.strike(fault));
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
            if let StopStep::Ask(running) = state.table.stop(&branch) {
                let reason = Some(StopReason::Shutdown.as_str().to_owned());
                let _ = running.cell().stop_and_wait(reason, Some(STOP_PATIENCE)).await;
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
            Ok(running) => {
                self.table.started(&branch, running.cell().get_id(), running, Instant::now());
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

    async fn spawn_linked(&self, branch: Branch) -> Result<Running, SpawnErr> {
        let (ctx, root) = (Arc::clone(&self.ctx), self.myself.get_cell());
        Ok(match branch {
            Branch::Janitor => Running::Janitor(Actor::spawn_linked(None, Janitor, ctx, root).await?.0),
            Branch::Webhooks => Running::Webhooks(Actor::spawn_linked(None, Dispatcher, ctx, root).await?.0),
            Branch::Accounts => Running::Accounts(Actor::spawn_linked(None, AccountsSupervisor, ctx, root).await?.0),
            Branch::Scheduler => Running::Scheduler(Actor::spawn_linked(None, Scheduler, ctx, root).await?.0),
            Branch::Campaigns => Running::Campaigns(Actor::spawn_linked(None, CampaignsSupervisor, ctx, root).await?.0),
            Branch::Files => Running::Files(Actor::spawn_linked(None, Fetcher, ctx, root).await?.0),
            Branch::Search => Running::Search(Actor::spawn_linked(None, Indexer, ctx, root).await?.0),
            Branch::Imports => Running::Imports(Actor::spawn_linked(None, ImportsSupervisor, ctx, root).await?.0),
        })
    }

    fn set_heartbeat(&self) {
        self.myself.send_after(self.ctx.settings.supervision.heartbeat, || RootMsg::Heartbeat);
    }

    fn heartbeat(&mut self) {
        if self.closing {
            return;
        }
        let (ask, stuck) = self.table.ping_round(|branch| branch.misses_allowed());
        for (generation, running) in ask {
            running.ping(&self.myself, generation);
        }
        for branch in stuck {
            // Its end may never come, so the slot does not wait for it.
            let exit = Exit::Crashed(CrashKind::Stuck);
            if let Some(gone) = self.table.abandon(&branch, exit, Instant::now(), &mut self.rng) {
                gone.child.cell().kill();
                self.carry_out(branch, gone.generation, gone.verdict, Some(CrashKind::Stuck.as_str()));
            }
        }
        self.set_heartbeat();
    }

    fn look(&self) -> Vec<BranchView> {
        let now = Instant::now();
        Branch::ALL.map(|branch| BranchView { branch, standing: self.table.standing(&branch, now) }).into()
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
