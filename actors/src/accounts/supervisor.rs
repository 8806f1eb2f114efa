//! The supervisor over all accounts. It starts, watches, restarts and stops their actors; it knows nothing of what
//! they do, so that it has no reason to die: if it did, every link would go with it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent};
use rand::rngs::StdRng;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wasup_store::Durability;
use wasup_store::id::{AccountId, AccountNo, Millis};
use wasup_store::records::{AccountRecord, AccountState, Desired, Phase, Reason};
use wasup_store::repo::account;

use crate::account::{AccountActor, AccountArgs, AccountMsg, Boot, Close, after_crash, after_stop, boot, quarantined};
use crate::context::Context;
use crate::supervision::{ChildTable, Crash, CrashKind, Departure, Exit, StopReason, StopStep, Verdict};

/// Accounts looked at in one go at the start; in between, other messages get their turn.
const BOOT_PAGE: usize = 64;

/// What the supervisor is told.
pub(crate) enum SupervisorMsg {
    /// Start the accounts after this one. One.
    Boot(Option<AccountId>),
    /// Compare what is wanted of the accounts after this one with what they do. One.
    Compare(Option<AccountId>),
    /// Somebody asks for something. As many as there are permits.
    Ask(Ask, OwnedSemaphorePermit),
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
    /// Nothing to do for a supervisor.
    Nudge,
}

/// What may be asked about one account. Answered when it is done.
pub(crate) enum Ask {
    /// Run, if the store says that it shall.
    Start { no: AccountNo, done: RpcReplyPort<()> },
    /// Stop, if the store says that it shall.
    Stop { no: AccountNo, close: Close, done: RpcReplyPort<()> },
    /// Leave quarantine.
    Release { no: AccountNo, done: RpcReplyPort<()> },
}

/// What is kept of a running account.
#[derive(Clone)]
struct Running {
    actor: ActorRef<AccountMsg>,
    token: CancellationToken,
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
    ctx: Arc<Context>,
    myself: ActorRef<SupervisorMsg>,
    table: ChildTable<AccountNo, Running>,
    ids: HashMap<AccountNo, AccountId>,
    /// Who waits for a stop.
    stopping: HashMap<AccountNo, Vec<RpcReplyPort<()>>>,
    /// Accounts that were asked to start while they stopped.
    start_after: Vec<AccountNo>,
    shutdown: Option<RpcReplyPort<()>>,
    shutting_down: bool,
    rng: StdRng,
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
        let (actor, exit) = match event {
            SupervisionEvent::ActorTerminated(actor, _, reason) => (actor, Exit::terminated(reason.as_deref())),
            SupervisionEvent::ActorFailed(actor, error) => (actor, Exit::failed(&error)),
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => return Ok(()),
        };
        if let Some(gone) = state.table.exited(actor.get_id(), exit, Instant::now(), &mut state.rng) {
            state.departed(gone, exit).await;
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
            state.ask_to_stop(no, Close { reason: StopReason::Shutdown, log_out: false });
        }
        for child in myself.get_children() {
            let _ = child.wait(Some(patience)).await;
        }
        Ok(())
    }
}

/// Whether an account was never started since it was asked to run. One that stopped by itself says why, and waits for
/// somebody to ask again.
fn is_fresh(record: &AccountRecord) -> bool {
    record.state.phase == Phase::Stopped && record.state.reason == Reason::Requested
}

