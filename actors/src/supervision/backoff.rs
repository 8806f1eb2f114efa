//! Growing waits. The one place that knows the crate `backoff`.

use std::time::Duration;

use ::backoff::ExponentialBackoff;
use ::backoff::backoff::Backoff as _;
use rand::{Rng, RngExt as _};

/// Waits that grow from `base` by `factor` up to `cap`, spread by a share of `jitter` either way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// The first wait.
    pub base: Duration,
    /// Each further wait is this many times longer; at least 1.
    pub factor: f64,
    /// The longest wait, before the spread.
    pub cap: Duration,
    /// Share of the wait by which it is spread, 0 to 1.
    pub jitter: f64,
}

/// After so many steps every sensible setting has reached its cap.
const MAX_STEPS: u32 = 64;

impl Backoff {
    /// The wait after the `nth` failure in a row, counted from 1, before the spread.
    #[must_use]
    pub fn steady(&self, nth: u32) -> Duration {
        // The crate draws its jitter from the thread's generator; ours comes in, so its own is switched off.
        let mut steps = ExponentialBackoff {
            current_interval: self.base,
            initial_interval: self.base,
            randomization_factor: 0.0,
            multiplier: self.factor.max(1.0),
            max_interval: self.cap,
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        };
        let mut wait = self.base;
        for _ in 0..nth.clamp(1, MAX_STEPS) {
            wait = steps.next_backoff().unwrap_or(self.cap);
        }
        wait.min(self.cap)
    }

    /// The wait after the `nth` failure in a row, spread.
    pub fn wait(&self, nth: u32, rng: &mut impl Rng) -> Duration {
        spread(self.steady(nth), self.jitter, rng)
    }
}

/// A span spread by a share of `jitter` either way.
pub(crate) fn spread(span: Duration, jitter: f64, rng: &mut impl Rng) -> Duration {
    let share = jitter.clamp(0.0, 1.0);
    span.mul_f64(1.0 - share + 2.0 * share * rng.random::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    fn backoff(base: u64, factor: f64, cap: u64) -> Backoff {
        Backoff { base: Duration::from_secs(base), factor, cap: Duration::from_secs(cap), jitter: 0.2 }
    }

    #[test]
    fn waits_double_up_to_the_cap() {
        let table = [(1, 1), (2, 2), (3, 4), (4, 8), (8, 128), (9, 256), (10, 300), (60, 300), (u32::MAX, 300)];
        for (nth, seconds) in table {
            assert_eq!(backoff(1, 2.0, 300).steady(nth), Duration::from_secs(seconds), "{nth}");
        }
        assert_eq!(backoff(1, 1.0, 300).steady(50), Duration::from_secs(1));
        assert_eq!(backoff(10, 2.0, 5).steady(1), Duration::from_secs(5), "a base over the cap");
    }

    #[test]
    fn the_spread_stays_in_its_share_and_uses_it() {
        let mut rng = StdRng::seed_from_u64(7);
        let waits: Vec<f64> = (0..1_000).map(|_| backoff(1, 2.0, 300).wait(10, &mut rng).as_secs_f64()).collect();
        assert!(waits.iter().all(|wait| (240.0..=360.0).contains(wait)));
        assert!(waits.iter().any(|wait| *wait < 250.0) && waits.iter().any(|wait| *wait > 350.0));
        let again: Vec<f64> = {
            let mut rng = StdRng::seed_from_u64(7);
            (0..1_000).map(|_| backoff(1, 2.0, 300).wait(10, &mut rng).as_secs_f64()).collect()
        };
        assert_eq!(waits, again, "the same seed gives the same waits");
    }
}
