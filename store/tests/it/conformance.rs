//! What every engine must do, run on each of them.

use std::sync::Arc;

use bytes::Bytes;
use wasup_store::engine::{Batch, Change, Engine, Fault, FaultyEngine, MemoryEngine, SledEngine, Walk};
use wasup_store::{Direction, Durability, Store, StoreError, Tree};

use crate::support::{over, read, write};

fn change(tree: Tree, key: &[u8], value: Option<&[u8]>) -> Change {
    Change { tree, key: Box::from(key), value: value.map(Bytes::copy_from_slice) }
}

fn apply(engine: &dyn Engine, mut changes: Vec<Change>) {
    changes.sort_by(|a, b| (a.tree, &a.key).cmp(&(b.tree, &b.key)));
    engine.apply(&Batch { changes, seen: Vec::new() }).unwrap();
}

fn keys(engine: &dyn Engine, from: &[u8], to: Option<&[u8]>, walk: Walk, limit: usize) -> Vec<Vec<u8>> {
    engine.range(Tree::Wa, from, to, walk, limit).unwrap().into_iter().map(|(key, _)| key.to_vec()).collect()
}

/// Bytes alone, below the waist.
fn rows_and_ranges(engine: &dyn Engine) {
    assert_eq!(engine.get(Tree::Wa, b"a").unwrap(), None);
    let all: [&[u8]; 6] = [b"a", b"b", b"b\0", b"b\xff", b"c", b"\xff\xff"];
    apply(engine, all.iter().map(|key| change(Tree::Wa, key, Some(key))).collect());
    // Neighbouring trees must not be seen from this one.
    apply(engine, vec![change(Tree::AccountNo, b"z", Some(b"before")), change(Tree::Person, b"", Some(b"after"))]);
    for key in all {
        assert_eq!(engine.get(Tree::Wa, key).unwrap().as_deref(), Some(key));
    }
    type Case<'a> = (&'a [u8], Option<&'a [u8]>, usize, &'a [&'a [u8]]);
    let cases: [Case<'_>; 8] = [
        (b"", None, 99, &all),
        (b"b", Some(b"c"), 99, &[b"b", b"b\0", b"b\xff"]),
        (b"b", Some(b"b"), 99, &[]),
        (b"c", Some(b"b"), 99, &[]),
        (b"b\0", None, 2, &[b"b\0", b"b\xff"]),
        (b"d", None, 99, &[b"\xff\xff"]),
        (b"", None, 0, &[]),
        (b"", Some(b"a"), 99, &[]),
    ];
    for (from, to, limit, expected) in cases {
        assert_eq!(keys(engine, from, to, Walk::Up, limit), expected, "{from:?} to {to:?}");
    }
    assert_eq!(keys(engine, b"", None, Walk::Down, 3), [b"\xff\xff".to_vec(), b"c".to_vec(), b"b\xff".to_vec()]);
    assert_eq!(keys(engine, b"a", Some(b"b\0"), Walk::Down, 99), [b"b".to_vec(), b"a".to_vec()]);
    let batch = [(Tree::Wa, Some(&b"new"[..])), (Tree::Person, Some(b"new")), (Tree::AccountNo, None)];
    apply(engine, batch.iter().map(|(tree, value)| change(*tree, b"z", *value)).collect());
    assert_eq!(engine.get(Tree::AccountNo, b"z").unwrap(), None);
    assert_eq!(engine.get(Tree::Person, b"z").unwrap().as_deref(), Some(&b"new"[..]));
    engine.sync().unwrap();
}

/// What a job of a group sees of the others and of itself.
async fn overlay(store: &Store) {
    let jobs: Vec<_> = (0..40_u8)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let refused = n % 5 == 4;
                let answer = store
                    .write(Durability::Durable, move |tx| {
                        let seen = tx.range(Tree::Sched, &[], None, Direction::Forward, 99)?.len();
                        tx.put_fixed(Tree::Sched, [n], &[])?;
                        let with_mine = tx.prefix(Tree::Sched, [], Direction::Backward, 99)?;
                        assert_eq!(with_mine.len(), seen + 1);
                        assert!(tx.contains(Tree::Sched, [n])?);
                        if refused { Err(StoreError::StaleEpoch) } else { Ok(seen) }
                    })
                    .await;
                assert_eq!(answer.is_err(), refused);
                answer.ok()
            })
        })
        .collect();
    let mut seen = Vec::new();
    for job in jobs {
        seen.extend(job.await.unwrap());
    }
    // Every kept job saw a different number of rows before it: they ran one after the other.
    seen.sort_unstable();
    assert_eq!(seen, (0..32).collect::<Vec<_>>());
    assert_eq!(read(store, |tx| tx.range(Tree::Sched, &[], None, Direction::Forward, 99)).await.len(), 32);
}

