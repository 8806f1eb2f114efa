//! What media may cost at once: transfers on the blocking pool, and bytes of uploads on disk.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes that one unit of the upload budget stands for.
const UNIT: u64 = 64 * 1024;

/// Transfers and bytes left.
#[derive(Clone)]
pub(crate) struct Budget {
    transfers: Arc<Semaphore>,
    upload_units: Arc<Semaphore>,
    upload_total: u32,
}

/// A share of a budget, given back when dropped.
pub(crate) struct Share(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

impl Budget {
    /// `transfers` at once, and at most `upload_bytes` of uploads on disk.
    pub(crate) fn new(transfers: usize, upload_bytes: u64) -> Self {
        let upload_total = units(upload_bytes).max(1);
        Self {
            transfers: Arc::new(Semaphore::new(transfers.max(1))),
            upload_units: Arc::new(Semaphore::new(upload_total as usize)),
            upload_total,
        }
    }

    /// Waits, on a thread that may block, for a place among the transfers.
    pub(crate) fn transfer(&self, on: &Handle) -> anyhow::Result<Share> {
        Ok(Share(on.block_on(Arc::clone(&self.transfers).acquire_owned())?))
    }

    /// Waits, on a thread that may block, for room for an upload.
    pub(crate) fn upload(&self, on: &Handle, bytes: u64) -> anyhow::Result<Share> {
        let wanted = units(bytes).max(1);
        anyhow::ensure!(wanted <= self.upload_total, "an upload of {bytes} bytes is larger than the whole budget");
        Ok(Share(on.block_on(Arc::clone(&self.upload_units).acquire_many_owned(wanted))?))
    }
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).min(Semaphore::MAX_PERMITS.min(u32::MAX as usize) as u32)
}
