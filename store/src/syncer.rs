//! The other half of the writer: a thread that brings applied groups to disk while the writer applies the next ones.
//!
//! Commits reach the disk in the order in which they were applied, so one sync answers for every commit before it.

use std::collections::VecDeque;
use std::mem::take;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::commit::CommitRow;
use crate::engine::Engine;
use crate::group::Job;
use crate::id::Position;
use crate::progress::Progress;
use crate::tripwire::Tripwire;
use crate::writer::unpanicked;
use crate::{EngineError, StoreError};

/// Bytes applied after which they are synced though nobody waits. Beyond two log segments the engine promises not even
/// order, so relaxed rows must not run far ahead of the disk.
const SYNC_BYTES: usize = 1 << 20;
/// Bytes applied and not on disk at which the writer waits, for the same reason.
const AHEAD_MAX: usize = 4 << 20;
/// Time after which relaxed rows are synced though nobody waits.
const SYNC_AFTER: Duration = Duration::from_millis(500);

/// Jobs of one commit that are answered when it is on disk.
struct Waiting {
    commit: u64,
    jobs: Vec<Box<dyn Job>>,
}

/// How the thread is to end.
enum End {
    /// Everything applied goes to disk first.
    Closed,
    /// Nothing goes there any more.
    Poisoned(EngineError),
}

#[derive(Default)]
struct State {
    /// Newest commit that was applied, and the newest event position in it.
    applied: (u64, u64),
    /// Newest commit that somebody waits for.
    wanted: u64,
    waiting: VecDeque<Waiting>,
    /// Bytes applied since the newest sync began, and when the first of them was.
    unsynced: usize,
    since: Option<Instant>,
    /// Bytes that a sync is bringing to disk now.
    syncing: usize,
    end: Option<End>,
}

impl State {
    /// Everything applied is on its way to disk. A commit that is not here yet is still wanted.
    fn nothing_wanted(&mut self) {
        if self.wanted <= self.applied.0 {
            self.wanted = 0;
        }
    }

    /// Whether there is something to sync, and a reason not to wait any longer.
    fn due(&self) -> bool {
        self.since.is_some_and(|since| {
            self.wanted > 0 || self.end.is_some() || self.unsynced >= SYNC_BYTES || since.elapsed() >= SYNC_AFTER
        })
    }
}

/// What writer and syncer share.
#[derive(Default)]
pub(crate) struct Tail {
    state: Mutex<State>,
    work: Condvar,
    room: Condvar,
}

