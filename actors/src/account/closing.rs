//! How a life of an account's actor ends, or goes on with another link.

use std::sync::atomic::Ordering;

use tokio::time::Instant;
use wasup_store::records::AccountState;

use super::actor::Close;
use super::codes::CodeWord;
use super::incarnation::{Closing, Incarnation, STOP_SHARE};
use super::plan::Plan;
use super::state::{after_stop, interrupted, left, turned_away};
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
        self.begin_to_close(close);
        self.go_on_closing().await
    }

    /// Begins a stop, unless one is on its way for another reason.
    pub(super) fn close_because(&mut self, reason: StopReason) {
        self.begin_to_close(Close::because(reason));
    }

    fn begin_to_close(&mut self, Close { reason, log_out, by }: Close) {
        let grace = self.ctx.settings.supervision.stop_timeout.mul_f64(STOP_SHARE);
        let new = Closing { reason, by, farewell: log_out, deadline: Instant::now() + grace };
        match &mut self.closing {
            None => self.closing = Some(new),
            // Who leaves for good does more than who only stops, whichever was asked for first.
            Some(was) if reason == StopReason::LogOut && was.reason != StopReason::Deleted => {
                *was = Closing { deadline: was.deadline, ..new };
            }
            Some(_) => {}
        }
    }

    /// Stops for good: the device is removed at the network, as far as that works, and its keys are wiped.
    pub(super) fn leave(&mut self, reason: StopReason) {
        if let Some(link) = &self.link {
            link.log_out_at_close();
        }
        self.close_because(reason);
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
        let Some(link) = &self.link else {
            // One that is to leave has to take the account over first.
            let too_early = closing.farewell && self.target.is_none();
            return if too_early { Ok(()) } else { self.finish().await };
        };
        let waits = if self.connected {
            self.flights.moving() > 0
        } else {
            // Only over a connection it can be told that the device goes.
            closing.farewell && self.linked && !self.ended
        };
        if !waits || closing.deadline <= Instant::now() {
            link.close();
        }
        self.set_alarm();
        Ok(())
    }

    pub(super) async fn on_link_gone(&mut self) -> Result<(), Crash> {
        self.removed |= self.link.take().is_some_and(|link| link.is_removed());
        self.port = None;
        self.door.put_link(None);
        self.pump = None;
        self.connected = false;
        self.flights.sender_gone();
        self.show_qr(None);
        self.on_code(CodeWord::Over);
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
        let told = self.removed || !(self.linked || interrupted(&self.state, self.linked));
        let plan = match reason {
            StopReason::LogOut => Plan { states: vec![left(told)], log_out: true, ..Plan::default() },
            StopReason::SamePhone => Plan { states: vec![turned_away(told)], log_out: true, ..Plan::default() },
            StopReason::Requested
            | StopReason::Undeclared
            | StopReason::Shutdown
            | StopReason::Restarted
            | StopReason::PairingCancelled => {
                let states = after_stop(&self.state, self.linked, reason).into_iter().collect();
                Plan { states, ..Plan::default() }
            }
            StopReason::Deleted
            | StopReason::LinkEnded
            | StopReason::QrExpired
            | StopReason::TakenOver
            | StopReason::Done => Plan::default(),
        };
        self.commit(plan).await?;
        tracing::debug!(reason = reason.as_str(), "the account's actor stops");
        self.myself.stop(Some(reason.as_str().to_owned()));
        Ok(())
    }
}
