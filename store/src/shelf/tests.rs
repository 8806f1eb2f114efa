//! The shelf over a store in memory and a folder of its own.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::*;
use crate::clock::SystemClock;
use crate::engine::MemoryEngine;
use crate::id::{DEFAULT_TENANT, MessageKey};

fn shelf(data: &Path, max_bytes: u64) -> Shelf {
    let store = Store::over(Arc::new(MemoryEngine::default()), Arc::new(SystemClock), data).unwrap();
    Shelf::open(store, data, ShelfLimits { keep: Duration::from_secs(60), max_bytes }).unwrap()
}

fn whole(shelf: &Shelf, bytes: &[u8]) -> Whole {
    let mut coming = shelf.begin(1_000_000).unwrap();
    bytes.chunks(7).for_each(|piece| coming.push(piece).unwrap());
    coming.finish().unwrap()
}

fn uploaded() -> Origin {
    Origin { tenant: DEFAULT_TENANT, message: None, keep: None }
}

fn files_under(data: &Path) -> usize {
    fn count(folder: &Path) -> usize {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| if path.is_dir() { count(&path) } else { 1 }).sum()
    }
    count(&data.join(FOLDER))
}

#[tokio::test]
async fn a_file_is_kept_found_and_taken_away() {
    let data = tempfile::tempdir().unwrap();
    let shelf = shelf(data.path(), 1_000);
    let media = Media { mimetype: "text/plain".into(), filename: Some("a.txt".into()), ..Media::default() };
    let kept = shelf.keep(whole(&shelf, b"hello files"), media, uploaded()).await.unwrap();
    assert_eq!(kept.sha256.0, Sha256::digest(b"hello files").to_vec());
    let mut text = String::new();
    shelf.open_file(kept.id).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!((text.as_str(), kept.media.size), ("hello files", 11));
    assert_eq!(shelf.get(kept.id).await.unwrap(), kept);
    assert_eq!(shelf.totals().await.unwrap(), MediaTotals { files: 1, bytes: 11 });
    assert!(shelf.remove(kept.id).await.unwrap());
    assert!(!shelf.remove(kept.id).await.unwrap());
    assert_eq!((shelf.totals().await.unwrap(), files_under(data.path())), (MediaTotals::default(), 0));
}

#[tokio::test]
async fn what_never_got_whole_leaves_nothing() {
    let data = tempfile::tempdir().unwrap();
    let shelf = shelf(data.path(), 1_000);
    let mut coming = shelf.begin(10).unwrap();
    coming.push(b"12345678").unwrap();
    assert!(matches!(coming.push(b"90a"), Err(ShelfError::TooLarge(10))));
    drop(coming);
    drop(whole(&shelf, b"never kept"));
    assert_eq!(files_under(data.path()), 0);
}

#[tokio::test]
async fn a_start_takes_away_what_a_crash_left() {
    let data = tempfile::tempdir().unwrap();
    let shelf = shelf(data.path(), 1_000);
    let kept = shelf.keep(whole(&shelf, b"stays"), Media::default(), uploaded()).await.unwrap();
    let lost = shelf.keep(whole(&shelf, b"lost"), Media::default(), uploaded()).await.unwrap();
    std::fs::remove_file(shelf.path(lost.id)).unwrap();
    let stray = shelf.path(MediaId::new(1, 2));
    std::fs::create_dir_all(stray.parent().unwrap()).unwrap();
    std::fs::write(stray, b"no row").unwrap();
    std::fs::write(shelf.temporary().join("1-ff"), b"half").unwrap();
    assert_eq!(shelf.tidy().await.unwrap(), Tidied { unfinished: 1, stray: 1, missing: 1 });
    assert_eq!(shelf.list(None, 10).await.unwrap(), [kept]);
    assert_eq!((shelf.totals().await.unwrap().files, files_under(data.path())), (1, 1));
    assert_eq!(shelf.tidy().await.unwrap(), Tidied::default());
}

#[tokio::test]
async fn files_go_by_age_and_by_bytes_and_stay_while_they_are_used() {
    let data = tempfile::tempdir().unwrap();
    let shelf = shelf(data.path(), 10);
    let now_ms = shelf.store().now_ms();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(shelf.keep(whole(&shelf, b"12345678"), Media::default(), uploaded()).await.unwrap().id);
    }
    assert!(matches!(shelf.admit(1).await, Err(ShelfError::Full)));
    // The two that would go first make room for the one in use.
    let later = move |tx: &mut crate::WriteTx<'_>| media::prolong(tx, ids[0], now_ms + 1_000_000);
    shelf.store().write::<_, StoreError, _>(Durability::Durable, later).await.unwrap();
    let first = shelf.list(None, 10).await.unwrap().last().unwrap().id;
    assert_eq!(shelf.expire(None).await.unwrap(), (2, 16));
    assert_eq!(shelf.list(None, 10).await.unwrap()[0].id, first);
    assert_eq!(shelf.expire(Some(now_ms + 999_999)).await.unwrap(), (0, 0));
    assert_eq!(shelf.expire(Some(now_ms + 1_000_000)).await.unwrap(), (1, 8));
    assert_eq!(files_under(data.path()), 0);
}

#[tokio::test]
async fn a_messages_file_is_found_by_the_message_and_goes_with_the_account() {
    let data = tempfile::tempdir().unwrap();
    let shelf = shelf(data.path(), 1_000);
    let message = MessageId { account: AccountNo(7), key: MessageKey::new(1, 2) };
    let of_message = Origin { tenant: DEFAULT_TENANT, message: Some(message), keep: None };
    let older = shelf.keep(whole(&shelf, b"older"), Media::default(), of_message).await.unwrap();
    let newer = shelf.keep(whole(&shelf, b"newer"), Media::default(), of_message).await.unwrap();
    assert_eq!(shelf.of_message(message).await.unwrap().unwrap().id, newer.id);
    assert_eq!(shelf.expire(Some(1)).await.unwrap(), (1, 5));
    assert!(matches!(shelf.get(older.id).await, Err(ShelfError::NotFound)));
    shelf.let_go_of_account(AccountNo(7)).await.unwrap();
    assert_eq!(shelf.of_message(message).await.unwrap(), None);
    assert_eq!(shelf.expire(Some(1)).await.unwrap(), (1, 5));
    assert_eq!(files_under(data.path()), 0);
}

#[tokio::test]
async fn verify_tells_rows_without_a_file_and_files_without_a_row() {
    let data = tempfile::tempdir().unwrap();
    {
        let store = Store::open(data.path(), 4 << 20).unwrap();
        let limits = ShelfLimits { keep: Duration::from_secs(60), max_bytes: 1_000 };
        let shelf = Shelf::open(store, data.path(), limits).unwrap();
        for _ in 0..3 {
            shelf.keep(whole(&shelf, b"12345678"), Media::default(), uploaded()).await.unwrap();
        }
        let newest = shelf.list(None, 1).await.unwrap()[0].id;
        std::fs::remove_file(shelf.path(newest)).unwrap();
        let stray = shelf.path(MediaId::new(1, 2));
        std::fs::create_dir_all(stray.parent().unwrap()).unwrap();
        std::fs::write(stray, b"no row").unwrap();
    }
    let report = crate::insurance::verify(data.path(), 4 << 20, None, 10).unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!(report.files, crate::insurance::FilesSeen { rows: 3, missing: 1, stray: 1 });
}
