//! A companion device of an account: its keys, its mailbox, its faults.

use crate::fault::FaultSet;
use crate::ledger::{Book, MarkedCounter};
use crate::lock::hold;
use crate::offline::{Class, Mailbox, Parcel};
use crate::prekey::DeviceKeys;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::time::Instant;

/// A linked companion.
pub(crate) struct Device {
    /// Its number within the account, from 1.
    pub(crate) id: u16,
    /// Its index in the account's signed list of devices.
    pub(crate) key_index: u32,
    /// The Noise static key it registered with: its logins are authenticated by it.
    pub(crate) noise: [u8; 32],
    /// The signed proof that it belongs to the account, as peers get it.
    pub(crate) proof: Vec<u8>,
    /// What it said of itself when it registered.
    pub(crate) props: Vec<u8>,
    pub(crate) faults: Arc<FaultSet>,
    /// Ids of messages it has acknowledged.
    pub(crate) acked: Book<String>,
    pub(crate) logins: MarkedCounter,
    keys: Mutex<DeviceKeys>,
    mailbox: Mutex<Mailbox>,
    /// Which version of which account's device list it has been told of.
    told: Mutex<HashMap<String, Told>>,
    greeted: AtomicBool,
}

/// What a device knows of an account's device list.
#[derive(Clone, Copy)]
pub(crate) struct Told {
    /// The version of the list.
    pub(crate) version: u64,
    /// Since when it knows.
    pub(crate) since: Instant,
}

/// What a new device brings.
pub(crate) struct NewDevice {
    pub(crate) noise: [u8; 32],
    pub(crate) proof: Vec<u8>,
    pub(crate) props: Vec<u8>,
    pub(crate) keys: DeviceKeys,
}

impl Device {
    pub(crate) fn new(id: u16, key_index: u32, new: NewDevice, ledger: Option<usize>) -> Self {
        Self {
            id,
            key_index,
            noise: new.noise,
            proof: new.proof,
            props: new.props,
            faults: Arc::default(),
            acked: Book::new(ledger),
            logins: MarkedCounter::default(),
            keys: Mutex::new(new.keys),
            mailbox: Mutex::new(Mailbox::new()),
            told: Mutex::default(),
            greeted: AtomicBool::new(false),
        }
    }

    pub(crate) fn keys(&self) -> MutexGuard<'_, DeviceKeys> {
        hold(&self.keys)
    }

    pub(crate) fn mailbox(&self) -> MutexGuard<'_, Mailbox> {
        hold(&self.mailbox)
    }

    /// True once: the phone greets a new device with its keys and history.
    pub(crate) fn take_greeting(&self) -> bool {
        !self.greeted.swap(true, Ordering::AcqRel)
    }

    /// The greeting could not be given; it is due again.
    pub(crate) fn return_greeting(&self) {
        self.greeted.store(false, Ordering::Release);
    }

    /// Notes that the device now knows this version of an account's device list.
    pub(crate) fn tell(&self, number: &str, version: u64, now: Instant) {
        let mut told = hold(&self.told);
        let news = Told { version, since: now };
        match told.get_mut(number) {
            Some(known) if known.version >= version => {}
            Some(known) => *known = news,
            None => {
                told.insert(number.to_owned(), news);
            }
        }
    }

    /// What the device knows of an account's device list.
    pub(crate) fn knows(&self, number: &str) -> Option<Told> {
        hold(&self.told).get(number).copied()
    }

    /// Accounts of whose devices this one has been told, so that it is told of changes too.
    pub(crate) fn follows(&self, number: &str) -> bool {
        hold(&self.told).contains_key(number)
    }

    pub(crate) fn deliver(&self, parcel: Parcel, twice: bool) {
        self.mailbox().push(parcel, twice);
    }

    /// The device acknowledged a stanza; messages are entered into its book. Returns how many
    /// kept stanzas that settled.
    pub(crate) fn acknowledge(&self, class: Class, id: &str, kind: Option<&str>) -> usize {
        let taken = self.mailbox().acknowledge(class, id, kind);
        if class == Class::Message && taken > 0 {
            self.acked.enter(id.to_owned());
        }
        taken
    }
}
