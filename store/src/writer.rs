//! The one writer: a thread that runs jobs in groups, applies each group at once and syncs as the classes ask.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::chunk::CutRows;
use crate::clock::store_time;
use crate::commit::{COMMIT_ROW, CommitRow};
use crate::engine::Engine;
use crate::group::{Failed, Group, Job};
use crate::histogram::{Bounds, Histogram};
use crate::id::Position;
use crate::insurance::tee::Tee;
use crate::keyring::Keyring;
use crate::tripwire::Tripwire;
use crate::watch::SyncWatch;
use crate::{Clock, EngineError, StoreError, Tree};

/// Bytes applied without a sync after which the writer syncs by itself. Beyond two log segments the engine promises
/// not even order, so relaxed rows must not run far ahead of the disk.
const SYNC_BYTES: usize = 1 << 20;
/// Time after which the writer syncs relaxed rows by itself.
const SYNC_AFTER: Duration = Duration::from_millis(500);

/// How group sizes are cut: a group has at most 256 jobs, and about 2,000 rows.
const GROUP_SIZES: Bounds = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048];
/// How the times of syncs are cut, in microseconds: from a disk with a battery behind it to one that is dying.
const SYNC_US: Bounds = [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 2_500_000];

/// What readers and callers see of the writer.
#[derive(Debug)]
pub(crate) struct Progress {
    /// Number of the newest applied group.
    pub(crate) applied: AtomicU64,
    /// Number of the newest group on disk.
    pub(crate) durable: watch::Sender<u64>,
    /// Newest event position of what was applied.
    pub(crate) position: AtomicU64,
    /// Newest event position on disk.
    pub(crate) durable_position: watch::Sender<Position>,
    /// Who wants to hear of every sync.
    pub(crate) on_sync: SyncWatch,
    /// Time of the newest group, in milliseconds.
    pub(crate) last_ms: AtomicU64,
    /// Why the writer stopped, once it did.
    pub(crate) poison: watch::Sender<Option<EngineError>>,
    /// Held for writing while a group is applied, so that a reader sees all of it or nothing.
    pub(crate) view: RwLock<()>,
    /// What is noted for a backup under way.
    pub(crate) tee: Mutex<Option<Tee>>,
    pub(crate) groups: AtomicU64,
    pub(crate) jobs: AtomicU64,
    pub(crate) rows: AtomicU64,
    pub(crate) syncs: AtomicU64,
    pub(crate) group_jobs: Histogram,
    pub(crate) group_rows: Histogram,
    pub(crate) sync_us: Histogram,
    pub(crate) closed: AtomicBool,
}

impl Progress {
    pub(crate) fn new(CommitRow { commit, now_ms, position, .. }: CommitRow) -> Self {
        Self {
            applied: AtomicU64::new(commit),
            durable: watch::channel(commit).0,
            position: AtomicU64::new(position),
            durable_position: watch::channel(Position(position)).0,
            on_sync: SyncWatch::default(),
            last_ms: AtomicU64::new(now_ms),
            poison: watch::channel(None).0,
            view: RwLock::new(()),
            tee: Mutex::new(None),
            groups: AtomicU64::new(0),
            jobs: AtomicU64::new(0),
            rows: AtomicU64::new(0),
            syncs: AtomicU64::new(0),
            group_jobs: Histogram::new(&GROUP_SIZES),
            group_rows: Histogram::new(&GROUP_SIZES),
            sync_us: Histogram::new(&SYNC_US),
            closed: AtomicBool::new(false),
        }
    }
}

pub(crate) struct Writer {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) jobs: Receiver<Box<dyn Job>>,
    pub(crate) cut: CutRows,
    tripwire: Option<Tripwire>,
    /// The row of the newest commit.
    stamp: CommitRow,
    /// Bytes applied since the last sync, and when the first of them was.
    unsynced: usize,
    unsynced_since: Option<Instant>,
}

/// What a store was found with when it was opened.
pub(crate) struct Found {
    pub(crate) cut: CutRows,
    pub(crate) tripwire: Option<Tripwire>,
    pub(crate) stamp: CommitRow,
}

impl Writer {
    pub(crate) fn new(
        engine: Arc<dyn Engine>,
        keyring: Arc<Keyring>,
        progress: Arc<Progress>,
        clock: Arc<dyn Clock>,
        jobs: Receiver<Box<dyn Job>>,
        Found { cut, tripwire, stamp }: Found,
    ) -> Self {
        Self { engine, keyring, progress, clock, jobs, cut, tripwire, stamp, unsynced: 0, unsynced_since: None }
    }

    /// Runs until every handle of the store is gone or a write fails.
    pub(crate) fn run(mut self) {
        loop {
            match self.next_group() {
                Next::Group(group) => {
                    if let Err((error, jobs)) = self.commit(group) {
                        return self.poisoned(error, jobs);
                    }
                }
                Next::SyncDue => {
                    if let Err(error) = self.sync() {
                        return self.poisoned(error, Vec::new());
                    }
                }
                Next::Closed => {
                    if let Err(error) = self.sync() {
                        return self.poisoned(error, Vec::new());
                    }
                    if let Some(tripwire) = &mut self.tripwire {
                        tripwire.write(self.progress.applied.load(Ordering::SeqCst));
                    }
                    self.progress.closed.store(true, Ordering::SeqCst);
                    return;
                }
            }
        }
    }

