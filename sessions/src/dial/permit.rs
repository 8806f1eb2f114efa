//! Permits to be connecting, shared by all links of the process. Who gets one is [`Queue`]'s; here accounts wait.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::queue::{Limits, Place, Queue, Step};

/// Longest wait for a permit. The library's own limit does not run meanwhile; if it did, the wait would be given up and
/// the account called.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

struct State {
    queue: Queue,
    doors: HashMap<Place, oneshot::Sender<()>>,
    away: HashMap<Place, Weak<Notify>>,
    timer: Option<Instant>,
}

/// The permits.
pub(crate) struct ConnectPermits {
    this: Weak<Self>,
    state: Mutex<State>,
    jitter: Duration,
    granted: AtomicU64,
    refused: AtomicU64,
}

/// What permits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct PermitStats {
    /// Held at the moment.
    pub(crate) in_flight: u64,
    /// Accounts that want one.
    pub(crate) waiting: u64,
    /// Given since the start.
    pub(crate) granted: u64,
    /// Waits that were given up as too long. Such an account keeps its place and is called.
    pub(crate) refused: u64,
}

impl ConnectPermits {
    /// Permits under limits. Each connect begins up to `jitter` after its permit.
    pub(crate) fn new(limits: Limits, jitter: Duration) -> Arc<Self> {
        let (doors, away) = (HashMap::new(), HashMap::new());
        let state = Mutex::new(State { queue: Queue::new(limits), doors, away, timer: None });
        let (granted, refused) = (AtomicU64::new(0), AtomicU64::new(0));
        Arc::new_cyclic(|this| Self { this: this.clone(), state, jitter, granted, refused })
    }

    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How things stand.
    pub(crate) fn stats(&self) -> PermitStats {
        let (in_flight, waiting) = self.with(|state| (state.queue.in_flight() as u64, state.queue.waiting() as u64));
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        PermitStats { in_flight, waiting, granted: count(&self.granted), refused: count(&self.refused) }
    }

    /// A seat in the queue for one account. `wake` is notified when the account is called after a refusal.
    pub(crate) fn seat(self: &Arc<Self>, urgent: bool, wake: Arc<Notify>) -> Seat {
        Seat { of: Arc::clone(self), urgent, wake, place: Mutex::default() }
    }

    /// Gives out what can be given, calls who is to come, and looks again when time alone changes something.
    fn drive(&self) {
        self.with(|state| {
            loop {
                match state.queue.next(Instant::now()) {
                    Step::Grant(place) => {
                        state.away.remove(&place);
                        let came = state.doors.remove(&place).is_some_and(|door| door.send(()).is_ok());
                        if !came {
                            state.queue.end(false);
                        }
                    }
                    Step::Call(place) => {
                        if let Some(wake) = state.away.get(&place).and_then(Weak::upgrade) {
                            wake.notify_one();
                        }
                    }
                    Step::Wait(None) => return,
                    Step::Wait(Some(at)) => return self.look_again(state, at),
                }
            }
        });
    }

    fn look_again(&self, state: &mut State, at: Instant) {
        if state.timer.is_some_and(|earlier| earlier <= at) {
            return;
        }
        // Outside of a runtime nobody connects either.
        let Ok(runtime) = Handle::try_current() else { return };
        state.timer = Some(at);
        let this = self.this.clone();
        runtime.spawn(async move {
            tokio::time::sleep_until(at).await;
            if let Some(this) = this.upgrade() {
                this.with(|state| state.timer = state.timer.filter(|armed| *armed != at));
                this.drive();
            }
        });
    }
}

/// An account's seat in the queue. Its place is given up when it is dropped.
pub(crate) struct Seat {
    of: Arc<ConnectPermits>,
    urgent: bool,
    wake: Arc<Notify>,
    place: Mutex<Option<Place>>,
}

