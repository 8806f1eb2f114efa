//! Backups under load, restores of them, and compaction.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use wasup_store::engine::SledEngine;
use wasup_store::id::{AccountNo, Millis};
use wasup_store::insurance::{ArchiveError, Fingerprint, compact, inspect, restore, verify};
use wasup_store::records::{Desired, MessageState, Phase, Reason, ScheduleReason, ScheduleState, UserAction};
use wasup_store::repo::wa::{self, WaKind, WaScope};
use wasup_store::repo::{account, counters, event, message, revival, schedule, schema, send};
use wasup_store::{Durability, OpenError, Store, StoreError, Tree};

use crate::support::{
    NOW, accept, arrived, hook, key, keyring, new_send, open, owned, phone, read, receive, rows, text, write,
};

const CACHE: u64 = 16 << 20;

async fn untouched(_: Store, _: WaScope) -> Result<(), StoreError> {
    Ok(())
}

/// Messages that were acknowledged, by account and number.
type Acked = BTreeMap<(AccountNo, u64), wasup_store::id::MessageId>;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_under_load_holds_what_was_acknowledged_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("store"), CACHE).unwrap();
    let accounts = [owned(&store, "a").await, owned(&store, "b").await, owned(&store, "c").await];
    hook(&store, AccountNo(0), 1).await;
    let stop = Arc::new(AtomicBool::new(false));
    let acked: Arc<std::sync::Mutex<Acked>> = Arc::default();
    let written = Arc::new(AtomicU64::new(0));
    let writers: Vec<_> = (0..24_u64)
        .map(|writer| {
            let (store, stop, acked, written) = (store.clone(), stop.clone(), acked.clone(), written.clone());
            let account = accounts[usize::try_from(writer % 3).unwrap()].clone();
            tokio::spawn(async move {
                let mut n = writer << 32;
                while !stop.load(Ordering::SeqCst) {
                    n += 1;
                    let mut new = arrived(n, &phone(62_000 + writer));
                    new.content = text("x".repeat(usize::try_from(n % 900).unwrap()));
                    let stored = receive(&store, &account, vec![new]).await;
                    acked.lock().unwrap().insert((account.no, n), crate::support::stored(&stored[0]));
                    let (no, epoch) = (account.no, account.epoch);
                    if n.is_multiple_of(5) {
                        let new = send::NewSend { outbox_max: u64::MAX, ..new_send(no, n, &phone(62_000 + writer)) };
                        accept(&store, new).await;
                        write(&store, move |tx| send::take(tx, no, epoch, NOW, 2)).await;
                    }
                    // Rows that come and go, and one in pieces that changes its size.
                    let scope = WaScope { no, link: account.link, epoch };
                    let place = wa::key(scope, WaKind::Session).u64(writer);
                    let large = usize::try_from(n % 7).unwrap() * 15_000;
                    let delete = n.is_multiple_of(3);
                    write(&store, move |tx| match delete {
                        true => tx.delete(Tree::Wa, &place),
                        false => tx.put_raw(Tree::Wa, &place, &vec![3; large]),
                    })
                    .await;
                    written.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let enough = |n: u64| {
        let written = written.clone();
        async move {
            while written.load(Ordering::SeqCst) < n {
                tokio::task::yield_now().await;
            }
        }
    };
    enough(600).await;
    let before = acked.lock().unwrap().clone();
    let made = store.backup(&folder.path().join("backups"), "one").await.unwrap();
    let during = written.load(Ordering::SeqCst);
    enough(during + 200).await;
    stop.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await.unwrap();
    }
    let (head, end) = inspect(&made.path).unwrap();
    assert!(head.commit <= end.commit && made.commit == end.commit && made.rows == end.fingerprint.rows);
    assert!(matches!(store.backup(&folder.path().join("backups"), "one").await, Err(ArchiveError::Exists { .. })));
    let into = folder.path().join("again");
    let report = restore(&made.path, &into, CACHE, key().as_ref(), untouched).await.unwrap();
    assert_eq!((report.commit, report.rows, report.accounts), (made.commit, made.rows, 3));
    assert!(verify(&into, CACHE, key().as_ref(), 9).unwrap().is_sound());
    let again = open(&into, CACHE).unwrap();
    for id in before.values() {
        assert!(read(&again, |tx| message::get(tx, *id)).await.is_some(), "{id} was acknowledged and is not there");
    }
    println!("{} acknowledged before, {} steps meanwhile, {} frames", before.len(), during - 600, end.frames);
    assert_eq!(std::fs::read_dir(folder.path().join("backups")).unwrap().count(), 1, "drafts are left");
}

#[tokio::test]
async fn a_restore_is_a_new_life() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("store"), CACHE).unwrap();
    let one = owned(&store, "one").await;
    receive(&store, &one, vec![arrived(1, &phone(5))]).await;
    let (no, epoch) = (one.no, one.epoch);
    for n in 0..3 {
        accept(&store, new_send(no, n, &phone(5))).await;
    }
    let taken = write(&store, move |tx| send::take(tx, no, epoch, NOW, 2)).await;
    let scope = WaScope { no, link: one.link, epoch };
    write(&store, move |tx| {
        for kind in WaKind::ALL {
            tx.put_raw(Tree::Wa, wa::key(scope, kind).u32(7), &[1; 40_000])?;
        }
        Ok(())
    })
    .await;
    let (runs, paused) = (crate::schedules::hourly(&store, no, 1).await, crate::schedules::hourly(&store, no, 2).await);
    write(&store, move |tx| schedule::pause(tx, paused, NOW)).await;
    let was = read(&store, schema::identity).await;
    let seq = read(&store, |tx| counters::account(tx, no)).await.seq.0;
    let made = store.backup(folder.path(), "file").await.unwrap();
    drop(store);
    let into = folder.path().join("into");
    restore(&made.path, &into, CACHE, key().as_ref(), untouched).await.unwrap();
    let store = open(&into, CACHE).unwrap();
    let is = read(&store, schema::identity).await;
    assert!(is.uuid == was.uuid && is.incarnation != was.incarnation);
    let id = one.id.clone();
    let record = read(&store, |tx| account::get(tx, &id)).await.unwrap();
    assert!(record.epoch > epoch && record.desired == Desired::Stopped && record.outbox_paused);
    let state = (record.state.phase, record.state.reason, record.state.user_action);
    assert_eq!(state, (Phase::Stopped, Reason::Restored, UserAction::Release));
    assert_eq!(read(&store, |tx| counters::account(tx, no)).await.seq.0, seq + (1 << 32) + 1);
    for kind in WaKind::ALL {
        use WaKind::{PendingInbound, PreKey, SenderKey, SenderKeyDevice, SenderKeyGroup, Session};
        let kept = !matches!(kind, Session | SenderKey | SenderKeyDevice | SenderKeyGroup | PreKey | PendingInbound);
        let place = wa::key(scope, kind).u32(7);
        assert_eq!(read(&store, |tx| tx.contains(Tree::Wa, &place)).await, kept, "{kind:?}");
    }
    // Schedules wait, too: the former life may have run them since.
    for (id, reason) in [(runs, Some(ScheduleReason::Restored)), (paused, None)] {
        let schedule = read(&store, |tx| schedule::get(tx, id)).await.unwrap();
        assert_eq!((schedule.state, schedule.reason, schedule.wake_ms), (ScheduleState::Paused, reason, None));
    }
    // What was on the wire waits again, under its id, and nothing goes before somebody says so.
    let (id, epoch) = (record.id.clone(), record.epoch);
    for (id, was) in &taken {
        let is = read(&store, |tx| message::get(tx, *id)).await.unwrap();
        assert!(is.state == MessageState::Queued && is.provider_id == was.provider_id);
    }
    assert!(write(&store, move |tx| send::take(tx, no, epoch, NOW, 9)).await.is_empty());
    let now: Millis = NOW;
    let released = write(&store, move |tx| revival::release_outbox(tx, &id, now)).await.unwrap();
    assert!(!released.outbox_paused && released.state.user_action == UserAction::None);
    assert_eq!(write(&store, move |tx| send::take(tx, no, epoch, NOW, 9)).await.len(), 3);
    assert!(read(&store, event::last).await.0 > 0);
    drop(store);
    assert!(verify(&into, CACHE, key().as_ref(), 9).unwrap().is_sound());
}

#[tokio::test]
async fn a_broken_backup_is_refused_and_so_is_a_folder_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("store"), CACHE).unwrap();
    owned(&store, "one").await;
    let made = store.backup(folder.path(), "file").await.unwrap();
    let whole = std::fs::read(&made.path).unwrap();
    for at in (0..whole.len()).step_by(7) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        let broken = folder.path().join("broken");
        std::fs::write(&broken, &bytes).unwrap();
        assert!(inspect(&broken).is_err(), "a changed byte {at} is not noticed");
        std::fs::write(&broken, &whole[..at]).unwrap();
        assert!(inspect(&broken).is_err(), "a cut at {at} is not noticed");
    }
    let into = folder.path().join("into");
    let refused = restore(&folder.path().join("broken"), &into, CACHE, None, untouched).await;
    assert!(matches!(refused, Err(ArchiveError::Broken { .. })) && !into.exists());
    let refused = restore(&made.path, &folder.path().join("store"), CACHE, None, untouched).await;
    assert!(matches!(refused, Err(ArchiveError::Exists { .. })));
    // One that was cut off does not start.
    std::fs::create_dir(&into).unwrap();
    std::fs::write(into.join("restoring"), "").unwrap();
    assert!(matches!(Store::open(&into, CACHE), Err(OpenError::Unfinished { .. })));
}

