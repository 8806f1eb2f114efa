//! How an account stands with the network and with its own pace, and what it therefore takes for the wire next.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;
use wasup_store::id::Millis;
use wasup_store::records::Restriction;
use wasup_store::repo::held::{self, Outlook};
use wasup_store::repo::send::{MAX_IN_FLIGHT, Settlement};
use wasup_store::repo::take::{ColdRule, TakeRule};
use wasup_store::repo::{account, counters, pace, revival};
use wasup_store::{ReadTx, StoreError};

use super::incarnation::{ALARM_MIN, Incarnation};
use super::pace::{Pace, PaceRules, Step};
use super::plan::{Committed, Plan, Take};
use super::pump::Pump;
use super::restriction::{Allowed, Change, Fact, Question, after, change};
use crate::meters::{RestrictionChange, SendOutcome};

/// What an account's actor remembers of it.
#[derive(Debug, Default)]
pub(super) struct Standing {
    restriction: Option<Restriction>,
    question: Question,
    pace: Pace,
    /// Whose turn the odd place is.
    held_first: bool,
    /// When something may be taken that may not be taken now.
    again: Option<Instant>,
}

impl Standing {
    /// Goes on from what is stored.
    pub(super) fn resume(restriction: Option<Restriction>, pace: Pace) -> Self {
        Self { restriction, pace, ..Self::default() }
    }

    /// From here on it sends at another pace.
    pub(super) fn set_pace(&mut self, pace: Pace) {
        (self.pace, self.again) = (pace, None);
    }

    /// A restriction may have ended while nobody listened.
    pub(super) fn on_connected(&self, pump: Option<&Pump>) {
        if let Some(pump) = pump.filter(|_| self.restriction.is_some()) {
            pump.ask_restriction();
        }
    }

    fn again_at(&mut self, at: Instant) {
        self.again = Some(self.again.map_or(at, |set| set.min(at)));
    }

    fn again_at_ms(&mut self, at_ms: Millis, now_ms: Millis) {
        self.again_at(Instant::now() + Duration::from_millis(at_ms.saturating_sub(now_ms)));
    }
}

/// What a look at the outbox found.
struct Look {
    /// Sends in it, those on the wire among them.
    depth: u64,
    held: Outlook,
}

impl Incarnation {
    /// When something may be taken that may not be taken now.
    pub(super) fn sends_at(&self, now: Instant) -> Option<Instant> {
        self.standing.again.map(|at| at.max(now + ALARM_MIN))
    }

    /// What the outcomes of this turn, and the network's word, say about a restriction.
    pub(super) fn judge_restriction(&mut self, told: Option<(bool, Option<Millis>)>, plan: &mut Plan, now_ms: Millis) {
        let (before, term) = (self.standing.restriction, self.ctx.settings.send.restriction_retry);
        let mut current = before;
        for (id, settlement) in &plan.settlements {
            let fact = match settlement {
                Settlement::Held(code) => Fact::Refused(*code),
                Settlement::Sent if self.flights.is_cold(*id) => Fact::ColdSent,
                _ => continue,
            };
            current = after(current, fact, term, now_ms);
        }
        if let Some((active, until_ms)) = told {
            current = after(current, Fact::Told { active, until_ms }, term, now_ms);
            self.standing.question.answered(current, Instant::now());
        }
        plan.restriction = change(before, current, now_ms).map(|change| (current, change));
    }

    /// Plans to take sends, as many as may be in flight, and as the account's pace and the network allow.
    pub(super) async fn pump(&mut self, plan: &mut Plan) {
        self.standing.again = None;
        if !self.connected || self.pump.is_none() || self.is_closing() {
            return;
        }
        let most = self.ctx.settings.send.in_flight.clamp(1, MAX_IN_FLIGHT);
        let staying = self.flights.len().saturating_sub(plan.settlements.len());
        let free = most.saturating_sub(staying);
        if free == 0 {
            return;
        }
        let now_ms = self.ctx.store.now_ms();
        if self.door.new_pace.swap(false, Ordering::SeqCst) {
            self.keep_new_pace().await;
        }
        let limit = match self.standing.pace.step(now_ms) {
            Step::Send(most) => most.min(free),
            Step::NotBefore(at_ms) => return self.standing.again_at_ms(at_ms, now_ms),
        };
        let Some(look) = self.look(now_ms).await else { return };
        let waiting = look.depth > self.flights.len() as u64;
        let cold = self.cold_rule(plan, &look, waiting, now_ms);
        let from_held = look.held.may_go || cold.is_some_and(|cold| self.some_held_may_go(&look, cold, now_ms));
        if waiting || from_held {
            let keep_ms = self.standing.pace.rules().keep_ms();
            plan.take = Some(Take { rule: TakeRule { limit, cold }, keep_ms });
        }
    }

