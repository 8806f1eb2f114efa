//! An engine that fails on purpose and forgets what was not synced: a power cut in memory.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use super::memory::Table;
use super::{Batch, Engine, MemoryEngine, Rows, Walk};
use crate::{EngineError, Tree};

/// When the engine fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Never.
    None,
    /// The n-th `apply`, counted from 1, answers that the disk is full.
    Apply(u64),
    /// The n-th `sync`, counted from 1, answers an I/O error.
    Sync(u64),
}

/// A [`MemoryEngine`] that fails at a chosen call and can be cut off from power.
#[derive(Debug)]
pub struct FaultyEngine {
    inner: MemoryEngine,
    synced: Mutex<Table>,
    fault: Fault,
    applies: AtomicU64,
    syncs: AtomicU64,
}

impl FaultyEngine {
    /// An empty engine with this fault ahead of it.
    #[must_use]
    pub fn new(fault: Fault) -> Self {
        Self::over(Table::new(), fault)
    }

    fn over(rows: Table, fault: Fault) -> Self {
        Self {
            inner: MemoryEngine::with_rows(rows.clone()),
            synced: Mutex::new(rows),
            fault,
            applies: AtomicU64::new(0),
            syncs: AtomicU64::new(0),
        }
    }

    /// What is left after the power was cut: a new engine with only what had been synced.
    #[must_use]
    pub fn after_power_cut(&self) -> Self {
        Self::over(self.synced.lock().unwrap_or_else(PoisonError::into_inner).clone(), Fault::None)
    }

    /// How often `sync` was called.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::SeqCst)
    }
}

impl Engine for FaultyEngine {
    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        self.inner.get(tree, key)
    }

    fn range(&self, tree: Tree, from: &[u8], to: Option<&[u8]>, walk: Walk, limit: usize) -> Result<Rows, EngineError> {
        self.inner.range(tree, from, to, walk, limit)
    }

    fn apply(&self, batch: &Batch) -> Result<(), EngineError> {
        let n = self.applies.fetch_add(1, Ordering::SeqCst) + 1;
        if self.fault == Fault::Apply(n) {
            return Err(EngineError::DiskFull);
        }
        self.inner.apply(batch)
    }

    fn sync(&self) -> Result<(), EngineError> {
        let n = self.syncs.fetch_add(1, Ordering::SeqCst) + 1;
        if self.fault == Fault::Sync(n) {
            return Err(EngineError::Io("the sync failed on purpose".into()));
        }
        *self.synced.lock().unwrap_or_else(PoisonError::into_inner) = self.inner.rows().clone();
        Ok(())
    }

    fn wants_preconditions(&self) -> bool {
        true
    }
}
