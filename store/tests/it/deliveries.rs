//! Deliveries: never woken too late, never lost with a worker, final once.

use wasup_store::id::{DeliveryId, EndpointId, Millis};
use wasup_store::records::{Attempt, AttemptOutcome, DeliveryState, DiscardReason, EndpointRecord, EventKind, Off};
use wasup_store::repo::delivery::{self, Finished, Verdict};
use wasup_store::repo::{counters, endpoint};
use wasup_store::{Direction, Durability, Store, StoreError, Tree};

use crate::support::{NOW, arrived, hook, memory, owned, phone, read, receive, write};

async fn claim(store: &Store, endpoint: EndpointId, now: Millis, lease: Millis, limit: usize) -> Vec<DeliveryId> {
    let claimed: Result<Vec<_>, StoreError> =
        store.write(Durability::Relaxed, move |tx| delivery::claim(tx, endpoint, now, lease, limit)).await;
    claimed.unwrap().into_iter().map(|(id, _)| id).collect()
}

async fn finish(store: &Store, id: DeliveryId, verdict: Verdict, now: Millis) {
    let attempt = Attempt::new(now, 3, AttemptOutcome::Answered { status: 500 });
    write(store, move |tx| delivery::finish(tx, &[Finished::new(id, attempt.clone(), verdict)], now)).await;
}

async fn wake(store: &Store) -> Option<Millis> {
    read(store, delivery::next_wake).await
}

async fn due(store: &Store, now: Millis) -> Vec<EndpointId> {
    read(store, |tx| delivery::due_endpoints(tx, now, 99)).await
}

