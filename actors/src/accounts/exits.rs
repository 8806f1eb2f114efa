//! What is done when an account's actor is gone, or does not answer.

use super::supervisor::{Running, Supervision, SupervisorMsg};
use crate::account::{AccountMsg, Close, Transition, after_crash, after_stop, quarantined};
use crate::supervision::{CrashKind, Departure, Exit, StopReason, Verdict};
use tokio::time::Instant;
use wasup_store::id::AccountNo;
use wasup_store::records::Desired;

/// Pings left unanswered before an account's actor counts as stuck.
const MISSES_ALLOWED: u32 = 2;

impl Supervision {
    pub(super) async fn departed(&mut self, gone: Departure<AccountNo, Running>, exit: Exit, cause: Option<String>) {
        let no = gone.key;
        // Its memory may live a little longer than it does, and would keep the link open.
        gone.child.token.cancel();
        let door = self.ctx.nudges.doors.account(no);
        door.door.close(gone.child.actor.get_id());
        door.qr.send_replace(None);
        door.code.send_replace(None);
        match exit {
            Exit::Crashed(kind) if !gone.ordered => {
                self.carry_out(no, gone.generation, gone.verdict, kind, cause).await;
            }
            Exit::Crashed(_) => {
                // It broke, or was killed, while it stopped: nobody but us can write its state any more.
                let reason = if self.shutting_down { StopReason::Shutdown } else { StopReason::Requested };
                let record = self.record(no).await;
                if let Some(record) = record.as_ref().filter(|record| record.leaving) {
                    self.wipe(record, None, cause.as_deref()).await;
                } else if let Some(record) = record
                    && let Some(state) = after_stop(&record.state, record.identity.is_some(), reason)
                {
                    self.tell(Transition::of(&record, &state), no).await;
                }
            }
            Exit::Stopped(reason) => self.ended(no, reason).await,
        }
        let waiting = self.stopping.remove(&no).unwrap_or_default();
        if let Some(index) = self.start_after.iter().position(|start| start.no == no) {
            let by = self.start_after.swap_remove(index).by;
            self.start(no, by).await;
        }
        for done in waiting {
            let _ = done.send(());
        }
        self.gauge_quarantine();
        self.end_shutdown();
    }

    /// It ended by its own decision.
    pub(super) async fn ended(&mut self, no: AccountNo, reason: StopReason) {
        if reason == StopReason::Deleted {
            self.table.forget(&no);
            self.ids.remove(&no);
            return;
        }
        match reason {
            // Somebody may have wanted it to run again while it left.
            StopReason::LogOut => self.start(no, None).await,
            // ... or to stand still while it was to begin anew, which is what its state says.
            StopReason::Restarted => {
                let record = self.record(no).await.filter(|record| record.desired == Desired::Stopped);
                if let Some(record) = record.filter(|record| !record.leaving) {
                    self.stands_still(&record, &Close::because(StopReason::Requested)).await;
                }
            }
            _ => {}
        }
    }

    pub(super) async fn carry_out(
        &mut self,
        no: AccountNo,
        generation: u64,
        verdict: Verdict,
        kind: CrashKind,
        cause: Option<String>,
    ) {
        let Some(record) = self.record(no).await else {
            self.table.forget(&no);
            self.ids.remove(&no);
            return;
        };
        let cause = cause.as_deref().or(Some(kind.as_str()));
        if record.leaving {
            return self.wipe(&record, None, cause).await;
        }
        match verdict {
            Verdict::RestartAfter(wait) => {
                self.ctx.meters.restarts.count(kind);
                let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                let at_ms = self.ctx.store.now_ms().saturating_add(wait_ms);
                let state = after_crash(&record, kind, at_ms);
                self.tell(Transition { cause, ..Transition::of(&record, &state) }, no).await;
                if !self.shutting_down {
                    self.respawn_after(no, generation, wait);
                }
            }
            Verdict::Quarantine => {
                self.tell(Transition { cause, ..Transition::of(&record, &quarantined()) }, no).await;
                self.gauge_quarantine();
            }
            Verdict::Escalate | Verdict::LeaveStopped => {}
        }
    }

    pub(super) async fn heartbeat(&mut self) {
        let (ask, stuck) = self.table.ping_round(|_| MISSES_ALLOWED);
        for (generation, running) in ask {
            let _ = running.actor.cast(AccountMsg::Ping(generation));
        }
        for no in stuck {
            // Its end may never come, so the slot does not wait for it.
            let exit = Exit::Crashed(CrashKind::Stuck);
            if let Some(gone) = self.table.abandon(&no, exit, Instant::now(), &mut self.rng) {
                tracing::debug!(account.no = no.0, "the account's actor does not answer and is killed");
                gone.child.actor.kill();
                self.departed(gone, exit, None).await;
            }
        }
        // Sets the next heartbeat when it is through.
        let _ = self.myself.cast(SupervisorMsg::Compare(None));
    }
}
