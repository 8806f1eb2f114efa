//! The seam: one handle, reads and writes as closures, durability as a class.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, MutexGuard, PoisonError, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use crate::chunk::CutRows;
use crate::clock::store_time;
use crate::commit::CommitRow;
use crate::engine::{Engine, SledEngine};
use crate::group::Job;
use crate::histogram::HistogramView;
use crate::id::Position;
use crate::insurance::restore;
use crate::insurance::seal::{self, Left};
use crate::insurance::tee::Tee;
use crate::keyring::{Keyring, MasterKey};
use crate::progress::Progress;
use crate::syncer::Tail;
use crate::tripwire::Tripwire;
use crate::writer::{self, Found, Threads, Tools};
use crate::{Clock, EngineError, OpenError, Principal, ReadTx, StoreError, SystemClock, Watermark, WriteTx, repo};

/// Writes that may wait for the writer at once; a further one waits for a place.
pub const MAX_WAITING: usize = 4_096;

/// What a write promises when it resolves.
#[derive(Debug, Clone, Copy)]
pub enum Durability<'a> {
    /// On disk: a power cut does not take it back.
    Durable,
    /// Applied and visible, and noted in the watermark: the effect that follows waits with [`Store::until_durable`].
    Under(&'a Watermark),
    /// Applied and visible; on disk with the next sync, half a second later at most. A crash may take it back.
    Relaxed,
}

/// What the store counts of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreStats {
    /// Jobs accepted since the start.
    pub jobs: u64,
    /// Groups applied since the start.
    pub groups: u64,
    /// Rows changed since the start.
    pub rows: u64,
    /// Syncs to disk since the start.
    pub syncs: u64,
    /// Number of the newest commit that is on disk.
    pub durable_commit: u64,
    /// Bytes on disk.
    pub disk_bytes: u64,
    /// Jobs waiting for the writer now.
    pub waiting: u64,
    /// Jobs by group.
    pub group_jobs: HistogramView,
    /// Rows changed by group, the group's own row included.
    pub group_rows: HistogramView,
    /// Microseconds that syncs to disk took.
    pub sync_us: HistogramView,
}

/// A handle on the store. Clones share it; the store closes when the last one is gone.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Arc<dyn Engine>,
    keyring: Arc<Keyring>,
    progress: Arc<Progress>,
    clock: Arc<dyn Clock>,
    stopped_ms: u64,
    jobs: Option<Sender<Box<dyn Job>>>,
    tail: Arc<Tail>,
    places: Arc<Semaphore>,
    threads: Option<Threads>,
    /// Last, so that the engine is closed when it is dropped.
    _seal: Option<SealAtEnd>,
}

/// Seals the files of a store that was stopped in order.
struct SealAtEnd {
    folder: PathBuf,
    progress: Arc<Progress>,
}

impl Drop for SealAtEnd {
    fn drop(&mut self) {
        // A writer that still runs, or was poisoned, has not left the store in order.
        if !self.progress.closed.load(Ordering::SeqCst) || self.progress.poison.borrow().is_some() {
            return;
        }
        if let Err(error) = seal::close(&self.folder) {
            tracing::warn!(%error, "the store could not be sealed; its next start looks at every row");
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // The writer syncs what is left and ends; only then may the engine's lock be given back.
        self.jobs.take();
        if let Some(threads) = self.threads.take() {
            threads.join();
        }
    }
}

impl Store {
    /// Opens or creates a sled store without encryption in `path`, with a page cache of `cache` bytes.
    ///
    /// # Errors
    /// [`OpenError`]; nothing is deleted or repaired by a refusal.
    pub fn open(path: &Path, cache: u64) -> Result<Self, OpenError> {
        Self::open_with(path, cache, None)
    }

    /// As [`Store::open`]. With a key a new store is created encrypted, and an old one must have been created with this
    /// key; without one it must be plain.
    ///
    /// # Errors
    /// As there, and [`OpenError::KeyMissing`], [`OpenError::WrongKey`] or [`OpenError::NotEncrypted`].
    pub fn open_with(path: &Path, cache: u64, key: Option<&MasterKey>) -> Result<Self, OpenError> {
        if restore::unfinished(path) {
            return Err(OpenError::Unfinished { path: path.into() });
        }
        // Before the engine, which may write over what it can't read.
        Self::open_left(path, cache, key, seal::look(path))
    }

