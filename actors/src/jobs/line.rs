//! The actor of an account's line of jobs: gives the first job's items their turns, one after the other, and ends when none is
//! left. All it remembers is when the next item may go; a new incarnation waits once and goes on from the cursor.

use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use rand::rngs::StdRng;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use wasup_store::id::{AccountNo, JobId, MessageId};
use wasup_store::records::{JobRecord, JobState, Lane, Phase, RunItem};
use wasup_store::repo::job::{self, Draw, Turn};
use wasup_store::repo::{account, counters};
use wasup_store::{Durability, ReadTx, StoreError, WriteTx};

use super::step::{LOOK_AGAIN, Sight, Step, step, wait};
use crate::alarm::Alarm;
use crate::context::Context;
use crate::messages::{provider_id, secret};
use crate::supervision::{Crash, StopReason, StoreTrouble};

/// What a line is told.
pub(crate) enum LineMsg {
    /// Something may have changed.
    Nudge,
    /// Time to look. One.
    Alarm,
    /// Break.
    #[cfg(test)]
    Fault(crate::accounts::Fault),
}

/// A line.
pub(crate) struct Line;

/// What it remembers.
pub(crate) struct Lining {
    ctx: Arc<Context>,
    no: AccountNo,
    myself: ActorRef<LineMsg>,
    alarm: Alarm,
    rng: StdRng,
    /// When the next item may go; `None`: at once.
    next_at: Option<Instant>,
    /// Waits for the outcome of what was sent last.
    outcome: Option<AbortOnDropHandle<()>>,
}

/// What is there to do.
struct Found {
    first: Option<(JobId, JobRecord)>,
    next: Option<(u32, RunItem)>,
    connected: bool,
    waiting: bool,
}

impl Actor for Line {
    type Msg = LineMsg;
    type State = Lining;
    type Arguments = (Arc<Context>, AccountNo);

    async fn pre_start(
        &self,
        myself: ActorRef<LineMsg>,
        (ctx, no): (Arc<Context>, AccountNo),
    ) -> Result<Lining, ActorProcessingErr> {
        let mut line =
            Lining { ctx, no, myself, alarm: Alarm::default(), rng: rand::make_rng(), next_at: None, outcome: None };
        // One that goes on after a break waits first: how long ago its last item went is not known.
        if let Ok(Found { first: Some((_, job)), .. }) = line.find().await
            && job.state == JobState::Running
        {
            line.next_at = Some(Instant::now() + wait(job.delay, &mut line.rng));
        }
        Ok(line)
    }

    async fn post_start(&self, myself: ActorRef<LineMsg>, _: &mut Lining) -> Result<(), ActorProcessingErr> {
        Ok(myself.cast(LineMsg::Nudge)?)
    }

    async fn handle(
        &self,
        _: ActorRef<LineMsg>,
        message: LineMsg,
        state: &mut Lining,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            LineMsg::Nudge => state.round().await?,
            LineMsg::Alarm => {
                state.alarm.rang();
                state.round().await?;
            }
            #[cfg(test)]
            LineMsg::Fault(fault) => fault.strike().await?,
        }
        Ok(())
    }
}

impl Lining {
    async fn find(&self) -> Result<Found, StoreError> {
        let no = self.no;
        let look = |tx: &ReadTx<'_>| {
            let first = job::first(tx, no)?;
            let next = match &first {
                Some((id, _)) => job::next_item(tx, *id)?,
                None => None,
            };
            let waiting = *counters::account(tx, no)?.lane(Lane::Bulk) > 0;
            let owner = account::by_no(tx, no)?;
            let connected = owner.is_some_and(|owner| owner.state.phase == Phase::Connected && !owner.outbox_paused);
            Ok::<_, StoreError>(Found { first, next, connected, waiting })
        };
        self.ctx.store.read(look).await
    }

    /// Does what can be done now, and sleeps until the next time that something may be.
    async fn round(&mut self) -> Result<(), Crash> {
        let at = match self.work().await {
            Ok(Some(at)) => at,
            Ok(None) => {
                self.myself.stop(Some(StopReason::Done.as_str().to_owned()));
                return Ok(());
            }
            Err(error) => {
                weather(error)?;
                Instant::now() + LOOK_AGAIN
            }
        };
        let myself = self.myself.clone();
        self.alarm.set(at, move || {
            // An actor that is gone needs no waking.
            let _ = myself.cast(LineMsg::Alarm);
        });
        Ok(())
    }

    /// Answers when to look again; `None` where the line is empty.
    async fn work(&mut self) -> Result<Option<Instant>, StoreError> {
        loop {
            let Found { first, next, connected, waiting } = self.find().await?;
            let sight = Sight { any: first.is_some(), connected, waiting };
            match (step(sight, self.next_at, Instant::now()), first) {
                (Step::Look(at), _) => return Ok(Some(at)),
                (Step::Send, Some((id, record))) => match self.turn(id, next).await? {
                    Turn::Accepted(message) => self.sent(&record, message),
                    Turn::OutboxFull => return Ok(Some(Instant::now() + LOOK_AGAIN)),
                    Turn::Again | Turn::NothingLeft | Turn::NotInLine | Turn::AccountGone => {}
                },
                (Step::End, _) | (Step::Send, None) => return Ok(None),
            }
        }
    }

    async fn turn(&mut self, id: JobId, next: Option<(u32, RunItem)>) -> Result<Turn, StoreError> {
        let seq = next.as_ref().map_or(0, |(seq, _)| *seq);
        let load = next.and_then(|(_, item)| item.load);
        let secret = match &load {
            Some(load) => secret(&self.ctx.store, &load.content).await?,
            None => None,
        };
        let draw = Draw { provider_id: provider_id(drawn_from(id, seq)), rand: rand::random(), secret };
        let (now_ms, outbox_max) = (self.ctx.store.now_ms(), self.ctx.settings.send.outbox_max);
        let job = move |tx: &mut WriteTx<'_>| job::enqueue(tx, id, (seq, &draw), (now_ms, outbox_max));
        let turn: Result<_, StoreError> = self.ctx.store.write(Durability::Durable, job).await;
        let over = matches!(turn, Ok(Turn::NothingLeft));
        if over {
            self.ctx.nudges.deliveries();
        }
        turn
    }

    fn sent(&mut self, job: &JobRecord, message: MessageId) {
        self.next_at = Some(Instant::now() + wait(job.delay, &mut self.rng));
        // Before the next look, so that no outcome falls between.
        let mut waiter = self.ctx.settled.wait_for(message);
        let myself = self.myself.clone();
        self.outcome = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            waiter.woken().await;
            let _ = myself.cast(LineMsg::Nudge);
        })));
        self.ctx.nudges.outbox(self.no);
    }
}

/// What an item's id in the network is made of: the same for every try to send it.
fn drawn_from(id: JobId, seq: u32) -> [u8; 9] {
    let hash = Sha256::new().chain_update(id.to_bytes()).chain_update(seq.to_be_bytes()).finalize();
    std::array::from_fn(|at| hash[at])
}

fn weather(error: StoreError) -> Result<(), Crash> {
    let told = error.to_string();
    match StoreTrouble::from(error) {
        StoreTrouble::Crash(crash) => Err(crash),
        StoreTrouble::Stale | StoreTrouble::Outage => {
            tracing::error!(error = told, "the store does not work; a job waits");
            Ok(())
        }
    }
}
