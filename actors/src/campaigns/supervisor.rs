//! The supervisor over bulk sending: an actor for each account that has jobs in its line, and one for each campaign that runs.

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use rand::rngs::StdRng;
use tokio::time::Instant;
use wasup_store::id::{AccountNo, CampaignId};
use wasup_store::records::{CampaignReason, CampaignState, Gathering, RunId};
use wasup_store::repo::{campaign, job, run};
use wasup_store::{Durability, ReadTx, StoreError, WriteTx};

use super::actor::{CampaignActor, CampaignMsg};

use crate::context::Context;
use crate::jobs::{Line, LineMsg};
use crate::root::Beat;
use crate::supervision::{
    Backoff, ChildTable, Departure, Exit, OnExceeded, RestartKind, RestartPolicy, Verdict, cause, not_started,
};

/// A line that keeps breaking harms nobody but its account's jobs, and no job is better off without it.
const LINES: RestartPolicy = RestartPolicy {
    kind: RestartKind::Transient,
    max_restarts: 5,
    within: Duration::from_secs(60),
    backoff: Backoff { base: Duration::from_millis(200), factor: 2.0, cap: Duration::from_secs(10), jitter: 0.2 },
    stable_after: Duration::from_secs(60),
    on_exceeded: OnExceeded::KeepTrying(Duration::from_secs(60)),
};

/// A campaign that keeps breaking is halted, which people see: to try it for ever would hide that.
const CAMPAIGNS: RestartPolicy = RestartPolicy {
    kind: RestartKind::Transient,
    max_restarts: 3,
    within: Duration::from_secs(600),
    backoff: Backoff { base: Duration::from_secs(5), factor: 2.0, cap: Duration::from_secs(300), jitter: 0.2 },
    stable_after: Duration::from_secs(600),
    on_exceeded: OnExceeded::Quarantine,
};

/// What an actor is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Bulk {
    /// An account's line of jobs.
    Line(AccountNo),
    /// A campaign.
    Campaign(CampaignId),
}

/// Its actor.
#[derive(Clone)]
enum BulkActor {
    Line(ActorRef<LineMsg>),
    Campaign(ActorRef<CampaignMsg>),
}

impl BulkActor {
    fn wake(&self) {
        // One that ends at this moment is looked at again when it is gone.
        let _ = match self {
            Self::Line(line) => line.cast(LineMsg::Nudge).is_ok(),
            Self::Campaign(campaign) => campaign.cast(CampaignMsg::Nudge).is_ok(),
        };
    }
}

/// Accounts, or campaigns, looked at in one read at the start.
const PAGE: usize = 256;

/// What the supervisor over bulk sending is told.
pub(crate) enum CampaignsMsg {
    /// An account's line, or a campaign, may have changed.
    Look(Bulk),
    /// A restart's time has come.
    Respawn { of: Bulk, generation: u64 },
    /// The root asks for a sign of life. One.
    Ping(Beat),
    /// Break.
    #[cfg(test)]
    Fault(crate::accounts::Fault),
    /// Break a line or a campaign.
    #[cfg(test)]
    Strike(Bulk, crate::accounts::Fault),
}

/// The supervisor over bulk sending.
pub(crate) struct CampaignsSupervisor;

/// What it remembers.
pub(crate) struct Supervising {
    ctx: Arc<Context>,
    myself: ActorRef<CampaignsMsg>,
    children: ChildTable<Bulk, BulkActor>,
    rng: StdRng,
}

impl Actor for CampaignsSupervisor {
    type Msg = CampaignsMsg;
    type State = Supervising;
    type Arguments = Arc<Context>;

    async fn pre_start(
        &self,
        myself: ActorRef<CampaignsMsg>,
        ctx: Arc<Context>,
    ) -> Result<Supervising, ActorProcessingErr> {
        *ctx.nudges.doors.campaigns.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(myself.clone());
        // What stood in the lines when the last incarnation ended.
        let mut after = None;
        loop {
            let page = ctx.store.read(|tx| job::lines(tx, after, PAGE)).await?;
            after = page.last().copied();
            for no in &page {
                myself.cast(CampaignsMsg::Look(Bulk::Line(*no)))?;
            }
            if page.len() < PAGE {
                break;
            }
        }
        let mut after = None;
        loop {
            let page = ctx.store.read(|tx| campaign::running(tx, after, PAGE)).await?;
            after = page.last().copied();
            for id in &page {
                myself.cast(CampaignsMsg::Look(Bulk::Campaign(*id)))?;
            }
            if page.len() < PAGE {
                break;
            }
        }
        Ok(Supervising { ctx, myself, children: ChildTable::with_own_budgets(LINES), rng: rand::make_rng() })
    }

