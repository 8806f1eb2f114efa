//! The time by which retries become due.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;
use wasup_store::id::Millis;

/// A time that runs with the monotonic clock: never behind the store's, never stepping back, never standing still.
/// A clock that is set back by hours must not make a retry of a minute wait for hours.
#[derive(Debug)]
pub(crate) struct DueTime(Mutex<(Millis, Instant)>);

impl DueTime {
    pub(crate) const fn new(store_ms: Millis, now: Instant) -> Self {
        Self(Mutex::new((store_ms, now)))
    }

    /// The time now, in milliseconds since 1970.
    pub(crate) fn now_ms(&self, store_ms: Millis, now: Instant) -> Millis {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = u64::try_from(now.saturating_duration_since(last.1).as_millis()).unwrap_or(u64::MAX);
        let ms = store_ms.max(last.0.saturating_add(passed));
        // A part of a millisecond that was cut off stays in the instant's place, so that it is not lost at every look.
        if ms > last.0 {
            *last = (ms, now);
        }
        ms
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_follows_the_store_ahead_and_the_monotonic_clock_otherwise() {
        let begin = Instant::now();
        let at = |seconds: u64| begin + Duration::from_secs(seconds);
        let due = DueTime::new(1_000_000, begin);
        for (passed, store, expected) in [
            (1, 1_001_000, 1_001_000),
            (2, 900_000, 1_002_000),    // set back: it goes on
            (60, 958_000, 1_060_000),   // and on
            (61, 5_000_000, 5_000_000), // set ahead: followed
            (62, 1_062_000, 5_001_000),
        ] {
            assert_eq!(due.now_ms(store, at(passed)), expected, "{passed}");
        }
    }
}
