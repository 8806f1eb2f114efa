//! What survives a power cut, and what happens after a write that failed.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use wasup_store::engine::{Batch, Engine, Fault, FaultyEngine, MemoryEngine, Rows, Walk};
use wasup_store::repo::event;
use wasup_store::{Durability, EngineError, Store, StoreError, Tree};

use crate::support::{arrived, clock, faulty, memory, over, owned, phone, read, receive, write};

const WAIT: Duration = Duration::from_secs(20);

async fn put(store: &Store, class: Durability<'_>, key: u64) -> Result<(), StoreError> {
    store.write(class, move |tx| tx.put_fixed(Tree::Audit, key.to_be_bytes(), &[])).await
}

async fn has(store: &Store, key: u64) -> bool {
    read(store, |tx| tx.contains(Tree::Audit, key.to_be_bytes())).await
}

#[tokio::test]
async fn a_power_cut_takes_relaxed_rows_only() {
    let (store, engine) = faulty(Fault::None);
    for n in 0..20 {
        put(&store, Durability::Durable, n).await.unwrap();
        // The store after a cut at this very moment.
        let rest = over(&Arc::new(engine.after_power_cut()));
        assert!(has(&rest, n).await);
    }
    put(&store, Durability::Relaxed, 100).await.unwrap();
    assert!(has(&store, 100).await);
    assert!(!has(&over(&Arc::new(engine.after_power_cut())), 100).await, "nothing asked for a sync yet");
    put(&store, Durability::Durable, 101).await.unwrap();
    let rest = over(&Arc::new(engine.after_power_cut()));
    assert!(has(&rest, 100).await && has(&rest, 101).await, "a sync covers every commit before it");
}

#[tokio::test]
async fn a_listener_hears_of_each_sync_and_what_it_covers() {
    let (store, _engine) = memory();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&heard);
    assert!(store.on_sync(move |position| notes.lock().unwrap().push(position)));
    assert!(!store.on_sync(|_| panic!("there is a listener already")));
    let account = owned(&store, "a").await;
    for n in 1..=3 {
        receive(&store, &account, vec![arrived(n, &phone(628_111))]).await;
        let last = read(&store, event::last).await;
        // Before the write was answered: whoever asks afterwards finds the moment.
        assert_eq!(heard.lock().unwrap().last(), Some(&last));
    }
}

#[tokio::test]
async fn what_a_durable_read_saw_survives() {
    let (store, engine) = faulty(Fault::None);
    put(&store, Durability::Relaxed, 1).await.unwrap();
    let seen: Result<_, StoreError> = store.read_durable(|tx| tx.contains(Tree::Audit, 1_u64.to_be_bytes())).await;
    assert!(seen.unwrap());
    assert!(has(&over(&Arc::new(engine.after_power_cut())), 1).await);
    // A durable write that puts nothing, and one that is refused, wait for what they read as well.
    for refuse in [false, true] {
        put(&store, Durability::Relaxed, 2).await.unwrap();
        let answer = store
            .write(Durability::Durable, move |tx| {
                let seen = tx.contains(Tree::Audit, 2_u64.to_be_bytes())?;
                if refuse { Err(StoreError::StaleEpoch) } else { Ok(seen) }
            })
            .await;
        assert!(refuse == answer.is_err());
        assert!(has(&over(&Arc::new(engine.after_power_cut())), 2).await);
        write(&store, |tx| tx.delete(Tree::Audit, 2_u64.to_be_bytes())).await;
    }
}

#[tokio::test]
async fn relaxed_rows_are_synced_by_time_and_by_size() {
    let (store, engine) = faulty(Fault::None);
    put(&store, Durability::Relaxed, 1).await.unwrap();
    let mut durable = store.durable_commits();
    tokio::time::timeout(WAIT, durable.changed()).await.expect("nothing was synced by itself").unwrap();
    assert!(has(&over(&Arc::new(engine.after_power_cut())), 1).await);
    let before = engine.syncs();
    store.write(Durability::Relaxed, |tx| tx.put_raw(Tree::Wa, b"big", &vec![1; 1 << 20])).await.unwrap();
    let answered: Result<_, StoreError> = store.read_durable(|tx| tx.contains(Tree::Wa, b"big")).await;
    assert!(answered.unwrap() && engine.syncs() > before);
}

