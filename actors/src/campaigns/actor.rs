//! The actor of a campaign: writes its recipients down, and gives them their turns as its accounts may send. All it remembers
//! is what it has read ahead and the waits it has drawn; a new incarnation goes on from the cursor.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use rand::rngs::StdRng;
use tokio::time::{Duration, Instant};
use tokio_util::task::AbortOnDropHandle;
use wasup_store::id::{AccountNo, CampaignId, MessageId, Millis};
use wasup_store::records::{CampaignReason, Gathering, ListedContact, Rotation};
use wasup_store::repo::campaign::{self, Outcome, PACK, Packed, Turn};
use wasup_store::{Durability, StoreError, WriteTx};

use super::compose::Composing;
use super::sight::{Found, LOOK_AHEAD, find};
use super::step::{LOOK_AGAIN_MS, Sight, Step, gap_ms, in_turn, step};
use crate::alarm::Alarm;
use crate::context::Context;
use crate::supervision::{Crash, StopReason, StoreTrouble};

/// Recipients that are written down at once.
const PIECE: usize = 2_000;

/// The longest time between two looks: a machine that slept, or whose clock was set, must not make it late by more.
const SLOW_WAKE: Duration = Duration::from_secs(60);

/// What a campaign's actor is told.
pub(crate) enum CampaignMsg {
    /// Something may have changed.
    Nudge,
    /// Time to look. One.
    Alarm,
    /// There is more to do. One.
    Again,
    /// Break.
    #[cfg(test)]
    Fault(crate::accounts::Fault),
}

/// A campaign.
pub(crate) struct CampaignActor;

/// What it remembers.
pub(crate) struct Running {
    ctx: Arc<Context>,
    id: CampaignId,
    myself: ActorRef<CampaignMsg>,
    alarm: Alarm,
    /// It is told to go on already.
    again: bool,
    rng: StdRng,
    composing: Option<Composing>,
    /// Recipients whose turn is next.
    near: VecDeque<(u32, ListedContact)>,
    /// The wait of each account: after which bulk message, and until when.
    gaps: HashMap<AccountNo, (Option<Millis>, Millis)>,
    /// Who sent last.
    last: Option<AccountNo>,
    /// Wait for the outcomes of what was sent.
    outcomes: HashMap<AccountNo, AbortOnDropHandle<()>>,
}

/// What comes after a round.
enum Next {
    /// Another one, at once.
    Again,
    /// Another one, at this time.
    At(Millis),
    /// Nothing is left to do.
    Over,
}

impl Actor for CampaignActor {
    type Msg = CampaignMsg;
    type State = Running;
    type Arguments = (Arc<Context>, CampaignId);

    async fn pre_start(
        &self,
        myself: ActorRef<CampaignMsg>,
        (ctx, id): (Arc<Context>, CampaignId),
    ) -> Result<Running, ActorProcessingErr> {
        Ok(Running {
            ctx,
            id,
            myself,
            alarm: Alarm::default(),
            again: false,
            rng: rand::make_rng(),
            composing: None,
            near: VecDeque::new(),
            gaps: HashMap::new(),
            last: None,
            outcomes: HashMap::new(),
        })
    }

    async fn post_start(&self, myself: ActorRef<CampaignMsg>, _: &mut Running) -> Result<(), ActorProcessingErr> {
        Ok(myself.cast(CampaignMsg::Nudge)?)
    }

    async fn handle(
        &self,
        _: ActorRef<CampaignMsg>,
        message: CampaignMsg,
        state: &mut Running,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            CampaignMsg::Nudge => state.round().await?,
            CampaignMsg::Again => {
                state.again = false;
                state.round().await?;
            }
            CampaignMsg::Alarm => {
                state.alarm.rang();
                state.round().await?;
            }
            #[cfg(test)]
            CampaignMsg::Fault(fault) => fault.strike().await?,
        }
        Ok(())
    }
}

