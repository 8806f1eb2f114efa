//! An account: one number, one hidden id, one phone, its companions.

use crate::Config;
use crate::call::Calls;
use crate::device::{Device, NewDevice};
use crate::fault::FaultSet;
use crate::iq::appstate::AppState;
use crate::ledger::{Accepted, Book, LoginBook};
use crate::lock::{hold, read, write};
use crate::pairing::adv;
use crate::person::Person;
use crate::phone::PhoneState;
use crate::presence::Presence;
use crate::restriction::Reach;
use crate::stanza::now;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, RwLock};
use wacore_binary::{Jid, Server};

/// The two ways to address an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// By phone number, `@s.whatsapp.net`.
    Number,
    /// By hidden id, `@lid`.
    Hidden,
}

impl Family {
    /// The family of a jid; `None` for groups and the like.
    pub(crate) fn of(jid: &Jid) -> Option<Self> {
        match jid.server {
            Server::Pn => Some(Self::Number),
            Server::Lid => Some(Self::Hidden),
            _ => None,
        }
    }

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Number => Self::Hidden,
            Self::Hidden => Self::Number,
        }
    }
}

/// The account's list of devices, as of one version.
struct DeviceList {
    version: u64,
    next_id: u16,
    next_index: u32,
    devices: BTreeMap<u16, Arc<Device>>,
    /// The phone's signature over the list; made anew when the list changes.
    signed: Arc<[u8]>,
    changed_at: u64,
}

/// See the module.
pub(crate) struct Account {
    pub(crate) number: String,
    pub(crate) lid: String,
    /// Ties the signed device lists of one registration of the number together.
    pub(crate) raw_id: u32,
    pub(crate) created: u64,
    pub(crate) phone: PhoneState,
    pub(crate) faults: Arc<FaultSet>,
    /// Messages the server accepted from this account's devices.
    pub(crate) accepted: Book<Accepted>,
    pub(crate) logins: LoginBook,
    pub(crate) reach: Reach,
    pub(crate) person: Person,
    pub(crate) presence: Presence,
    pub(crate) calls: Calls,
    lid_migrated: AtomicBool,
    passkey: AtomicBool,
    /// Only the address that it writes from stands in its stanzas.
    one_address: AtomicBool,
    list: RwLock<DeviceList>,
    push_name: Mutex<String>,
    app_state: Mutex<AppState>,
}

impl Account {
    pub(crate) fn new(number: String, lid: String, config: &Config) -> Self {
        let phone = PhoneState::new(config);
        let raw_id = rand::random::<u32>() >> 1;
        let created = now();
        let signed = phone.with_identity(|key| adv::sign_list(key, raw_id, created, 0, &[]));
        Self {
            number,
            lid,
            raw_id,
            created,
            phone,
            faults: Arc::default(),
            accepted: Book::new(config.ledger_limit),
            logins: LoginBook::default(),
            reach: Reach::default(),
            person: Person::default(),
            presence: Presence::default(),
            calls: Calls::default(),
            passkey: AtomicBool::new(false),
            one_address: AtomicBool::new(false),
            lid_migrated: AtomicBool::new(config.lid_migrated),
            list: RwLock::new(DeviceList {
                version: 1,
                next_id: 1,
                next_index: 1,
                devices: BTreeMap::new(),
                signed: signed.into(),
                changed_at: created,
            }),
            push_name: Mutex::new(String::new()),
            app_state: Mutex::default(),
        }
    }

    /// The account's jid in a family, with a device.
    pub(crate) fn jid(&self, family: Family, device: u16) -> Jid {
        match family {
            Family::Number => Jid::pn_device(self.number.as_str(), device),
            Family::Hidden => Jid::lid_device(self.lid.as_str(), device),
        }
    }

    pub(crate) fn lid_migrated(&self) -> bool {
        self.lid_migrated.load(Ordering::Relaxed)
    }

    pub(crate) fn set_lid_migrated(&self, migrated: bool) {
        self.lid_migrated.store(migrated, Ordering::Relaxed);
    }

    /// Whether only the address that it writes from stands in its stanzas.
    pub(crate) fn shows_one_address(&self) -> bool {
        self.one_address.load(Ordering::Relaxed)
    }

    pub(crate) fn show_one_address(&self, one: bool) {
        self.one_address.store(one, Ordering::Relaxed);
    }

    /// Whether a passkey is demanded before a device is linked.
    pub(crate) fn demands_passkey(&self) -> bool {
        self.passkey.load(Ordering::Relaxed)
    }

    pub(crate) fn demand_passkey(&self, demanded: bool) {
        self.passkey.store(demanded, Ordering::Relaxed);
    }

    /// The family in which the account's own phone writes.
    pub(crate) fn home_family(&self) -> Family {
        if self.lid_migrated() { Family::Hidden } else { Family::Number }
    }

    pub(crate) fn push_name(&self) -> String {
        hold(&self.push_name).clone()
    }

    pub(crate) fn set_push_name(&self, name: &str) {
        let mut held = hold(&self.push_name);
        if !name.is_empty() && *held != name {
            name.clone_into(&mut held);
        }
    }

    pub(crate) fn app_state(&self) -> MutexGuard<'_, AppState> {
        hold(&self.app_state)
    }

    pub(crate) fn device(&self, id: u16) -> Option<Arc<Device>> {
        read(&self.list).devices.get(&id).cloned()
    }

    pub(crate) fn devices(&self) -> Vec<Arc<Device>> {
        read(&self.list).devices.values().cloned().collect()
    }

    /// Whether a device of this number was linked once and is not any more.
    pub(crate) fn had_device(&self, id: u16) -> bool {
        let list = read(&self.list);
        id > 0 && id < list.next_id && !list.devices.contains_key(&id)
    }

    /// The list as peers are told of it.
    pub(crate) fn snapshot(&self) -> ListSnapshot {
        let list = read(&self.list);
        ListSnapshot {
            version: list.version,
            devices: list.devices.values().map(|d| (d.id, d.key_index)).collect(),
            signed: list.signed.clone(),
            changed_at: list.changed_at,
        }
    }

    /// Numbers for the next companion; they are never given twice.
    pub(crate) fn reserve_device(&self) -> (u16, u32) {
        let mut list = write(&self.list);
        let reserved = (list.next_id, list.next_index);
        list.next_id += 1;
        list.next_index += 1;
        reserved
    }

    pub(crate) fn add_device(&self, id: u16, index: u32, new: NewDevice, config: &Config) -> Arc<Device> {
        let device = Arc::new(Device::new(id, index, new, config.ledger_limit));
        let mut list = write(&self.list);
        list.devices.insert(id, device.clone());
        self.changed(&mut list);
        device
    }

    pub(crate) fn remove_device(&self, id: u16) -> Option<Arc<Device>> {
        let mut list = write(&self.list);
        let removed = list.devices.remove(&id)?;
        self.changed(&mut list);
        Some(removed)
    }

    fn changed(&self, list: &mut DeviceList) {
        list.version += 1;
        list.changed_at = now();
        let valid: Vec<u32> = list.devices.values().map(|d| d.key_index).collect();
        let newest = list.next_index - 1;
        let signed = self.phone.with_identity(|key| adv::sign_list(key, self.raw_id, list.changed_at, newest, &valid));
        list.signed = signed.into();
    }
}

/// One version of an account's device list.
pub(crate) struct ListSnapshot {
    pub(crate) version: u64,
    /// Number and key index of each companion.
    pub(crate) devices: Vec<(u16, u32)>,
    pub(crate) signed: Arc<[u8]>,
    pub(crate) changed_at: u64,
}
