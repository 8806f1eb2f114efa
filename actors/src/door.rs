//! Ways to an actor that outlive it: whoever knocks needs not know whether it is being restarted at the moment.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use ractor::{ActorId, ActorRef, Message};
use tokio::sync::watch;
use wasup_sessions::ports::QrCode;
use wasup_store::id::{AccountNo, EndpointId, Millis};

use crate::account::AccountMsg;
use crate::accounts::SupervisorMsg;
use crate::janitor::JanitorMsg;
use crate::webhook::DispatcherMsg;

/// A poisoned lock means that a holder panicked; what these locks guard is whole after every single step.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The door of an actor: the current incarnation, and a knock that is remembered once.
///
/// At most one nudge is ever in the mailbox, however often somebody knocks.
pub(crate) struct Door<M: Message> {
    inside: RwLock<Option<ActorRef<M>>>,
    knocked: AtomicBool,
    nudge: fn() -> M,
}

impl<M: Message> Door<M> {
    pub(crate) const fn new(nudge: fn() -> M) -> Self {
        Self { inside: RwLock::new(None), knocked: AtomicBool::new(false), nudge }
    }

    /// A new incarnation stands behind the door.
    pub(crate) fn open(&self, actor: ActorRef<M>) {
        *self.inside.write().unwrap_or_else(PoisonError::into_inner) = Some(actor);
        self.knocked.store(false, Ordering::SeqCst);
    }

    /// The incarnation is gone, unless a newer one stands there already.
    pub(crate) fn close(&self, id: ActorId) {
        let mut inside = self.inside.write().unwrap_or_else(PoisonError::into_inner);
        if inside.as_ref().is_some_and(|actor| actor.get_id() == id) {
            *inside = None;
        }
    }

    /// The current incarnation.
    pub(crate) fn inside(&self) -> Option<ActorRef<M>> {
        self.inside.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Wakes the actor, unless it is being woken already.
    pub(crate) fn knock(&self) {
        if self.knocked.swap(true, Ordering::SeqCst) {
            return;
        }
        if let Some(actor) = self.inside() {
            // An actor that is just dying looks for its work by itself when it comes back.
            let _ = actor.cast((self.nudge)());
        }
    }

    /// To be called before the actor looks for work, so that a knock during the look is not lost.
    pub(crate) fn answered(&self) {
        self.knocked.store(false, Ordering::SeqCst);
    }
}

/// A QR code on show.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct QrShown {
    pub(crate) code: QrCode,
    pub(crate) expires_ms: Millis,
}

/// What the world sees of an account's actor, over all its incarnations.
pub(crate) struct AccountDoor {
    pub(crate) door: Door<AccountMsg>,
    pub(crate) qr: watch::Sender<Option<QrShown>>,
    /// Somebody asked for a QR code since the last round of them began.
    pub(crate) qr_wanted: AtomicBool,
}

/// Every door of the tree.
pub(crate) struct Doors {
    accounts: RwLock<HashMap<AccountNo, Arc<AccountDoor>>>,
    pub(crate) supervisor: Door<SupervisorMsg>,
    pub(crate) dispatcher: Door<DispatcherMsg>,
    pub(crate) janitor: Door<JanitorMsg>,
}

impl Doors {
    fn new() -> Self {
        Self {
            accounts: RwLock::default(),
            supervisor: Door::new(|| SupervisorMsg::Nudge),
            dispatcher: Door::new(|| DispatcherMsg::Nudge),
            janitor: Door::new(|| JanitorMsg::Nudge),
        }
    }

    /// The account's door, made when missing.
    pub(crate) fn account(&self, no: AccountNo) -> Arc<AccountDoor> {
        if let Some(door) = self.known(no) {
            return door;
        }
        let mut accounts = self.accounts.write().unwrap_or_else(PoisonError::into_inner);
        let new = || AccountDoor {
            door: Door::new(|| AccountMsg::Nudge),
            qr: watch::Sender::new(None),
            qr_wanted: AtomicBool::new(false),
        };
        Arc::clone(accounts.entry(no).or_insert_with(|| Arc::new(new())))
    }

    /// The account's door, if it has one.
    pub(crate) fn known(&self, no: AccountNo) -> Option<Arc<AccountDoor>> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).get(&no).cloned()
    }

    /// Removes the door of a deleted account.
    pub(crate) fn forget(&self, no: AccountNo) {
        self.accounts.write().unwrap_or_else(PoisonError::into_inner).remove(&no);
    }
}

/// Payload-free wake-ups: the store is the truth, and a lost one costs only time. Clones share the same doors.
///
/// Made before the tree, because the link's hook needs it too.
#[derive(Clone)]
pub struct Nudges {
    pub(crate) doors: Arc<Doors>,
}

impl Default for Nudges {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Nudges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Nudges").finish_non_exhaustive()
    }
}

impl Nudges {
    /// Wake-ups for a tree that is yet to be started.
    #[must_use]
    pub fn new() -> Self {
        Self { doors: Arc::new(Doors::new()) }
    }

    /// There may be webhooks to deliver.
    pub fn deliveries(&self) {
        self.doors.dispatcher.knock();
    }

    /// Somebody wants an endpoint tried now, whatever it did before.
    pub(crate) fn forgive(&self, endpoint: EndpointId) {
        if let Some(dispatcher) = self.doors.dispatcher.inside() {
            // One that is just being restarted has forgotten everything.
            let _ = dispatcher.cast(DispatcherMsg::Forgive(endpoint));
        }
    }

    /// A replay of many was asked for.
    pub(crate) fn replays(&self) {
        if let Some(dispatcher) = self.doors.dispatcher.inside() {
            // One that is just being restarted looks for replays by itself.
            let _ = dispatcher.cast(DispatcherMsg::Replay);
        }
    }

    /// The account may have messages to send.
    pub fn outbox(&self, no: AccountNo) {
        if let Some(account) = self.doors.known(no) {
            account.door.knock();
        }
    }

    /// There may be rows to clear away.
    pub(crate) fn janitor(&self) {
        self.doors.janitor.knock();
    }
}
