//! Times as histograms: what a report shows is their percentiles, never a mean alone.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// The longest time that is told apart, in microseconds: an hour.
const LONGEST_US: u64 = 3_600_000_000;

/// Many times, to three digits, from a microsecond to an hour.
#[derive(Debug, Clone)]
pub(super) struct Times(Histogram<u64>);

/// What a report shows of [`Times`], in milliseconds. All zero where nothing was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Spread {
    /// How many were measured.
    pub count: u64,
    /// Half took at most this long.
    pub p50: f64,
    /// Nine of ten took at most this long.
    pub p90: f64,
    /// All but one in a hundred took at most this long.
    pub p99: f64,
    /// All but one in a thousand took at most this long.
    pub p999: f64,
    /// The longest.
    pub max: f64,
}

impl Default for Times {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, LONGEST_US, 3).expect("the bounds and digits are lawful"))
    }
}

impl Times {
    /// Notes one; shorter than a microsecond counts as one, longer than an hour as an hour.
    pub(super) fn note(&mut self, took: Duration) {
        self.0.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1));
    }

    /// Takes in others.
    pub(super) fn absorb(&mut self, others: &Self) {
        self.0.add(&others.0).expect("all histograms here have the same bounds");
    }

    /// What a report shows.
    #[must_use]
    pub(super) fn spread(&self) -> Spread {
        let at = |quantile| rounded(self.0.value_at_quantile(quantile) as f64 / 1e3);
        Spread {
            count: self.0.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: rounded(self.0.max() as f64 / 1e3),
        }
    }
}

/// To three digits after the point.
#[must_use]
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// A share of something that may be nothing.
#[must_use]
pub(super) fn each(total: f64, of: f64) -> f64 {
    if of > 0.0 { rounded(total / of) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(value: f64, expected: f64) -> bool {
        (value - expected).abs() <= expected * 0.001
    }

    #[test]
    fn percentiles_are_of_what_was_noted() {
        let mut times = Times::default();
        (1..=1_000).for_each(|n| times.note(Duration::from_millis(n)));
        let spread = times.spread();
        assert_eq!(spread.count, 1_000);
        for (value, expected) in
            [(spread.p50, 500.0), (spread.p90, 900.0), (spread.p99, 990.0), (spread.p999, 999.0), (spread.max, 1_000.0)]
        {
            assert!(close(value, expected), "{value} is not {expected}");
        }
    }

    #[test]
    fn one_slow_in_a_thousand_shows_in_the_tail_only() {
        let (mut times, mut slow) = (Times::default(), Times::default());
        (0..999).for_each(|_| times.note(Duration::from_micros(250)));
        slow.note(Duration::from_secs(2));
        times.absorb(&slow);
        let spread = times.spread();
        assert!(close(spread.p99, 0.25) && close(spread.p999, 0.25) && close(spread.max, 2_000.0), "{spread:?}");
    }

    #[test]
    fn nothing_and_far_too_much_are_no_errors() {
        let mut times = Times::default();
        assert_eq!(times.spread().p99, 0.0);
        times.note(Duration::from_secs(1 << 40));
        times.note(Duration::ZERO);
        assert_eq!(times.spread().count, 2);
        assert!(close(times.spread().max, 3_600_000.0));
        assert_eq!(each(5.0, 0.0), 0.0);
    }
}
