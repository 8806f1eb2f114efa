//! The errors of this layer: what an engine can answer, what opening can answer, what a read or write can answer.

use std::path::PathBuf;

use crate::tree::Tree;

/// What the storage engine below the waist reports. Any of them on a write poisons the store.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// The device is out of space.
    #[error("the disk is full")]
    DiskFull,
    /// Any other failure of the disk or of the engine's files.
    #[error("storage engine: {0}")]
    Io(String),
    /// A row read back does not have the form it was written in.
    #[error("damaged row in tree {tree}")]
    Damaged {
        /// Where the row stands.
        tree: &'static str,
    },
    /// A commit's precondition no longer holds (only engines with several writers answer this).
    #[error("a row read by the commit has changed since")]
    Conflict,
}

/// Why a store could not be opened. None of these deletes a file.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process (or another handle in this one) holds the store.
    #[error("the store in {path} is in use by another process")]
    Locked {
        /// The data folder.
        path: PathBuf,
    },
    /// The files are damaged; the engine panicked or refused them, or commits are missing. Nothing was deleted, but the
    /// engine may have written over the end of its log while it opened it.
    #[error("the store in {path} is damaged: {detail}")]
    Damaged {
        /// The data folder.
        path: PathBuf,
        /// What the engine said.
        detail: String,
    },
    /// The store was written by a newer version of wasup.
    #[error("the store in {path} has schema version {found}, this build knows up to {known}")]
    NewerSchema {
        /// The data folder.
        path: PathBuf,
        /// Version found.
        found: u32,
        /// Newest version this build can read.
        known: u32,
    },
    /// The store was created with a key, and none is given.
    #[error("the store in {path} is encrypted, and no key is given")]
    KeyMissing {
        /// The data folder.
        path: PathBuf,
    },
    /// The store was created with another key.
    #[error("the store in {path} is encrypted with another key than the one given")]
    WrongKey {
        /// The data folder.
        path: PathBuf,
    },
    /// A key is given, but the store was created without one.
    #[error("the store in {path} was created without encryption, and a key is given")]
    NotEncrypted {
        /// The data folder.
        path: PathBuf,
    },
    /// A restore into the folder was cut off.
    #[error("a restore into {path} was cut off")]
    Unfinished {
        /// The folder.
        path: PathBuf,
    },
    /// There is no store in the folder, where one was asked for.
    #[error("there is no store in {path}")]
    Absent {
        /// The folder.
        path: PathBuf,
    },
    /// The folder can't be created, read or written.
    #[error("the store in {path} can't be opened")]
    Io {
        /// The data folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The engine answered an error while the store was being prepared.
    #[error("the store in {path} can't be prepared")]
    Engine {
        /// The data folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: EngineError,
    },
}

/// What a read or a write of the store can answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// A write to the disk failed earlier: nothing is written any more and the process has to be restarted.
    #[error("the store stopped after a failed write: {0}")]
    Poisoned(EngineError),
    /// A read failed in the engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A row exists but can't be understood.
    #[error("corrupt row in tree {tree}: {detail}")]
    Corrupt {
        /// Where the row stands.
        tree: &'static str,
        /// What was wrong, without the row's contents.
        detail: &'static str,
    },
    /// The row's key-id names a key that this process does not have.
    #[error("a row in tree {tree} is encrypted with a key that is not loaded")]
    Sealed {
        /// Where the row stands.
        tree: &'static str,
    },
    /// The writer belongs to an older incarnation of the account.
    #[error("the account was taken over by a newer incarnation")]
    StaleEpoch,
    /// The job panicked; none of its writes were kept.
    #[error("a store job panicked")]
    JobPanicked,
    /// A key longer than [`crate::key::MAX_KEY`] bytes was built.
    #[error("a key in tree {tree} is {len} bytes long")]
    KeyTooLong {
        /// Where the row was to stand.
        tree: &'static str,
        /// The key's length.
        len: usize,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// Free space is under the configured floor: API work is refused, inbound and key rows are not.
    #[error("free space is below the floor of {floor} bytes")]
    SpaceLow {
        /// The floor in bytes.
        floor: u64,
    },
}

impl StoreError {
    /// A row that can't be understood.
    #[must_use]
    pub fn corrupt(tree: Tree, detail: &'static str) -> Self {
        Self::Corrupt { tree: tree.name(), detail }
    }

    /// Whether the store can't write any more, so that the process must end.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        matches!(self, Self::Poisoned(_) | Self::Closed)
    }
}
