//! Listens on the library's event bus: inline, in order, never waiting.

use std::sync::{Arc, Mutex, PoisonError};

use wacore::types::events::{Event, EventHandler, EventInterest};
use wacore_binary::Jid;

use super::classify::{Meaning, classify, interest};
use super::outlet::{Note, Outlet};
use super::stream_error::StreamErrors;
use crate::dial::PermitSlot;
use crate::ports::{DisconnectReason, LinkEvent};

/// The account's own addresses, once it is linked.
#[derive(Default)]
pub(super) struct OwnAddresses(Mutex<Vec<Jid>>);

impl OwnAddresses {
    /// Replaces them.
    pub(super) fn set(&self, own: Vec<Jid>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = own;
    }

    fn contains(&self, jid: &Jid) -> bool {
        let own = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        own.iter().any(|own| own.user == jid.user && own.server.is_lid_family() == jid.server.is_lid_family())
    }
}

/// The listener of one link.
pub(super) struct Ears {
    outlet: Arc<Outlet>,
    permit: Arc<PermitSlot>,
    own: Arc<OwnAddresses>,
    stream_errors: Arc<StreamErrors>,
    next_loss: Mutex<Option<DisconnectReason>>,
}

impl Ears {
    pub(super) fn new(
        outlet: Arc<Outlet>,
        permit: Arc<PermitSlot>,
        own: Arc<OwnAddresses>,
        stream_errors: Arc<StreamErrors>,
    ) -> Self {
        Self { outlet, permit, own, stream_errors, next_loss: Mutex::default() }
    }

    fn next_loss(&self) -> std::sync::MutexGuard<'_, Option<DisconnectReason>> {
        self.next_loss.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventHandler for Ears {
    fn handle_event(&self, event: Arc<Event>) {
        let now_ms = u64::try_from(wacore::time::now_millis()).unwrap_or_default();
        let said = || self.stream_errors.take();
        let loss = if matches!(*event, Event::Disconnected(_)) { self.next_loss().take().or_else(said) } else { None };
        match classify(&event, loss, |jid| self.own.contains(jid), now_ms) {
            Meaning::Note(note) => {
                // An account that waits for a human to scan is not connecting any more.
                if matches!(note, Note::Connected | Note::Say(LinkEvent::Qr { .. } | LinkEvent::Ended { .. })) {
                    self.permit.release();
                }
                self.outlet.push(note);
            }
            Meaning::NextLoss(reason) => *self.next_loss() = Some(reason),
            Meaning::Nothing => {}
        }
    }

    fn interest(&self) -> EventInterest {
        interest()
    }
}
