//! The supervisor over all accounts. It starts, watches, restarts and stops their actors; it knows nothing of what
//! they do, so that it has no reason to die: if it did, every link would go with it.

use std::collections::HashMap;
use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent};
use rand::rngs::StdRng;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wasup_store::Durability;
use wasup_store::id::{AccountId, AccountNo};
use wasup_store::records::AccountRecord;
use wasup_store::repo::account;

use crate::account::{AccountMsg, Close, Transition};
use crate::context::Context;
use crate::meters::InUse;
use crate::principal::Asker;
use crate::root::Beat;
use crate::supervision::{ChildTable, Exit, Standing, StopReason, cause};

/// What the supervisor is told.
pub(crate) enum SupervisorMsg {
    /// Start the accounts after this one. One.
    Boot(Option<AccountId>),
    /// Compare what is wanted of the accounts after this one with what they do. One.
    Compare(Option<AccountId>),
    /// Somebody asks for something. As many as there are permits.
    Ask(Ask, AskPermit),
    /// A restart's time has come. One an account.
    Respawn { no: AccountNo, generation: u64 },
    /// A stop's time is over. One an account.
    StopLate { no: AccountNo, generation: u64 },
    /// Time to ask for signs of life. One.
    Heartbeat,
    /// A sign of life. One an account.
    Pong { no: AccountNo, generation: u64 },
    /// Stop every account, and start none any more.
    Shutdown(RpcReplyPort<()>),
    /// An account's time to be tried again has come. One an account and look of the scheduler.
    Retry(AccountNo),
    /// Somebody looks at the tree. As many as there are permits.
    Look { of: Vec<AccountNo>, done: RpcReplyPort<Vec<Standing>>, permit: AskPermit },
    /// The root asks for a sign of life. One.
    Ping(Beat),
    /// Nothing to do for a supervisor.
    Nudge,
}

/// The right to ask. Given back when the supervisor is done with it, or gone.
pub(crate) struct AskPermit {
    pub(super) _permit: OwnedSemaphorePermit,
    pub(super) _in_use: InUse,
}

/// What may be asked about one account. Answered when it is done.
pub(crate) enum Ask {
    /// Run, if the store says that it shall.
    Start { no: AccountNo, by: Option<Asker>, done: RpcReplyPort<()> },
    /// Start anew, if the store says that it shall run.
    Restart { no: AccountNo, close: Close, done: RpcReplyPort<()> },
    /// Stop, or leave the network, if the store says that it shall.
    Stop { no: AccountNo, close: Close, done: RpcReplyPort<()> },
    /// Something was changed about it.
    Settings { no: AccountNo, done: RpcReplyPort<()> },
    /// Leave quarantine.
    Release { no: AccountNo, by: Option<Asker>, done: RpcReplyPort<()> },
}

/// An account that is to be started when it has stopped.
pub(super) struct StartAfter {
    pub(super) no: AccountNo,
    pub(super) by: Option<Asker>,
}

/// What is kept of a running account.
#[derive(Clone)]
pub(super) struct Running {
    pub(super) actor: ActorRef<AccountMsg>,
    pub(super) token: CancellationToken,
}

impl PartialEq for Running {
    fn eq(&self, other: &Self) -> bool {
        self.actor.get_id() == other.actor.get_id()
    }
}

/// The supervisor over all accounts.
pub(crate) struct AccountsSupervisor;

/// What it remembers.
pub(crate) struct Supervision {
    pub(super) ctx: Arc<Context>,
    pub(super) myself: ActorRef<SupervisorMsg>,
    pub(super) table: ChildTable<AccountNo, Running>,
    pub(super) ids: HashMap<AccountNo, AccountId>,
    /// Who waits for a stop.
    pub(super) stopping: HashMap<AccountNo, Vec<RpcReplyPort<()>>>,
    /// Accounts that were asked to start while they stopped.
    pub(super) start_after: Vec<StartAfter>,
    pub(super) shutdown: Option<RpcReplyPort<()>>,
    pub(super) shutting_down: bool,
    pub(super) rng: StdRng,
}

impl Actor for AccountsSupervisor {
    type Msg = SupervisorMsg;
    type State = Supervision;
    type Arguments = Arc<Context>;

    async fn pre_start(
        &self,
        myself: ActorRef<SupervisorMsg>,
        ctx: Arc<Context>,
    ) -> Result<Supervision, ActorProcessingErr> {
        ctx.nudges.doors.supervisor.open(myself.clone());
        Ok(Supervision {
            table: ChildTable::with_own_budgets(ctx.settings.supervision.account_policy()),
            ctx,
            myself,
            ids: HashMap::new(),
            stopping: HashMap::new(),
            start_after: Vec::new(),
            shutdown: None,
            shutting_down: false,
            rng: rand::make_rng(),
        })
    }