impl Supervision {
    async fn boot(&mut self, after: Option<AccountId>) -> Result<(), Crash> {
        if self.shutting_down {
            return Ok(());
        }
        let page = self.ctx.store.read(|tx| account::list(tx, after.as_ref(), BOOT_PAGE)).await;
        let page = page.map_err(Crash::Rows)?;
        let now_ms = self.ctx.store.now_ms();
        for record in &page {
            let no = record.no;
            match boot(record, now_ms) {
                Boot::Start => self.spawn(record).await,
                Boot::StartAt(at_ms) => self.start_at(record, at_ms),
                Boot::Quarantined => self.table.quarantine(&no),
                Boot::Correct(state) => self.tell(no, state).await,
                Boot::Leave => {}
            }
        }
        self.gauge_quarantine();
        let next = match page.last().filter(|_| page.len() == BOOT_PAGE) {
            Some(last) => SupervisorMsg::Boot(Some(last.id.clone())),
            None => {
                self.set_heartbeat();
                return Ok(());
            }
        };
        let _ = self.myself.cast(next);
        Ok(())
    }

    /// Finds accounts whose wish stands in the store and was never heard of here: the ask for it was refused, or lost.
    async fn compare(&mut self, after: Option<AccountId>) {
        let page = self.ctx.store.read(|tx| account::list(tx, after.as_ref(), BOOT_PAGE)).await;
        let page = page.unwrap_or_default();
        for record in &page {
            let runs = self.table.runs(&record.no);
            match record.desired {
                Desired::Running if !runs && is_fresh(record) => self.spawn(record).await,
                Desired::Stopped if runs => {
                    self.ask_to_stop(record.no, Close { reason: StopReason::Requested, log_out: false });
                }
                Desired::Running | Desired::Stopped => {}
            }
        }
        match page.last().filter(|_| page.len() == BOOT_PAGE) {
            Some(last) => drop(self.myself.cast(SupervisorMsg::Compare(Some(last.id.clone())))),
            None => self.set_heartbeat(),
        }
    }

