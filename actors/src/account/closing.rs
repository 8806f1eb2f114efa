//! How a life of an account's actor ends, or goes on with another link.

use std::sync::atomic::Ordering;

use tokio::time::Instant;
use wasup_store::records::AccountState;

use super::actor::Close;
use super::incarnation::{Closing, Incarnation, STOP_SHARE};
use super::plan::Plan;
use super::state::after_stop;
use crate::principal::RequestId;
use crate::supervision::{Crash, StopReason};

impl Incarnation {
    /// Another round of codes begins, or the account stops; answers the state for the latter.
    pub(super) fn on_exhausted(&mut self) -> Option<AccountState> {
        let wanted = self.door.qr_wanted.swap(false, Ordering::SeqCst);
        if self.rounds.exhausted(wanted) {
            self.reopen = true;
            return None;
        }
        self.close_because(StopReason::QrExpired);
        after_stop(&self.state, self.linked, StopReason::QrExpired)
    }

    pub(super) async fn on_close(&mut self, close: Close) -> Result<(), Crash> {
        if close.log_out
            && let Some(link) = &self.link
        {
            link.log_out_at_close();
        }
        self.begin_to_close(close.reason, close.request_id);
        self.go_on_closing().await
    }

    /// Begins a stop, unless one is on its way for another reason.
    pub(super) fn close_because(&mut self, reason: StopReason) {
        self.begin_to_close(reason, None);
    }

    fn begin_to_close(&mut self, reason: StopReason, request_id: Option<RequestId>) {
        let grace = self.ctx.settings.supervision.stop_timeout.mul_f64(STOP_SHARE);
        self.closing.get_or_insert(Closing { reason, request_id, deadline: Instant::now() + grace });
    }

    /// Whether a stop is on its way.
    pub(super) const fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    /// Takes a stop, or a new round of codes, as far as it can go now.
    pub(super) async fn go_on_closing(&mut self) -> Result<(), Crash> {
        let Some(closing) = &self.closing else {
            if self.reopen
                && let Some(link) = &self.link
            {
                link.close();
            }
            return Ok(());
        };
        let Some(link) = &self.link else { return self.finish().await };
        if !self.connected || self.flights.moving() == 0 || closing.deadline <= Instant::now() {
            link.close();
        }
        self.set_alarm();
        Ok(())
    }

    pub(super) async fn on_link_gone(&mut self) -> Result<(), Crash> {
        self.link = None;
        self.pump = None;
        self.connected = false;
        self.flights.sender_gone();
        self.show_qr(None);
        if self.closing.is_some() {
            return self.finish().await;
        }
        if !std::mem::take(&mut self.reopen) {
            return Err(Crash::LinkEnded);
        }
        self.open_link();
        Ok(())
    }

    /// The last step of a stop.
    async fn finish(&mut self) -> Result<(), Crash> {
        let Some(closing) = &self.closing else { return Ok(()) };
        let reason = closing.reason;
        if matches!(reason, StopReason::Requested | StopReason::Undeclared | StopReason::Shutdown) {
            let states = after_stop(&self.state, self.linked, reason).into_iter().collect();
            self.commit(Plan { states, ..Plan::default() }).await?;
        }
        tracing::debug!(reason = reason.as_str(), "the account's actor stops");
        self.myself.stop(Some(reason.as_str().to_owned()));
        Ok(())
    }
}
