//! The turns of an account's actor: each gathers what has to be written, commits it in one job, and acts on it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use wasup_sessions::ports::{EndReason, SendError};
use wasup_store::id::MessageId;
use wasup_store::records::{AccountState, FailReason, RunId};
use wasup_store::repo::send::Settlement;
use wasup_store::{Durability, StoreError};

use super::ack;
use super::batch::{Batch, fold};
use super::incarnation::Incarnation;
use super::lease::EventBatch;
use super::pairing;
use super::plan::{Committed, Note, Owner, Plan};
use super::state::turned_away;
use super::transition::Transition;
use crate::meters::SendOutcome;
use crate::settings::SamePhone;
use crate::supervision::{Backoff, Crash, StopReason, StoreTrouble};

/// Waits before a message whose try failed before the wire is tried again.
const RETRY: Backoff = Backoff { base: Duration::from_secs(1), factor: 2.0, cap: Duration::from_secs(60), jitter: 0.2 };

impl Incarnation {
    pub(super) async fn on_events(&mut self, batch: EventBatch) -> Result<(), Crash> {
        let now_ms = self.ctx.store.now_ms();
        let mut batch = fold(&self.state, &self.flights, batch.events, &self.ctx.settings.accounts, now_ms);
        self.clocks.heard = Instant::now();
        self.note(&mut batch);
        let mut plan = Plan {
            settlements: std::mem::take(&mut batch.settlements),
            receipts: std::mem::take(&mut batch.receipts),
            ..Plan::default()
        };
        if !self.is_closing() {
            plan.identity = batch.identity.take();
            plan.refuse_same_phone = batch.paired && self.ctx.settings.accounts.same_phone == SamePhone::Refuse;
            plan.states = std::mem::take(&mut batch.states);
            self.end_of_link(&batch, &mut plan);
        }
        if batch.fresh_connection && self.connected {
            let out = self.flights.after_reconnect();
            self.try_again(out, &mut plan, now_ms);
            self.standing.on_connected(self.pump.as_ref());
        }
        self.judge_restriction(batch.told, &mut plan, now_ms);
        self.pump(&mut plan).await;
        self.commit(plan).await?;
        if batch.end == Some(EndReason::Unexpected) && !self.is_closing() {
            return Err(Crash::LinkEnded);
        }
        self.ask_for_code();
        self.go_on_closing().await?;
        self.set_alarm();
        Ok(())
    }

    /// What a batch means to the memory, the QR watch and the counters.
    fn note(&mut self, batch: &mut Batch) {
        if let Some(connected) = batch.connected {
            self.connected = connected;
        }
        if batch.phone_came {
            self.rounds.reset();
        }
        if let Some(code) = batch.qr.take() {
            self.show_qr(code);
        }
        if let Some(word) = batch.code.take() {
            self.on_code(word);
        }
        self.ended |= batch.end.is_some();
        for reason in &batch.lost {
            self.ctx.meters.reconnects.count(*reason);
            self.ctx.meters.per_account.reconnected(self.no);
        }
    }

    fn end_of_link(&mut self, batch: &Batch, plan: &mut Plan) {
        if batch.exhausted {
            plan.states.extend(self.on_exhausted());
        }
        match batch.end {
            None | Some(EndReason::Unexpected) => return,
            Some(EndReason::LoggedOut) => plan.log_out = true,
            Some(EndReason::Refused { code }) => tracing::warn!(code, "the network refused the login"),
            Some(_) => {}
        }
        self.close_because(StopReason::LinkEnded);
    }

