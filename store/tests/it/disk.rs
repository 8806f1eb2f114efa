//! A disk that is full, a store that is open already, files that are damaged, and a schema from the future.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use wasup_store::engine::{Batch, Change, Engine, SledEngine};
use wasup_store::envelope::{Codec, seal};
use wasup_store::repo::send::{self, AcceptError};
use wasup_store::{Durability, EngineError, OpenError, SpaceFloor, Store, StoreError, Tree};

use crate::child;
use crate::support::{new_send, owned, phone, read, text, write};

/// A small file system in memory, unmounted at the end.
struct Tmpfs(tempfile::TempDir);

impl Tmpfs {
    fn new(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "wasup-test"])
            .arg(folder.path())
            .status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(folder))
    }

    fn resize(&self, size: &str) {
        let status = Command::new("mount").args(["-o", &format!("remount,size={size}")]).arg(self.0.path()).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_stops_the_store_and_loses_nothing_acknowledged() {
    let Some(disk) = Tmpfs::new("48m") else {
        eprintln!("SKIPPED: mounting a tmpfs is not permitted here, so the full disk was not tested");
        return;
    };
    let path = disk.0.path().join("store");
    let store = Store::open(&path, 8 << 20).unwrap();
    let account = owned(&store, "a").await;
    let mut accepted = Vec::new();
    let error = loop {
        let n = accepted.len() as u64;
        let send = send::NewSend {
            content: text("x".repeat(8_000)),
            outbox_max: u64::MAX,
            ..new_send(account.no, n, &phone(62))
        };
        match store.write(Durability::Durable, move |tx| send::accept(tx, &send)).await {
            Ok(answer) => accepted.push(answer.id),
            Err(error) => break error,
        }
        assert!(accepted.len() < 20_000, "the disk never filled");
    };
    assert!(matches!(error, AcceptError::Store(StoreError::Poisoned(EngineError::DiskFull))), "{error}");
    assert!(!store.is_writable());
    assert!(matches!(store.poisoned().await, EngineError::DiskFull));
    let last = accepted.last().copied().unwrap();
    // Reads go on, or sled refuses them as well once its log has failed; none of them answers wrongly.
    let still: Result<_, StoreError> = store.read(|tx| wasup_store::repo::message::get(tx, last)).await;
    assert!(matches!(still, Ok(Some(_)) | Err(StoreError::Engine(EngineError::DiskFull))), "{still:?}");
    // Room alone does not heal it: the process has to end.
    disk.resize("256m");
    let later = store.write(Durability::Relaxed, |tx| tx.put_fixed(Tree::Stat, b"x", &[])).await;
    assert!(matches!(later, Err(StoreError::Poisoned(_))));
    drop(store);
    let store = Store::open(&path, 8 << 20).unwrap();
    for id in &accepted {
        assert!(read(&store, |tx| wasup_store::repo::message::get(tx, *id)).await.is_some());
    }
    write(&store, |tx| tx.put_fixed(Tree::Stat, b"x", &[])).await;
    drop(store);
    println!("{} sends were accepted before the disk was full", accepted.len());
    crate::recount::check(&SledEngine::open(&path, 8 << 20).unwrap());
}

#[test]
fn work_is_refused_under_the_floor() {
    let folder = tempfile::tempdir().unwrap();
    assert!(SpaceFloor::new(folder.path(), 1).admit().is_ok());
    assert!(matches!(SpaceFloor::new(folder.path(), u64::MAX).admit(), Err(StoreError::SpaceLow { floor: u64::MAX })));
}

#[test]
fn a_store_opens_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), 8 << 20).unwrap();
    assert!(matches!(Store::open(folder.path(), 8 << 20), Err(OpenError::Locked { .. })));
    assert_eq!(child::result("open", folder.path()), "locked");
    drop(store);
    assert_eq!(child::result("open", folder.path()), "open 0");
}

