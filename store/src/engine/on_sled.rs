//! The engine on sled 0.34.7, made durable: its `flush` only asks the kernel to begin writing (`sync_file_range`), so
//! every sync ends with our own `fdatasync` of the `db` file.

use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use std::time::{Duration, Instant};

use bytes::Bytes;
use sled::transaction::{ConflictableTransactionError, TransactionError, Transactional};

use super::{Batch, Change, Engine, Rows, Walk};
use crate::{EngineError, OpenError, Tree};

/// Segment size in bytes. With sled's default (512 KiB) pages of more than 128 KiB go to files that it never syncs,
/// and a power cut leaves a store that panics at open. It can't be changed for an existing store.
const SEGMENT: usize = 4 << 20;

/// The largest value handed to sled, in bytes: seventeen of them must stay below a quarter of a segment.
const MAX_VALUE: usize = 32 << 10;

/// How long an open waits for another handle's lock: sled's own threads hold it a moment longer than its last handle.
const LOCK_WAIT: Duration = Duration::from_millis(500);

/// A sled database with the fixed set of trees.
pub struct SledEngine {
    db: sled::Db,
    trees: Vec<sled::Tree>,
    log: File,
    syncs: Arc<AtomicU64>,
}

impl SledEngine {
    /// Opens or creates the store in `path`, with a page cache of `cache` bytes.
    ///
    /// # Errors
    /// [`OpenError`]: in use, damaged, or not readable. Nothing is deleted or repaired.
    pub fn open(path: &Path, cache: u64) -> Result<Self, OpenError> {
        std::fs::create_dir_all(path).map_err(|source| OpenError::Io { path: path.into(), source })?;
        let damaged = |detail: String| OpenError::Damaged { path: path.into(), detail };
        // A damaged file makes sled panic; the process must live to say what to do.
        let open = || catch_unwind(AssertUnwindSafe(|| Self::open_files(path, cache)));
        let until = Instant::now() + LOCK_WAIT;
        loop {
            let opened = open().map_err(|panic| damaged(panic_text(panic.as_ref())))?;
            match opened.map_err(|error| open_error(path, error)) {
                Err(OpenError::Locked { .. }) if Instant::now() < until => std::thread::park_timeout(LOCK_WAIT / 20),
                done => return done,
            }
        }
    }

    fn open_files(path: &Path, cache: u64) -> Result<Self, sled::Error> {
        let db = sled::Config::new().path(path).cache_capacity(cache).segment_size(SEGMENT).open()?;
        let trees = Tree::ALL.iter().map(|t| db.open_tree(t.name())).collect::<Result<Vec<_>, _>>()?;
        db.flush()?;
        let log = File::open(path.join("db"))?;
        log.sync_all()?;
        // The directory entry of a new file is durable only after its directory was synced.
        File::open(path)?.sync_all()?;
        Ok(Self { db, trees, log, syncs: Arc::new(AtomicU64::new(0)) })
    }

    /// A counter of finished fdatasyncs, for the proof that one precedes every durable answer.
    #[must_use]
    pub fn sync_counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.syncs)
    }

    fn tree(&self, tree: Tree) -> &sled::Tree {
        &self.trees[usize::from(tree.number())]
    }

    fn apply_one(&self, tree: Tree, changes: &[Change]) -> Result<(), EngineError> {
        self.tree(tree).apply_batch(sled_batch(changes)).map_err(engine_error)
    }

    fn apply_many(&self, groups: &[(Tree, sled::Batch)]) -> Result<(), EngineError> {
        let trees: Vec<sled::Tree> = groups.iter().map(|(tree, _)| self.tree(*tree).clone()).collect();
        trees[..]
            .transaction(|open| {
                for (tree, (_, batch)) in open.iter().zip(groups) {
                    tree.apply_batch(batch)?;
                }
                Ok::<(), ConflictableTransactionError<()>>(())
            })
            .map_err(|error| match error {
                TransactionError::Storage(error) => engine_error(error),
                TransactionError::Abort(()) => EngineError::Io("the transaction was aborted".into()),
            })
    }
}

impl Engine for SledEngine {
    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        let found = self.tree(tree).get(key).map_err(engine_error)?;
        Ok(found.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn range(&self, tree: Tree, from: &[u8], to: Option<&[u8]>, walk: Walk, limit: usize) -> Result<Rows, EngineError> {
        if to.is_some_and(|to| to <= from) {
            return Ok(Rows::new());
        }
        let found = match to {
            Some(to) => self.tree(tree).range(from..to),
            None => self.tree(tree).range(from..),
        };
        let row = |entry: Result<(sled::IVec, sled::IVec), sled::Error>| {
            entry.map(|(k, v)| (Bytes::copy_from_slice(&k), Bytes::copy_from_slice(&v))).map_err(engine_error)
        };
        match walk {
            Walk::Up => found.take(limit).map(row).collect(),
            Walk::Down => found.rev().take(limit).map(row).collect(),
        }
    }

    fn apply(&self, batch: &Batch) -> Result<(), EngineError> {
        if batch.changes.iter().any(|c| c.value.as_ref().is_some_and(|v| v.len() > MAX_VALUE)) {
            return Err(EngineError::Io("a value over 32 KiB reached the engine".into()));
        }
        let by_tree: Vec<&[Change]> = batch.changes.chunk_by(|a, b| a.tree == b.tree).collect();
        match by_tree.as_slice() {
            [] => Ok(()),
            [only] => self.apply_one(only[0].tree, only),
            many => {
                let groups: Vec<_> = many.iter().map(|rows| (rows[0].tree, sled_batch(rows))).collect();
                self.apply_many(&groups)
            }
        }
    }

    fn sync(&self) -> Result<(), EngineError> {
        self.db.flush().map_err(engine_error)?;
        self.log.sync_data().map_err(|error| io_error(&error))?;
        self.syncs.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn size_on_disk(&self) -> u64 {
        self.log.metadata().map(|m| m.len()).unwrap_or_default()
    }
}

fn sled_batch(changes: &[Change]) -> sled::Batch {
    let mut batch = sled::Batch::default();
    for change in changes {
        match &change.value {
            Some(value) => batch.insert(&*change.key, value.as_ref()),
            None => batch.remove(&*change.key),
        }
    }
    batch
}

fn io_error(error: &io::Error) -> EngineError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => EngineError::DiskFull,
        _ => EngineError::Io(error.to_string()),
    }
}

fn engine_error(error: sled::Error) -> EngineError {
    match error {
        sled::Error::Io(error) => io_error(&error),
        other => EngineError::Io(other.to_string()),
    }
}

fn open_error(path: &Path, error: sled::Error) -> OpenError {
    let path = path.to_path_buf();
    match error {
        // sled wraps the lock's EAGAIN in an error of kind Other; its text is the only mark (probed, 0.34.7).
        sled::Error::Io(source) if source.to_string().contains("could not acquire lock") => OpenError::Locked { path },
        sled::Error::Io(source)
            if source.kind() == io::ErrorKind::Other || source.kind() == io::ErrorKind::UnexpectedEof =>
        {
            OpenError::Damaged { path, detail: source.to_string() }
        }
        sled::Error::Io(source) => OpenError::Io { path, source },
        other => OpenError::Damaged { path, detail: other.to_string() },
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("the storage engine panicked").chars().take(300).collect()
}