    pub(super) async fn on_reports(&mut self) -> Result<(), Crash> {
        let now = Instant::now();
        let mut plan = Plan::default();
        for report in self.tray.take() {
            match report.result {
                Ok(()) => self.flights.left(report.id, now + self.ctx.settings.send.ack_timeout),
                Err(SendError::NoRecipient) => {
                    plan.settlements.push((report.id, Settlement::Failed(FailReason::NoRecipient)));
                }
                Err(SendError::NotSendable) => {
                    plan.settlements.push((report.id, Settlement::Failed(FailReason::NotSendable)));
                }
                // It goes with the next connection, which is announced by an event.
                Err(SendError::NotConnected) if !self.connected => self.flights.stayed(report.id, None),
                Err(SendError::NotConnected | SendError::TimedOut | SendError::Transient) => {
                    let wait = RETRY.wait(self.flights.tries(report.id), &mut self.rng);
                    self.flights.stayed(report.id, Some(now + wait));
                }
            }
        }
        self.pump(&mut plan).await;
        self.commit(plan).await?;
        self.go_on_closing().await?;
        self.set_alarm();
        Ok(())
    }

    pub(super) async fn on_nudge(&mut self) -> Result<(), Crash> {
        self.door.door.answered();
        let mut plan = Plan::default();
        self.pump(&mut plan).await;
        self.commit(plan).await?;
        self.set_alarm();
        Ok(())
    }

    pub(super) async fn on_alarm(&mut self) -> Result<(), Crash> {
        self.alarm_rang();
        let now_ms = self.ctx.store.now_ms();
        let mut plan = Plan { states: self.end_overdue().into_iter().collect(), ..Plan::default() };
        let mut out = self.flights.expired(&self.ctx.settings.send, now_ms);
        if self.connected && self.pump.is_some() {
            out.extend(self.flights.due(Instant::now()));
            out.sort_unstable();
            out.dedup();
        }
        self.try_again(out, &mut plan, now_ms);
        self.pump(&mut plan).await;
        self.commit(plan).await?;
        self.go_on_closing().await?;
        self.set_alarm();
        Ok(())
    }

    /// Plans another try of these sends, or gives them up.
    fn try_again(&self, ids: Vec<MessageId>, plan: &mut Plan, now_ms: u64) {
        let settled: Vec<MessageId> = plan.settlements.iter().map(|(id, _)| *id).collect();
        let open = ids.into_iter().filter(|id| !settled.contains(id)).collect();
        let (again, given_up) = self.flights.judge(open, &self.ctx.settings.send, now_ms);
        plan.settlements.extend(given_up.into_iter().map(|id| (id, Settlement::Failed(FailReason::NoAck))));
        if self.pump.is_some() && !self.is_closing() {
            plan.again = again;
        }
    }

    /// Writes a plan and acts on what came of it. An outage of the store leaves the memory as it was: whatever was not
    /// written is tried again at the next alarm.
    pub(super) async fn commit(&mut self, mut plan: Plan) -> Result<(), Crash> {
        let by = self.closing.as_ref().and_then(|closing| closing.by.clone());
        plan.note = Note { every: self.ctx.settings.accounts.state_events_every, by };
        let Some(epoch) = self.epoch.filter(|_| !plan.is_empty()) else { return Ok(()) };
        let (owner, now_ms) = (Owner { no: self.no, epoch }, self.ctx.store.now_ms());
        let plan = Arc::new(plan);
        let job = Arc::clone(&plan);
        let class = if plan.is_messages_only() { Durability::Under(&self.mark) } else { Durability::Durable };
        let written = self.ctx.store.write(class, move |tx| job.apply(tx, owner, now_ms)).await;
        match written {
            Ok(committed) => self.act_on(&plan, committed),
            Err(error) => self.trouble(error),
        }
    }

