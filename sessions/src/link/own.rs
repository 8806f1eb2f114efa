//! The account's own addresses.

use std::sync::{Mutex, PoisonError};

use wacore_binary::Jid;

/// The account's own addresses, once it is linked.
#[derive(Default)]
pub(crate) struct OwnAddresses(Mutex<Vec<Jid>>);

impl OwnAddresses {
    /// Replaces them.
    pub(crate) fn set(&self, own: Vec<Jid>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = own;
    }

    /// Every one of them: by phone number, and by the network's own number where it is known.
    pub(crate) fn all(&self) -> Vec<Jid> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether an address is one of them, of whichever device.
    pub(crate) fn contains(&self, jid: &Jid) -> bool {
        let own = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        own.iter().any(|own| own.user == jid.user && own.server.is_lid_family() == jid.server.is_lid_family())
    }
}
