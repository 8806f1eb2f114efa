//! Connections that want to be linked, found by the references in their QR codes.

use super::PairingError;
use super::adv::Statement;
use super::code::CodeRequest;
use crate::account::Account;
use crate::connection::Link;
use crate::lock::hold;
use crate::prekey::DeviceKeys;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;

/// References handed to one connection. The real network hands out six.
pub(crate) const REFERENCES: usize = 6;

/// An unregistered connection with the keys it registers.
pub(crate) struct Offer {
    pub(crate) link: Arc<Link>,
    pub(crate) noise: [u8; 32],
    pub(crate) keys: DeviceKeys,
    /// What the device says of itself.
    pub(crate) props: Vec<u8>,
    pending: Mutex<Slot>,
    code: Mutex<CodeSlot>,
}

/// A pairing by code on this connection.
#[derive(Default)]
struct CodeSlot {
    request: Option<CodeRequest>,
    /// The phone that has answered waits for the companion's key bundle.
    bundle: Option<oneshot::Sender<Vec<u8>>>,
    /// Notifications that the companion has to acknowledge.
    notices: HashSet<String>,
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
    pub(crate) fn new(link: Arc<Link>, noise: [u8; 32], keys: DeviceKeys, props: Vec<u8>) -> Self {
        Self { link, noise, keys, props, pending: Mutex::default(), code: Mutex::default() }
    }

    /// The companion asks for a code; what it asked for before is void.
    pub(crate) fn ask(&self, request: CodeRequest) {
        let mut code = hold(&self.code);
        code.request = Some(request);
        code.bundle = None;
    }

    /// What the companion has asked for.
    pub(crate) fn request(&self) -> Option<CodeRequest> {
        hold(&self.code).request.clone()
    }

    /// The code is void: the companion was told to get another.
    pub(crate) fn take_request(&self) -> Option<CodeRequest> {
        let mut code = hold(&self.code);
        code.bundle = None;
        code.request.take()
    }

    /// A phone answers the request. The companion's key bundle comes to it, unless another phone answers meanwhile.
    pub(crate) fn answer(&self) -> oneshot::Receiver<Vec<u8>> {
        let (sender, bundle) = oneshot::channel();
        let mut code = hold(&self.code);
        code.bundle = Some(sender);
        if let Some(request) = &mut code.request {
            request.tries += 1;
        }
        bundle
    }

    /// Who waits for the key bundle, once.
    pub(crate) fn awaits_bundle(&self) -> Option<oneshot::Sender<Vec<u8>>> {
        hold(&self.code).bundle.take()
    }

    /// Sends a notification that is to be acknowledged.
    pub(crate) fn notify(&self, id: &str, node: wacore_binary::Node) {
        hold(&self.code).notices.insert(id.to_owned());
        self.link.send(node);
    }

    /// Whether a notification of this id was sent and not acknowledged before.
    pub(crate) fn acknowledged(&self, id: &str) -> bool {
        hold(&self.code).notices.remove(id)
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
        *hold(&self.code) = CodeSlot::default();
        let slot = std::mem::replace(&mut *hold(&self.pending), Slot::Used);
        if let Slot::Scanned(pending) = slot {
            // The phone may have given up waiting.
            let _gone = pending.done.send(Err(PairingError::ConnectionLost));
        }
    }
}

/// All open offers, by reference and, where a code was asked for, by the number it was asked for.
#[derive(Default)]
pub(crate) struct Offers {
    shown: Mutex<HashMap<String, Arc<Offer>>>,
    asked: Mutex<HashMap<String, Arc<Offer>>>,
}

impl Offers {
    pub(crate) fn publish(&self, references: &[String], offer: &Arc<Offer>) {
        let mut offers = hold(&self.shown);
        for reference in references {
            offers.insert(reference.clone(), offer.clone());
        }
    }

    /// A connection asks for a code for a number. The one that asks last gets the phone's answer.
    pub(crate) fn ask(&self, number: &str, offer: &Arc<Offer>) {
        hold(&self.asked).insert(number.to_owned(), offer.clone());
    }

    /// The connection that asked last for a code for this number.
    pub(crate) fn asking(&self, number: &str) -> Option<Arc<Offer>> {
        hold(&self.asked).get(number).cloned()
    }

    /// The connection has ended.
    pub(crate) fn withdraw(&self, references: &[String], offer: &Arc<Offer>) {
        let mut offers = hold(&self.shown);
        for reference in references {
            offers.remove(reference);
        }
        hold(&self.asked).retain(|_, asking| !Arc::ptr_eq(asking, offer));
    }

    pub(crate) fn find(&self, reference: &str) -> Option<Arc<Offer>> {
        hold(&self.shown).get(reference).cloned()
    }
}
