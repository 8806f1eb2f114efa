//! The writer goes on while a sync is under way; who waits for the disk waits for the right one.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;
use wasup_store::engine::{Batch, Engine, MemoryEngine, Rows, Walk};
use wasup_store::{Durability, EngineError, Store, StoreError, Tree, Watermark};

use crate::support::{over, read};

const WAIT: Duration = Duration::from_secs(20);

/// An engine whose syncs begin when they want and end as they are told.
struct Gated {
    rows: MemoryEngine,
    begun: SyncSender<()>,
    ends: Mutex<Receiver<Result<(), EngineError>>>,
}

/// The other side of a [`Gated`] engine.
struct Gate {
    begun: Arc<Mutex<Receiver<()>>>,
    end: SyncSender<Result<(), EngineError>>,
}

impl Gate {
    /// Resolves when a sync has begun.
    async fn begun(&self) {
        let begun = Arc::clone(&self.begun);
        let waited = tokio::task::spawn_blocking(move || begun.lock().unwrap().recv_timeout(WAIT));
        waited.await.unwrap().expect("no sync began");
    }

    fn end(&self, how: Result<(), EngineError>) {
        self.end.send(how).unwrap();
    }
}

fn gated() -> (Store, Gate) {
    let (begin, begun) = sync_channel(64);
    let (end, ends) = sync_channel(64);
    // Making a store takes a sync, too.
    end.send(Ok(())).unwrap();
    let engine = Gated { rows: MemoryEngine::default(), begun: begin, ends: Mutex::new(ends) };
    let store = over(&Arc::new(engine));
    begun.try_recv().unwrap();
    (store, Gate { begun: Arc::new(Mutex::new(begun)), end })
}

impl Engine for Gated {
    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        self.rows.get(tree, key)
    }

    fn range(&self, tree: Tree, from: &[u8], to: Option<&[u8]>, walk: Walk, limit: usize) -> Result<Rows, EngineError> {
        self.rows.range(tree, from, to, walk, limit)
    }

    fn apply(&self, batch: &Batch) -> Result<(), EngineError> {
        self.rows.apply(batch)
    }

    fn sync(&self) -> Result<(), EngineError> {
        // A test that is over lets every further sync pass.
        let _ = self.begun.send(());
        self.ends.lock().unwrap().recv().unwrap_or(Ok(()))
    }
}

async fn put(store: Store, class: Durability<'_>, key: u64) -> Result<(), StoreError> {
    store.write(class, move |tx| tx.put_fixed(Tree::Audit, key.to_be_bytes(), &[])).await
}

async fn has(store: &Store, key: u64) -> bool {
    read(store, |tx| tx.contains(Tree::Audit, key.to_be_bytes())).await
}

#[tokio::test]
async fn the_writer_goes_on_while_a_sync_is_under_way() {
    let (store, gate) = gated();
    let first = tokio::spawn(put(store.clone(), Durability::Durable, 1));
    gate.begun().await;
    for n in 2..50 {
        put(store.clone(), Durability::Relaxed, n).await.unwrap();
        assert!(has(&store, n).await);
    }
    assert!(!first.is_finished());
    gate.end(Ok(()));
    timeout(WAIT, first).await.unwrap().unwrap().unwrap();
    drop(gate);
}

#[tokio::test]
async fn a_sync_that_began_before_a_commit_does_not_answer_for_it() {
    let (store, gate) = gated();
    let first = tokio::spawn(put(store.clone(), Durability::Durable, 1));
    gate.begun().await;
    let second = tokio::spawn(put(store.clone(), Durability::Durable, 2));
    let mark = Watermark::default();
    put(store.clone(), Durability::Under(&mark), 3).await.unwrap();
    while !has(&store, 2).await {
        tokio::task::yield_now().await;
    }
    let (reader, waiter, under) = (store.clone(), store.clone(), mark.clone());
    let durable_read = tokio::spawn(async move { reader.read_durable(|_| Ok::<_, StoreError>(())).await });
    let until = tokio::spawn(async move { waiter.until_durable(&under).await });
    gate.end(Ok(()));
    timeout(WAIT, first).await.unwrap().unwrap().unwrap();
    gate.begun().await;
    assert!(!second.is_finished() && !durable_read.is_finished() && !until.is_finished());
    gate.end(Ok(()));
    for waiting in [second, durable_read, until] {
        timeout(WAIT, waiting).await.unwrap().unwrap().unwrap();
    }
    drop(gate);
}

