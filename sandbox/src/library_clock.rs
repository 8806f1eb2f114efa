//! The protocol library's clocks, set to another time: for tests that let an hour pass in a minute.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use wacore::time::{MonotonicProvider, TimeProvider, set_monotonic_provider, set_time_provider};

/// Nanoseconds that have passed in the library's time.
static PASSED: AtomicU64 = AtomicU64::new(0);

/// The library's clocks run already: the process has used them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the protocol library's clocks are set already, or were read before")]
pub struct ClockInUse;

/// The clocks of the protocol library in this process. They stand still but for what is added to them.
#[derive(Debug)]
pub struct LibraryClock(());

impl LibraryClock {
    /// Takes the library's clocks over, wall clock and monotonic clock. Once in a process, and before the library is used.
    ///
    /// # Errors
    /// When the library has read one of them, or this was done before.
    pub fn take_over() -> Result<Self, ClockInUse> {
        let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        set_time_provider(Wall(began)).map_err(|_taken| ClockInUse)?;
        set_monotonic_provider(Monotonic).map_err(|_taken| ClockInUse)?;
        Ok(Self(()))
    }

    /// So much time has passed.
    pub fn advance(&self, time: Duration) {
        PASSED.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

struct Monotonic;

impl MonotonicProvider for Monotonic {
    fn now_nanos(&self) -> u64 {
        PASSED.load(Ordering::Relaxed)
    }
}

/// When the clock was taken over, since 1970.
struct Wall(Duration);

impl TimeProvider for Wall {
    fn now_millis(&self) -> i64 {
        let now = self.0 + Duration::from_nanos(PASSED.load(Ordering::Relaxed));
        i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
    }
}