#[tokio::test]
async fn compaction_keeps_every_row_and_gives_room_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let store = open(&path, CACHE).unwrap();
    let one = owned(&store, "one").await;
    receive(&store, &one, vec![arrived(1, &phone(5))]).await;
    for n in 0..60_u64 {
        write(&store, move |tx| {
            (n * 200..n * 200 + 200).try_for_each(|n| tx.put_raw(Tree::Audit, n.to_be_bytes(), &[9; 900]))
        })
        .await;
    }
    for n in 0..60_u64 {
        let range = n * 200..n * 200 + 200;
        write(&store, move |tx| range.clone().try_for_each(|n| tx.delete(Tree::Audit, n.to_be_bytes()))).await;
    }
    drop(store);
    std::fs::write(path.join("api_key"), "a key of somebody").unwrap();
    std::fs::create_dir(path.join("backups")).unwrap();
    let before = rows(&SledEngine::open(&path, CACHE).unwrap());
    let report = compact(&path, CACHE, "2026-11-21").unwrap();
    println!("{} bytes became {}", report.before, report.after);
    assert!(report.after < report.before);
    assert!(rows(&SledEngine::open(&path, CACHE).unwrap()) == before);
    assert_eq!(std::fs::read_to_string(path.join("api_key")).unwrap(), "a key of somebody");
    assert!(path.join("backups").is_dir() && report.kept.join("db").is_file());
    assert!(matches!(compact(&path, CACHE, "2026-11-21"), Err(ArchiveError::Exists { .. })));
    // Not a new life: it goes on where it was.
    let store = open(&path, CACHE).unwrap();
    let id = one.id.clone();
    assert_eq!(read(&store, |tx| account::get(tx, &id)).await.unwrap(), one);
    store.write(Durability::Durable, |tx| tx.put_fixed(Tree::User, [0, 0, 0, 1], &[])).await.unwrap_or(());
    drop(store);
    let engine = SledEngine::open(&path, CACHE).unwrap();
    assert!(Fingerprint::of(&engine).unwrap().rows > 0 && keyring(&engine).is_plain() == key().is_none());
}