impl Running {
    async fn round(&mut self) -> Result<(), Crash> {
        let now_ms = self.ctx.store.now_ms();
        let at_ms = match self.work().await {
            // Whoever wants to stop it gets a word in between.
            Ok(Next::Again) => now_ms,
            Ok(Next::At(at_ms)) => at_ms,
            Ok(Next::Over) => {
                self.myself.stop(Some(StopReason::Done.as_str().to_owned()));
                return Ok(());
            }
            Err(error) => {
                weather(error)?;
                now_ms + LOOK_AGAIN_MS
            }
        };
        let myself = self.myself.clone();
        if at_ms <= now_ms {
            if !std::mem::replace(&mut self.again, true) {
                let _ = myself.cast(CampaignMsg::Again);
            }
            return Ok(());
        }
        let wait = Duration::from_millis(at_ms - now_ms).min(SLOW_WAKE);
        self.alarm.set(Instant::now() + wait, move || {
            // An actor that is gone needs no waking.
            let _ = myself.cast(CampaignMsg::Alarm);
        });
        Ok(())
    }

    async fn work(&mut self) -> Result<Next, StoreError> {
        let (id, now_ms) = (self.id, self.ctx.store.now_ms());
        let Some(mut found) = self.ctx.store.read(|tx| find(tx, id, now_ms)).await? else { return Ok(Next::Over) };
        let gathering = found.record.gathering != Gathering::Done;
        if gathering && !self.gather(&mut found).await? {
            return Ok(Next::Over);
        }
        let senders: Vec<_> =
            found.senders.iter().map(|sender| (sender.no, self.judge(&found, sender.no, now_ms))).collect();
        let sight = Sight {
            senders: &senders,
            gathering,
            pending: found.tally.next < found.tally.total,
            aside_ms: found.aside.first().map(|(at_ms, _)| *at_ms),
            on_restriction: found.record.plan.on_restriction,
        };
        match step(&sight, now_ms) {
            Step::Send(free) => {
                let order = in_turn(free, found.record.plan.rotation, self.last, &mut self.rng);
                let next = self.turn(&found, &order, now_ms).await?;
                Ok(if gathering { Next::Again } else { next })
            }
            Step::Look(_) if gathering => Ok(Next::Again),
            Step::Look(at_ms) => Ok(Next::At(at_ms)),
            Step::Pause(reason) => {
                let pause = move |tx: &mut WriteTx<'_>| campaign::auto_pause(tx, id, reason, now_ms);
                self.ctx.store.write::<_, StoreError, _>(Durability::Durable, pause).await?;
                self.ctx.nudges.deliveries();
                tracing::warn!(campaign = %id, reason = reason.as_str(), "a campaign pauses by itself");
                Ok(Next::Over)
            }
            Step::End => Ok(Next::Over),
        }
    }

    /// What an account can do now; draws the wait after its last bulk message once.
    fn judge(&mut self, found: &Found, no: AccountNo, now_ms: Millis) -> super::SenderNow {
        let Some(mut sight) = found.sight(no) else { return super::SenderNow::Gone };
        let last_ms = sight.standing.last_ms;
        let gap = self.gaps.entry(no).or_insert((None, 0));
        if gap.0 != last_ms {
            *gap = (last_ms, last_ms.map_or(0, |last_ms| last_ms + gap_ms(&found.record.plan.pace, &mut self.rng)));
        }
        sight.gap_until_ms = gap.1;
        super::step::judge(&sight, now_ms)
    }

    /// Writes a piece of the recipients down; `false` where there is nothing to read them from any more.
    async fn gather(&mut self, found: &mut Found) -> Result<bool, StoreError> {
        let (id, record, now_ms) = (self.id, &found.record, self.ctx.store.now_ms());
        let Some(piece) = self.ctx.store.read(|tx| campaign::gather(tx, record, PIECE)).await? else {
            let halt = move |tx: &mut WriteTx<'_>| campaign::halt(tx, id, CampaignReason::AudienceGone, now_ms);
            self.ctx.store.write::<_, StoreError, _>(Durability::Durable, halt).await?;
            self.ctx.nudges.deliveries();
            return Ok(false);
        };
        let packs = piece.recipients.chunks(PACK).map(Packed::of).collect::<Result<Vec<_>, _>>()?;
        let (from, next) = (record.gathering.clone(), piece.next);
        let more: u32 = packs.iter().map(Packed::count).sum();
        let write = move |tx: &mut WriteTx<'_>| campaign::gathered(tx, id, &from, (&packs, &next), now_ms);
        if self.ctx.store.write::<_, StoreError, _>(Durability::Durable, write).await? {
            found.tally.total += more;
        }
        Ok(true)
    }

