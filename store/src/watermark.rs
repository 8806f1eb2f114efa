//! What has to be on disk before something may leave.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The newest of the commits that an effect outside must not overtake. Writes of [`crate::Durability::Under`] raise it
/// and resolve at once; whoever lets the effect out waits with [`crate::Store::until_durable`], so that many writes cost
/// one wait for the disk. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Watermark(Arc<AtomicU64>);

impl Watermark {
    /// The newest commit noted; 0 for none.
    #[must_use]
    pub fn commit(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Takes in what another one stands for.
    pub fn include(&self, other: &Self) {
        self.raise(other.commit());
    }

    pub(crate) fn raise(&self, commit: u64) {
        self.0.fetch_max(commit, Ordering::SeqCst);
    }
}
