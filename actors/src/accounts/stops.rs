//! How accounts are stopped, one by one and all together.

use ractor::RpcReplyPort;
use wasup_store::id::AccountNo;
use wasup_store::records::Desired;

use super::supervisor::{Supervision, SupervisorMsg};
use crate::account::{AccountMsg, Close, Transition, after_stop};
use crate::supervision::{StopReason, StopStep};

impl Supervision {
    pub(super) async fn stop(&mut self, no: AccountNo, close: Close, done: RpcReplyPort<()>) {
        let record = self.record(no).await;
        if record.as_ref().is_some_and(|record| record.desired == Desired::Running) {
            // Started again by somebody else in the meantime: theirs is the later word.
            let _ = done.send(());
            return;
        }
        self.start_after.retain(|(waiting, _)| *waiting != no);
        if self.ask_to_stop(no, close.clone()) {
            self.stopping.entry(no).or_default().push(done);
            return;
        }
        match record {
            Some(record) => {
                if let Some(state) = after_stop(&record.state, record.identity.is_some(), close.reason) {
                    let request_id = close.request_id.as_ref();
                    self.tell(Transition { request_id, ..Transition::of(&record, &state) }, no).await;
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
    pub(super) fn ask_to_stop(&mut self, no: AccountNo, close: Close) -> bool {
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