/// Values around every limit of the chunks.
async fn large_values(store: &Store) {
    const PIECE: usize = 32 << 10;
    let lengths = [0, 1, PIECE - 3, PIECE - 2, PIECE - 1, PIECE, 3 * PIECE + 5, 1 << 20, 2 * PIECE, 10, 5 * PIECE, 0];
    for (n, length) in lengths.into_iter().enumerate() {
        let body: Bytes =
            (0..length).map(|at| u8::try_from(at % 251).unwrap_or(0) ^ u8::try_from(n).unwrap()).collect();
        let put = body.clone();
        write(store, move |tx| {
            tx.put_raw(Tree::Wa, b"large", &put)?;
            tx.put_raw(Tree::Wa, [b'k', u8::try_from(n).unwrap()], &put)
        })
        .await;
        let found = read(store, |tx| tx.raw(Tree::Wa, b"large")).await.unwrap();
        assert!(found == body, "value {n} of {length} bytes came back with {}", found.len());
        let page = read(store, |tx| tx.prefix(Tree::Wa, b"large", Direction::Forward, 9)).await;
        assert_eq!((page.len(), page[0].1.len()), (1, length + 2));
    }
    write(store, |tx| tx.delete(Tree::Wa, b"large")).await;
    assert_eq!(read(store, |tx| tx.raw(Tree::Wa, b"large")).await, None);
}

/// No piece is left of a value that is gone; the map of cut rows is rebuilt at open.
async fn no_orphans(store: &Store, engine: &dyn Engine) {
    assert!(!engine.range(Tree::Chunk, &[], None, Walk::Up, 1).unwrap().is_empty());
    write(store, |tx| {
        for (key, _) in tx.prefix(Tree::Wa, b"k", Direction::Forward, 99)? {
            // Half of them shrink, the others go.
            if key[1] % 2 == 0 { tx.put_raw(Tree::Wa, &key, b"small")? } else { tx.delete(Tree::Wa, &key)? }
        }
        Ok(())
    })
    .await;
    assert_eq!(engine.range(Tree::Chunk, &[], None, Walk::Up, 9).unwrap(), Vec::new());
}

async fn bad_rows_are_refused(store: &Store) {
    let long = store.write(Durability::Durable, |tx| tx.put_raw(Tree::Wa, [1; 201], b"")).await;
    assert!(matches!(long, Err(StoreError::KeyTooLong { len: 201, .. })));
    let bare = store.write(Durability::Durable, |tx| tx.put(Tree::Wa, b"x", Bytes::from_static(&[0xff, 1]))).await;
    assert!(matches!(bare, Err(StoreError::Corrupt { .. })));
    write(store, |tx| tx.put_raw(Tree::Wa, [1; 200], &vec![1; 100_000])).await;
    write(store, |tx| tx.delete(Tree::Wa, [1; 200])).await;
    assert!(store.is_writable());
}

async fn everything(engine: Arc<impl Engine>) -> Arc<impl Engine> {
    let store = over(&engine);
    overlay(&store).await;
    large_values(&store).await;
    bad_rows_are_refused(&store).await;
    drop(store);
    // A second life over the same rows knows which values are cut.
    let store = over(&engine);
    no_orphans(&store, &*engine).await;
    drop(store);
    engine
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_engine() {
    rows_and_ranges(&MemoryEngine::default());
    everything(Arc::new(MemoryEngine::default())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faulty_engine() {
    rows_and_ranges(&FaultyEngine::new(Fault::None));
    everything(Arc::new(FaultyEngine::new(Fault::None))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sled_engine() {
    let folder = tempfile::tempdir().unwrap();
    rows_and_ranges(&SledEngine::open(&folder.path().join("bytes"), 8 << 20).unwrap());
    let path = folder.path().join("store");
    let engine = everything(Arc::new(SledEngine::open(&path, 8 << 20).unwrap())).await;
    drop(engine);
    // Large values never become files that the engine does not sync.
    let blobs = std::fs::read_dir(path.join("blobs")).unwrap().count();
    assert_eq!(blobs, 0);
    let engine = SledEngine::open(&path, 8 << 20).unwrap();
    assert_eq!(engine.get(Tree::Wa, b"large").unwrap(), None);
    let oversize = vec![Change { tree: Tree::Wa, key: Box::from(*b"x"), value: Some(vec![1; (32 << 10) + 1].into()) }];
    assert!(engine.apply(&Batch { changes: oversize, seen: Vec::new() }).is_err());
}

/// Two cut rows whose piece keys share a beginning, more pieces than one page of the load.
#[tokio::test]
async fn the_map_of_cut_rows_finds_every_row() {
    let engine = Arc::new(MemoryEngine::default());
    let store = over(&engine);
    let short = vec![b'a'];
    // Under the short row's 64th piece key, which ends the load's first page, this row's pieces go on.
    let long = [&b"a"[..], &63_u16.to_be_bytes(), b"x"].concat();
    let (first, second) = (short.clone(), long.clone());
    write(&store, move |tx| {
        tx.put_raw(Tree::Wa, &first, &vec![1; 64 * (32 << 10) - 9])?;
        tx.put_raw(Tree::Wa, &second, &vec![2; 100_000])
    })
    .await;
    drop(store);
    let store = over(&engine);
    write(&store, move |tx| {
        tx.delete(Tree::Wa, &short)?;
        tx.delete(Tree::Wa, &long)
    })
    .await;
    assert_eq!(engine.range(Tree::Chunk, &[], None, Walk::Up, 9).unwrap(), Vec::new());
}
