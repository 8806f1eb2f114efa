//! Connections that want to be linked, found by the references in their QR codes.

use super::PairingError;
use super::adv::Statement;
use crate::account::Account;
use crate::connection::Link;
use crate::lock::hold;
use crate::prekey::DeviceKeys;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;

/// References handed to one connection. The real network hands out six.
pub(crate) const REFERENCES: usize = 6;

/// An unregistered connection with the keys it registers.
pub(crate) struct Offer {
    pub(crate) link: Arc<Link>,
    pub(crate) noise: [u8; 32],
    pub(crate) keys: DeviceKeys,
    pending: Mutex<Slot>,
}

/// A phone has scanned; the companion's answer is awaited.
pub(crate) struct Pending {
    pub(crate) iq_id: String,
    pub(crate) account: Arc<Account>,
    pub(crate) device: u16,
    pub(crate) key_index: u32,
    pub(crate) statement: Statement,
    pub(crate) done: oneshot::Sender<Result<u16, PairingError>>,
}

#[derive(Default)]
enum Slot {
    #[default]
    Open,
    Scanned(Box<Pending>),
    Used,
}

impl Offer {
    pub(crate) fn new(link: Arc<Link>, noise: [u8; 32], keys: DeviceKeys) -> Self {
        Self { link, noise, keys, pending: Mutex::default() }
    }

    /// A phone takes the offer. Only the first one can.
    pub(crate) fn begin(&self, pending: Pending) -> Result<(), PairingError> {
        let mut slot = hold(&self.pending);
        if !matches!(*slot, Slot::Open) {
            return Err(PairingError::AlreadyScanned);
        }
        *slot = Slot::Scanned(Box::new(pending));
        Ok(())
    }

    /// Takes the pairing that waits for the answer to this iq.
    pub(crate) fn answered(&self, iq_id: &str) -> Option<Box<Pending>> {
        let mut slot = hold(&self.pending);
        match std::mem::replace(&mut *slot, Slot::Used) {
            Slot::Scanned(pending) if pending.iq_id == iq_id => Some(pending),
            other => {
                *slot = other;
                None
            }
        }
    }

    /// The connection ended: whoever scanned is told.
    pub(crate) fn abandon(&self) {
        let slot = std::mem::replace(&mut *hold(&self.pending), Slot::Used);
        if let Slot::Scanned(pending) = slot {
            // The phone may have given up waiting.
            let _gone = pending.done.send(Err(PairingError::ConnectionLost));
        }
    }
}

/// All open offers by reference.
#[derive(Default)]
pub(crate) struct Offers(Mutex<HashMap<String, Arc<Offer>>>);

impl Offers {
    pub(crate) fn publish(&self, references: &[String], offer: &Arc<Offer>) {
        let mut offers = hold(&self.0);
        for reference in references {
            offers.insert(reference.clone(), offer.clone());
        }
    }

    pub(crate) fn withdraw(&self, references: &[String]) {
        let mut offers = hold(&self.0);
        for reference in references {
            offers.remove(reference);
        }
    }

    pub(crate) fn find(&self, reference: &str) -> Option<Arc<Offer>> {
        hold(&self.0).get(reference).cloned()
    }
}