/// After the fault: nothing is written any more, everybody hears of it, reads go on.
async fn is_poisoned(store: &Store) {
    tokio::time::timeout(WAIT, store.poisoned()).await.expect("nobody says that the store stopped");
    assert!(!store.is_writable());
    for class in [Durability::Durable, Durability::Relaxed] {
        assert!(matches!(put(store, class, 9_999).await, Err(StoreError::Poisoned(_))));
    }
    let seen = store.read_durable(|tx| tx.contains(Tree::Audit, 0_u64.to_be_bytes())).await;
    assert!(matches!(seen, Err(StoreError::Poisoned(_))));
    assert!(!has(store, 9_999).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_write_poisons_the_store() {
    // The first apply and the first sync make the store; later ones are the writer's.
    for fault in [Fault::Apply(2), Fault::Sync(2), Fault::Apply(5), Fault::Sync(5)] {
        let (store, engine) = faulty(fault);
        let writers = (0..32_u64).map(|n| {
            let store = store.clone();
            tokio::spawn(async move { (n, put(&store, Durability::Durable, n).await) })
        });
        let mut answers = Vec::new();
        for writer in writers.collect::<Vec<_>>() {
            answers.push(writer.await.unwrap());
        }
        // The later faults may need more groups than the writers made.
        for n in 100..110 {
            answers.push((n, put(&store, Durability::Durable, n).await));
        }
        assert!(answers.iter().any(|(_, answer)| matches!(answer, Err(StoreError::Poisoned(_)))), "{fault:?}");
        is_poisoned(&store).await;
        let rest = over(&Arc::new(engine.after_power_cut()));
        for (n, answer) in answers {
            assert!(answer.is_err() || has(&rest, n).await, "{fault:?}: {n} was acknowledged and is lost");
        }
    }
}

#[tokio::test]
async fn relaxed_rows_whose_sync_fails_poison_too() {
    let (store, _engine) = faulty(Fault::Sync(2));
    put(&store, Durability::Relaxed, 1).await.unwrap();
    is_poisoned(&store).await;
}

/// How [`Breaking`] breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Break {
    /// Applies half of a batch, then answers an error.
    Half,
    /// Panics, as sled does on a damaged page.
    PanicInApply,
    PanicInSync,
    /// Can't read any more, as sled after its log failed.
    Read,
}

/// A memory engine that breaks when it is told to.
#[derive(Debug)]
struct Breaking {
    inner: MemoryEngine,
    how: Break,
    now: AtomicBool,
}

impl Engine for Breaking {
    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        if self.how == Break::Read && self.now.load(Ordering::SeqCst) {
            return Err(EngineError::DiskFull);
        }
        self.inner.get(tree, key)
    }

    fn range(&self, tree: Tree, from: &[u8], to: Option<&[u8]>, walk: Walk, limit: usize) -> Result<Rows, EngineError> {
        self.inner.range(tree, from, to, walk, limit)
    }

    fn apply(&self, batch: &Batch) -> Result<(), EngineError> {
        let broken = self.now.load(Ordering::SeqCst);
        assert!(!(broken && self.how == Break::PanicInApply), "damaged page");
        if broken && self.how == Break::Half {
            let changes = batch.changes.iter().filter(|change| change.tree == Tree::Audit).cloned().collect();
            self.inner.apply(&Batch { changes, seen: Vec::new() })?;
            return Err(EngineError::Io("half a batch".into()));
        }
        self.inner.apply(batch)
    }

    fn sync(&self) -> Result<(), EngineError> {
        assert!(!(self.now.load(Ordering::SeqCst) && self.how == Break::PanicInSync), "damaged page");
        self.inner.sync()
    }
}

