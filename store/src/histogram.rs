//! A histogram with fixed buckets: what the store counts of itself without knowing who will ask for it.

use std::sync::atomic::{AtomicU64, Ordering};

/// Buckets of every histogram, the one above all bounds not counted.
pub const BUCKETS: usize = 12;

/// Upper bounds of the buckets, inclusive and rising.
pub type Bounds = [u64; BUCKETS];

/// Counts values by size. Recording costs two additions and takes no lock.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static Bounds,
    /// One a bucket, and the last for what is above all of them.
    counts: [AtomicU64; BUCKETS + 1],
    sum: AtomicU64,
}

/// What a histogram had counted at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistogramView {
    /// Upper bounds of the buckets, inclusive.
    pub bounds: &'static Bounds,
    /// Values up to each bound: cumulative, as Prometheus wants them.
    pub up_to: [u64; BUCKETS],
    /// All values.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
}

impl Default for HistogramView {
    fn default() -> Self {
        Self { bounds: &[0; BUCKETS], up_to: [0; BUCKETS], count: 0, sum: 0 }
    }
}

impl Histogram {
    /// A histogram that is cut at these bounds.
    #[must_use]
    pub const fn new(bounds: &'static Bounds) -> Self {
        Self { bounds, counts: [const { AtomicU64::new(0) }; BUCKETS + 1], sum: AtomicU64::new(0) }
    }

    /// Counts a value.
    pub fn record(&self, value: u64) {
        let place = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// What was counted until now. The count is that of the buckets, so the two always agree; the sum may run ahead.
    #[must_use]
    pub fn view(&self) -> HistogramView {
        let mut view = HistogramView { bounds: self.bounds, ..HistogramView::default() };
        for (place, count) in self.counts.iter().enumerate() {
            view.count += count.load(Ordering::Relaxed);
            if let Some(up_to) = view.up_to.get_mut(place) {
                *up_to = view.count;
            }
        }
        view.sum = self.sum.load(Ordering::Relaxed);
        view
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048];

    #[test]
    fn a_value_on_a_bound_belongs_below_it_and_what_is_above_all_only_to_the_count() {
        let histogram = Histogram::new(&BOUNDS);
        for value in [0, 1, 2, 3, 2_048, 2_049, 1_000_000] {
            histogram.record(value);
        }
        let view = histogram.view();
        assert_eq!(view.up_to, [2, 3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 5]);
        assert_eq!((view.count, view.sum), (7, 1_004_103));
    }
}
