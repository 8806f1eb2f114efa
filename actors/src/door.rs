//! Ways to an actor that outlive it: whoever knocks needs not know whether it is being restarted at the moment.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::Duration;

use ractor::{ActorId, ActorRef, Message};
use tokio::sync::watch;
use tokio::time::Instant;
use wasup_sessions::ports::{CodeRefusal, Link, PairingCode, QrCode};
use wasup_store::id::{AccountNo, CampaignId, EndpointId, Millis};

use crate::account::AccountMsg;
use crate::accounts::SupervisorMsg;
use crate::campaigns::{Bulk, CampaignsMsg};
use crate::importing::ImportsMsg;
use crate::janitor::JanitorMsg;
use crate::scheduler::SchedulerMsg;
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

/// What has become of the newest wish for a pairing code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CodeNews {
    /// A code is on show.
    Shown {
        /// For the phone with this number.
        phone: String,
        code: PairingCode,
        expires_ms: Millis,
    },
    /// There is none.
    Refused { reason: CodeRefusal, retry_after: Option<Duration> },
}

/// Somebody wants a pairing code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CodeWish {
    /// The phone's number, digits only.
    pub(crate) phone: String,
    /// Nobody waits for it any more after this time.
    pub(crate) until: Instant,
}

/// What the world sees of an account's actor, over all its incarnations.
pub(crate) struct AccountDoor {
    pub(crate) door: Door<AccountMsg>,
    pub(crate) qr: watch::Sender<Option<QrShown>>,
    /// Somebody asked for a QR code since the last round of them began.
    pub(crate) qr_wanted: AtomicBool,
    /// Sends are held: a message from the other side may let them go.
    pub(crate) holding: AtomicBool,
    /// The account is to be kept to another pace.
    pub(crate) new_pace: AtomicBool,
    pub(crate) code: watch::Sender<Option<CodeNews>>,
    code_wish: Mutex<Option<CodeWish>>,
    /// The link's own side, while it is open.
    link: Mutex<Option<Weak<dyn Link>>>,
    /// Batches of the link's events that wait for the actor.
    pub(crate) batches: Arc<AtomicUsize>,
}

impl AccountDoor {
    fn new() -> Self {
        Self {
            door: Door::new(|| AccountMsg::Nudge),
            qr: watch::Sender::new(None),
            qr_wanted: AtomicBool::new(false),
            holding: AtomicBool::new(false),
            new_pace: AtomicBool::new(false),
            code: watch::Sender::new(None),
            code_wish: Mutex::default(),
            link: Mutex::new(None),
            batches: Arc::default(),
        }
    }

    /// Leaves a wish for a pairing code and tells the actor. The newest wish is the one that counts.
    pub(crate) fn want_code(&self, wish: CodeWish) {
        let was = lock(&self.code_wish).replace(wish);
        // Where one lies there already, its word is still on the way, or the actor looks by itself when it can ask.
        if was.is_none()
            && let Some(actor) = self.door.inside()
        {
            let _ = actor.cast(AccountMsg::CodeWanted);
        }
    }

    /// A link was opened, or (`None`) is gone. Questions to the network go to it past the actor.
    pub(crate) fn put_link(&self, link: Option<Weak<dyn Link>>) {
        *lock(&self.link) = link;
    }

    /// The link, while it is open and connected.
    pub(crate) fn connected_link(&self) -> Option<Arc<dyn Link>> {
        let link = lock(&self.link).as_ref().and_then(Weak::upgrade);
        link.filter(|link| link.is_connected())
    }

    /// Takes the wish, where somebody still waits for it.
    pub(crate) fn take_code_wish(&self) -> Option<CodeWish> {
        lock(&self.code_wish).take().filter(|wish| wish.until > Instant::now())
    }

    /// Puts a wish back that could not be asked for yet, unless there is a newer one.
    pub(crate) fn keep_code_wish(&self, wish: CodeWish) {
        lock(&self.code_wish).get_or_insert(wish);
    }
}

/// Every door of the tree.
pub(crate) struct Doors {
    accounts: RwLock<HashMap<AccountNo, Arc<AccountDoor>>>,
    pub(crate) supervisor: Door<SupervisorMsg>,
    pub(crate) dispatcher: Door<DispatcherMsg>,
    pub(crate) janitor: Door<JanitorMsg>,
    pub(crate) scheduler: Door<SchedulerMsg>,
    pub(crate) imports: Door<ImportsMsg>,
    /// The supervisor over bulk sending: it is told which account's line to look at, so that it needs not look at all.
    pub(crate) campaigns: RwLock<Option<ActorRef<CampaignsMsg>>>,
}

impl Doors {
    fn new() -> Self {
        Self {
            accounts: RwLock::default(),
            supervisor: Door::new(|| SupervisorMsg::Nudge),
            dispatcher: Door::new(|| DispatcherMsg::Nudge),
            janitor: Door::new(|| JanitorMsg::Nudge),
            scheduler: Door::new(|| SchedulerMsg::Nudge),
            imports: Door::new(|| ImportsMsg::Look),
            campaigns: RwLock::default(),
        }
    }

    /// The account's door, made when missing.
    pub(crate) fn account(&self, no: AccountNo) -> Arc<AccountDoor> {
        if let Some(door) = self.known(no) {
            return door;
        }
        let mut accounts = self.accounts.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(accounts.entry(no).or_insert_with(|| Arc::new(AccountDoor::new())))
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

    /// Something may be due sooner than before.
    pub(crate) fn scheduler(&self) {
        self.doors.scheduler.knock();
    }

    /// The account received something. Costs a look where nothing is held for want of that.
    pub fn received(&self, no: AccountNo) {
        self.deliveries();
        if let Some(account) = self.doors.known(no).filter(|account| account.holding.load(Ordering::SeqCst)) {
            account.door.knock();
        }
    }

    /// The account's line of jobs may have changed.
    pub(crate) fn jobs(&self, no: AccountNo) {
        self.bulk(Bulk::Line(no));
    }

    /// The campaign may have changed.
    pub(crate) fn campaign(&self, id: CampaignId) {
        self.bulk(Bulk::Campaign(id));
    }

    fn bulk(&self, of: Bulk) {
        let campaigns = self.doors.campaigns.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(campaigns) = campaigns.as_ref() {
            // One that is just being restarted looks at everything by itself.
            let _ = campaigns.cast(CampaignsMsg::Look(of));
        }
    }

    /// There is an import to run.
    pub(crate) fn imports(&self) {
        self.doors.imports.knock();
    }

    /// The account is to be kept to another pace.
    pub(crate) fn pace(&self, no: AccountNo) {
        if let Some(account) = self.doors.known(no) {
            account.new_pace.store(true, Ordering::SeqCst);
            account.door.knock();
        }
    }

    /// There may be rows to clear away.
    pub(crate) fn janitor(&self) {
        self.doors.janitor.knock();
    }
}
