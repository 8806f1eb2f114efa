//! A disk that is full, a store that is open already, files that are damaged, and a schema from the future.

use std::fs;
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
            run: None,
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
    let later = store.write(Durability::Relaxed, |tx| tx.put_fixed(Tree::User, b"x", &[])).await;
    assert!(matches!(later, Err(StoreError::Poisoned(_))));
    drop(store);
    let store = Store::open(&path, 8 << 20).unwrap();
    for id in &accepted {
        assert!(read(&store, |tx| wasup_store::repo::message::get(tx, *id)).await.is_some());
    }
    write(&store, |tx| tx.put_fixed(Tree::User, b"x", &[])).await;
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
    put(folder.path(), b"schema", &5_u32.to_be_bytes());
    assert!(matches!(Store::open(folder.path(), 8 << 20), Err(OpenError::NewerSchema { found: 5, known: 4, .. })));
}

#[tokio::test]
async fn lost_rows_that_the_engine_does_not_notice_are_noticed_here() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), 8 << 20).unwrap();
    write(&store, |tx| tx.put_fixed(Tree::User, b"x", &[])).await;
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
