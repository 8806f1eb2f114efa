//! Random writes against a plain map: whatever the store answers, the map answers too.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use wasup_store::engine::{Engine, Fault, FaultyEngine, MemoryEngine, SledEngine};
use wasup_store::{Direction, Durability, Store, StoreError, Tree};

use crate::support::{over, over_dyn};

const TREES: [Tree; 3] = [Tree::Wa, Tree::Msg, Tree::Audit];

#[derive(Debug, Clone)]
enum Step {
    Put(usize, Vec<u8>, usize, u8),
    Delete(usize, Vec<u8>),
    /// What the range answers is written into a row, so that a wrong answer shows.
    Range(usize, Vec<u8>, Option<Vec<u8>>, bool, usize),
}

type Model = BTreeMap<(usize, Vec<u8>), Vec<u8>>;

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(0xff)], 0..4)
}

fn step() -> impl Strategy<Value = Step> {
    let length = prop_oneof![8 => 0..200_usize, 1 => 32_000..34_000_usize, 1 => 60_000..140_000_usize];
    prop_oneof![
        4 => (0..3_usize, key(), length, any::<u8>()).prop_map(|(t, k, l, b)| Step::Put(t, k, l, b)),
        2 => (0..3_usize, key()).prop_map(|(t, k)| Step::Delete(t, k)),
        3 => (0..3_usize, key(), prop::option::of(key()), any::<bool>(), 0..6_usize)
            .prop_map(|(t, from, to, up, limit)| Step::Range(t, from, to, up, limit)),
    ]
}

fn body(length: usize, byte: u8) -> Vec<u8> {
    (0..length).map(|at| byte ^ u8::try_from(at % 249).unwrap_or(0)).collect()
}

/// What the map answers to a range: keys and lengths, in order.
fn expected(
    model: &Model,
    tree: usize,
    from: &[u8],
    to: Option<&[u8]>,
    up: bool,
    limit: usize,
) -> Vec<(Vec<u8>, usize)> {
    let inside = |key: &[u8]| key >= from && to.is_none_or(|to| key < to);
    let mine = model.iter().filter(|((t, key), _)| *t == tree && inside(key));
    let mut found: Vec<_> = mine.map(|((_, key), value)| (key.clone(), value.len())).collect();
    if !up {
        found.reverse();
    }
    found.truncate(limit);
    found
}

/// Runs a job's steps in the store and in the model, and compares every answer.
async fn job(store: &Store, model: &mut Model, steps: Vec<Step>, keep: bool) {
    let mut after = model.clone();
    let mut answers = Vec::new();
    for step in &steps {
        match step {
            Step::Put(t, k, l, b) => drop(after.insert((*t, k.clone()), body(*l, *b))),
            Step::Delete(t, k) => drop(after.remove(&(*t, k.clone()))),
            Step::Range(t, from, to, up, limit) => answers.push(expected(&after, *t, from, to.as_deref(), *up, *limit)),
        }
    }
    let class = if keep { Durability::Durable } else { Durability::Relaxed };
    let found = store
        .write(class, move |tx| {
            let mut found = Vec::new();
            for step in &steps {
                match step {
                    Step::Put(t, k, l, b) => tx.put_raw(TREES[*t], k, &body(*l, *b))?,
                    Step::Delete(t, k) => tx.delete(TREES[*t], k)?,
                    Step::Range(t, from, to, up, limit) => {
                        let direction = if *up { Direction::Forward } else { Direction::Backward };
                        let page = tx.range(TREES[*t], from, to.as_deref(), direction, *limit)?;
                        found.push(page.iter().map(|(k, v)| (k.to_vec(), v.len() - 2)).collect::<Vec<_>>());
                    }
                }
            }
            Ok::<_, StoreError>(found)
        })
        .await
        .unwrap();
    assert_eq!(found, answers);
    *model = after;
}

async fn same(store: &Store, model: &Model) {
    let mut found = Model::new();
    for (n, tree) in TREES.into_iter().enumerate() {
        let page = store.read(|tx| tx.range(tree, &[], None, Direction::Forward, usize::MAX)).await;
        let page: Result<_, StoreError> = page;
        found.extend(page.unwrap().into_iter().map(|(key, value)| ((n, key.to_vec()), value[2..].to_vec())));
    }
    assert!(found == *model, "the store holds {} rows, the model {}", found.len(), model.len());
}

fn against(cases: u32, reopen: impl Fn() -> Arc<dyn Engine>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let jobs = prop::collection::vec((prop::collection::vec(step(), 1..12), any::<bool>()), 1..25);
    // Encryption of large values is slow in a build without optimisation, and the waist is the same.
    let cases = if crate::support::key().is_some() { cases / 8 } else { cases };
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let mut model = Model::new();
    let model = std::cell::RefCell::new(&mut model);
    runner
        .run(&jobs, |jobs| {
            let mut model = model.borrow_mut();
            runtime.block_on(async {
                let store = over_dyn(reopen());
                model.clear();
                for (n, tree) in TREES.into_iter().enumerate() {
                    let page: Result<_, StoreError> =
                        store.read(|tx| tx.range(tree, &[], None, Direction::Forward, usize::MAX)).await;
                    model.extend(page.unwrap().into_iter().map(|(k, v)| ((n, k.to_vec()), v[2..].to_vec())));
                }
                for (steps, keep) in jobs {
                    job(&store, &mut model, steps, keep).await;
                }
                same(&store, &model).await;
            });
            Ok(())
        })
        .unwrap();
}

#[test]
fn memory_answers_as_the_model() {
    let engine: Arc<dyn Engine> = Arc::new(MemoryEngine::default());
    against(64, || Arc::clone(&engine));
}

#[test]
fn faulty_answers_as_the_model() {
    let engine: Arc<dyn Engine> = Arc::new(FaultyEngine::new(Fault::None));
    against(32, || Arc::clone(&engine));
}

#[test]
fn sled_answers_as_the_model() {
    let folder = tempfile::tempdir().unwrap();
    // Every case is another life of the same store.
    against(24, || Arc::new(SledEngine::open(folder.path(), 8 << 20).unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writers_leave_what_one_would() {
    let engine = Arc::new(MemoryEngine::default());
    let store = over(&engine);
    let rounds = if crate::support::key().is_some() { 12 } else { 60_u32 };
    let writers = (0..16_u8).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut model = Model::new();
            for round in 0..rounds {
                let key = vec![writer, u8::try_from(round % 7).unwrap()];
                let length = usize::try_from(round).unwrap() * 997 % 70_000;
                let steps = if round % 5 == 4 {
                    vec![Step::Delete(0, key)]
                } else {
                    vec![
                        Step::Put(0, key, length, writer),
                        Step::Range(0, vec![writer], Some(vec![writer + 1]), true, 9),
                    ]
                };
                job(&store, &mut model, steps, round % 3 == 0).await;
            }
            model
        })
    });
    let mut all = Model::new();
    for writer in writers.collect::<Vec<_>>() {
        all.extend(writer.await.unwrap());
    }
    same(&store, &all).await;
}
