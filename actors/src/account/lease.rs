//! Who may have a link open. One lease an account: the next incarnation's link waits until the former one is closed,
//! else two clients would fight over one device and the network would throw both out.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use metrics::Gauge;
use ractor::ActorRef;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wasup_sessions::ports::{Link, LinkEvent, LinkFactory, LinkTarget};
use wasup_store::id::AccountNo;

use super::actor::AccountMsg;
use crate::door::lock;
use crate::meters::InUse;
use crate::supervision::Crash;

/// Events of a link that wait for its actor; the link drops or holds back further ones by its own rules.
const EVENTS_WAITING: usize = 1_024;
/// Most events in one message to the actor. An acknowledgement costs about ten rows and a store job takes 2,000.
const BATCH_MAX: usize = 128;
/// Batches in the actor's mailbox.
pub(crate) const BATCHES_WAITING: usize = 4;
/// Longest time for a link to be opened; it connects afterwards.
const OPEN_MAX: Duration = Duration::from_secs(30);

/// Every account's lease, and the tasks that hold them.
#[derive(Clone, Default)]
pub(crate) struct LinkLeases {
    leases: Arc<Mutex<HashMap<AccountNo, Arc<Semaphore>>>>,
    /// The tasks that hold a lease or wait for one.
    pub(crate) tasks: TaskTracker,
}

impl LinkLeases {
    async fn acquire(&self, no: AccountNo) -> Option<OwnedSemaphorePermit> {
        let lease = Arc::clone(lock(&self.leases).entry(no).or_insert_with(|| Arc::new(Semaphore::new(1))));
        lease.acquire_owned().await.ok()
    }

    /// Whether an account's lease is held at the moment.
    pub(crate) fn is_held(&self, no: AccountNo) -> bool {
        lock(&self.leases).get(&no).is_some_and(|lease| lease.available_permits() == 0)
    }

    /// Accounts whose lease is held at the moment.
    pub(crate) fn held(&self) -> Vec<AccountNo> {
        let held = |lease: &Arc<Semaphore>| lease.available_permits() == 0;
        lock(&self.leases).iter().filter(|(_, lease)| held(lease)).map(|(no, _)| *no).collect()
    }
}

/// A batch of a link's events. Its permit is given back when the actor is done with it, or dies.
pub(crate) struct EventBatch {
    pub(super) events: Vec<LinkEvent>,
    _permit: OwnedSemaphorePermit,
    _in_use: InUse,
    _waiting: Waiting,
}

impl EventBatch {
    fn new(events: Vec<LinkEvent>, permit: OwnedSemaphorePermit, opening: &Opening) -> Self {
        let _waiting = Waiting::one_of(&opening.waiting);
        Self { events, _permit: permit, _in_use: InUse::of(&opening.batches), _waiting }
    }
}

