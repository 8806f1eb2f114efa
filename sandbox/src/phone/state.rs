//! What a phone holds between calls.

use super::history::PastChat;
use super::inbox::Inbox;
use super::retry::{Destination, SentMessages};
use super::rules::Rules;
use super::sender_keys::SenderKeys;
use super::signal::Signal;
use crate::Config;
use crate::account::Account;
use crate::fault::FaultSet;
use crate::ledger::Book;
use crate::lock::hold;
use crate::offline::Parcel;
use crate::prekey::Bundle;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::Notify;
use wacore::libsignal::protocol::IdentityKeyPair;
use wacore_binary::Jid;
use waproto::whatsapp::Message;

/// Whether the phone is reachable, and what waits while it is not.
struct Presence {
    online: bool,
    waiting: VecDeque<Parcel>,
}

/// The state of one account's phone. It costs memory only: whoever brings it a message does its
/// work.
pub(crate) struct PhoneState {
    pub(crate) faults: Arc<FaultSet>,
    /// Told when the inbox, the receipts or the counters change.
    pub(crate) changed: Notify,
    /// Ids of messages the phone has decrypted.
    pub(crate) acked: Book<String>,
    pub(crate) inbox: Mutex<Inbox>,
    pub(crate) sync_key: [u8; 32],
    signal: Mutex<Signal>,
    sender_keys: Mutex<SenderKeys>,
    /// Held while a message is encrypted for all its devices, so that two messages of one phone
    /// do not start the same session twice.
    composing: Mutex<()>,
    rules: Mutex<Rules>,
    sent: Mutex<SentMessages>,
    presence: Mutex<Presence>,
    /// What there is to answer companions with that ask for older messages.
    pub(crate) archive: Mutex<Vec<PastChat>>,
}

impl PhoneState {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            faults: Arc::default(),
            changed: Notify::new(),
            acked: Book::new(config.ledger_limit),
            inbox: Mutex::new(Inbox::new(config.inbox_limit)),
            sync_key: rand::random(),
            signal: Mutex::new(Signal::generate()),
            sender_keys: Mutex::default(),
            composing: Mutex::default(),
            rules: Mutex::default(),
            sent: Mutex::default(),
            archive: Mutex::default(),
            presence: Mutex::new(Presence { online: true, waiting: VecDeque::new() }),
        }
    }

    pub(crate) fn with_identity<T>(&self, work: impl FnOnce(&IdentityKeyPair) -> T) -> T {
        work(hold(&self.signal).identity())
    }

    pub(crate) fn signal(&self) -> MutexGuard<'_, Signal> {
        hold(&self.signal)
    }

    pub(crate) fn compose(&self) -> MutexGuard<'_, ()> {
        hold(&self.composing)
    }

    pub(crate) fn inbox(&self) -> MutexGuard<'_, Inbox> {
        hold(&self.inbox)
    }

    pub(crate) fn take_bundle(&self) -> Bundle {
        self.signal().take_bundle()
    }

    /// Keeps a sent message, so that it can be sent again when a device asks.
    pub(crate) fn remember(&self, id: &str, to: &Arc<Account>, message: &Message) {
        hold(&self.sent).remember(id, Destination::Person(to.clone()), message);
    }

    /// The same for a message to a group or status.
    pub(crate) fn remember_shared(&self, id: &str, chat: &Jid, message: &Message) {
        hold(&self.sent).remember(id, Destination::Shared(chat.clone()), message);
    }

    pub(crate) fn sender_keys(&self) -> MutexGuard<'_, SenderKeys> {
        hold(&self.sender_keys)
    }

    pub(crate) fn sent_message<T>(&self, find: impl FnOnce(&SentMessages) -> T) -> T {
        find(&hold(&self.sent))
    }

    pub(crate) fn rules(&self) -> Rules {
        hold(&self.rules).clone()
    }

    pub(crate) fn set_rules(&self, rules: Rules) {
        *hold(&self.rules) = rules;
    }

    pub(crate) fn is_online(&self) -> bool {
        hold(&self.presence).online
    }

    /// How many stanzas wait for the phone to come back.
    pub(crate) fn waiting(&self) -> usize {
        hold(&self.presence).waiting.len()
    }

    /// Keeps a stanza when the phone is away; gives it back when it can be handled now.
    pub(crate) fn keep_if_away(&self, parcel: Parcel) -> Option<Parcel> {
        let mut presence = hold(&self.presence);
        if presence.online {
            return Some(parcel);
        }
        presence.waiting.push_back(parcel);
        None
    }

    pub(crate) fn go_offline(&self) {
        hold(&self.presence).online = false;
    }

    /// The next stanza that waited; the phone is online once there is none left, so nothing
    /// overtakes.
    pub(crate) fn next_waiting(&self) -> Option<Parcel> {
        let mut presence = hold(&self.presence);
        let next = presence.waiting.pop_front();
        presence.online = next.is_none() || presence.online;
        next
    }
}
