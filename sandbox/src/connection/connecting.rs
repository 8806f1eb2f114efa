//! Connections as the listener sees them: how many were opened and when, and how many are being made.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use crate::lock::hold;

/// The window in which opened connections are counted.
const WINDOW: Duration = Duration::from_secs(60);

/// Connections since the start, or since [`crate::Network::forget_connects`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Connects {
    /// Sockets that were opened, those included that a fault closed at once or left hanging.
    pub opened: u64,
    /// Connections that are being made at present: from the open socket until the device is live or the socket is gone.
    pub in_flight: u64,
    /// The most there were of these at a time.
    pub peak_in_flight: u64,
    /// Sockets opened within the last 60 s.
    pub last_minute: u64,
    /// The most sockets opened within any 60 s.
    pub most_in_a_minute: u64,
}

#[derive(Debug, Default)]
struct Count {
    connects: Connects,
    /// When the sockets of the last minute were opened.
    recent: VecDeque<Instant>,
}

impl Count {
    fn forget_older_than_a_minute(&mut self, now: Instant) {
        while self.recent.front().is_some_and(|opened| now.duration_since(*opened) >= WINDOW) {
            self.recent.pop_front();
        }
        self.connects.last_minute = self.recent.len() as u64;
    }
}

/// The listener's count.
#[derive(Debug, Default)]
pub(crate) struct Connecting(Mutex<Count>);

impl Connecting {
    /// What there is at this moment.
    pub(crate) fn read(&self, now: Instant) -> Connects {
        let mut count = hold(&self.0);
        count.forget_older_than_a_minute(now);
        count.connects
    }

    /// Counts anew; what is being made stays, and so does the last minute.
    pub(crate) fn forget(&self, now: Instant) {
        let mut count = hold(&self.0);
        count.forget_older_than_a_minute(now);
        let Connects { in_flight, last_minute, .. } = count.connects;
        count.connects =
            Connects { opened: 0, in_flight, peak_in_flight: in_flight, last_minute, most_in_a_minute: last_minute };
    }

    /// One more is opened; it is being made until its share is dropped.
    pub(crate) fn begin(self: &Arc<Self>, now: Instant) -> Underway {
        let mut count = hold(&self.0);
        count.recent.push_back(now);
        count.forget_older_than_a_minute(now);
        let connects = &mut count.connects;
        connects.opened += 1;
        connects.in_flight += 1;
        connects.peak_in_flight = connects.peak_in_flight.max(connects.in_flight);
        connects.most_in_a_minute = connects.most_in_a_minute.max(connects.last_minute);
        Underway(Mutex::new(Some(Share(self.clone()))))
    }
}

struct Share(Arc<Connecting>);

impl Drop for Share {
    fn drop(&mut self) {
        hold(&self.0.0).connects.in_flight -= 1;
    }
}

/// A connection that is being made; counted until it is live or gone.
pub(crate) struct Underway(Mutex<Option<Share>>);

impl Underway {
    /// It is live.
    pub(crate) fn done(&self) {
        // Dropped after the lock is free.
        let _made = hold(&self.0).take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_outlives_the_connections_until_it_is_forgotten() {
        let now = Instant::now();
        let connecting = Arc::new(Connecting::default());
        let (first, second) = (connecting.begin(now), connecting.begin(now));
        first.done();
        first.done();
        drop(second);
        let read = connecting.read(now);
        assert_eq!((read.in_flight, read.peak_in_flight), (0, 2));
        connecting.forget(now);
        assert_eq!(connecting.read(now).peak_in_flight, 0);
    }

    #[test]
    fn the_fullest_minute_is_found_wherever_it_begins() {
        let start = Instant::now();
        let connecting = Arc::new(Connecting::default());
        let at = |second| start + Duration::from_secs(second);
        // Three within a minute that straddles two minutes of the clock, then a quiet one.
        for second in [0, 50, 70, 100, 109, 200] {
            drop(connecting.begin(at(second)));
        }
        let read = connecting.read(at(201));
        assert_eq!((read.opened, read.most_in_a_minute, read.last_minute), (6, 4, 1));
        assert_eq!(connecting.read(at(260)).last_minute, 0);
    }
}
