//! The supervisor over bulk sending: an actor for each account that has jobs in its line.

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use rand::rngs::StdRng;
use tokio::time::Instant;
use wasup_store::StoreError;
use wasup_store::id::AccountNo;
use wasup_store::repo::job;

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

/// Accounts looked at in one read at the start.
const PAGE: usize = 256;

/// What the supervisor over bulk sending is told.
pub(crate) enum CampaignsMsg {
    /// An account's line may have changed.
    Line(AccountNo),
    /// A restart's time has come.
    Respawn { no: AccountNo, generation: u64 },
    /// The root asks for a sign of life. One.
    Ping(Beat),
    /// Break.
    #[cfg(test)]
    Fault(crate::accounts::Fault),
    /// Break a line.
    #[cfg(test)]
    Strike(AccountNo, crate::accounts::Fault),
}

/// The supervisor over bulk sending.
pub(crate) struct CampaignsSupervisor;

/// What it remembers.
pub(crate) struct Supervising {
    ctx: Arc<Context>,
    myself: ActorRef<CampaignsMsg>,
    lines: ChildTable<AccountNo, ActorRef<LineMsg>>,
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
                myself.cast(CampaignsMsg::Line(*no))?;
            }
            if page.len() < PAGE {
                break;
            }
        }
        Ok(Supervising { ctx, myself, lines: ChildTable::with_own_budgets(LINES), rng: rand::make_rng() })
    }

    async fn handle(
        &self,
        _: ActorRef<CampaignsMsg>,
        message: CampaignsMsg,
        state: &mut Supervising,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            CampaignsMsg::Line(no) => state.look_at(no).await,
            CampaignsMsg::Respawn { no, generation } => {
                if state.lines.begin_due(&no, generation).is_some() {
                    state.spawn(no).await;
                }
            }
            CampaignsMsg::Ping(beat) => beat.answer(),
            #[cfg(test)]
            CampaignsMsg::Fault(fault) => fault.strike().await?,
            #[cfg(test)]
            CampaignsMsg::Strike(no, fault) => {
                state.lines.child(&no).inspect(|line| line.cast(LineMsg::Fault(fault)).unwrap());
            }
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
        if let Some(gone) = state.lines.exited(actor.get_id(), exit, Instant::now(), &mut state.rng) {
            let Departure { key, generation, verdict, .. } = gone;
            state.carry_out(key, generation, verdict, cause.as_deref()).await;
        }
        Ok(())
    }
}

impl Supervising {
    /// Wakes an account's line, or starts it where there is something in it.
    async fn look_at(&mut self, no: AccountNo) {
        if let Some(line) = self.lines.child(&no) {
            // One that ends at this moment is looked at again when it is gone.
            let _ = line.cast(LineMsg::Nudge);
            return;
        }
        if self.is_empty(no).await.unwrap_or(false) {
            self.lines.forget(&no);
        } else if self.lines.begin(&no).is_some() {
            self.spawn(no).await;
        }
    }

    async fn is_empty(&self, no: AccountNo) -> Result<bool, StoreError> {
        Ok(self.ctx.store.read(|tx| job::first(tx, no)).await?.is_none())
    }

    async fn spawn(&mut self, no: AccountNo) {
        let args = (Arc::clone(&self.ctx), no);
        match Actor::spawn_linked(None, Line, args, self.myself.get_cell()).await {
            Ok((line, _)) => self.lines.started(&no, line.get_id(), line, Instant::now()),
            Err(error) => {
                let cause = not_started(&error);
                let (generation, verdict) = self.lines.not_started(&no, Instant::now(), &mut self.rng);
                self.carry_out(no, generation, verdict, cause.as_deref()).await;
            }
        }
    }

    async fn carry_out(&mut self, no: AccountNo, generation: u64, verdict: Verdict, cause: Option<&str>) {
        match verdict {
            Verdict::RestartAfter(wait) => {
                tracing::warn!(account_no = no.0, cause, ?wait, "a line of jobs broke and is started again");
                self.myself.send_after(wait, move || CampaignsMsg::Respawn { no, generation });
            }
            // It found nothing; something may have come while it ended.
            Verdict::LeaveStopped | Verdict::Quarantine | Verdict::Escalate => {
                if self.is_empty(no).await.unwrap_or(false) {
                    self.lines.forget(&no);
                } else {
                    let _ = self.myself.cast(CampaignsMsg::Line(no));
                }
            }
        }
    }
}
