//! A group: the jobs that are applied together and share one sync.

use crate::chunk::{CutRows, Lowered};
use crate::commit::{COMMIT_ROW, CommitRow};
use crate::engine::{Batch, Change, Engine, Seen};
use crate::keyring::Keyring;
use crate::overlay::Overlay;
use crate::{EngineError, StoreError, Tree, WriteTx};

/// Most jobs of a group.
pub(crate) const MAX_JOBS: usize = 256;
/// Most changed rows of a group; sled's readers wait while it is applied.
const MAX_ROWS: usize = 2_000;
/// Most bytes of a group.
const MAX_BYTES: usize = 1 << 20;

/// What one write does, and how its caller hears of it.
pub(crate) trait Job: Send {
    /// Runs the closure over the transaction. `true` keeps its writes.
    fn run(&mut self, tx: &mut WriteTx<'_>) -> bool;
    /// Whether the answer has to wait for the disk.
    fn durable(&self) -> bool;
    /// Answers the caller: with the closure's own result and the group's number, or with why the group failed.
    fn answer(self: Box<Self>, outcome: Result<u64, StoreError>);
}

/// Why a group failed, and the jobs that have to hear of it.
pub(crate) type Failed = (EngineError, Vec<Box<dyn Job>>);

/// Jobs that were run and wait to be applied.
#[derive(Default)]
pub(crate) struct Group {
    rows: Overlay,
    seen: Vec<Seen>,
    jobs: Vec<Box<dyn Job>>,
    /// Why the engine could not answer a job's read.
    broken: Option<EngineError>,
}

impl Group {
    /// Runs a job inside this group. A job that fails is answered at once and leaves nothing behind.
    pub(crate) fn run(&mut self, engine: &dyn Engine, keyring: &Keyring, mut job: Box<dyn Job>) {
        let mut tx = WriteTx::new(engine, keyring, &self.rows);
        let keep = job.run(&mut tx);
        self.broken = tx.broken.take();
        if keep {
            let WriteTx { mine, seen, .. } = tx;
            // A row that an earlier job of the group changed is not in `seen`: reads of it end in the overlay.
            self.seen.extend(seen.map(std::cell::RefCell::into_inner).unwrap_or_default());
            self.rows.absorb(mine);
        }
        self.jobs.push(job);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.broken.is_some()
            || self.jobs.len() >= MAX_JOBS
            || self.rows.rows() >= MAX_ROWS
            || self.rows.bytes() >= MAX_BYTES
    }

    pub(crate) fn rows_mut(&mut self) -> &mut Overlay {
        &mut self.rows
    }

    /// The newest position after this group; before it, it was `before`.
    pub(crate) fn position(&self, before: u64) -> Result<u64, EngineError> {
        match self.rows.get(Tree::Meta, COMMIT_ROW) {
            Some(row) => Ok(CommitRow::open(row)?.position),
            None => Ok(before),
        }
    }

    /// Why nothing of this group can be applied: the engine failed under one of its jobs. A full disk may show first in
    /// a read, and the caller must hear that the store stopped, not that its own work was wrong.
    pub(crate) fn broken(&self) -> Option<EngineError> {
        self.broken.clone()
    }

    pub(crate) fn into_jobs(self) -> Vec<Box<dyn Job>> {
        self.jobs
    }

    pub(crate) fn job_count(&self) -> usize {
        self.jobs.len()
    }

    pub(crate) fn row_count(&self) -> usize {
        self.rows.rows()
    }

    pub(crate) fn byte_count(&self) -> usize {
        self.rows.bytes()
    }

    /// Takes the group's rows as the engine gets them: sealed, then cut.
    pub(crate) fn lower(&mut self, keyring: &Keyring, cut: &mut CutRows) -> Batch {
        let changes = lower(std::mem::take(&mut self.rows), keyring, cut);
        Batch { changes, seen: std::mem::take(&mut self.seen) }
    }

    /// Answers the jobs that do not wait for the disk and hands back those that do.
    pub(crate) fn answer_relaxed(self, commit: u64) -> Vec<Box<dyn Job>> {
        let (waiting, done): (Vec<_>, Vec<_>) = self.jobs.into_iter().partition(|job| job.durable());
        done.into_iter().for_each(|job| job.answer(Ok(commit)));
        waiting
    }
}

/// Rows as the engine gets them, sealed and cut, sorted by tree.
pub(crate) fn lower(rows: Overlay, keyring: &Keyring, cut: &mut CutRows) -> Vec<Change> {
    let mut lowered = Lowered::default();
    for ((tree, key), value) in rows.into_rows() {
        let value = value.map(|value| keyring.seal(tree, &key, value));
        cut.lower(tree, key, value, &mut lowered);
    }
    let Lowered { rows: mut changes, pieces } = lowered;
    changes.extend(pieces);
    changes
}

/// Moves the fingerprint on by these changes, and puts the finished stamp among them where it has its place.
pub(crate) fn stamped(engine: &dyn Engine, changes: &mut [Change], stamp: &mut CommitRow) -> Result<(), EngineError> {
    let place = changes.iter().position(|change| change.tree == Tree::Meta && *change.key == *COMMIT_ROW);
    let Some(place) = place else { return Ok(()) };
    stamp.fingerprint = stamp.fingerprint.map(|before| before.after(engine, changes)).transpose()?;
    changes[place].value = Some(stamp.seal());
    Ok(())
}