impl Seat {
    fn place(&self) -> std::sync::MutexGuard<'_, Option<Place>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a permit. An account that is refused keeps its place and is called when its turn comes.
    pub(crate) async fn acquire(&self) -> Option<Permit> {
        let (door, opened) = oneshot::channel();
        let place = self.come(door);
        let mut waiting = Waiting { seat: self, place, opened, over: false };
        self.of.drive();
        match tokio::time::timeout(LONGEST_WAIT, &mut waiting.opened).await {
            Ok(Ok(())) => {}
            _ => {
                drop(waiting);
                self.of.refused.fetch_add(1, Ordering::Relaxed);
                return None;
            }
        }
        waiting.over = true;
        let permit = self.granted();
        drop(waiting);
        tokio::time::sleep(self.of.jitter.mul_f64(rand::random())).await;
        Some(permit)
    }

    fn come(&self, door: oneshot::Sender<()>) -> Place {
        let mut mine = self.place();
        self.of.with(|state| {
            let place = match *mine {
                Some(place) => {
                    state.queue.come_back(place);
                    place
                }
                None => state.queue.come(self.urgent, Instant::now()),
            };
            state.away.remove(&place);
            state.doors.insert(place, door);
            *mine = Some(place);
            place
        })
    }

    fn granted(&self) -> Permit {
        *self.place() = None;
        // A call that came meanwhile was for this permit.
        let called = self.wake.notified();
        tokio::pin!(called);
        called.as_mut().enable();
        self.of.granted.fetch_add(1, Ordering::Relaxed);
        Permit { of: Arc::clone(&self.of), begun: false }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(place) = self.place().take() {
            self.of.with(|state| {
                state.queue.leave(place);
                state.doors.remove(&place);
                state.away.remove(&place);
            });
            self.of.drive();
        }
    }
}

/// A wait at the door, which may be given up at any moment.
struct Waiting<'a> {
    seat: &'a Seat,
    place: Place,
    opened: oneshot::Receiver<()>,
    over: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let of = &self.seat.of;
        let unused = of.with(|state| {
            state.doors.remove(&self.place);
            state.queue.step_away(self.place);
            state.away.insert(self.place, Arc::downgrade(&self.seat.wake));
            // It was granted at the very moment.
            let granted = self.opened.try_recv().is_ok();
            if granted {
                state.away.remove(&self.place);
                state.queue.end(false);
            }
            granted
        });
        if unused {
            *self.seat.place() = None;
        }
        of.drive();
    }
}

/// The right to be connecting. Given back when dropped.
pub(crate) struct Permit {
    of: Arc<ConnectPermits>,
    begun: bool,
}

impl Permit {
    /// The connect begins now.
    pub(crate) fn begin(&mut self) {
        if !std::mem::replace(&mut self.begun, true) {
            self.of.with(|state| state.queue.begin(Instant::now()));
            // Now it is known when the minute will be over.
            self.of.drive();
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.of.with(|state| state.queue.end(self.begun));
        self.of.drive();
    }
}

/// Where an account keeps its permit while it connects.
#[derive(Default)]
pub(crate) struct PermitSlot(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    permit: Option<Permit>,
    kept: u64,
}

/// Which permit of a slot it is. An old socket that goes late must not give back the permit of the one after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

impl PermitSlot {
    fn slot(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a permit; an older one is given back.
    pub(crate) fn keep(&self, permit: Permit) -> Ticket {
        let mut slot = self.slot();
        slot.kept += 1;
        let ticket = Ticket(slot.kept);
        let old = slot.permit.replace(permit);
        drop(slot);
        drop(old);
        ticket
    }

    /// Gives back the permit that there is, if there is one.
    pub(crate) fn release(&self) {
        let old = self.slot().permit.take();
        drop(old);
    }

    /// Gives back this permit, if it is still there.
    pub(crate) fn give_back(&self, ticket: Ticket) {
        let mut slot = self.slot();
        let old = if slot.kept == ticket.0 { slot.permit.take() } else { None };
        drop(slot);
        drop(old);
    }
}

#[cfg(test)]
#[path = "permit_tests.rs"]
mod tests;