/// Counts as one of an account's batches for as long as it lives.
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn one_of(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The actor's hold on its link. Dropping it closes the link.
pub(super) struct LinkHandle {
    cancel: CancellationToken,
    log_out: Arc<AtomicBool>,
    removed: Arc<AtomicBool>,
}

impl LinkHandle {
    /// Closes the link; [`AccountMsg::LinkGone`] comes when that is done.
    pub(super) fn close(&self) {
        self.cancel.cancel();
    }

    /// Also removes the device at the network when it closes.
    pub(super) fn log_out_at_close(&self) {
        self.log_out.store(true, Ordering::SeqCst);
    }

    /// Whether the network confirmed that the device is removed.
    pub(super) fn is_removed(&self) -> bool {
        self.removed.load(Ordering::SeqCst)
    }
}

impl Drop for LinkHandle {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// What a link task is started with.
pub(super) struct Opening {
    pub(super) leases: LinkLeases,
    pub(super) links: Arc<dyn LinkFactory>,
    pub(super) target: LinkTarget,
    pub(super) actor: ActorRef<AccountMsg>,
    /// Ends the link from outside, when the actor can't any more.
    pub(super) token: CancellationToken,
    /// How long the former incarnation's link may take to close.
    pub(super) lease_max: Duration,
    /// How long closing may take; the same again for removing the device.
    pub(super) close_max: Duration,
    /// Counts batches that wait for their actor, over all accounts ...
    pub(super) batches: Gauge,
    /// ... and of this one.
    pub(super) waiting: Arc<AtomicUsize>,
}

/// What the actor asked of the link's end, and what came of it.
struct Leaving {
    log_out: Arc<AtomicBool>,
    removed: Arc<AtomicBool>,
}

/// Tells the actor that the link is gone, whatever ended its task.
struct Farewell(ActorRef<AccountMsg>);

impl Drop for Farewell {
    fn drop(&mut self) {
        let _ = self.0.cast(AccountMsg::LinkGone);
    }
}

/// Starts the task that owns a link from lease to close.
pub(super) fn open(opening: Opening) -> LinkHandle {
    let cancel = opening.token.child_token();
    let log_out = Arc::new(AtomicBool::new(false));
    let leaving = Leaving { log_out, removed: Arc::default() };
    let (log_out, removed) = (Arc::clone(&leaving.log_out), Arc::clone(&leaving.removed));
    let handle = LinkHandle { cancel: cancel.clone(), log_out, removed };
    let tasks = opening.leases.tasks.clone();
    tasks.spawn(async move {
        let farewell = Farewell(opening.actor.clone());
        let lease = tokio::select! {
            lease = timeout(opening.lease_max, opening.leases.acquire(opening.target.no)) => lease.ok().flatten(),
            () = cancel.cancelled() => return,
        };
        match lease {
            Some(_lease) => hold(&opening, &cancel, &leaving).await,
            None => drop(opening.actor.cast(AccountMsg::LinkFailed(Crash::LeaseTimeout))),
        }
        drop(farewell);
    });
    handle
}

async fn hold(opening: &Opening, cancel: &CancellationToken, leaving: &Leaving) {
    let (sender, mut events) = mpsc::channel(EVENTS_WAITING);
    let Some(link) = connect(opening, sender).await else {
        return drop(opening.actor.cast(AccountMsg::LinkFailed(Crash::LinkRefused)));
    };
    let _ = opening.actor.cast(AccountMsg::LinkOpened(Arc::clone(&link)));
    let gate = Arc::new(Semaphore::new(BATCHES_WAITING));
    tokio::select! {
        () = forward(&mut events, opening, &gate) => {}
        () = cancel.cancelled() => {}
    }
    // A link that reports while it closes must not wait for a reader. Acknowledgements above all are still of use.
    let mut last = Vec::new();
    let mut closing = std::pin::pin!(close(&*link, opening, leaving));
    loop {
        tokio::select! {
            () = &mut closing => break,
            Some(event) = events.recv() => last.push(event),
        }
    }
    last.extend(std::iter::from_fn(|| events.try_recv().ok()));
    last.truncate(BATCH_MAX);
    if !last.is_empty()
        && let Ok(Ok(permit)) = timeout(opening.close_max, gate.acquire_owned()).await
    {
        let _ = opening.actor.cast(AccountMsg::Events(EventBatch::new(last, permit, opening)));
    }
}

async fn connect(opening: &Opening, sender: mpsc::Sender<LinkEvent>) -> Option<Arc<dyn Link>> {
    let no = opening.target.no.0;
    let opened = timeout(OPEN_MAX, opening.links.open(opening.target.clone(), sender)).await;
    let opened = opened.inspect_err(|_| tracing::error!(account.no = no, "the link was not opened in time")).ok()?;
    opened.inspect_err(|error| tracing::error!(account.no = no, %error, "the link could not be opened")).ok()
}

/// Forwards events until the link drops its end. The permit comes first: while the actor is busy, events pile up in
/// the channel and the next batch is larger.
async fn forward(events: &mut mpsc::Receiver<LinkEvent>, opening: &Opening, gate: &Arc<Semaphore>) {
    while let Ok(permit) = Arc::clone(gate).acquire_owned().await {
        let mut batch = Vec::new();
        if events.recv_many(&mut batch, BATCH_MAX).await == 0 {
            return;
        }
        let batch = EventBatch::new(batch, permit, opening);
        if opening.actor.cast(AccountMsg::Events(batch)).is_err() {
            return;
        }
    }
}

async fn close(link: &dyn Link, opening: &Opening, leaving: &Leaving) {
    if leaving.log_out.load(Ordering::SeqCst) {
        let removed = remove_device(link, opening).await;
        leaving.removed.store(removed, Ordering::SeqCst);
    }
    if timeout(opening.close_max, link.close()).await.is_err() {
        // Dropping it is all that is left to do; the epoch keeps its writes out.
        tracing::error!(account.no = opening.target.no.0, "the link did not close in time");
    }
}

async fn remove_device(link: &dyn Link, opening: &Opening) -> bool {
    let no = opening.target.no.0;
    let answer = timeout(opening.close_max, link.log_out()).await;
    match &answer {
        Ok(Ok(())) => tracing::info!(account.no = no, "the device was removed at the network"),
        Ok(Err(error)) => tracing::warn!(account.no = no, %error, "the device was not removed at the network"),
        Err(_) => tracing::warn!(account.no = no, "the device was not removed in time"),
    }
    matches!(answer, Ok(Ok(())))
}