    /// Somebody set another pace for the account.
    async fn keep_new_pace(&mut self) {
        let no = self.no;
        let read = |tx: &ReadTx<'_>| Ok::<_, StoreError>((account::by_no(tx, no)?, pace::sends_since(tx, no, 0)?));
        match self.ctx.store.read(read).await {
            Ok((Some(record), sent)) => {
                let rules = PaceRules::of(&record.settings.pacing, &self.ctx.settings.send.pace);
                self.standing.pace = Pace::resume(rules, sent, &mut self.rng);
            }
            Ok((None, _)) => {}
            // It is tried again with the next look.
            Err(_) => self.door.new_pace.store(true, Ordering::SeqCst),
        }
    }

    /// A look before a durable commit that may find nothing. The outbox also counts what is in flight.
    async fn look(&self, now_ms: Millis) -> Option<Look> {
        let (no, per_day) = (self.no, self.standing.pace.rules().cold_per_day);
        let look = self.ctx.store.read(|tx| {
            // A restored account's waits for an operator.
            if revival::outbox_paused(tx, no)? {
                return Ok::<_, StoreError>(None);
            }
            let counts = counters::account(tx, no)?;
            let held = if counts.held > 0 { held::outlook(tx, no, per_day, now_ms)? } else { Outlook::default() };
            Ok(Some(Look { depth: counts.outbox_depth(), held }))
        });
        look.await.ok().flatten()
    }

    /// What holds now for sends to people who never wrote; `None` where nobody has to be told apart.
    fn cold_rule(&mut self, plan: &mut Plan, look: &Look, waiting: bool, now_ms: Millis) -> Option<ColdRule> {
        let now = Instant::now();
        let mut restriction = plan.restriction.map_or(self.standing.restriction, |(planned, _)| planned);
        if look.held.held == 0 && !waiting && plan.restriction.is_none() {
            let left = after(restriction, Fact::NothingHeld, self.ctx.settings.send.restriction_retry, now_ms);
            plan.restriction = change(restriction, left, now_ms).map(|change| (left, change));
            restriction = left;
        }
        let settled = plan.settlements.iter().filter(|(id, _)| self.flights.is_cold(*id)).count();
        let trying = self.flights.cold().saturating_sub(settled);
        let most = match self.standing.question.allowed(restriction, trying, now_ms, now) {
            Allowed::All => usize::MAX,
            Allowed::Probes(most) => most,
            Allowed::NotBefore(at_ms) => {
                self.standing.again_at_ms(at_ms, now_ms);
                0
            }
            Allowed::Answering(at) => {
                self.standing.again_at(at);
                0
            }
            Allowed::AskFirst => {
                self.ask(restriction, now);
                0
            }
        };
        let (code, per_day) = (restriction.map(|r| r.code), self.standing.pace.rules().cold_per_day);
        let needed = code.is_some() || per_day.is_some() || look.held.held > 0;
        // From now on a message from the other side is worth a look.
        self.door.holding.store(needed, Ordering::SeqCst);
        needed.then_some(ColdRule { code, most, per_day, held_first: self.standing.held_first })
    }

    fn ask(&mut self, about: Option<Restriction>, now: Instant) {
        if let (Some(about), Some(pump)) = (about, &self.pump) {
            self.standing.question.ask(about, now);
            pump.ask_restriction();
            self.standing.again_at(now + ALARM_MIN);
        }
    }

    fn some_held_may_go(&mut self, look: &Look, cold: ColdRule, now_ms: Millis) -> bool {
        if look.held.held == 0 || cold.most == 0 {
            return false;
        }
        if let Some(at_ms) = look.held.room_at_ms {
            self.standing.again_at_ms(at_ms, now_ms);
            return false;
        }
        true
    }

    /// Acts on what a commit says of it.
    pub(super) fn act_on_standing(&mut self, plan: &Plan, committed: &Committed) {
        if let Some((restriction, change)) = plan.restriction {
            self.standing.restriction = restriction;
            self.tell_restriction(restriction, change);
        }
        let taken = committed.outgoing.len().saturating_sub(committed.repeated);
        self.standing.pace.note(committed.at_ms, taken, &mut self.rng);
        self.standing.held_first ^= plan.take.is_some();
        self.ctx.meters.sends.add(SendOutcome::Held, committed.held.len() as u64);
        if committed.more {
            self.door.door.knock();
        }
    }

    fn tell_restriction(&self, restriction: Option<Restriction>, change: Change) {
        let counted = match change {
            Change::Begun => RestrictionChange::Begun,
            Change::Moved => RestrictionChange::Moved,
            Change::Lifted => RestrictionChange::Lifted,
            Change::Noted => return,
        };
        self.ctx.meters.restrictions.count(counted);
        let Some(r) = restriction else {
            tracing::info!("the account may write to people who never wrote again");
            return;
        };
        tracing::warn!(
            code = r.code,
            until_ms = r.until_ms,
            told = r.told,
            "the network lets the account write only to people who wrote to it"
        );
        // A refusal names no term; the network does, when it is asked.
        if let Some(pump) = self.pump.as_ref().filter(|_| !r.told) {
            pump.ask_restriction();
        }
    }
}