    async fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Start { no, done } => {
                self.start(no).await;
                let _ = done.send(());
            }
            Ask::Stop { no, close, done } => self.stop(no, close, done).await,
            Ask::Release { no, done } => {
                self.table.release(&no);
                self.gauge_quarantine();
                self.start(no).await;
                let _ = done.send(());
            }
        }
    }

    /// Starts an account if the store wants it to run: asks for a start and for a stop may arrive in another order
    /// than their commits.
    async fn start(&mut self, no: AccountNo) {
        let Some(record) = self.record(no).await.filter(|record| record.desired == Desired::Running) else {
            return;
        };
        if self.stopping.contains_key(&no) {
            self.start_after.push(no);
            return;
        }
        self.spawn(&record).await;
    }

    async fn spawn(&mut self, record: &AccountRecord) {
        let no = record.no;
        let Some(generation) = self.table.begin(&no).filter(|_| !self.shutting_down) else { return };
        self.ids.insert(no, record.id.clone());
        self.spawn_as(no, &record.id, generation).await;
    }

    async fn respawn(&mut self, no: AccountNo, generation: u64) {
        let Some(id) = self.ids.get(&no).cloned().filter(|_| !self.shutting_down) else { return };
        if let Some(generation) = self.table.begin_due(&no, generation) {
            self.spawn_as(no, &id, generation).await;
        }
    }

    async fn spawn_as(&mut self, no: AccountNo, id: &AccountId, generation: u64) {
        let token = CancellationToken::new();
        let args = AccountArgs {
            ctx: Arc::clone(&self.ctx),
            supervisor: self.myself.clone(),
            id: id.clone(),
            no,
            generation,
            token: token.clone(),
        };
        // No name: the framework's registry is one for the whole process and a restart would collide with itself.
        match Actor::spawn_linked(None, AccountActor, args, self.myself.get_cell()).await {
            Ok((actor, _)) => {
                self.table.started(&no, actor.get_id(), Running { actor, token }, Instant::now());
            }
            Err(error) => {
                tracing::error!(account.id = %id, generation, %error, "the account's actor did not start");
                let (generation, verdict) = self.table.not_started(&no, Instant::now(), &mut self.rng);
                self.carry_out(no, generation, verdict, CrashKind::NotStarted).await;
            }
        }
    }

    async fn departed(&mut self, gone: Departure<AccountNo, Running>, exit: Exit) {
        let no = gone.key;
        // Its memory may live a little longer than it does, and would keep the link open.
        gone.child.token.cancel();
        let door = self.ctx.nudges.doors.account(no);
        door.door.close(gone.child.actor.get_id());
        door.qr.send_replace(None);
        match exit {
            Exit::Crashed(kind) if !gone.ordered => {
                self.carry_out(no, gone.generation, gone.verdict, kind).await;
            }
            Exit::Crashed(_) => {
                // It broke, or was killed, while it stopped: nobody but us can write its state any more.
                let reason = if self.shutting_down { StopReason::Shutdown } else { StopReason::Requested };
                if let Some(record) = self.record(no).await
                    && let Some(state) = after_stop(&record.state, record.identity.is_some(), reason)
                {
                    self.tell(no, state).await;
                }
            }
            Exit::Stopped(reason) => self.ended(no, reason).await,
        }
        for done in self.stopping.remove(&no).unwrap_or_default() {
            let _ = done.send(());
        }
        if let Some(index) = self.start_after.iter().position(|waiting| *waiting == no) {
            self.start_after.swap_remove(index);
            self.start(no).await;
        }
        self.gauge_quarantine();
        self.end_shutdown();
    }

    /// It ended by its own decision; a ban with an end is followed by a new start.
    async fn ended(&mut self, no: AccountNo, reason: StopReason) {
        if reason == StopReason::Deleted {
            self.table.forget(&no);
            self.ids.remove(&no);
            return;
        }
        if reason != StopReason::LinkEnded {
            return;
        }
        let record = self.record(no).await.filter(|record| record.desired == Desired::Running);
        if let Some(record) = record.filter(|record| record.state.phase == Phase::Banned)
            && let Some(at_ms) = record.state.retry_at_ms
        {
            self.start_at(&record, at_ms);
        }
    }

    fn start_at(&mut self, record: &AccountRecord, at_ms: Millis) {
        self.ids.insert(record.no, record.id.clone());
        if let Some(generation) = self.table.wait(&record.no) {
            let wait = Duration::from_millis(at_ms.saturating_sub(self.ctx.store.now_ms()));
            self.respawn_after(record.no, generation, wait);
        }
    }

    fn respawn_after(&self, no: AccountNo, generation: u64, wait: Duration) {
        self.myself.send_after(wait, move || SupervisorMsg::Respawn { no, generation });
    }

    async fn carry_out(&mut self, no: AccountNo, generation: u64, verdict: Verdict, kind: CrashKind) {
        let Some(record) = self.record(no).await else {
            self.table.forget(&no);
            self.ids.remove(&no);
            return;
        };
        match verdict {
            Verdict::RestartAfter(wait) => {
                metrics::counter!("wasup_account_restarts_total", "reason" => kind.as_str()).increment(1);
                let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                tracing::warn!(account.id = %record.id, kind = kind.as_str(), wait_ms, "the account's actor broke and is started again");
                let at_ms = self.ctx.store.now_ms().saturating_add(wait_ms);
                self.tell(no, after_crash(&record, kind, at_ms)).await;
                if !self.shutting_down {
                    self.respawn_after(no, generation, wait);
                }
            }
            Verdict::Quarantine => {
                tracing::error!(account.id = %record.id, kind = kind.as_str(), "the account's actor broke too often and is quarantined");
                self.tell(no, quarantined()).await;
                self.gauge_quarantine();
            }
            Verdict::Escalate | Verdict::LeaveStopped => {}
        }
    }

    async fn stop(&mut self, no: AccountNo, close: Close, done: RpcReplyPort<()>) {
        let record = self.record(no).await;
        if record.as_ref().is_some_and(|record| record.desired == Desired::Running) {
            // Started again by somebody else in the meantime: theirs is the later word.
            let _ = done.send(());
            return;
        }
        self.start_after.retain(|waiting| *waiting != no);
        if self.ask_to_stop(no, close) {
            self.stopping.entry(no).or_default().push(done);
            return;
        }
        match record {
            Some(record) => {
                if let Some(state) = after_stop(&record.state, record.identity.is_some(), close.reason) {
                    self.tell(no, state).await;
                }
            }
            None => {
                self.table.forget(&no);
                self.ids.remove(&no);
            }
        }
        let _ = done.send(());
    }

    /// Asks a running account to stop; `false` where none runs.
    fn ask_to_stop(&mut self, no: AccountNo, close: Close) -> bool {
        match self.table.stop(&no) {
            StopStep::Done => false,
            StopStep::Asked => true,
            StopStep::Ask(running) => {
                let _ = running.actor.cast(AccountMsg::Close(close));
                let (generation, patience) = (self.table.generation(&no), self.ctx.settings.supervision.stop_timeout);
                self.myself.send_after(patience, move || SupervisorMsg::StopLate { no, generation });
                true
            }
        }
    }

    fn stop_late(&mut self, no: AccountNo, generation: u64) {
        if let Some(running) = self.table.late_stop(&no, generation) {
            tracing::error!(account.no = no.0, "the account's actor did not stop in time and is killed");
            running.token.cancel();
            running.actor.kill();
        }
    }

    async fn heartbeat(&mut self) {
        let (ask, stuck) = self.table.ping_round();
        for (generation, running) in ask {
            let _ = running.actor.cast(AccountMsg::Ping(generation));
        }
        for no in stuck {
            // Its end may never come, so the slot does not wait for it.
            let exit = Exit::Crashed(CrashKind::Stuck);
            if let Some(gone) = self.table.abandon(&no, exit, Instant::now(), &mut self.rng) {
                tracing::error!(account.no = no.0, "the account's actor does not answer and is killed");
                gone.child.actor.kill();
                self.departed(gone, exit).await;
            }
        }
        // Sets the next heartbeat when it is through.
        let _ = self.myself.cast(SupervisorMsg::Compare(None));
    }

    fn set_heartbeat(&self) {
        self.myself.send_after(self.ctx.settings.supervision.heartbeat, || SupervisorMsg::Heartbeat);
    }

    fn shut_down(&mut self, done: RpcReplyPort<()>) {
        self.shutting_down = true;
        self.shutdown = Some(done);
        for no in self.table.alive() {
            self.ask_to_stop(no, Close { reason: StopReason::Shutdown, log_out: false });
        }
        self.end_shutdown();
    }

    fn kill_all(&self) {
        for running in self.table.children() {
            running.token.cancel();
            running.actor.kill();
        }
    }

    fn end_shutdown(&mut self) {
        if self.shutting_down
            && self.table.alive().is_empty()
            && let Some(done) = self.shutdown.take()
        {
            let _ = done.send(());
        }
    }

    fn gauge_quarantine(&self) {
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and there are fewer accounts than 2^52")]
        metrics::gauge!("wasup_supervisor_quarantined").set(self.table.quarantined() as f64);
    }

    async fn record(&self, no: AccountNo) -> Option<AccountRecord> {
        let read = self.ctx.store.read(|tx| account::by_no(tx, no)).await;
        // One account's bad row must not take the supervisor, and with it every other account, down.
        read.inspect_err(|error| tracing::error!(account.no = no.0, %error, "the account's row can't be read")).ok()?
    }

    /// Commits a state in the name of nobody's incarnation.
    async fn tell(&self, no: AccountNo, state: AccountState) {
        let now_ms = self.ctx.store.now_ms();
        let written =
            self.ctx.store.write(Durability::Durable, move |tx| account::set_state(tx, no, None, &state, now_ms));
        match written.await {
            Ok(_) => self.ctx.nudges.deliveries(),
            Err(error) => tracing::error!(account.no = no.0, %error, "the account's state can't be written"),
        }
    }
}