    fn next_group(&mut self) -> Next {
        let first = match self.unsynced_since {
            None => self.jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(since) => self.jobs.recv_timeout(SYNC_AFTER.saturating_sub(since.elapsed())),
        };
        let first = match first {
            Ok(job) => job,
            Err(RecvTimeoutError::Timeout) => return Next::SyncDue,
            Err(RecvTimeoutError::Disconnected) => return Next::Closed,
        };
        let mut group = Group::default();
        group.run(&*self.engine, &self.keyring, first);
        while !group.is_full() {
            // No waiting for company: while this group is synced the next one gathers by itself.
            let Ok(job) = self.jobs.try_recv() else { break };
            group.run(&*self.engine, &self.keyring, job);
        }
        Next::Group(group)
    }

    fn commit(&mut self, mut group: Group) -> Result<(), Failed> {
        if let Some(error) = group.broken() {
            return Err((error, group.into_jobs()));
        }
        let wants_sync = group.wants_sync();
        let waiting = if group.row_count() == 0 {
            let mut batch = group.lower(&self.keyring, &mut self.cut);
            group.apply(&*self.engine, &mut batch, &mut self.stamp)?
        } else {
            if let Err(error) = self.stamp(&mut group) {
                return Err((error, group.into_jobs()));
            }
            // Counted with the group's own row: what the engine really changes.
            self.progress.groups.fetch_add(1, Ordering::Relaxed);
            self.progress.rows.fetch_add(group.row_count() as u64, Ordering::Relaxed);
            self.progress.group_rows.record(group.row_count() as u64);
            self.progress.group_jobs.record(group.job_count() as u64);
            self.unsynced += group.byte_count();
            self.unsynced_since.get_or_insert_with(Instant::now);
            // Encrypting takes its time, and readers need not wait for it.
            let mut batch = group.lower(&self.keyring, &mut self.cut);
            let _view = self.progress.view.write().unwrap_or_else(PoisonError::into_inner);
            let waiting = group.apply(&*self.engine, &mut batch, &mut self.stamp).inspect_err(|(error, _)| {
                // Before the view opens again: the engine may have left half of the group behind, and no durable
                // read may answer from it.
                self.progress.poison.send_replace(Some(error.clone()));
            })?;
            self.progress.applied.fetch_add(1, Ordering::SeqCst);
            if let Some(tee) = self.progress.tee.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                tee.group(&batch.changes);
            }
            waiting
        };
        let due = self.unsynced >= SYNC_BYTES || self.unsynced_since.is_some_and(|since| since.elapsed() >= SYNC_AFTER);
        if (wants_sync || due)
            && let Err(error) = self.sync()
        {
            return Err((error, waiting));
        }
        for job in waiting {
            job.answer(Ok(()));
        }
        Ok(())
    }

    /// Puts the commit number and time into the group's own rows.
    fn stamp(&mut self, group: &mut Group) -> Result<(), EngineError> {
        let commit = self.progress.applied.load(Ordering::SeqCst) + 1;
        let now = store_time(self.clock.now_ms(), self.progress.last_ms.load(Ordering::SeqCst));
        let position = group.position(&*self.engine)?;
        self.stamp = CommitRow { commit, now_ms: now, position, ..self.stamp };
        group.rows_mut().set(Tree::Meta, COMMIT_ROW, Some(self.stamp.seal()));
        self.progress.last_ms.store(now, Ordering::SeqCst);
        self.progress.position.store(position, Ordering::SeqCst);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), EngineError> {
        if self.unsynced_since.take().is_some() {
            self.unsynced = 0;
            let begun = Instant::now();
            unpanicked(|| self.engine.sync())?;
            self.progress.sync_us.record(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
            self.progress.syncs.fetch_add(1, Ordering::Relaxed);
            let commit = self.progress.applied.load(Ordering::SeqCst);
            let position = Position(self.progress.position.load(Ordering::SeqCst));
            self.progress.on_sync.tell(position);
            self.progress.durable.send_replace(commit);
            // Most syncs bring no event: whoever follows the log sleeps on.
            self.progress.durable_position.send_if_modified(|known| std::mem::replace(known, position) != position);
            if let Some(tripwire) = &mut self.tripwire {
                tripwire.note(commit);
            }
        }
        Ok(())
    }

    /// Fails everything that waits and everything that still comes. A failed fsync is never tried again: the kernel
    /// may have dropped the pages it could not write.
    fn poisoned(self, error: EngineError, jobs: Vec<Box<dyn Job>>) {
        tracing::error!(error = %error, "the store stopped after a failed write");
        self.progress.poison.send_replace(Some(error.clone()));
        for job in jobs {
            job.answer(Err(StoreError::Poisoned(error.clone())));
        }
        while let Ok(job) = self.jobs.recv() {
            job.answer(Err(StoreError::Poisoned(error.clone())));
        }
        self.progress.closed.store(true, Ordering::SeqCst);
    }
}

/// Runs a step of the engine. One that panics has failed like any other: whoever waits for the writer must hear of it.
pub(crate) fn unpanicked(step: impl FnOnce() -> Result<(), EngineError>) -> Result<(), EngineError> {
    catch_unwind(AssertUnwindSafe(step)).unwrap_or_else(|_| Err(EngineError::Io("the storage engine panicked".into())))
}

enum Next {
    Group(Group),
    SyncDue,
    Closed,
}