#[tokio::test]
async fn whoever_waits_for_a_watermark_asks_for_the_sync() {
    let (store, gate) = gated();
    // From here every sync passes.
    drop(gate);
    let mark = Watermark::default();
    store.until_durable(&mark).await.unwrap();
    // By themselves relaxed rows are synced after half a second: so many waits for that would take too long.
    let rounds = async {
        for n in 0..200 {
            put(store.clone(), Durability::Under(&mark), n).await.unwrap();
            store.until_durable(&mark).await.unwrap();
            assert!(store.stats().durable_commit >= mark.commit());
        }
    };
    timeout(WAIT, rounds).await.unwrap();
}

#[tokio::test]
async fn a_refusal_under_a_watermark_waits_for_what_it_saw() {
    let (store, gate) = gated();
    put(store.clone(), Durability::Relaxed, 1).await.unwrap();
    let mark = Watermark::default();
    let refused = store.write(Durability::Under(&mark), |_| Err::<(), _>(StoreError::JobPanicked)).await;
    assert!(refused.is_err());
    assert_eq!(mark.commit(), store.stats().durable_commit + 1);
    drop(gate);
}

#[tokio::test]
async fn a_failed_sync_fails_everyone_behind_it() {
    let (store, gate) = gated();
    let mark = Watermark::default();
    let first = tokio::spawn(put(store.clone(), Durability::Durable, 1));
    gate.begun().await;
    put(store.clone(), Durability::Under(&mark), 2).await.unwrap();
    let second = tokio::spawn(put(store.clone(), Durability::Durable, 3));
    let (waiter, under) = (store.clone(), mark.clone());
    let until = tokio::spawn(async move { waiter.until_durable(&under).await });
    gate.end(Err(EngineError::Io("the disk is gone".into())));
    for waiting in [first, second, until] {
        let answer = timeout(WAIT, waiting).await.unwrap().unwrap();
        assert!(matches!(&answer, Err(StoreError::Poisoned(EngineError::Io(_)))), "{answer:?}");
    }
    assert!(matches!(put(store.clone(), Durability::Relaxed, 4).await, Err(StoreError::Poisoned(_))));
    assert!(matches!(store.poisoned().await, EngineError::Io(_)));
    assert!(!store.is_writable());
}

#[tokio::test]
async fn a_group_applied_while_the_sync_fails_hears_of_it() {
    let (store, gate) = gated();
    let first = tokio::spawn(put(store.clone(), Durability::Durable, 1));
    gate.begun().await;
    let (reached, at_work) = sync_channel(1);
    let (go_on, told) = sync_channel::<()>(1);
    let told = Mutex::new(told);
    let writer = store.clone();
    let second = tokio::spawn(async move {
        let job = move |tx: &mut wasup_store::WriteTx<'_>| {
            reached.send(()).unwrap();
            told.lock().unwrap().recv().unwrap();
            tx.put_fixed(Tree::Audit, [2], &[])
        };
        writer.write::<_, StoreError, _>(Durability::Durable, job).await
    });
    tokio::task::spawn_blocking(move || at_work.recv_timeout(WAIT)).await.unwrap().unwrap();
    gate.end(Err(EngineError::Io("the disk is gone".into())));
    store.poisoned().await;
    assert!(matches!(timeout(WAIT, first).await.unwrap().unwrap(), Err(StoreError::Poisoned(_))));
    // The writer looked before the sync failed, and applies its group after it.
    go_on.send(()).unwrap();
    let answer = timeout(WAIT, second).await.unwrap().unwrap();
    assert!(matches!(answer, Err(StoreError::Poisoned(_))), "{answer:?}");
}

#[tokio::test]
async fn the_last_handle_may_be_in_a_job_that_nobody_waits_for() {
    let (store, gate) = gated();
    let alive = Arc::new(());
    let (held, own) = (Arc::clone(&alive), store.clone());
    let writing = tokio::spawn(async move {
        let inside = own.clone();
        let job = move |tx: &mut wasup_store::WriteTx<'_>| {
            let _held = (&inside, &held);
            tx.put_fixed(Tree::Audit, [1], &[])
        };
        own.write::<_, StoreError, _>(Durability::Durable, job).await
    });
    gate.begun().await;
    writing.abort();
    let _ = writing.await;
    let mut durable = store.durable_commits();
    drop(store);
    // Now only the job has one, and the thread that answers it drops it.
    gate.end(Ok(()));
    drop(gate);
    let ended = async { while durable.changed().await.is_ok() {} };
    timeout(WAIT, ended).await.expect("the store's threads wait for one another");
    assert_eq!(Arc::strong_count(&alive), 1);
}