    /// Gives recipients to these accounts, one each.
    async fn turn(&mut self, found: &Found, order: &[AccountNo], now_ms: Millis) -> Result<Next, StoreError> {
        self.read_ahead(found).await?;
        let composing = self.composing.get_or_insert_with(|| Composing::of(self.id, &found.record));
        let (offers, asleep_until_ms) = composing.offers(&self.ctx, found, (&self.near, order), now_ms).await?;
        if offers.is_empty() {
            // Somebody who was put aside may wake up before those who are next.
            let aside_ms = found.aside.first().map(|(at_ms, _)| *at_ms);
            let at_ms = [asleep_until_ms, aside_ms].into_iter().flatten().filter(|at_ms| *at_ms > now_ms).min();
            return Ok(Next::At(at_ms.unwrap_or(now_ms + LOOK_AGAIN_MS)));
        }
        let (id, outbox_max) = (self.id, self.ctx.settings.send.outbox_max);
        let write = move |tx: &mut WriteTx<'_>| campaign::offer(tx, id, &offers, (now_ms, outbox_max));
        let turn = self.ctx.store.write::<_, StoreError, _>(Durability::Durable, write).await?;
        let Turn::Done(outcomes) = turn else { return Ok(Next::Over) };
        let mut done = 0;
        for outcome in &outcomes {
            match outcome {
                Outcome::Accepted(no, message) => self.sent(*no, *message, found.record.plan.rotation),
                Outcome::Settled => {}
                Outcome::Busy(_) | Outcome::Gone(_) => continue,
            }
            done += 1;
        }
        if outcomes.contains(&Outcome::Settled) {
            // The last one may have ended it.
            self.ctx.nudges.deliveries();
        }
        // One that could not go is seen better by the next look, if anything moved at all.
        Ok(if done > 0 { Next::Again } else { Next::At(now_ms + LOOK_AGAIN_MS) })
    }

    /// Reads the recipients whose turn is next, where too few are read.
    async fn read_ahead(&mut self, found: &Found) -> Result<(), StoreError> {
        let next = found.tally.next;
        while self.near.front().is_some_and(|(seq, _)| *seq < next) {
            self.near.pop_front();
        }
        let there = u32::try_from(self.near.len()).unwrap_or(u32::MAX);
        let wanted = u32::try_from(LOOK_AHEAD).unwrap_or(u32::MAX).min(found.tally.total.saturating_sub(next));
        if self.near.front().is_none_or(|(seq, _)| *seq != next) || there < wanted {
            let id = self.id;
            self.near = self.ctx.store.read(|tx| campaign::recipients(tx, id, next, PACK)).await?.into();
        }
        Ok(())
    }

    fn sent(&mut self, no: AccountNo, message: MessageId, rotation: Rotation) {
        if rotation == Rotation::RoundRobin {
            self.last = Some(no);
        }
        // Before the next look, so that no outcome falls between.
        let mut waiter = self.ctx.settled.wait_for(message);
        let myself = self.myself.clone();
        let woken = AbortOnDropHandle::new(tokio::spawn(async move {
            waiter.woken().await;
            let _ = myself.cast(CampaignMsg::Nudge);
        }));
        self.outcomes.insert(no, woken);
        self.ctx.nudges.outbox(no);
    }
}

fn weather(error: StoreError) -> Result<(), Crash> {
    let told = error.to_string();
    match StoreTrouble::from(error) {
        StoreTrouble::Crash(crash) => Err(crash),
        StoreTrouble::Stale | StoreTrouble::Outage => {
            tracing::error!(error = told, "the store does not work; a campaign waits");
            Ok(())
        }
    }
}