fn breaking(how: Break) -> (Store, Arc<Breaking>) {
    let engine = Arc::new(Breaking { inner: MemoryEngine::default(), how, now: AtomicBool::new(false) });
    let shared: Arc<dyn Engine> = Arc::clone(&engine) as _;
    (Store::over(shared, clock(), Path::new("breaking")).unwrap(), engine)
}

#[tokio::test]
async fn an_engine_that_panics_poisons_the_store() {
    for how in [Break::PanicInApply, Break::PanicInSync] {
        let (store, engine) = breaking(how);
        put(&store, Durability::Durable, 0).await.unwrap();
        engine.now.store(true, Ordering::SeqCst);
        assert!(matches!(put(&store, Durability::Durable, 1).await, Err(StoreError::Poisoned(_))), "{how:?}");
        is_poisoned(&store).await;
    }
}

#[tokio::test]
async fn a_write_whose_read_fails_poisons_the_store() {
    let (store, engine) = breaking(Break::Read);
    put(&store, Durability::Durable, 0).await.unwrap();
    engine.now.store(true, Ordering::SeqCst);
    let job = store.write(Durability::Durable, |tx| tx.contains(Tree::Audit, 0_u64.to_be_bytes())).await;
    assert!(matches!(job, Err(StoreError::Poisoned(EngineError::DiskFull))));
    engine.now.store(false, Ordering::SeqCst);
    is_poisoned(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_durable_read_answers_from_half_a_group() {
    for _ in 0..50 {
        let (store, engine) = breaking(Break::Half);
        put(&store, Durability::Durable, 0).await.unwrap();
        let reader = store.clone();
        let reader = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            loop {
                let seen = runtime.block_on(reader.read_durable(|tx| tx.contains(Tree::Audit, 1_u64.to_be_bytes())));
                match seen {
                    Ok(seen) => assert!(!seen, "a durable read saw a row of a group that failed"),
                    Err(StoreError::Poisoned(_)) => return,
                    Err(error) => panic!("{error}"),
                }
            }
        });
        engine.now.store(true, Ordering::SeqCst);
        assert!(put(&store, Durability::Durable, 1).await.is_err());
        tokio::task::spawn_blocking(move || reader.join()).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn the_stores_time_does_not_step_back_far() {
    let engine = Arc::new(FaultyEngine::new(Fault::None));
    let wall = clock();
    let start = |engine: &Arc<FaultyEngine>| {
        let engine: Arc<dyn Engine> = Arc::clone(engine) as _;
        Store::over(engine, Arc::clone(&wall) as _, Path::new("time")).unwrap()
    };
    let store = start(&engine);
    put(&store, Durability::Durable, 1).await.unwrap();
    let at = store.now_ms();
    wall.0.fetch_sub(3_600_000, Ordering::SeqCst);
    assert_eq!(store.now_ms(), at - 5_000);
    drop(store);
    // Also over a restart.
    let store = start(&engine);
    assert_eq!(store.now_ms(), at - 5_000);
    wall.0.fetch_add(7_200_000, Ordering::SeqCst);
    assert_eq!(store.now_ms(), at + 3_600_000);
}

#[tokio::test]
async fn the_time_of_a_clock_that_was_wrong_does_not_stay() {
    let (engine, wall) = (Arc::new(FaultyEngine::new(Fault::None)), clock());
    let store = Store::over(engine, Arc::clone(&wall) as _, Path::new("time")).unwrap();
    wall.0.fetch_add(20_000, Ordering::SeqCst);
    put(&store, Durability::Durable, 1).await.unwrap();
    wall.0.fetch_sub(20_000, Ordering::SeqCst);
    let at = store.wall_ms();
    for ahead in [15_000, 10_000, 5_000, 0, 0] {
        assert_eq!(store.now_ms(), at + ahead);
        put(&store, Durability::Durable, 1).await.unwrap();
    }
}
