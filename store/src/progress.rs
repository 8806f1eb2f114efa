//! What readers and callers see of the writer.

use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Mutex, RwLock};

use tokio::sync::watch;

use crate::EngineError;
use crate::commit::CommitRow;
use crate::histogram::{Bounds, Histogram};
use crate::id::Position;
use crate::insurance::tee::Tee;
use crate::watch::SyncWatch;

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

    /// The engine failed: nothing is written from here. The first cause stays.
    pub(crate) fn poisoned(&self, error: &EngineError) {
        self.poison.send_if_modified(|poison| {
            let first = poison.is_none();
            if first {
                tracing::error!(%error, "the store stopped after a failed write");
                *poison = Some(error.clone());
            }
            first
        });
    }

    /// Why the engine can't be written to any more.
    pub(crate) fn poison(&self) -> Option<EngineError> {
        self.poison.borrow().clone()
    }
}
