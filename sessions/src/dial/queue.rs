//! Who may connect next. A restart of a server with hundreds of accounts must not look like an attack to the network,
//! nor starve this machine of its processors. Pure: times come in.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

/// What the limit for a minute is counted over.
const MINUTE: Duration = Duration::from_secs(60);

/// How much earlier an urgent account counts as having come. It goes before all others that came within this time, and
/// nobody waits for ever behind urgent ones.
const HEAD_START: Duration = Duration::from_secs(120);

/// How long a called account may take to come. Then its place is not kept free any more.
const GRACE: Duration = Duration::from_secs(2);

/// How many may connect.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// At a time.
    pub(crate) at_once: usize,
    /// In any 60 s; 0 for any number.
    pub(crate) per_minute: usize,
}

/// A place in the queue: by when its account counts as having come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    since: Instant,
    plain: bool,
    no: u64,
}

/// Where an account of the queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// It waits and can go at once.
    Door,
    /// It gave up waiting and will come again by itself, late.
    Away,
    /// ... and was called.
    Called(Instant),
}

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The one at this place may connect. It has left the queue.
    Grant(Place),
    /// The one at this place is to come to the door.
    Call(Place),
    /// Nothing before somebody comes or goes, or before this time.
    Wait(Option<Instant>),
}

/// The accounts that want to connect, and those that do.
#[derive(Debug)]
pub(crate) struct Queue {
    limits: Limits,
    waiting: BTreeMap<Place, At>,
    in_flight: usize,
    /// Of those, the ones that have not begun. Each may begin at any moment and counts as if it had just done so.
    about_to: usize,
    begun: VecDeque<Instant>,
    next_no: u64,
}

impl Queue {
    pub(crate) fn new(limits: Limits) -> Self {
        let limits = Limits { at_once: limits.at_once.max(1), ..limits };
        let (waiting, begun) = (BTreeMap::new(), VecDeque::new());
        Self { limits, waiting, in_flight: 0, about_to: 0, begun, next_no: 0 }
    }

    /// An account comes to the door.
    pub(crate) fn come(&mut self, urgent: bool, now: Instant) -> Place {
        self.next_no += 1;
        // Before the clock's own beginning there is no earlier; then all urgent ones are alike.
        let since = if urgent { now.checked_sub(HEAD_START).unwrap_or(now) } else { now };
        let place = Place { since, plain: !urgent, no: self.next_no };
        self.waiting.insert(place, At::Door);
        place
    }

    /// It comes again, to the place that it had.
    pub(crate) fn come_back(&mut self, place: Place) {
        self.waiting.insert(place, At::Door);
    }

    /// It can't wait at the door any longer and keeps its place.
    pub(crate) fn step_away(&mut self, place: Place) {
        if let Some(at) = self.waiting.get_mut(&place) {
            *at = At::Away;
        }
    }

    /// It gives its place up.
    pub(crate) fn leave(&mut self, place: Place) {
        self.waiting.remove(&place);
    }

    /// A granted one connects now.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.about_to = self.about_to.saturating_sub(1);
        if self.limits.per_minute > 0 {
            self.begun.push_back(now);
        }
    }

    /// A granted one is done, or never began.
    pub(crate) fn end(&mut self, begun: bool) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if !begun {
            self.about_to = self.about_to.saturating_sub(1);
        }
    }

    /// How many are connecting.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// How many wait for it.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// What happens next. To be asked until it is a wait.
    pub(crate) fn next(&mut self, now: Instant) -> Step {
        while self.begun.front().is_some_and(|at| now.duration_since(*at) >= MINUTE) {
            self.begun.pop_front();
        }
        let mut room = self.limits.at_once.saturating_sub(self.in_flight);
        if self.limits.per_minute > 0 {
            room = room.min(self.limits.per_minute.saturating_sub(self.about_to + self.begun.len()));
        }
        if room == 0 {
            let full = self.limits.at_once <= self.in_flight || self.waiting.is_empty();
            return Step::Wait(self.begun.front().filter(|_| !full).map(|at| *at + MINUTE));
        }
        let (mut expected, mut until) = (0, None);
        for (place, at) in &mut self.waiting {
            match *at {
                At::Door => {
                    let place = *place;
                    self.waiting.remove(&place);
                    self.in_flight += 1;
                    self.about_to += 1;
                    return Step::Grant(place);
                }
                At::Called(since) if now.duration_since(since) < GRACE => {
                    expected += 1;
                    let end = since + GRACE;
                    until = Some(until.map_or(end, |earlier: Instant| earlier.min(end)));
                }
                At::Away if expected < room => {
                    *at = At::Called(now);
                    return Step::Call(*place);
                }
                At::Away | At::Called(_) => {}
            }
        }
        Step::Wait(until)
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
