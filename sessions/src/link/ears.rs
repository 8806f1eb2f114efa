//! Listens on the library's event bus: inline, in order, never waiting.

use std::sync::Arc;
use std::time::Duration;

use wacore::types::events::{Event, EventHandler, EventInterest};

use super::classify::{Meaning, classify, interest};
use super::loss::Losses;
use super::outlet::{Note, Outlet};
use super::own::OwnAddresses;
use super::pairing_code::{CodeNews, Codes};
use crate::dial::PermitSlot;
use crate::ports::LinkEvent;

/// The listener of one link.
pub(super) struct Ears {
    pub(super) outlet: Arc<Outlet>,
    pub(super) permit: Arc<PermitSlot>,
    pub(super) own: Arc<OwnAddresses>,
    pub(super) losses: Arc<Losses>,
    pub(super) codes: Arc<Codes>,
    /// Longest that a step of a login or a pairing may take.
    pub(super) step: Duration,
}

impl Ears {
    fn note(&self, note: Note) {
        // An account that waits for a human to scan is not connecting any more.
        if matches!(note, Note::Connected | Note::Say(LinkEvent::Qr { .. } | LinkEvent::Ended { .. })) {
            self.permit.release();
        }
        match &note {
            // The next code comes when this one is over.
            Note::Say(LinkEvent::Qr { valid_for, .. }) => self.outlet.got_on(*valid_for + self.step),
            Note::Say(LinkEvent::PairingStarted) => {
                self.codes.news(CodeNews::Used);
                self.outlet.got_on(self.step);
            }
            _ => {}
        }
        self.outlet.push(note);
    }
}

impl EventHandler for Ears {
    fn handle_event(&self, event: Arc<Event>) {
        let now_ms = u64::try_from(wacore::time::now_millis()).unwrap_or_default();
        match classify(&event, |jid| self.own.contains(jid), now_ms) {
            Meaning::Note(note) => self.note(note),
            Meaning::Gone(reason) => {
                self.outlet.lost(self.losses.take().unwrap_or(reason));
                self.codes.connection_gone();
            }
            Meaning::Lost(reason) => {
                self.outlet.lost(reason);
                self.codes.connection_gone();
            }
            Meaning::Over(reason) => self.losses.ends(reason),
            Meaning::Hint(reason) => self.losses.hint(reason),
            Meaning::Code(news) => self.codes.news(news),
            Meaning::Nothing => {}
        }
    }

    fn interest(&self) -> EventInterest {
        interest()
    }
}