    /// A store whose restore is under way, and whose rows were just proven.
    pub(crate) fn open_unfinished(path: &Path, cache: u64, key: Option<&MasterKey>) -> Result<Self, OpenError> {
        Self::open_left(path, cache, key, Left::Sealed)
    }

    fn open_left(path: &Path, cache: u64, key: Option<&MasterKey>, left: Left) -> Result<Self, OpenError> {
        let engine = SledEngine::open(path, cache)?;
        // Rows are read while the store is prepared, and damaged pages make sled panic at the first read of them too.
        catch_unwind(AssertUnwindSafe(|| Self::start(Arc::new(engine), Arc::new(SystemClock), path, Some(left), key)))
            .unwrap_or_else(|_| Err(OpenError::Damaged { path: path.into(), detail: "a page can't be read".into() }))
    }

    /// Opens a store without encryption over an engine; `name` stands in errors.
    ///
    /// # Errors
    /// [`OpenError`] when the rows that every store has can't be read or written.
    pub fn over(engine: Arc<dyn Engine>, clock: Arc<dyn Clock>, name: &Path) -> Result<Self, OpenError> {
        Self::over_with(engine, clock, name, None)
    }

    /// As [`Store::over`], with a key as in [`Store::open_with`].
    ///
    /// # Errors
    /// As in both.
    pub fn over_with(
        engine: Arc<dyn Engine>,
        clock: Arc<dyn Clock>,
        name: &Path,
        key: Option<&MasterKey>,
    ) -> Result<Self, OpenError> {
        Self::start(engine, clock, name, None, key)
    }

