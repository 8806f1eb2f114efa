//! How long a start, a stop and a walk over everything take. Measured on demand:
//! `cargo test --package wasup-store --test it -- --ignored --nocapture starts::`

use std::time::Instant;

use wasup_store::Store;
use wasup_store::id::AccountNo;
use wasup_store::insurance::verify;

use crate::support::{arrived, hook, owned, phone, receive};

const CACHE: u64 = 64 << 20;

#[tokio::test]
#[ignore = "a measurement of some minutes"]
async fn of_a_store_with_many_messages() {
    let messages: u64 = std::env::var("WASUP_MESSAGES").map_or(100_000, |number| number.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), CACHE).unwrap();
    let account = owned(&store, "a").await;
    hook(&store, AccountNo(0), 1).await;
    let timed = |what: &str, began: Instant| println!("{what}: {} ms", began.elapsed().as_millis());
    let began = Instant::now();
    for page in 0..messages / 32 {
        let new = (page * 32..page * 32 + 32).map(|n| arrived(n, &phone(1_000 + n % 500))).collect();
        receive(&store, &account, new).await;
    }
    timed(&format!("{messages} messages"), began);
    let began = Instant::now();
    let made = store.backup(&folder.path().join("backups"), "one").await.unwrap();
    timed(&format!("backup of {} rows, {} bytes", made.rows, made.bytes), began);
    let began = Instant::now();
    drop(store);
    timed(&format!("stop with {} bytes", std::fs::metadata(folder.path().join("db")).unwrap().len()), began);
    for round in 0..2 {
        let began = Instant::now();
        let store = Store::open(folder.path(), CACHE).unwrap();
        timed(&format!("start {round} after an orderly stop"), began);
        drop(store);
    }
    std::fs::remove_file(folder.path().join("seal")).unwrap();
    let began = Instant::now();
    drop(Store::open(folder.path(), CACHE).unwrap());
    timed("start after a kill, and a stop", began);
    let began = Instant::now();
    let report = verify(folder.path(), CACHE, None, 9).unwrap();
    timed(&format!("verify of {} rows", report.rows()), began);
    assert!(report.is_sound(), "{:?}", report.findings);
}
