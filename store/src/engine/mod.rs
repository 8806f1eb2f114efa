//! The engines below the waist: ordered bytes, one atomic batch at a time, and a sync that means it.

use bytes::Bytes;

use crate::{EngineError, Tree};

mod faulty;
mod memory;
mod on_sled;

pub use faulty::{Fault, FaultyEngine};
pub use memory::MemoryEngine;
pub use on_sled::SledEngine;

/// One row's change: `None` deletes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The tree.
    pub tree: Tree,
    /// The key.
    pub key: Box<[u8]>,
    /// The new value as it stands on disk, or a deletion.
    pub value: Option<Bytes>,
}

/// A row that a commit read, with what it saw: what an engine with several writers has to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The tree.
    pub tree: Tree,
    /// The key.
    pub key: Box<[u8]>,
    /// The value seen, chunked form included, or its absence.
    pub value: Option<Bytes>,
}

/// What is applied at once, in the order of trees and keys, each row once.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// The rows to change, sorted by tree.
    pub changes: Vec<Change>,
    /// Preconditions; empty unless the engine asks for them.
    pub seen: Vec<Seen>,
}

/// Which end of a range is walked first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Walk {
    /// From the smallest key.
    Up,
    /// From the largest key.
    Down,
}

/// A page of a range, in the order walked.
pub type Rows = Vec<(Bytes, Bytes)>;

/// An ordered map of trees of bytes. One thread calls [`Engine::apply`], another
/// one [`Engine::sync`], perhaps at the same time; any thread reads.
pub trait Engine: Send + Sync + 'static {
    /// The value under a key.
    ///
    /// # Errors
    /// [`EngineError`] when the engine can't read.
    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Bytes>, EngineError>;

    /// At most `limit` rows with `from <= key < to` (`to = None`: to the end of the tree).
    ///
    /// # Errors
    /// [`EngineError`] when the engine can't read.
    fn range(&self, tree: Tree, from: &[u8], to: Option<&[u8]>, walk: Walk, limit: usize) -> Result<Rows, EngineError>;

    /// Applies a batch, all of it or nothing, also across trees and across a crash.
    ///
    /// # Errors
    /// [`EngineError`]; the caller poisons the store and never tries again.
    fn apply(&self, batch: &Batch) -> Result<(), EngineError>;

    /// Makes every batch that was applied before the call survive a power cut before it returns.
    ///
    /// # Errors
    /// [`EngineError`]; the caller poisons the store and never tries again.
    fn sync(&self) -> Result<(), EngineError>;

    /// Bytes on disk, where the engine has any.
    fn size_on_disk(&self) -> u64 {
        0
    }

    /// Whether batches must carry what their jobs read. Only an engine with other writers needs it.
    fn wants_preconditions(&self) -> bool {
        false
    }
}
