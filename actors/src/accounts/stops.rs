//! How accounts are stopped, one by one and all together.

use ractor::RpcReplyPort;
use wasup_store::id::AccountNo;
use wasup_store::records::{AccountRecord, Desired};

use super::supervisor::{StartAfter, Supervision, SupervisorMsg};
use crate::account::{AccountMsg, Close, Transition, after_stop};
use crate::supervision::{StopReason, StopStep};

impl Supervision {
    pub(super) async fn stop(&mut self, no: AccountNo, close: Close, done: RpcReplyPort<()>) {
        let Some(record) = self.record(no).await else {
            // Gone: whatever still runs of it ends.
            if self.ask_to_stop(no, close) {
                self.stopping.entry(no).or_default().push(done);
            } else {
                self.table.forget(&no);
                self.ids.remove(&no);
                let _ = done.send(());
            }
            return;
        };
        if record.leaving {
            let close = Close { by: close.by.clone(), ..Close::because(StopReason::LogOut) };
            return self.log_out(record, close, Some(done)).await;
        }
        if record.desired == Desired::Running {
            // Started again by somebody else in the meantime: theirs is the later word.
            let _ = done.send(());
            return;
        }
        self.start_after.retain(|start| start.no != no);
        if self.ask_to_stop(no, close.clone()) {
            self.stopping.entry(no).or_default().push(done);
            return;
        }
        self.stands_still(&record, &close).await;
        let _ = done.send(());
    }

    pub(super) async fn stands_still(&self, record: &AccountRecord, close: &Close) {
        if let Some(state) = after_stop(&record.state, record.identity.is_some(), close.reason) {
            self.tell(Transition { by: close.by.as_ref(), ..Transition::of(record, &state) }, record.no).await;
        }
    }

    /// Stops an account that runs, and starts it when that is done; starts one that does not.
    pub(super) async fn restart(&mut self, no: AccountNo, close: Close, done: RpcReplyPort<()>) {
        let by = close.by.clone();
        let wanted = self.record(no).await.filter(|record| record.desired == Desired::Running && !record.leaving);
        if wanted.is_some() && !self.shutting_down && self.ask_to_stop(no, close) {
            self.start_after.retain(|start| start.no != no);
            self.start_after.push(StartAfter { no, by });
            self.stopping.entry(no).or_default().push(done);
            return;
        }
        self.start(no, by).await;
        let _ = done.send(());
    }

    /// Asks a running account to stop; `false` where none runs.
    pub(super) fn ask_to_stop(&mut self, no: AccountNo, close: Close) -> bool {
        let step = self.table.stop(&no);
        let running = match step {
            StopStep::Done => return false,
            // What is asked now may be more than what was asked before.
            StopStep::Asked if close.reason == StopReason::LogOut => {
                if let Some(running) = self.table.child(&no) {
                    let _ = running.actor.cast(AccountMsg::Close(close));
                }
                return true;
            }
            StopStep::Asked => return true,
            StopStep::Ask(running) => running,
        };
        let _ = running.actor.cast(AccountMsg::Close(close));
        let (generation, patience) = (self.table.generation(&no), self.ctx.settings.supervision.stop_timeout);
        self.myself.send_after(patience, move || SupervisorMsg::StopLate { no, generation });
        true
    }

    pub(super) fn stop_late(&mut self, no: AccountNo, generation: u64) {
        if let Some(running) = self.table.late_stop(&no, generation) {
            tracing::error!(account.no = no.0, "the account's actor did not stop in time and is killed");
            running.token.cancel();
            running.actor.kill();
        }
    }

    pub(super) fn shut_down(&mut self, done: RpcReplyPort<()>) {
        self.shutting_down = true;
        self.shutdown = Some(done);
        for no in self.table.alive() {
            self.ask_to_stop(no, Close::because(StopReason::Shutdown));
        }
        self.end_shutdown();
    }

    pub(super) fn kill_all(&self) {
        for running in self.table.children() {
            running.token.cancel();
            running.actor.kill();
        }
    }

    pub(super) fn end_shutdown(&mut self) {
        if self.shutting_down
            && self.table.alive().is_empty()
            && let Some(done) = self.shutdown.take()
        {
            let _ = done.send(());
        }
    }
}
