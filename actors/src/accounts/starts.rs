//! How accounts start: with the process, by an ask, after a back-off, by a look at what the store wants.

use std::sync::Arc;
use std::time::Duration;

use ractor::Actor;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wasup_store::id::{AccountId, AccountNo, Millis};
use wasup_store::records::{AccountRecord, AccountState, Desired, Phase, Reason};
use wasup_store::repo::account;
use wasup_store::{Durability, StoreError, WriteTx};

use super::supervisor::{Running, StartAfter, Supervision, SupervisorMsg};
use crate::account::{AccountActor, AccountArgs, AccountMsg, Boot, Close, Transition, boot};
use crate::principal::Asker;
use crate::supervision::{Crash, CrashKind, StopReason, not_started};

/// Accounts looked at in one go; in between, other messages get their turn.
const PAGE: usize = 64;

/// Whether an account was never started since it was asked to run. One that stopped by itself says why, and waits for
/// somebody to ask again.
fn is_fresh(record: &AccountRecord) -> bool {
    record.state.phase == Phase::Stopped && matches!(record.state.reason, Reason::Requested | Reason::PairingCancelled)
}

/// Whether a state is one that ends by itself, and its time has come.
fn is_retried(state: &AccountState, now_ms: Millis) -> bool {
    let waits = matches!(state.phase, Phase::Banned | Phase::Outdated);
    waits && state.retry_at_ms.is_some_and(|at_ms| at_ms <= now_ms)
}

impl Supervision {
    pub(super) async fn boot(&mut self, after: Option<AccountId>) -> Result<(), Crash> {
        if self.shutting_down {
            return Ok(());
        }
        let page = self.ctx.store.read(|tx| account::list(tx, after.as_ref(), PAGE)).await;
        let page = page.map_err(Crash::Rows)?;
        let now_ms = self.ctx.store.now_ms();
        for record in &page {
            let no = record.no;
            match boot(record, now_ms) {
                Boot::Start => self.spawn(record, None).await,
                Boot::StartLater => self.remember_restart(no).await,
                Boot::LogOut => self.log_out(record.clone(), Close::because(StopReason::LogOut), None).await,
                Boot::Quarantined => self.table.quarantine(&no),
                Boot::Correct(state) => self.tell(Transition::of(record, &state), no).await,
                Boot::Leave => {}
            }
        }
        self.gauge_quarantine();
        let next = match page.last().filter(|_| page.len() == PAGE) {
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
    pub(super) async fn compare(&mut self, after: Option<AccountId>) {
        let page = self.ctx.store.read(|tx| account::list(tx, after.as_ref(), PAGE)).await;
        let page = page.unwrap_or_default();
        for record in &page {
            let runs = self.table.runs(&record.no);
            if runs {
                self.treat(record);
            }
            if record.leaving && !runs && !self.shutting_down {
                self.log_out(record.clone(), Close::because(StopReason::LogOut), None).await;
                continue;
            }
            match record.desired {
                Desired::Running if !runs && is_fresh(record) => self.spawn(record, None).await,
                Desired::Stopped if runs => {
                    self.ask_to_stop(record.no, Close::because(StopReason::Requested));
                }
                Desired::Running | Desired::Stopped => {}
            }
        }
        match page.last().filter(|_| page.len() == PAGE) {
            Some(last) => drop(self.myself.cast(SupervisorMsg::Compare(Some(last.id.clone())))),
            None => self.set_heartbeat(),
        }
    }

    /// Starts an account if the store wants it to run: asks for a start and for a stop may arrive in another order
    /// than their commits.
    pub(super) async fn start(&mut self, no: AccountNo, by: Option<Asker>) {
        let Some(record) = self.record(no).await.filter(|record| record.desired == Desired::Running) else {
            return;
        };
        if self.stopping.contains_key(&no) {
            self.start_after.push(StartAfter { no, by });
            return;
        }
        self.spawn(&record, by).await;
    }

    pub(super) async fn spawn(&mut self, record: &AccountRecord, by: Option<Asker>) {
        let no = record.no;
        self.treat(record);
        let Some(generation) = self.table.begin(&no).filter(|_| !self.shutting_down) else { return };
        self.ids.insert(no, record.id.clone());
        self.spawn_as(no, &record.id, generation, by).await;
    }

    /// What is set for the account's restarts counts from here on.
    fn treat(&mut self, record: &AccountRecord) {
        let policy = self.ctx.settings.supervision.policy_for(&record.settings.restart);
        self.table.treat(&record.no, policy);
    }

    /// Something was changed about an account: its budget holds from here on, and a running one looks at the rest.
    pub(super) async fn settings_changed(&mut self, no: AccountNo) {
        let Some(record) = self.record(no).await.filter(|_| self.ids.contains_key(&no)) else { return };
        self.treat(&record);
        if let Some(running) = self.table.child(&no) {
            let _ = running.actor.cast(AccountMsg::Settings);
        }
    }

    pub(super) async fn respawn(&mut self, no: AccountNo, generation: u64) {
        let Some(id) = self.ids.get(&no).cloned().filter(|_| !self.shutting_down) else { return };
        if let Some(generation) = self.table.begin_due(&no, generation) {
            self.spawn_as(no, &id, generation, None).await;
        }
    }

    pub(super) async fn spawn_as(&mut self, no: AccountNo, id: &AccountId, generation: u64, by: Option<Asker>) {
        let token = CancellationToken::new();
        let args = AccountArgs {
            ctx: Arc::clone(&self.ctx),
            supervisor: self.myself.clone(),
            id: id.clone(),
            no,
            generation,
            token: token.clone(),
            by,
        };
        // No name: the framework's registry is one for the whole process and a restart would collide with itself.
        match Actor::spawn_linked(None, AccountActor, args, self.myself.get_cell()).await {
            Ok((actor, _)) => {
                self.table.started(&no, actor.get_id(), Running { actor, token }, Instant::now());
            }
            Err(error) => {
                let cause = not_started(&error);
                let (generation, verdict) = self.table.not_started(&no, Instant::now(), &mut self.rng);
                self.carry_out(no, generation, verdict, CrashKind::NotStarted, cause).await;
            }
        }
    }

    /// A store of an earlier version has no row for it.
    async fn remember_restart(&self, no: AccountNo) {
        let note = move |tx: &mut WriteTx<'_>| account::remember_restart(tx, no);
        let noted: Result<(), StoreError> = self.ctx.store.write(Durability::Durable, note).await;
        if let Err(error) = noted {
            tracing::error!(account.no = no.0, %error, "the account's restart can't be noted");
        }
        self.ctx.nudges.scheduler();
    }

    /// The time of an account has come that stood still until then, as after a ban.
    pub(super) async fn retry(&mut self, no: AccountNo) {
        let record = self.record(no).await.filter(|record| record.desired == Desired::Running && !record.leaving);
        let now_ms = self.ctx.store.now_ms();
        if let Some(record) = record.filter(|record| is_retried(&record.state, now_ms))
            && !self.stopping.contains_key(&no)
        {
            self.spawn(&record, None).await;
        }
    }

    pub(super) fn respawn_after(&self, no: AccountNo, generation: u64, wait: Duration) {
        self.myself.send_after(wait, move || SupervisorMsg::Respawn { no, generation });
    }
}