    fn start(
        engine: Arc<dyn Engine>,
        clock: Arc<dyn Clock>,
        name: &Path,
        files: Option<Left>,
        key: Option<&MasterKey>,
    ) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Engine { path: name.into(), source };
        // A key that does not fit is refused before anything is touched.
        let old = repo::schema::check(&*engine, name, key)?;
        let last = CommitRow::load(&*engine).map_err(failed)?;
        let tripwire = files.map(|_| Tripwire::open(name, last.commit)).transpose()?;
        let keyring = match old {
            Some(keyring) => {
                let suspect = files.is_some_and(|left| left != Left::Sealed);
                repo::schema::update(&*engine, name, &keyring, suspect)?;
                keyring
            }
            None => repo::schema::create(&*engine, key).map_err(failed)?,
        };
        if let Some(left) = files {
            if left == Left::Changed {
                tracing::warn!("the store's files are not the ones that were left, but every row is there");
            }
            seal::remove(name).map_err(|source| OpenError::Io { path: name.into(), source })?;
        }
        let (last, keyring) = (CommitRow::load(&*engine).map_err(failed)?, Arc::new(keyring));
        let cut = CutRows::load(&*engine).map_err(failed)?;
        let progress = Arc::new(Progress::new(last));
        let (jobs, queue) = channel();
        let (to, ring) = (Arc::clone(&engine), Arc::clone(&keyring));
        let tail = Arc::new(Tail::starting(last));
        let (seen, time) = (Arc::clone(&progress), Arc::clone(&clock));
        let tools =
            Tools { engine: to, keyring: ring, progress: seen, clock: time, jobs: queue, tail: Arc::clone(&tail) };
        let threads = writer::start(tools, Found { cut, tripwire, stamp: last })
            .map_err(|source| OpenError::Io { path: name.into(), source })?;
        let places = Arc::new(Semaphore::new(MAX_WAITING));
        let seal = files.map(|_| SealAtEnd { folder: name.into(), progress: Arc::clone(&progress) });
        let (stopped_ms, threads, jobs) = (last.now_ms, Some(threads), Some(jobs));
        let shared = Shared { engine, keyring, progress, clock, stopped_ms, jobs, tail, places, threads, _seal: seal };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Reads. What is seen may not be on disk yet; nothing that has an effect outside may follow from it.
    ///
    /// The closure runs on the calling thread and must be short: pages, not whole trees.
    ///
    /// # Errors
    /// The closure's own.
    #[expect(clippy::unused_async, reason = "an engine on another machine answers later")]
    pub async fn read<T, E>(&self, f: impl FnOnce(&ReadTx<'_>) -> Result<T, E>) -> Result<T, E> {
        self.read_now(f)
    }

    fn read_now<T, E>(&self, f: impl FnOnce(&ReadTx<'_>) -> Result<T, E>) -> Result<T, E> {
        let _view = self.shared.progress.view.read().unwrap_or_else(PoisonError::into_inner);
        f(&ReadTx::new(&*self.shared.engine, &self.shared.keyring))
    }

    /// The engine, for whoever copies rows as they are.
    pub(crate) fn engine(&self) -> &dyn Engine {
        &*self.shared.engine
    }

    /// While it is held no group is applied.
    pub(crate) fn view(&self) -> RwLockReadGuard<'_, ()> {
        self.shared.progress.view.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// While it is held no group is applied, and nobody reads through the store.
    pub(crate) fn pause(&self) -> RwLockWriteGuard<'_, ()> {
        self.shared.progress.view.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the writer notes for a backup. Only to be held together with [`Store::view`] or [`Store::pause`].
    pub(crate) fn tee(&self) -> MutexGuard<'_, Option<Tee>> {
        self.shared.progress.tee.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads within [`Store::view`] or [`Store::pause`].
    pub(crate) fn look<T>(&self, f: impl FnOnce(&ReadTx<'_>) -> T) -> T {
        f(&ReadTx::new(self.engine(), &self.shared.keyring))
    }

    /// Reads, and resolves only when everything seen is on disk: for whatever leads to an effect outside.
    ///
    /// # Errors
    /// The closure's own, and [`StoreError::Poisoned`] when what was seen will never be durable.
    pub async fn read_durable<T, E: From<StoreError>>(
        &self,
        f: impl FnOnce(&ReadTx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let answer = self.read_now(f)?;
        let seen = self.shared.progress.applied.load(Ordering::SeqCst);
        self.until_commit(seen).await?;
        Ok(answer)
    }

    /// Resolves when everything that the watermark stands for is on disk.
    ///
    /// # Errors
    /// [`StoreError::Poisoned`] when it will never be.
    pub async fn until_durable(&self, mark: &Watermark) -> Result<(), StoreError> {
        self.until_commit(mark.commit()).await
    }

    async fn until_commit(&self, commit: u64) -> Result<(), StoreError> {
        let progress = &self.shared.progress;
        if let Some(error) = progress.poison() {
            return Err(StoreError::Poisoned(error));
        }
        if *progress.durable.borrow() >= commit {
            return Ok(());
        }
        let mut durable = progress.durable.subscribe();
        self.shared.tail.want(commit);
        tokio::select! {
            biased;
            reached = durable.wait_for(|durable| *durable >= commit) => {
                reached.map(drop).map_err(|_| StoreError::Closed)
            }
            error = self.poisoned() => Err(StoreError::Poisoned(error)),
        }
    }

    /// Writes. Resolves when the class's promise holds; an error of the closure leaves nothing behind.
    ///
    /// The closure runs on the writer's thread, between other writes, and must be pure and repeatable.
    ///
    /// # Errors
    /// The closure's own, and [`StoreError`] when the store can't write.
    pub async fn write<T, E, F>(&self, class: Durability<'_>, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: Fn(&mut WriteTx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.enqueue(None, class, f).await
    }

    /// Writes for somebody: the commit carries who asked, and does not reach another tenant's accounts.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn write_by<T, E, F>(&self, principal: &Principal, class: Durability<'_>, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: Fn(&mut WriteTx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.enqueue(Some(Arc::new(principal.clone())), class, f).await
    }

    async fn enqueue<T, E, F>(&self, by: Option<Arc<Principal>>, class: Durability<'_>, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: Fn(&mut WriteTx<'_>) -> Result<T, E> + Send + 'static,
    {
        let place = Arc::clone(&self.shared.places).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let (answer, answered) = oneshot::channel();
        let (durable, mark) = match class {
            Durability::Durable => (true, None),
            Durability::Under(mark) => (false, Some(mark.clone())),
            Durability::Relaxed => (false, None),
        };
        let job = Write { by, durable, mark, closure: f, outcome: None, answer, _place: place };
        self.shared.progress.jobs.fetch_add(1, Ordering::Relaxed);
        let sender = self.shared.jobs.as_ref().ok_or(StoreError::Closed)?;
        sender.send(Box::new(job)).map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// The store's time in milliseconds since 1970: the wall's, never far behind the newest commit.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        store_time(self.shared.clock.now_ms(), self.shared.progress.last_ms.load(Ordering::SeqCst))
    }

    /// The time by the machine's clock alone, which may jump either way.
    #[must_use]
    pub fn wall_ms(&self) -> u64 {
        self.shared.clock.now_ms()
    }

    /// When the newest commit was made before this store was opened, by its own time; 0 for a new store.
    #[must_use]
    pub fn stopped_ms(&self) -> u64 {
        self.shared.stopped_ms
    }

    /// Resolves when the store stopped after a failed write, with the cause. The process has to end then.
    pub async fn poisoned(&self) -> EngineError {
        let mut poison = self.shared.progress.poison.subscribe();
        match poison.wait_for(Option::is_some).await.map(|cause| cause.clone()) {
            Ok(Some(cause)) => cause,
            _ => std::future::pending().await,
        }
    }

    /// Whether the store still writes.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.shared.progress.poison.borrow().is_none() && !self.shared.progress.closed.load(Ordering::SeqCst)
    }

    /// The number of the newest commit on disk, and its changes.
    #[must_use]
    pub fn durable_commits(&self) -> watch::Receiver<u64> {
        self.shared.progress.durable.subscribe()
    }

    /// The newest position of the event log that is on disk, and its changes: what live readers of the log wait on.
    /// Events up to it are never taken back.
    #[must_use]
    pub fn durable_position(&self) -> watch::Receiver<Position> {
        self.shared.progress.durable_position.subscribe()
    }

    /// Has `listener` told after every sync, with the newest position of the event log that is on disk then; `false`
    /// when there is a listener already. It runs on the writer's thread before anybody is answered, so it must be
    /// quick: it is for measurements, which want the moment itself and not the time of a later look.
    pub fn on_sync(&self, listener: impl Fn(Position) + Send + Sync + 'static) -> bool {
        self.shared.progress.on_sync.set(Box::new(listener))
    }

    /// What the store counts of itself.
    #[must_use]
    pub fn stats(&self) -> StoreStats {
        let p = &self.shared.progress;
        StoreStats {
            jobs: p.jobs.load(Ordering::Relaxed),
            groups: p.groups.load(Ordering::Relaxed),
            rows: p.rows.load(Ordering::Relaxed),
            syncs: p.syncs.load(Ordering::Relaxed),
            durable_commit: *p.durable.borrow(),
            disk_bytes: self.shared.engine.size_on_disk(),
            waiting: (MAX_WAITING - self.shared.places.available_permits()) as u64,
            group_jobs: p.group_jobs.view(),
            group_rows: p.group_rows.view(),
            sync_us: p.sync_us.view(),
        }
    }
}

struct Write<T, E, F> {
    by: Option<Arc<Principal>>,
    durable: bool,
    mark: Option<Watermark>,
    closure: F,
    outcome: Option<Result<T, E>>,
    answer: oneshot::Sender<Result<T, E>>,
    _place: OwnedSemaphorePermit,
}

impl<T, E, F> Job for Write<T, E, F>
where
    T: Send,
    E: From<StoreError> + Send,
    F: Fn(&mut WriteTx<'_>) -> Result<T, E> + Send,
{
    fn run(&mut self, tx: &mut WriteTx<'_>) -> bool {
        tx.by.clone_from(&self.by);
        // A bug in one job must not take the writer, and with it every account, down.
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.closure)(tx)));
        let outcome = outcome.unwrap_or_else(|_| Err(StoreError::JobPanicked.into()));
        let keep = outcome.is_ok();
        self.outcome = Some(outcome);
        keep
    }

    fn durable(&self) -> bool {
        // A refused job also waits where it asked for durability: its refusal follows from what it read.
        self.durable
    }

    fn answer(self: Box<Self>, outcome: Result<u64, StoreError>) {
        let Self { closure, mark, outcome: own, answer: to, _place: place, .. } = *self;
        // Before the caller goes on: the closure may hold a handle of the store, and the caller's must be the last.
        // The place is free when the caller hears of it, too.
        drop((closure, place));
        let answer = match outcome {
            Ok(commit) => {
                // Also for a refusal: it follows from what the job read.
                if let Some(mark) = mark {
                    mark.raise(commit);
                }
                own.unwrap_or_else(|| Err(StoreError::Closed.into()))
            }
            Err(error) => Err(error.into()),
        };
        // The caller may have stopped waiting; its write stands all the same.
        let _ = to.send(answer);
    }
}
