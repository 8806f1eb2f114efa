//! Pairing codes: asked of the link when somebody wants one and the network can give it, shown in the account's door.

use std::time::Duration;

use tokio::time::Instant;
use wasup_sessions::ports::{CodeRefusal, PairingCode};
use wasup_store::records::{AccountState, Phase};

use super::deadline::Overdue;
use super::incarnation::Incarnation;
use super::state::{code_expired, pairing_timed_out, silent};
use crate::door::{CodeNews, CodeWish};

/// What a batch of events says of pairing codes; the last word counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CodeWord {
    /// One can be entered for so long.
    Shown(PairingCode, Duration),
    /// There is none.
    Refused(CodeRefusal, Option<Duration>),
    /// None is needed any more, or the link that it belonged to is gone.
    Over,
}

impl Incarnation {
    /// Asks for a code where one is wanted and the network would give one: it shows a QR code then.
    pub(super) fn ask_for_code(&mut self) {
        if self.linked || self.is_closing() || self.state.phase != Phase::Pairing {
            return;
        }
        let Some(link) = self.port.as_ref().and_then(std::sync::Weak::upgrade) else { return };
        if let Some(wish) = self.door.take_code_wish() {
            link.request_pairing_code(&wish.phone);
            // Whoever enters a code sees no QR codes, which must not run out meanwhile.
            self.door.qr_wanted.store(true, std::sync::atomic::Ordering::SeqCst);
            self.code_for = Some(wish);
        }
    }

    /// Takes in what the link said of pairing codes.
    pub(super) fn on_code(&mut self, word: CodeWord) {
        let news = match word {
            CodeWord::Shown(code, valid_for) => {
                self.clocks.code_until = Some(Instant::now() + valid_for);
                let valid_ms = u64::try_from(valid_for.as_millis()).unwrap_or(u64::MAX);
                let expires_ms = self.ctx.store.now_ms().saturating_add(valid_ms);
                let phone = self.code_for.as_ref().map(|wish| wish.phone.clone()).unwrap_or_default();
                Some(CodeNews::Shown { phone, code, expires_ms })
            }
            CodeWord::Refused(CodeRefusal::NotConnected, _) if self.keep_wish() => {
                self.clocks.code_until = None;
                None
            }
            CodeWord::Refused(reason, retry_after) => {
                self.clocks.code_until = None;
                self.code_for = None;
                Some(CodeNews::Refused { reason, retry_after })
            }
            CodeWord::Over => {
                self.clocks.code_until = None;
                self.code_for = None;
                None
            }
        };
        self.door.code.send_replace(news);
    }

    /// The connection was not there: the wish is asked again with the next QR code, if somebody still waits for it.
    fn keep_wish(&mut self) -> bool {
        let wish = self.code_for.take().filter(|wish| wish.until > Instant::now());
        wish.is_some_and(|wish: CodeWish| {
            self.door.keep_code_wish(wish);
            true
        })
    }

    /// Ends what has taken too long; answers the state that comes of it.
    pub(super) fn end_overdue(&mut self) -> Option<AccountState> {
        if self.is_closing() {
            return None;
        }
        let (now, now_ms) = (Instant::now(), self.ctx.store.now_ms());
        match self.clocks.overdue(self.state.phase, &self.ctx.settings.accounts, now)? {
            Overdue::Code => {
                if let Some(link) = self.port.as_ref().and_then(std::sync::Weak::upgrade) {
                    link.cancel_pairing_code();
                }
                self.on_code(CodeWord::Refused(CodeRefusal::Expired, None));
                code_expired(&self.state, now_ms)
            }
            Overdue::Linking => {
                self.open_anew();
                pairing_timed_out(&self.state, now_ms)
            }
            Overdue::Silence => {
                tracing::warn!("nothing was heard of the link for too long; it is opened anew");
                self.open_anew();
                silent(&self.state, now_ms)
            }
        }
    }

    fn open_anew(&mut self) {
        self.reopen = true;
        self.clocks.linking = None;
        self.clocks.heard = Instant::now();
    }
}