fn put(folder: &Path, key: &[u8], body: &[u8]) {
    let engine = SledEngine::open(folder, 8 << 20).unwrap();
    let changes = vec![Change { tree: Tree::Meta, key: Box::from(key), value: Some(seal(Codec::Fixed, body)) }];
    engine.apply(&Batch { changes, seen: Vec::new() }).unwrap();
    engine.sync().unwrap();
}

#[test]
fn a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(Store::open(folder.path(), 8 << 20).unwrap());
    put(folder.path(), b"schema", &3_u32.to_be_bytes());
    assert!(matches!(Store::open(folder.path(), 8 << 20), Err(OpenError::NewerSchema { found: 3, known: 2, .. })));
}

#[tokio::test]
async fn lost_rows_that_the_engine_does_not_notice_are_noticed_here() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), 8 << 20).unwrap();
    write(&store, |tx| tx.put_fixed(Tree::Stat, b"x", &[])).await;
    drop(store);
    // The newest commit is gone.
    put(folder.path(), b"commit", &[0; 24]);
    assert!(matches!(Store::open(folder.path(), 8 << 20), Err(OpenError::Damaged { .. })));
    // All of it is gone.
    for entry in
        fs::read_dir(folder.path()).unwrap().map(Result::unwrap).filter(|entry| entry.file_name() != "tripwire")
    {
        let path = entry.path();
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }
    assert!(matches!(Store::open(folder.path(), 8 << 20), Err(OpenError::Damaged { .. })));
}

#[test]
fn rows_without_a_schema_are_not_taken_for_a_new_store() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), b"count/account/x", &[]);
    assert!(matches!(Store::open(folder.path(), 8 << 20), Err(OpenError::Damaged { .. })));
}

fn names(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)
        } else {
            assert!(fs::copy(entry.path(), target).is_ok())
        }
    }
}

#[tokio::test]
async fn a_damaged_store_is_an_error_and_nothing_is_deleted() {
    const ROWS: u64 = 4_000;
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    let store = Store::open(&whole, 8 << 20).unwrap();
    for n in 0..ROWS / 200 {
        write(&store, move |tx| {
            (n * 200..n * 200 + 200).try_for_each(|n| tx.put_raw(Tree::Audit, n.to_be_bytes(), &[9; 300]))
        })
        .await;
    }
    drop(store);
    let copied = folder.path().join("copied");
    copy(&whole, &copied);
    assert_eq!(child::result("open", &copied), format!("open {ROWS}"), "the copy alone does no harm");
    let (mut clean, mut refused, mut noticed, mut silent) = (0, 0, 0, 0);
    for trial in 0..40_u64 {
        let damaged = folder.path().join(format!("trial-{trial}"));
        copy(&whole, &damaged);
        let before = names(&damaged);
        let file = fs::OpenOptions::new().write(true).open(damaged.join("db")).unwrap();
        let at = rand::random_range(0..file.metadata().unwrap().len());
        if trial % 2 == 0 {
            file.write_all_at(&rand::random::<[u8; 16]>(), at).unwrap();
        } else {
            file.set_len(at).unwrap();
        }
        let result = child::result("open", &damaged);
        match result.strip_prefix("open ").map(str::parse::<u64>) {
            Some(Ok(ROWS)) => clean += 1,
            Some(_) => silent += 1,
            None if result.contains("commits were lost") => noticed += 1,
            None => refused += 1,
        }
        let lost: Vec<_> = before.difference(&names(&damaged)).cloned().collect();
        assert!(lost.iter().all(|name| name.starts_with("snap.")), "{result}: {lost:?} was deleted");
        fs::remove_dir_all(&damaged).unwrap();
    }
    println!(
        "40 damaged stores: {refused} refused by the engine, {noticed} by the tripwire, {clean} whole, {silent} opened \
         with fewer rows"
    );
    assert!(refused + noticed > 0, "no damage was noticed at all");
}
