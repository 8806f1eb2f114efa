//! The engine on sled 0.34.7, made durable: its `flush` only asks the kernel to begin writing (`sync_file_range`), so
//! every sync ends with our own `fdatasync` of the `db` file.

use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use std::time::{Duration, Instant};

use super::{Batch, Change, Engine, Rows, Walk};
use crate::{EngineError, OpenError, Tree};
use bytes::Bytes;

/// Segment size in bytes. With sled's default (512 KiB) pages of more than 128 KiB go to files that it never syncs,
/// and a power cut leaves a store that panics at open. It can't be changed for an existing store.
const SEGMENT: usize = 4 << 20;

/// The largest value handed to sled, in bytes: seventeen of them must stay below a quarter of a segment.
const MAX_VALUE: usize = 32 << 10;

/// How long an open waits for another handle's lock: sled's own threads hold it a moment longer than its last handle.
const LOCK_WAIT: Duration = Duration::from_millis(500);

/// A sled database with one tree of rows.
pub struct SledEngine {
    db: sled::Db,
    rows: sled::Tree,
    log: File,
    syncs: Arc<AtomicU64>,
}

impl SledEngine {
    /// Opens or creates the store in `path`, with a page cache of `cache` bytes.
    ///
    /// # Errors
    /// [`OpenError`]: in use, damaged, or not readable. Nothing is deleted, but sled may write over the end
    /// of a damaged log.
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
        let rows = db.open_tree("rows")?;
        db.flush()?;
        let log = File::open(path.join("db"))?;
        log.sync_all()?;
        // The directory entry of a new file is durable only after its directory was synced.
        File::open(path)?.sync_all()?;
        Ok(Self { db, rows, log, syncs: Arc::new(AtomicU64::new(0)) })
    }

    /// A counter of finished fdatasyncs, for the proof that one precedes every durable answer.
    #[must_use]
    pub fn sync_counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.syncs)
    }
}

/// Where a row stands in sled's one tree. A batch over one tree is atomic by itself; over several it takes a
/// transaction, which reads every row before it writes it.
fn place(tree: Tree, key: &[u8]) -> Vec<u8> {
    let mut place = Vec::with_capacity(1 + key.len());
    place.push(tree.number());
    place.extend_from_slice(key);
    place
}

impl Engine for SledEngine {
    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        let found = self.rows.get(place(tree, key)).map_err(engine_error)?;
        Ok(found.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn range(&self, tree: Tree, from: &[u8], to: Option<&[u8]>, walk: Walk, limit: usize) -> Result<Rows, EngineError> {
        if limit == 0 || to.is_some_and(|to| to <= from) {
            return Ok(Rows::new());
        }
        // Without an end, the tree's own: where the next number begins.
        let end = to.map_or_else(|| vec![tree.number() + 1], |to| place(tree, to));
        let found = self.rows.range(place(tree, from)..end);
        let row = |entry: Result<(sled::IVec, sled::IVec), sled::Error>| {
            let (key, value) = entry.map_err(engine_error)?;
            Ok((Bytes::copy_from_slice(key.get(1..).unwrap_or_default()), Bytes::copy_from_slice(&value)))
        };
        match walk {
            Walk::Up => found.take(limit).map(row).collect(),
            Walk::Down => found.rev().take(limit).map(row).collect(),
        }
    }

    fn apply(&self, batch: &Batch) -> Result<(), EngineError> {
        let mut rows = sled::Batch::default();
        for Change { tree, key, value } in &batch.changes {
            match value {
                Some(value) if value.len() > MAX_VALUE => {
                    return Err(EngineError::Io("a value over 32 KiB reached the engine".into()));
                }
                Some(value) => rows.insert(place(*tree, key), value.as_ref()),
                None => rows.remove(place(*tree, key)),
            }
        }
        if batch.changes.is_empty() {
            return Ok(());
        }
        self.rows.apply_batch(rows).map_err(engine_error)
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
