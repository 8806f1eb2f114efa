//! When the n-th message of a run is due: fixed by the rate alone, so that a slow answer delays no later message and
//! every wait is measured (no coordinated omission).

use std::time::Duration;

/// An even pace.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    per_second: u32,
}

impl Pace {
    /// So many a second, at least one.
    #[must_use]
    pub(super) const fn per_second(rate: u32) -> Self {
        Self { per_second: if rate == 0 { 1 } else { rate } }
    }

    /// When the n-th (from 0) is due after the start.
    #[must_use]
    pub(super) fn due(self, n: u64) -> Duration {
        let nanos = u128::from(n) * 1_000_000_000 / u128::from(self.per_second);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// How many are due once so much time has passed.
    #[must_use]
    pub(super) fn due_by(self, passed: Duration) -> u64 {
        let whole = passed.as_nanos() * u128::from(self.per_second) / 1_000_000_000;
        u64::try_from(whole).unwrap_or(u64::MAX).saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nth_is_due_by_the_rate_alone() {
        let pace = Pace::per_second(200);
        assert_eq!(pace.due(0), Duration::ZERO);
        assert_eq!(pace.due(1), Duration::from_millis(5));
        assert_eq!(pace.due(2_000), Duration::from_secs(10));
    }

    #[test]
    fn an_odd_rate_does_not_drift() {
        let pace = Pace::per_second(3);
        assert_eq!(pace.due(3_000_000), Duration::from_secs(1_000_000));
    }

    #[test]
    fn after_a_pause_all_that_became_due_is_sent() {
        let pace = Pace::per_second(100);
        assert_eq!(pace.due_by(Duration::ZERO), 1);
        assert_eq!(pace.due_by(Duration::from_millis(9)), 1);
        assert_eq!(pace.due_by(Duration::from_millis(10)), 2);
        assert_eq!(pace.due_by(Duration::from_secs(1)), 101);
        for n in 0..1_000 {
            assert!(pace.due_by(pace.due(n)) >= n, "{n}");
        }
    }

    #[test]
    fn no_rate_is_not_endless() {
        assert_eq!(Pace::per_second(0).due(2), Duration::from_secs(2));
    }
}
