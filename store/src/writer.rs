//! The one writer: a thread that runs jobs in groups and applies each group at once. Another one, the [`Syncer`], brings
//! them to disk behind it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle, ThreadId};

use crate::chunk::CutRows;
use crate::clock::store_time;
use crate::commit::{COMMIT_ROW, CommitRow};
use crate::engine::{Batch, Engine};
use crate::group::{Failed, Group, Job, stamped};
use crate::keyring::Keyring;
use crate::progress::Progress;
use crate::syncer::{Syncer, Tail, refuse};
use crate::tripwire::Tripwire;
use crate::{Clock, EngineError, Tree};

/// Threads of the store; their names are seen in debuggers and profiles.
const WRITER: &str = "store-writer";
const SYNCER: &str = "store-syncer";

pub(crate) struct Writer {
    engine: Arc<dyn Engine>,
    keyring: Arc<Keyring>,
    progress: Arc<Progress>,
    clock: Arc<dyn Clock>,
    jobs: Receiver<Box<dyn Job>>,
    tail: Arc<Tail>,
    cut: CutRows,
    /// The row of the newest commit.
    stamp: CommitRow,
}

/// What the writer works with.
pub(crate) struct Tools {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) jobs: Receiver<Box<dyn Job>>,
    pub(crate) tail: Arc<Tail>,
}

/// What a store was found with when it was opened.
pub(crate) struct Found {
    pub(crate) cut: CutRows,
    pub(crate) tripwire: Option<Tripwire>,
    pub(crate) stamp: CommitRow,
}

/// The store's two threads.
pub(crate) struct Threads {
    /// It outlives the other one.
    writer: JoinHandle<()>,
    syncer: ThreadId,
}

impl Threads {
    /// Waits until both have ended, unless it is one of them that asks: it may drop a job that held the last handle.
    pub(crate) fn join(self) {
        if ![self.writer.thread().id(), self.syncer].contains(&thread::current().id()) {
            // A panicked writer was reported by its own thread.
            let _ = self.writer.join();
        }
    }
}

/// Starts the store's two threads.
pub(crate) fn start(tools: Tools, found: Found) -> std::io::Result<Threads> {
    let Tools { engine, keyring, progress, clock, jobs, tail } = tools;
    let Found { cut, tripwire, stamp } = found;
    let (to, seen) = (Arc::clone(&engine), Arc::clone(&progress));
    let syncer = Syncer { engine: to, progress: seen, tail: Arc::clone(&tail), tripwire };
    let syncer = thread::Builder::new().name(SYNCER.into()).spawn(move || syncer.run())?;
    let (writer, id) = (Writer { engine, keyring, progress, clock, jobs, tail, cut, stamp }, syncer.thread().id());
    let writer = thread::Builder::new().name(WRITER.into()).spawn(move || writer.run(syncer))?;
    Ok(Threads { writer, syncer: id })
}

impl Writer {
    /// Runs until every handle of the store is gone.
    fn run(mut self, syncer: JoinHandle<()>) {
        match self.work() {
            Ok(()) => self.tail.close(),
            Err(error) => self.refuse_all(&error),
        }
        // Its panics are failures of the engine, and were told.
        let _ = syncer.join();
        self.progress.closed.store(true, Ordering::SeqCst);
    }

    /// Commits what comes, until nobody is left who could send something or the engine fails.
    fn work(&mut self) -> Result<(), EngineError> {
        while let Ok(job) = self.jobs.recv() {
            // The syncer may have failed under commits that were applied before.
            let failed = match self.progress.poison() {
                Some(error) => Err((error, vec![job])),
                None => {
                    let group = self.gather(job);
                    self.commit(group)
                }
            };
            if let Err((error, jobs)) = failed {
                self.progress.poisoned(&error);
                self.tail.poison(&error);
                refuse(jobs, &error);
                return Err(error);
            }
        }
        Ok(())
    }

    fn gather(&mut self, first: Box<dyn Job>) -> Group {
        let mut group = Group::default();
        group.run(&*self.engine, &self.keyring, first);
        while !group.is_full() {
            // No waiting for company: while this group is applied the next one gathers by itself.
            let Ok(job) = self.jobs.try_recv() else { break };
            group.run(&*self.engine, &self.keyring, job);
        }
        group
    }

    fn commit(&mut self, mut group: Group) -> Result<(), Failed> {
        if let Some(error) = group.broken() {
            return Err((error, group.into_jobs()));
        }
        if group.row_count() == 0 {
            let commit = self.progress.applied.load(Ordering::SeqCst);
            self.tail.wait_with(commit, group.answer_relaxed(commit));
            return Ok(());
        }
        if let Err(error) = self.stamp(&mut group) {
            return Err((error, group.into_jobs()));
        }
        // Counted with the group's own row: what the engine really changes.
        self.progress.groups.fetch_add(1, Ordering::Relaxed);
        self.progress.rows.fetch_add(group.row_count() as u64, Ordering::Relaxed);
        self.progress.group_rows.record(group.row_count() as u64);
        self.progress.group_jobs.record(group.job_count() as u64);
        let bytes = group.byte_count();
        // Encrypting takes its time, and readers need not wait for it.
        let mut batch = group.lower(&self.keyring, &mut self.cut);
        if let Err(error) = unpanicked(|| stamped(&*self.engine, &mut batch.changes, &mut self.stamp)) {
            return Err((error, group.into_jobs()));
        }
        self.tail.wait_for_room();
        if let Err(error) = self.apply(&batch) {
            return Err((error, group.into_jobs()));
        }
        let waiting = group.answer_relaxed(self.stamp.commit);
        self.tail.applied(self.stamp.commit, self.stamp.position, bytes, waiting);
        Ok(())
    }

    fn apply(&self, batch: &Batch) -> Result<(), EngineError> {
        let _view = self.progress.view.write().unwrap_or_else(PoisonError::into_inner);
        // Before the view opens again: the engine may have left half of the group behind, and no durable read may
        // answer from it.
        unpanicked(|| self.engine.apply(batch)).inspect_err(|error| self.progress.poisoned(error))?;
        self.progress.applied.store(self.stamp.commit, Ordering::SeqCst);
        if let Some(tee) = self.progress.tee.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            tee.group(&batch.changes);
        }
        Ok(())
    }

    /// Puts the commit number and time into the group's own rows.
    fn stamp(&mut self, group: &mut Group) -> Result<(), EngineError> {
        let commit = self.progress.applied.load(Ordering::SeqCst) + 1;
        let now = store_time(self.clock.now_ms(), self.progress.last_ms.load(Ordering::SeqCst));
        let position = group.position(self.stamp.position)?;
        self.stamp = CommitRow { commit, now_ms: now, position, ..self.stamp };
        group.rows_mut().set(Tree::Meta, COMMIT_ROW, Some(self.stamp.seal()));
        self.progress.last_ms.store(now, Ordering::SeqCst);
        Ok(())
    }

    /// Refuses everything that still comes.
    fn refuse_all(&self, error: &EngineError) {
        while let Ok(job) = self.jobs.recv() {
            refuse(vec![job], error);
        }
    }
}

/// Runs a step of the engine. One that panics has failed like any other: whoever waits for the writer must hear of it.
pub(crate) fn unpanicked(step: impl FnOnce() -> Result<(), EngineError>) -> Result<(), EngineError> {
    catch_unwind(AssertUnwindSafe(step)).unwrap_or_else(|_| Err(EngineError::Io("the storage engine panicked".into())))
}