    async fn handle(
        &self,
        _: ActorRef<CampaignsMsg>,
        message: CampaignsMsg,
        state: &mut Supervising,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            CampaignsMsg::Look(of) => state.look_at(of).await,
            CampaignsMsg::Respawn { of, generation } => {
                if state.children.begin_due(&of, generation).is_some() {
                    state.spawn(of).await;
                }
            }
            CampaignsMsg::Ping(beat) => beat.answer(),
            #[cfg(test)]
            CampaignsMsg::Fault(fault) => fault.strike().await?,
            #[cfg(test)]
            CampaignsMsg::Strike(of, fault) => match state.children.child(&of) {
                Some(BulkActor::Line(line)) => line.cast(LineMsg::Fault(fault)).unwrap(),
                Some(BulkActor::Campaign(campaign)) => campaign.cast(CampaignMsg::Fault(fault)).unwrap(),
                None => {}
            },
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<CampaignsMsg>,
        event: SupervisionEvent,
        state: &mut Supervising,
    ) -> Result<(), ActorProcessingErr> {
        let (actor, exit, cause) = match event {
            SupervisionEvent::ActorTerminated(actor, _, reason) => (actor, Exit::terminated(reason.as_deref()), None),
            SupervisionEvent::ActorFailed(actor, error) => (actor, Exit::failed(&error), cause(&error)),
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => return Ok(()),
        };
        if let Some(gone) = state.children.exited(actor.get_id(), exit, Instant::now(), &mut state.rng) {
            let Departure { key, generation, verdict, .. } = gone;
            state.carry_out(key, generation, verdict, cause.as_deref()).await;
        }
        Ok(())
    }
}

impl Supervising {
    /// Wakes an actor, or starts it where there is something for it to do.
    async fn look_at(&mut self, of: Bulk) {
        if let Some(child) = self.children.child(&of) {
            child.wake();
            return;
        }
        if self.is_idle(of).await.unwrap_or(false) {
            self.children.forget(&of);
            return;
        }
        if let Bulk::Campaign(_) = of {
            self.children.treat(&of, CAMPAIGNS);
            // Somebody let it go on that was halted, or stops and starts it: it gets its chances anew.
            self.children.release(&of);
        }
        if self.children.begin(&of).is_some() {
            self.spawn(of).await;
        }
    }

    async fn is_idle(&self, of: Bulk) -> Result<bool, StoreError> {
        self.ctx
            .store
            .read(|tx| match of {
                Bulk::Line(no) => Ok(job::first(tx, no)?.is_none()),
                Bulk::Campaign(id) => {
                    let running = campaign::get(tx, id)?.is_some_and(|record| record.state == CampaignState::Running);
                    Ok(!running || handed_out(tx, id)?)
                }
            })
            .await
    }

    async fn spawn(&mut self, of: Bulk) {
        let ctx = Arc::clone(&self.ctx);
        let spawned = match of {
            Bulk::Line(no) => Actor::spawn_linked(None, Line, (ctx, no), self.myself.get_cell())
                .await
                .map(|(actor, _)| (actor.get_id(), BulkActor::Line(actor))),
            Bulk::Campaign(id) => Actor::spawn_linked(None, CampaignActor, (ctx, id), self.myself.get_cell())
                .await
                .map(|(actor, _)| (actor.get_id(), BulkActor::Campaign(actor))),
        };
        match spawned {
            Ok((id, actor)) => self.children.started(&of, id, actor, Instant::now()),
            Err(error) => {
                let cause = not_started(&error);
                let (generation, verdict) = self.children.not_started(&of, Instant::now(), &mut self.rng);
                self.carry_out(of, generation, verdict, cause.as_deref()).await;
            }
        }
    }

    async fn carry_out(&mut self, of: Bulk, generation: u64, verdict: Verdict, cause: Option<&str>) {
        match (verdict, of) {
            (Verdict::RestartAfter(wait), _) => {
                tracing::warn!(?of, cause, ?wait, "bulk sending broke and is started again");
                self.myself.send_after(wait, move || CampaignsMsg::Respawn { of, generation });
            }
            (Verdict::Quarantine, Bulk::Campaign(id)) => self.halt(id, cause).await,
            // It found nothing; something may have come while it ended.
            (Verdict::LeaveStopped | Verdict::Quarantine | Verdict::Escalate, _) => {
                if self.is_idle(of).await.unwrap_or(false) {
                    self.children.forget(&of);
                } else {
                    let _ = self.myself.cast(CampaignsMsg::Look(of));
                }
            }
        }
    }

    /// Ends a campaign that broke too often.
    async fn halt(&mut self, id: CampaignId, cause: Option<&str>) {
        tracing::error!(campaign = %id, cause, "a campaign broke too often and is halted");
        let now_ms = self.ctx.store.now_ms();
        let halt = move |tx: &mut WriteTx<'_>| campaign::halt(tx, id, CampaignReason::CrashLoop, now_ms);
        let halted = self.ctx.store.write::<_, StoreError, _>(Durability::Durable, halt).await;
        if let Err(error) = halted {
            tracing::error!(%error, "a campaign that broke could not be halted");
        }
        self.ctx.nudges.deliveries();
    }
}

/// Whether everybody's turn has come: then only the outcomes are missing.
fn handed_out(tx: &ReadTx<'_>, id: CampaignId) -> Result<bool, StoreError> {
    let gathered = campaign::get(tx, id)?.is_some_and(|record| record.gathering == Gathering::Done);
    let tally = run::tally(tx, RunId::Campaign(id))?;
    Ok(gathered && tally.next >= tally.total && campaign::aside(tx, id, 1)?.is_empty())
}
