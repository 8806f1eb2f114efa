//! The walk over a store sees whatever is missing, too much or wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasup_store::engine::{Batch, Change, Engine, MemoryEngine};
use wasup_store::id::{AccountNo, Position};
use wasup_store::insurance::{FindingCode, VerifyReport, verify_engine};
use wasup_store::keyring::Keyring;
use wasup_store::records::{Attempt, AttemptOutcome, DiscardReason};
use wasup_store::repo::delivery::{self, Finished, Verdict};
use wasup_store::repo::send::{self, Idempotency, Settlement};
use wasup_store::repo::{account, event, job, schedule};
use wasup_store::{Store, Tree};

use crate::support::{
    NOW, Rows, accept, arrived, both, group, hook, lid, memory, new_account, new_send, owned, phone, read, receive,
    rows, write,
};
use crate::{jobs, schedules};

fn look_at(engine: &dyn Engine, shown: usize) -> VerifyReport {
    verify_engine(engine, &Keyring::plain(), shown)
}

/// A schedule with a history, and one that is paused.
async fn scheduled(store: &Store, no: AccountNo) {
    let (ran, paused) = (schedules::hourly(store, no, 1).await, schedules::hourly_job(store, no, 2, 3).await);
    schedules::fire(store, ran).await;
    write(store, move |tx| schedule::pause(tx, paused, NOW)).await;
}

/// A store with something in every tree that this version writes.
async fn rich() -> Arc<MemoryEngine> {
    let (store, engine) = memory();
    let one = owned(&store, "one").await;
    let two = owned(&store, "two").await;
    let all = hook(&store, wasup_store::id::AccountNo(0), 1).await;
    hook(&store, one.no, 2).await;
    for n in 0..4 {
        let from = both(70 + n, 6_200 + n);
        receive(&store, &one, vec![arrived(n, &from), arrived(100 + n, &phone(5_000 + n))]).await;
        let mut in_group = arrived(200 + n, &group(9));
        (in_group.sender, in_group.group) = (Some(from), true);
        receive(&store, &two, vec![in_group]).await;
    }
    // Two that turn out to be one.
    receive(&store, &one, vec![arrived(300, &lid(88)), arrived(301, &phone(881))]).await;
    receive(&store, &one, vec![arrived(302, &both(88, 881))]).await;
    for n in 0..6 {
        let request = Idempotency::new(&format!("key {n}"), [1; 32], NOW + 60_000);
        accept(&store, send::NewSend { idempotency: Some(request), ..new_send(one.no, n, &phone(6_200)) }).await;
    }
    let (no, epoch) = (one.no, one.epoch);
    let taken = write(&store, move |tx| send::take(tx, no, epoch, NOW, 4)).await;
    let outcomes = [Settlement::Sent, Settlement::Rejected(400), Settlement::Held(463)];
    let settled: Vec<_> = taken.iter().zip(outcomes).map(|((id, _), outcome)| (*id, outcome)).collect();
    write(&store, move |tx| send::settle(tx, no, epoch, &settled, NOW)).await;
    let id = all.id;
    let claimed = write(&store, move |tx| delivery::claim(tx, id, NOW + 9, NOW + 99, 3)).await;
    let attempt = Attempt::new(NOW, 1, AttemptOutcome::TimedOut);
    let verdicts = [Verdict::Completed, Verdict::Discarded(DiscardReason::Refused), Verdict::RetryAt(NOW + 5)];
    let ended: Vec<_> =
        claimed.iter().zip(verdicts).map(|((id, _), verdict)| Finished::new(*id, attempt.clone(), verdict)).collect();
    write(&store, move |tx| delivery::finish(tx, &ended, NOW)).await;
    write(&store, |tx| tx.put_raw(Tree::Audit, b"large", &vec![5; 70_000])).await;
    // A job in the middle, one that is over, and one that is being written.
    let (begun, over) = (jobs::in_line(&store, one.no, 1, 4).await, jobs::in_line(&store, one.no, 2, 2).await);
    jobs::turn(&store, begun, 1).await;
    write(&store, move |tx| job::wish(tx, over, job::Wish::Cancel, NOW)).await;
    let new = jobs::new_job(one.no, 3);
    write(&store, move |tx| job::begin(tx, &new)).await;
    scheduled(&store, one.no).await;
    engine
}

