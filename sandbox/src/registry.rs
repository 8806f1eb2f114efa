//! What all connections share: the accounts and how to find them.
//!
//! The maps are locked only to look an account up or to add one. Everything a message touches
//! lives in its account or device.

use crate::Config;
use crate::account::{Account, Family};
use crate::cert::ServerIdentity;
use crate::connection::{Connecting, Link};
use crate::fault::{FaultScope, FaultSet};
use crate::group::Groups;
use crate::ledger::Counters;
use crate::lock::{hold, read, write};
use crate::media::MediaHost;
use crate::pairing::Offers;
use crate::stanza::{now, shape};
use crate::trace::Trace;
use crate::violation::{Broken, Violation, Violations};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use wacore_binary::{Jid, Node};

/// Hidden ids count up from here; like real ones they have fifteen digits.
const FIRST_LID: u64 = 100_000_000_000_001;

#[derive(Default)]
struct Directory {
    by_number: HashMap<String, Arc<Account>>,
    by_lid: HashMap<String, Arc<Account>>,
}

/// See the module.
pub(crate) struct Registry {
    pub(crate) config: Config,
    pub(crate) faults: Arc<FaultSet>,
    pub(crate) counters: Counters,
    pub(crate) violations: Violations,
    pub(crate) trace: Arc<Trace>,
    pub(crate) offers: Offers,
    pub(crate) groups: Groups,
    pub(crate) connecting: Arc<Connecting>,
    /// Told after every change that somebody may be waiting for.
    pub(crate) changed: Notify,
    pub(crate) shutdown: CancellationToken,
    /// Whether anybody is to listen for connections.
    pub(crate) reachable: watch::Sender<bool>,
    /// Whether somebody does.
    pub(crate) listening: AtomicBool,
    media: Arc<MediaHost>,
    identity: RwLock<Arc<ServerIdentity>>,
    directory: RwLock<Directory>,
    links: Mutex<HashMap<u64, Arc<Link>>>,
    next_id: AtomicU64,
    next_lid: AtomicU64,
}

impl Registry {
    pub(crate) fn new(config: Config, media: Arc<MediaHost>) -> Self {
        let trace = Arc::new(Trace::new(config.trace_limit));
        Self {
            config,
            faults: Arc::default(),
            counters: Counters::default(),
            violations: Violations::default(),
            trace,
            offers: Offers::default(),
            groups: Groups::default(),
            connecting: Arc::default(),
            changed: Notify::new(),
            shutdown: CancellationToken::new(),
            reachable: watch::Sender::new(true),
            listening: AtomicBool::new(true),
            media,
            identity: RwLock::new(Arc::new(ServerIdentity::generate(now()))),
            directory: RwLock::default(),
            links: Mutex::default(),
            next_id: AtomicU64::new(1),
            next_lid: AtomicU64::new(FIRST_LID),
        }
    }

    /// Where files are kept.
    pub(crate) fn media(&self) -> &Arc<MediaHost> {
        &self.media
    }

    pub(crate) fn identity(&self) -> Arc<ServerIdentity> {
        read(&self.identity).clone()
    }

    pub(crate) fn rotate_identity(&self) {
        let mut identity = write(&self.identity);
        *identity = Arc::new(identity.rotated(now()));
    }

    /// A number that this network has not used before.
    pub(crate) fn next_number(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// An id for a stanza of the server's own.
    pub(crate) fn stanza_id(&self) -> String {
        format!("srv{}", self.next_number())
    }

    /// The account of a number, created when it is new.
    pub(crate) fn ensure(&self, number: &str) -> Arc<Account> {
        if let Some(account) = self.by_number(number) {
            return account;
        }
        // Made before the lock is taken: it generates keys. A race wastes one hidden id.
        let lid = self.next_lid.fetch_add(1, Ordering::Relaxed).to_string();
        let account = Arc::new(Account::new(number.to_owned(), lid.clone(), &self.config));
        let mut directory = write(&self.directory);
        if let Some(first) = directory.by_number.get(number) {
            return first.clone();
        }
        directory.by_number.insert(number.to_owned(), account.clone());
        directory.by_lid.insert(lid, account.clone());
        account
    }

    pub(crate) fn by_number(&self, number: &str) -> Option<Arc<Account>> {
        read(&self.directory).by_number.get(number).cloned()
    }

    /// The account behind a jid of either family, whatever its device.
    pub(crate) fn account(&self, jid: &Jid) -> Option<Arc<Account>> {
        let directory = read(&self.directory);
        match Family::of(jid)? {
            Family::Number => directory.by_number.get(jid.user.as_str()).cloned(),
            Family::Hidden => directory.by_lid.get(jid.user.as_str()).cloned(),
        }
    }

    /// All accounts, by number. Not for the message path.
    pub(crate) fn accounts(&self) -> Vec<Arc<Account>> {
        let mut all: Vec<_> = read(&self.directory).by_number.values().cloned().collect();
        all.sort_by(|a, b| a.number.cmp(&b.number));
        all
    }

    /// The faults that apply to a device; 0 is the phone.
    pub(crate) fn fault_scope(&self, account: &Account, device: u16) -> FaultScope {
        let own = account.device(device).map(|device| device.faults.clone());
        let own = match device {
            0 => Some(account.phone.faults.clone()),
            _ => own,
        };
        let wider = [account.faults.clone(), self.faults.clone()];
        FaultScope::new(own.into_iter().chain(wider))
    }

    pub(crate) fn add_link(&self, link: Arc<Link>) {
        hold(&self.links).insert(link.id, link);
    }

    pub(crate) fn remove_link(&self, id: u64) {
        hold(&self.links).remove(&id);
    }

    pub(crate) fn links(&self) -> Vec<Arc<Link>> {
        hold(&self.links).values().cloned().collect()
    }

    /// Writes a broken rule into the list that tests read.
    pub(crate) fn violated(&self, who: Option<(&Account, u16)>, broken: &Broken, stanza: &Node) {
        let who = who.map(|(account, device)| (account.number.clone(), device));
        self.violated_elsewhere(who, broken, &shape(stanza));
    }

    /// Writes down a rule that was broken by something that is no stanza.
    pub(crate) fn violated_elsewhere(&self, who: Option<(String, u16)>, broken: &Broken, shape: &str) {
        self.counters.violations.add_one();
        let (number, device) = who.unzip();
        self.violations.record(Violation {
            number,
            device,
            rule: broken.rule,
            detail: broken.detail.clone(),
            stanza: shape.to_owned(),
        });
        self.changed.notify_waiters();
    }
}
