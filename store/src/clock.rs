//! Time comes in as a parameter.

use std::time::{SystemTime, UNIX_EPOCH};

/// Where the current time comes from.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since 1970, by the wall.
    fn now_ms(&self) -> u64;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// How far the store's time may run behind its last commit, in milliseconds. See [`store_time`].
pub const MAX_STEP_BACK_MS: u64 = 5_000;

/// The store's time: the wall's, but never more than five seconds before the last commit. Where the clock is set back,
/// each commit follows it by five seconds at most: rows made one after the other stay near each other, and a clock that
/// was wrong for a while does not leave its time behind for ever.
#[must_use]
pub fn store_time(wall_ms: u64, last_commit_ms: u64) -> u64 {
    wall_ms.max(last_commit_ms.saturating_sub(MAX_STEP_BACK_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_steps_back_far() {
        for (wall, last, expected) in [(100_000, 50_000, 100_000), (50_000, 100_000, 95_000), (0, 3, 0)] {
            assert_eq!(store_time(wall, last), expected);
        }
    }
}