fn changed(rows: &Rows, change: impl FnOnce(&mut Rows)) -> MemoryEngine {
    let mut rows = rows.clone();
    change(&mut rows);
    let engine = MemoryEngine::default();
    let changes = rows
        .into_iter()
        .map(|((tree, key), value)| Change { tree, key: key.into(), value: Some(value.into()) })
        .collect();
    engine.apply(&Batch { changes, seen: Vec::new() }).unwrap();
    engine
}

#[tokio::test]
async fn a_sound_store_is_sound_and_counted() {
    let engine = rich().await;
    let report = look_at(&*engine, 10);
    assert!(report.is_sound(), "{:#?}", report.shown);
    let counted = rows(&*engine);
    assert_eq!(report.rows(), counted.len() as u64);
    for tree in Tree::ALL {
        let expected = counted.keys().filter(|(of, _)| of == tree).count() as u64;
        assert_eq!(report.rows_of(*tree), expected, "{}", tree.name());
    }
}

#[tokio::test]
async fn every_missing_row_and_every_row_too_many_is_noticed() {
    let engine = rich().await;
    let whole = rows(&*engine);
    // What nothing else leads to: only the sum over all rows tells.
    let mut by_sum: BTreeMap<&str, u32> = BTreeMap::new();
    let mut look = |engine: &MemoryEngine, of: Tree| {
        let report = look_at(engine, 10);
        assert!(!report.is_sound(), "nothing is noticed in {}", of.name());
        if report.findings.keys().eq([&FindingCode::RowsDiffer]) {
            *by_sum.entry(of.name()).or_default() += 1;
        }
    };
    for place in whole.keys() {
        let without = changed(&whole, |rows| drop(rows.remove(place)));
        look(&without, place.0);
        // The same row once more, under a key beside it.
        let more = changed(&whole, |rows| {
            let mut key = place.1.clone();
            *key.last_mut().unwrap() ^= 0x40;
            let value = rows[place].clone();
            rows.insert((place.0, key), value);
        });
        look(&more, place.0);
        look(&changed(&whole, |rows| drop(rows.insert(place.clone(), vec![9, 9]))), place.0);
    }
    let trees: Vec<_> = by_sum.keys().copied().collect();
    assert!(trees.iter().all(|tree| ["audit", "chunk", "delivery", "meta", "person"].contains(tree)), "{by_sum:?}");
}

#[tokio::test]
async fn a_deleted_account_leaves_a_sound_store_at_every_step() {
    let (store, engine) = memory();
    let gone = owned(&store, "gone").await;
    let stays = owned(&store, "stays").await;
    hook(&store, gone.no, 1).await;
    hook(&store, wasup_store::id::AccountNo(0), 2).await;
    for n in 0..20 {
        receive(&store, &gone, vec![arrived(n, &phone(1 + n))]).await;
        receive(&store, &stays, vec![arrived(n, &phone(1 + n))]).await;
    }
    let id = gone.id.clone();
    write(&store, move |tx| account::delete(tx, &id, NOW)).await;
    loop {
        let report = look_at(&*engine, 10);
        assert!(report.is_sound(), "{:#?}", report.shown);
        if !write(&store, |tx| account::purge_step(tx, 7)).await {
            break;
        }
    }
    assert_eq!(read(&store, |tx| event::page(tx, Position(0), 100)).await.len(), 20);
    let _ =
        store.write(wasup_store::Durability::Durable, |tx| account::create(tx, &new_account("gone"))).await.unwrap();
    assert!(look_at(&*engine, 10).is_sound());
}

#[tokio::test]
async fn findings_are_counted_and_the_first_are_shown() {
    let engine = rich().await;
    let whole = rows(&*engine);
    let without = changed(&whole, |rows| rows.retain(|(tree, _), _| *tree != Tree::MsgWid));
    let report = look_at(&without, 3);
    let messages = whole.keys().filter(|(tree, _)| *tree == Tree::Msg).count() as u64;
    assert_eq!(report.findings.get(&FindingCode::IndexMissing), Some(&messages));
    assert_eq!(report.shown.len(), 3);
    assert_eq!(report.shown[0].code, FindingCode::RowsDiffer);
    assert!(report.shown[1..].iter().all(|finding| finding.row.starts_with("msg_")));
}
