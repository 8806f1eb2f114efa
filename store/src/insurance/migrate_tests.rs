//! The runner over steps of its own: cut off after each commit, it goes on and ends as if it had not been.

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::engine::{Fault, FaultyEngine, MemoryEngine, Walk};
use crate::{Direction, Durability, Store, SystemClock};

const ROWS: u32 = 95;

/// Gives every row of a tree another body, ten at a time.
fn rewrite(tx: &mut WriteTx<'_>, from: &[u8]) -> Next {
    let page = tx.range(Tree::Audit, from, None, Direction::Forward, 10)?;
    for (key, _) in &page {
        tx.put_raw(Tree::Audit, key, b"new")?;
    }
    Ok(page.last().filter(|_| page.len() == 10).map(|(last, _)| [last.as_ref(), &[0]].concat()))
}

/// Takes away every other row, a few at a time.
fn thin(tx: &mut WriteTx<'_>, from: &[u8]) -> Next {
    let page = tx.range(Tree::Audit, from, None, Direction::Forward, 8)?;
    for (key, _) in page.iter().filter(|(key, _)| key.last().is_some_and(|last| last % 2 == 0)) {
        tx.delete(Tree::Audit, key)?;
    }
    Ok(page.last().filter(|_| page.len() == 8).map(|(last, _)| [last.as_ref(), &[0]].concat()))
}

const STEPS: &[Step] = &[
    Step { to: crate::repo::schema::SCHEMA + 1, what: "rewrite", work: rewrite },
    Step { to: crate::repo::schema::SCHEMA + 1, what: "thin", work: thin },
    Step { to: crate::repo::schema::SCHEMA + 2, what: "thin again", work: thin },
];

fn filled(engine: &Arc<FaultyEngine>) {
    let shared: Arc<dyn Engine> = Arc::clone(engine) as _;
    let store = Store::over(shared, Arc::new(SystemClock), Path::new("migration")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let fill = |tx: &mut WriteTx<'_>| {
        tx.put_raw(Tree::Wa, b"\0\0\0\x01large", &vec![8; 90_000])?;
        tx.delete(Tree::Wa, b"\0\0\0\x01large")?;
        (0..ROWS).try_for_each(|n| tx.put_raw(Tree::Audit, n.to_be_bytes(), b"old"))
    };
    runtime.block_on(store.write(Durability::Durable, fill)).unwrap();
}

fn migrated(engine: &dyn Engine) -> Result<(), Stopped> {
    let found = crate::repo::schema::version(engine, Path::new("migration")).unwrap();
    run(engine, &Keyring::plain(), STEPS, found, crate::repo::schema::SCHEMA + 2)
}

fn rows(engine: &dyn Engine) -> Vec<(Tree, Vec<u8>, Vec<u8>)> {
    let of = |tree: &Tree| {
        let tree = *tree;
        let page = engine.range(tree, &[], None, Walk::Up, usize::MAX).unwrap();
        page.into_iter().map(move |(key, value)| (tree, key.to_vec(), value.to_vec()))
    };
    // Identity and commit are of one store and one way to the end.
    Tree::ALL.iter().flat_map(of).filter(|(tree, key, _)| *tree != Tree::Meta || key == SCHEMA_ROW).collect()
}

#[test]
fn a_migration_that_is_cut_off_goes_on_where_it_stopped() {
    let whole = Arc::new(FaultyEngine::new(Fault::None));
    filled(&whole);
    migrated(&*whole).unwrap();
    let expected = rows(&*whole);
    assert_eq!(expected.len(), 1 + ROWS as usize / 2);
    // Two applies made and filled the store.
    for at in 3.. {
        let engine = Arc::new(FaultyEngine::new(Fault::Apply(at)));
        filled(&engine);
        if migrated(&*engine).is_ok() {
            assert!(at > 20, "only {at} commits");
            break;
        }
        let rest = engine.after_power_cut();
        migrated(&rest).unwrap();
        assert!(rows(&rest) == expected, "cut off at {at}");
        assert_eq!(CommitRow::load(&rest).unwrap().fingerprint, Some(Fingerprint::of(&rest).unwrap()), "at {at}");
        assert!(rest.get(Tree::Meta, CURSOR_ROW).unwrap().is_none());
    }
}

#[test]
fn what_is_damaged_is_not_carried_over() {
    let engine = Arc::new(FaultyEngine::new(Fault::None));
    filled(&engine);
    let gone = crate::engine::Change { tree: Tree::Audit, key: Box::from(3_u32.to_be_bytes()), value: None };
    engine.apply(&Batch { changes: vec![gone], seen: Vec::new() }).unwrap();
    assert!(matches!(migrated(&*engine), Err(Stopped::Unsound(_))));
    assert_eq!(crate::repo::schema::version(&*engine, Path::new("x")).unwrap(), crate::repo::schema::SCHEMA);
}

/// Rows as the first version wrote them.
const FIRST: &str = include_str!("../../tests/it/fixtures/schema-1.rows");

fn of_the_first_version() -> MemoryEngine {
    let bytes = |hex: &str| data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap();
    let row = |line: &str| {
        let mut words = line.split(' ');
        let tree = Tree::ALL.iter().find(|tree| Some(tree.name()) == words.clone().next()).copied().unwrap();
        let (key, value) = (bytes(words.nth(1).unwrap()), bytes(words.next().unwrap()));
        crate::engine::Change { tree, key: key.into(), value: Some(value.into()) }
    };
    let engine = MemoryEngine::default();
    engine.apply(&Batch { changes: FIRST.lines().map(row).collect(), seen: Vec::new() }).unwrap();
    engine
}

#[test]
fn a_store_of_the_first_version_becomes_one_of_this() {
    let engine: Arc<dyn Engine> = Arc::new(of_the_first_version());
    assert_eq!(crate::repo::schema::version(&*engine, Path::new("x")).unwrap(), 1);
    assert!(verify_engine(&*engine, &Keyring::plain(), 9).is_sound());
    let messages = engine.range(Tree::Msg, &[], None, Walk::Up, 999).unwrap();
    drop(Store::over(Arc::clone(&engine), Arc::new(SystemClock), Path::new("first")).unwrap());
    let report = verify_engine(&*engine, &Keyring::plain(), 9);
    assert!(report.is_sound(), "{:#?}", report.shown);
    assert_eq!(report.schema, crate::repo::schema::SCHEMA);
    assert!(!messages.is_empty() && engine.range(Tree::Msg, &[], None, Walk::Up, 999).unwrap() == messages);
}
