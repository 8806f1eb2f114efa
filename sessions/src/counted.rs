//! What links count of themselves, where their tests want to see it too.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of all links of one factory since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LinkStats {
    /// Receipts and acknowledgements that a slow listener missed. A later receipt or a resend repairs each.
    pub notes_dropped: u64,
    /// Received messages whose decrypted copy was lost in a crash and which were committed as unavailable.
    pub copies_lost: u64,
    /// Links that hold a permit to connect at the moment.
    pub connects_in_flight: u64,
    /// Links that want one and have none yet.
    pub connects_waiting: u64,
    /// Permits given.
    pub connects_granted: u64,
    /// Waits for a permit that were given up as too long (10 minutes). Such a link keeps its place and is called when its
    /// turn comes.
    pub connects_refused: u64,
}

/// The counters behind [`LinkStats`].
#[derive(Debug, Default)]
pub(crate) struct Counted {
    notes_dropped: AtomicU64,
    copies_lost: AtomicU64,
}

impl Counted {
    pub(crate) fn note_dropped(&self) {
        self.notes_dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn copy_lost(&self) {
        self.copies_lost.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn stats(&self) -> LinkStats {
        LinkStats {
            notes_dropped: self.notes_dropped.load(Ordering::Relaxed),
            copies_lost: self.copies_lost.load(Ordering::Relaxed),
            ..LinkStats::default()
        }
    }
}