#[tokio::test]
async fn a_delivery_goes_its_way() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let endpoint = EndpointRecord { events: vec![EventKind::MessageReceived], ..hook(&store, account.no, 1).await };
    let id = endpoint.id;
    write(&store, move |tx| endpoint::put(tx, &endpoint, NOW)).await;
    assert_eq!((wake(&store).await, due(&store, NOW).await), (None, vec![]));
    receive(&store, &account, vec![arrived(1, &phone(62)), arrived(2, &phone(62))]).await;
    assert_eq!((wake(&store).await, due(&store, NOW).await), (Some(NOW), vec![id]));
    assert_eq!(due(&store, NOW - 1).await, vec![]);
    // One at a time: the other one keeps the endpoint awake.
    let first = claim(&store, id, NOW, NOW + 100, 1).await;
    assert_eq!((first.len(), wake(&store).await), (1, Some(NOW)));
    let second = claim(&store, id, NOW, NOW + 200, 9).await;
    assert_eq!((second.len(), wake(&store).await), (1, Some(NOW + 100)), "the first lease's end is next");
    assert_eq!(claim(&store, id, NOW, NOW + 300, 9).await, vec![]);
    finish(&store, first[0], Verdict::RetryAt(NOW + 50), NOW + 10).await;
    assert_eq!(wake(&store).await, Some(NOW + 50));
    finish(&store, second[0], Verdict::Completed, NOW + 10).await;
    // A wake may be early, never late; a claim that finds nothing moves it on.
    assert_eq!(claim(&store, id, NOW + 49, NOW + 99, 9).await, vec![]);
    assert_eq!(wake(&store).await, Some(NOW + 50));
    assert_eq!(claim(&store, id, NOW + 50, NOW + 99, 9).await, first);
    finish(&store, first[0], Verdict::Discarded(DiscardReason::Exhausted), NOW + 60).await;
    assert_eq!(wake(&store).await, None);
    // Final is final.
    finish(&store, first[0], Verdict::Completed, NOW + 70).await;
    finish(&store, second[0], Verdict::RetryAt(NOW + 80), NOW + 70).await;
    let found = read(&store, |tx| delivery::list(tx, id, None, 9)).await;
    let states: Vec<_> = found.iter().map(|(_, record)| (record.state, record.tries)).collect();
    assert_eq!(states, [(DeliveryState::Completed, 1), (DeliveryState::Discarded, 2)]);
    assert_eq!(found[1].1.why, Some(DiscardReason::Exhausted));
    let counts = read(&store, |tx| counters::endpoint(tx, id)).await;
    assert_eq!((counts.pending, counts.completed, counts.discarded, counts.failed_attempts), (0, 1, 1, 2));
    let before = Some(found[0].0.position);
    assert_eq!(read(&store, |tx| delivery::list(tx, id, before, 9)).await, found[1..]);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn a_dead_workers_delivery_is_taken_up_again() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let id = hook(&store, account.no, 1).await.id;
    receive(&store, &account, vec![arrived(1, &phone(62))]).await;
    for n in 0..5 {
        let now = NOW + n * 100;
        assert_eq!(wake(&store).await, Some(now), "the lease's end wakes the endpoint");
        assert_eq!(claim(&store, id, now, now + 100, 9).await.len(), 1);
    }
    let (delivery_id, record) = read(&store, |tx| delivery::list(tx, id, None, 1)).await.remove(0);
    assert_eq!(record.tries, 5);
    assert!(record.attempts.iter().all(|attempt| attempt.outcome == AttemptOutcome::Lost));
    // Three attempts stand in the record, the fourth in a row of its own.
    let more = read(&store, |tx| tx.prefix(Tree::Attempt, delivery_id.to_bytes(), Direction::Forward, 9)).await;
    assert_eq!((record.attempts.len(), more.len()), (3, 1));
    crate::recount::check(&*engine);
    // The first worker was only slow: what it says still counts.
    finish(&store, delivery_id, Verdict::Completed, NOW + 600).await;
    assert_eq!(wake(&store).await, None);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn an_endpoint_that_is_off_keeps_its_backlog() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let on = hook(&store, account.no, 1).await;
    let id = on.id;
    receive(&store, &account, vec![arrived(1, &phone(62))]).await;
    let out = claim(&store, id, NOW, NOW + 100, 9).await;
    let off = EndpointRecord { off: Some(Off::Paused), ..on.clone() };
    write(&store, move |tx| endpoint::put(tx, &off, NOW)).await;
    assert_eq!(wake(&store).await, None);
    receive(&store, &account, vec![arrived(2, &phone(62))]).await;
    finish(&store, out[0], Verdict::RetryAt(NOW + 50), NOW).await;
    assert_eq!(wake(&store).await, None, "new events and late retries do not wake it");
    assert_eq!(claim(&store, id, NOW + 999, NOW + 1_999, 9).await, vec![]);
    write(&store, move |tx| endpoint::put(tx, &on, NOW + 10)).await;
    assert!(wake(&store).await.unwrap() <= NOW + 10);
    assert_eq!(claim(&store, id, NOW + 999, NOW + 1_999, 9).await.len(), 2);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn events_go_where_they_are_wanted() {
    let (store, _engine) = memory();
    let (a, b) = (owned(&store, "a").await, owned(&store, "b").await);
    let own = hook(&store, a.no, 1).await;
    let every = hook(&store, endpoint::EVERY_ACCOUNT, 2).await;
    let picky = EndpointRecord { events: vec![EventKind::MessageStatus], ..hook(&store, a.no, 3).await };
    let put = picky.clone();
    write(&store, move |tx| endpoint::put(tx, &put, NOW)).await;
    receive(&store, &a, vec![arrived(1, &phone(62))]).await;
    receive(&store, &b, vec![arrived(1, &phone(62))]).await;
    for (id, expected) in [(own.id, 1), (every.id, 2), (picky.id, 0)] {
        assert_eq!(read(&store, |tx| delivery::list(tx, id, None, 9)).await.len(), expected);
    }
    let listed = read(&store, |tx| endpoint::list(tx, None, 2)).await;
    let rest = read(&store, |tx| endpoint::list(tx, Some(listed[1].id), 2)).await;
    assert_eq!((listed.len(), rest.len(), rest[0].id), (2, 1, picky.id));
    // Given to another account, it hears of that one only.
    let moved = EndpointRecord { account: b.no, ..own.clone() };
    write(&store, move |tx| endpoint::put(tx, &moved, NOW)).await;
    receive(&store, &a, vec![arrived(2, &phone(62))]).await;
    assert_eq!(read(&store, |tx| delivery::list(tx, own.id, None, 9)).await.len(), 1);
    assert_eq!(read(&store, |tx| endpoint::owned_by(tx, a.no)).await.len(), 1);
    // More than the limit that creation checks: all of them still hear.
    for n in 100..100 + endpoint::MAX_PER_OWNER as u64 {
        hook(&store, b.no, n).await;
    }
    assert_eq!(read(&store, |tx| endpoint::owned_by(tx, b.no)).await.len(), endpoint::MAX_PER_OWNER + 1);
}

#[tokio::test]
async fn a_removed_endpoint_is_forgotten() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let id = hook(&store, account.no, 1).await.id;
    receive(&store, &account, vec![arrived(1, &phone(62)), arrived(2, &phone(62)), arrived(3, &phone(62))]).await;
    let out = claim(&store, id, NOW, NOW + 100, 2).await;
    finish(&store, out[0], Verdict::Discarded(DiscardReason::Gone), NOW).await;
    assert!(write(&store, move |tx| endpoint::remove(tx, id, NOW)).await);
    assert!(!write(&store, move |tx| endpoint::remove(tx, id, NOW)).await);
    assert_eq!(wake(&store).await, None);
    // Its worker comes home before and after the janitor.
    finish(&store, out[1], Verdict::RetryAt(NOW + 9), NOW).await;
    while write(&store, |tx| wasup_store::repo::account::purge_step(tx, 2)).await {}
    finish(&store, out[1], Verdict::RetryAt(NOW + 9), NOW).await;
    assert_eq!(claim(&store, id, NOW + 999, NOW + 1_999, 9).await, vec![]);
    let left = crate::support::rows(&*engine);
    let of_it = left.keys().filter(|(_, key)| key.windows(16).any(|part| part == id.to_bytes()));
    assert_eq!(of_it.count(), 0);
}