impl Tail {
    /// Of a store whose newest commit is on disk.
    pub(crate) fn starting(last: CommitRow) -> Self {
        let state = State { applied: (last.commit, last.position), ..State::default() };
        Self { state: Mutex::new(state), ..Self::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while too much that was applied is not on disk yet.
    pub(crate) fn wait_for_room(&self) {
        let mut state = self.state();
        while state.end.is_none() && state.unsynced + state.syncing >= AHEAD_MAX {
            state.wanted = state.wanted.max(state.applied.0);
            self.work.notify_one();
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A group was applied: `jobs` are answered once it is on disk.
    pub(crate) fn applied(&self, commit: u64, position: u64, bytes: usize, jobs: Vec<Box<dyn Job>>) {
        let mut state = self.state();
        state.applied = (commit, position);
        state.unsynced += bytes;
        state.since.get_or_insert_with(Instant::now);
        self.add(state, commit, jobs);
    }

    /// Jobs that changed nothing wait for what they may have read.
    pub(crate) fn wait_with(&self, commit: u64, jobs: Vec<Box<dyn Job>>) {
        self.add(self.state(), commit, jobs);
    }

    fn add(&self, mut state: MutexGuard<'_, State>, commit: u64, jobs: Vec<Box<dyn Job>>) {
        if let Some(End::Poisoned(error)) = &state.end {
            // The syncer failed while this group was applied, and nobody else would answer.
            let error = error.clone();
            drop(state);
            return refuse(jobs, &error);
        }
        if !jobs.is_empty() {
            state.wanted = state.wanted.max(commit);
            state.waiting.push_back(Waiting { commit, jobs });
        }
        drop(state);
        // Also for relaxed rows alone: the first of them after a sync starts their clock.
        self.work.notify_one();
    }

    /// Somebody waits for a commit.
    pub(crate) fn want(&self, commit: u64) {
        let mut state = self.state();
        state.wanted = state.wanted.max(commit);
        drop(state);
        self.work.notify_one();
    }

    /// Ends the thread after a last sync.
    pub(crate) fn close(&self) {
        self.state().end.get_or_insert(End::Closed);
        self.work.notify_one();
    }

    /// Ends the thread without one: the engine failed. Whoever waits, or still comes, hears of it.
    pub(crate) fn poison(&self, error: &EngineError) {
        let mut state = self.state();
        state.end = Some(End::Poisoned(error.clone()));
        let waiting = take(&mut state.waiting);
        drop(state);
        self.work.notify_one();
        self.room.notify_one();
        waiting.into_iter().for_each(|waiting| refuse(waiting.jobs, error));
    }
}

/// The thread's own.
pub(crate) struct Syncer {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) tail: Arc<Tail>,
    pub(crate) tripwire: Option<Tripwire>,
}

impl Syncer {
    /// Runs until the tail is closed or the engine fails. A panic here is a failure, too: others wait for this thread.
    pub(crate) fn run(mut self) {
        let (progress, tail) = (Arc::clone(&self.progress), Arc::clone(&self.tail));
        if let Err(error) = unpanicked(|| self.work()) {
            // Never tried again: the kernel may have dropped the pages it could not write.
            progress.poisoned(&error);
            tail.poison(&error);
        }
    }

    fn work(&mut self) -> Result<(), EngineError> {
        while let Some((commit, position)) = self.next() {
            let begun = Instant::now();
            self.engine.sync()?;
            self.progress.sync_us.record(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
            self.progress.syncs.fetch_add(1, Ordering::Relaxed);
            self.on_disk(commit, position);
        }
        Ok(())
    }

    /// What the next sync brings to disk; `None` at the end.
    fn next(&mut self) -> Option<(u64, u64)> {
        let mut state = self.tail.state();
        loop {
            if matches!(state.end, Some(End::Poisoned(_))) {
                return None;
            }
            if state.due() {
                state.syncing = take(&mut state.unsynced);
                state.since = None;
                state.nothing_wanted();
                return Some(state.applied);
            }
            if state.since.is_none() {
                state.nothing_wanted();
            }
            if state.since.is_none() && !state.waiting.is_empty() {
                // Whatever they wait for was on disk before they came.
                let waiting = take(&mut state.waiting);
                drop(state);
                answer(waiting);
                state = self.tail.state();
                continue;
            }
            if state.end.is_some() {
                let newest = state.applied.0;
                drop(state);
                if let Some(tripwire) = self.tripwire.as_mut().filter(|_| newest > 0) {
                    tripwire.write(newest);
                }
                return None;
            }
            state = match state.since {
                None => self.tail.work.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(since) => {
                    let left = SYNC_AFTER.saturating_sub(since.elapsed());
                    self.tail.work.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Publishes what is on disk now, then answers who waited for it.
    fn on_disk(&mut self, commit: u64, position: u64) {
        let position = Position(position);
        self.progress.on_sync.tell(position);
        // Most syncs bring no event: whoever follows the log sleeps on.
        self.progress.durable_position.send_if_modified(|known| std::mem::replace(known, position) != position);
        self.progress.durable.send_replace(commit);
        if let Some(tripwire) = &mut self.tripwire {
            tripwire.note(commit);
        }
        let mut state = self.tail.state();
        state.syncing = 0;
        let done = state.waiting.partition_point(|waiting| waiting.commit <= commit);
        let done: VecDeque<_> = state.waiting.drain(..done).collect();
        drop(state);
        self.tail.room.notify_one();
        answer(done);
    }
}

/// Answers jobs of a store that stopped.
pub(crate) fn refuse(jobs: Vec<Box<dyn Job>>, error: &EngineError) {
    jobs.into_iter().for_each(|job| job.answer(Err(StoreError::Poisoned(error.clone()))));
}

fn answer(waiting: VecDeque<Waiting>) {
    for Waiting { commit, jobs } in waiting {
        jobs.into_iter().for_each(|job| job.answer(Ok(commit)));
    }
}