    fn act_on(&mut self, plan: &Plan, committed: Committed) -> Result<(), Crash> {
        if committed.turned_away {
            self.turned_away(plan);
            return Ok(());
        }
        self.act_on_standing(plan, &committed);
        for state in &plan.states {
            self.enter(state);
        }
        self.linked |= plan.identity.is_some();
        for (id, settlement) in &plan.settlements {
            let of_run = self.flights.run_of(*id);
            self.flights.remove(*id);
            self.count_settled(*id, *settlement, of_run);
        }
        for id in &committed.moved {
            let of_run = self.flights.run_of(*id);
            if self.flights.remove(*id) {
                self.count_settled(*id, Settlement::Sent, of_run);
            }
        }
        let settled = plan.settlements.iter().map(|(id, _)| *id);
        self.ctx.settled.wake(settled.chain(committed.moved.iter().chain(&committed.held).copied()));
        let told = plan.restriction.is_some() || !committed.held.is_empty();
        if told || !(plan.states.is_empty() && plan.settlements.is_empty() && committed.moved.is_empty()) {
            self.ctx.nudges.deliveries();
        }
        if plan.log_out {
            self.epoch = None;
            self.linked = false;
            self.ctx.nudges.janitor();
        }
        self.put_on_the_wire(plan, committed)
    }

    fn turned_away(&mut self, plan: &Plan) {
        tracing::warn!("another account is linked to the same phone: this one leaves again");
        self.enter(&turned_away(false));
        self.linked |= plan.identity.is_some();
        self.ctx.nudges.deliveries();
        self.leave(StopReason::SamePhone);
    }

    fn enter(&mut self, state: &AccountState) {
        self.tell_change(state);
        if let Some((way, outcome)) = pairing::outcome(&self.state, state, self.way) {
            self.ctx.meters.pairings.count((way, outcome));
        }
        self.way = pairing::way(&self.state, state, self.way);
        self.state = state.clone();
        self.clocks.entered(state, Instant::now());
        self.ctx.nudges.scheduler();
    }

    fn tell_change(&self, to: &AccountState) {
        let (from, epoch) = (&self.state, self.epoch.unwrap_or_default());
        let by = self.closing.as_ref().and_then(|closing| closing.by.as_ref());
        if (from.phase, from.reason) != (to.phase, to.reason) {
            Transition { account: &self.id, from, to, epoch, by, cause: None }.log(&self.ctx.meters);
        }
    }

    fn count_settled(&self, id: MessageId, settlement: Settlement, of_run: Option<RunId>) {
        let (outcome, meters) = (ack::outcome(settlement), &self.ctx.meters);
        meters.sends.count(outcome);
        match of_run {
            Some(RunId::Job(_)) => meters.job_items.count(outcome),
            Some(RunId::Campaign(_)) => meters.campaign_messages.count(outcome),
            None => {}
        }
        if outcome == SendOutcome::Sent {
            // A send's key begins with the time of its acceptance.
            let took_ms = self.ctx.store.now_ms().saturating_sub(id.key.ts_ms);
            meters.send_seconds.record(Duration::from_millis(took_ms));
        }
    }

    fn put_on_the_wire(&mut self, plan: &Plan, committed: Committed) -> Result<(), Crash> {
        self.ctx.meters.sends.add(SendOutcome::Resent, committed.repeated as u64);
        // One that was to be repeated and did not come back was settled by somebody else.
        for id in &plan.again {
            if !committed.outgoing.iter().any(|(out, _)| out == id) {
                self.flights.remove(*id);
            }
        }
        for (id, record) in &committed.outgoing {
            self.flights.hand_over(*id, record);
        }
        committed.cold.iter().for_each(|id| self.flights.mark_cold(*id));
        match &self.pump {
            Some(pump) => pump.hand_over(committed.outgoing),
            None if committed.outgoing.is_empty() => Ok(()),
            None => Err(Crash::Invariant("messages were taken without a link")),
        }
    }

    fn trouble(&mut self, error: StoreError) -> Result<(), Crash> {
        let told = error.to_string();
        match StoreTrouble::from(error) {
            StoreTrouble::Crash(crash) => return Err(crash),
            StoreTrouble::Stale => {
                tracing::warn!("another incarnation owns the account; this one ends");
                self.epoch = None;
                self.close_because(StopReason::TakenOver);
            }
            StoreTrouble::Outage => tracing::error!(error = told, "the store does not write; it is tried again"),
        }
        Ok(())
    }
}