    async fn post_start(&self, myself: ActorRef<SupervisorMsg>, _: &mut Supervision) -> Result<(), ActorProcessingErr> {
        Ok(myself.cast(SupervisorMsg::Boot(None))?)
    }

    async fn handle(
        &self,
        _: ActorRef<SupervisorMsg>,
        message: SupervisorMsg,
        state: &mut Supervision,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            SupervisorMsg::Boot(after) => state.boot(after).await?,
            SupervisorMsg::Compare(after) => state.compare(after).await,
            SupervisorMsg::Ask(ask, _permit) => state.answer(ask).await,
            SupervisorMsg::Respawn { no, generation } => state.respawn(no, generation).await,
            SupervisorMsg::StopLate { no, generation } => state.stop_late(no, generation),
            SupervisorMsg::Heartbeat => state.heartbeat().await,
            SupervisorMsg::Pong { no, generation } => state.table.pong(&no, generation),
            SupervisorMsg::Shutdown(done) => state.shut_down(done),
            SupervisorMsg::Retry(no) => state.retry(no).await,
            SupervisorMsg::Look { of, done, permit: _permit } => drop(done.send(state.standings(&of))),
            SupervisorMsg::Ping(beat) => beat.answer(),
            SupervisorMsg::Nudge => {}
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<SupervisorMsg>,
        event: SupervisionEvent,
        state: &mut Supervision,
    ) -> Result<(), ActorProcessingErr> {
        let (actor, exit, cause) = match event {
            SupervisionEvent::ActorTerminated(actor, _, reason) => (actor, Exit::terminated(reason.as_deref()), None),
            SupervisionEvent::ActorFailed(actor, error) => (actor, Exit::failed(&error), cause(&error)),
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => return Ok(()),
        };
        if let Some(gone) = state.table.exited(actor.get_id(), exit, Instant::now(), &mut state.rng) {
            state.departed(gone, exit, cause).await;
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        myself: ActorRef<SupervisorMsg>,
        state: &mut Supervision,
    ) -> Result<(), ActorProcessingErr> {
        state.ctx.nudges.doors.supervisor.close(myself.get_id());
        if state.shutting_down {
            // They were asked and had their time.
            state.kill_all();
            return Ok(());
        }
        // The framework would kill them; their links get the chance to close.
        let patience = state.ctx.settings.supervision.stop_timeout;
        for no in state.table.alive() {
            state.ask_to_stop(no, Close::because(StopReason::Shutdown));
        }
        for child in myself.get_children() {
            let _ = child.wait(Some(patience)).await;
        }
        Ok(())
    }
}

impl Supervision {
    pub(super) async fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Start { no, by, done } => {
                self.start(no, by).await;
                let _ = done.send(());
            }
            Ask::Restart { no, close, done } => self.restart(no, close, done).await,
            Ask::Stop { no, close, done } => self.stop(no, close, done).await,
            Ask::Settings { no, done } => {
                self.settings_changed(no).await;
                let _ = done.send(());
            }
            Ask::Release { no, by, done } => {
                self.table.release(&no);
                self.gauge_quarantine();
                self.start(no, by).await;
                let _ = done.send(());
            }
        }
    }

    pub(super) fn set_heartbeat(&self) {
        self.myself.send_after(self.ctx.settings.supervision.heartbeat, || SupervisorMsg::Heartbeat);
    }

    pub(super) fn gauge_quarantine(&self) {
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and there are fewer accounts than 2^52")]
        self.ctx.meters.quarantined.set(self.table.quarantined() as f64);
    }

    pub(super) async fn record(&self, no: AccountNo) -> Option<AccountRecord> {
        let read = self.ctx.store.read(|tx| account::by_no(tx, no)).await;
        // One account's bad row must not take the supervisor, and with it every other account, down.
        read.inspect_err(|error| tracing::error!(account.no = no.0, %error, "the account's row can't be read")).ok()?
    }

    /// Commits a state in the name of nobody's incarnation.
    pub(super) async fn tell(&self, transition: Transition<'_>, no: AccountNo) {
        let now_ms = self.ctx.store.now_ms();
        let change = transition.change(self.ctx.settings.accounts.state_events_every);
        let written =
            self.ctx.store.write(Durability::Durable, move |tx| account::change_state(tx, no, None, &change, now_ms));
        match written.await {
            Ok(changed) => {
                if changed {
                    transition.log(&self.ctx.meters);
                }
                self.ctx.nudges.deliveries();
                self.ctx.nudges.scheduler();
            }
            Err(error) => tracing::error!(account.no = no.0, %error, "the account's state can't be written"),
        }
    }
}
