//! How many connections are being made: accepted, and not live yet.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::lock::hold;

/// The number and its peak.
#[derive(Debug, Default)]
pub(crate) struct Connecting {
    now: AtomicU64,
    peak: AtomicU64,
}

impl Connecting {
    /// Connections that are being made now, and the most there were.
    pub(crate) fn read(&self) -> (u64, u64) {
        (self.now.load(Ordering::SeqCst), self.peak.load(Ordering::SeqCst))
    }

    /// The peak is what there is now.
    pub(crate) fn forget_peak(&self) {
        self.peak.store(self.now.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// One more, until its share is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> Underway {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.peak.fetch_max(now, Ordering::SeqCst);
        Underway(Mutex::new(Some(Share(self.clone()))))
    }
}

struct Share(Arc<Connecting>);

impl Drop for Share {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A connection that is being made; counted until it is live or gone.
pub(crate) struct Underway(Mutex<Option<Share>>);

impl Underway {
    /// It is live.
    pub(crate) fn done(&self) {
        hold(&self.0).take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_outlives_the_connections_until_it_is_forgotten() {
        let connecting = Arc::new(Connecting::default());
        let (first, second) = (connecting.begin(), connecting.begin());
        first.done();
        first.done();
        drop(second);
        assert_eq!(connecting.read(), (0, 2));
        connecting.forget_peak();
        assert_eq!(connecting.read(), (0, 0));
    }
}
