//! Old rows go, what stands on them goes with them, and whoever missed something is told.

use std::sync::Arc;

use wasup_store::Store;
use wasup_store::engine::MemoryEngine;
use wasup_store::id::{AccountNo, DEFAULT_TENANT, DeliveryId, EndpointId, Millis, Position};
use wasup_store::insurance::verify_engine;
use wasup_store::records::{
    AccountRecord, Act, Attempt, AttemptOutcome, DeliveryState, Desired, DiscardReason, EndpointRecord, EventKind, Off,
    Who,
};
use wasup_store::repo::delivery::{self, Finished, Verdict};
use wasup_store::repo::follow::{Bounds, Followed, Sight, read_on};
use wasup_store::repo::retention::{self, EventLife, Pruned};
use wasup_store::repo::{account, audit, counters, endpoint, event, inbound};
use wasup_store::{Durability, Principal, WriteTx};

use crate::support::{NOW, arrived, batch, hook, keyring, memory, owned, phone, read, write};

const DAY: Millis = 86_400_000;

/// One message a day, the first on day 0.
async fn days(store: &Store, of: &AccountRecord, days: std::ops::Range<u64>) {
    for day in days {
        let late = inbound::InboundBatch {
            now_ms: NOW + day * DAY,
            ..batch(of, vec![arrived(u64::from(of.no.0) * 1_000 + day, &phone(62))])
        };
        write(store, move |tx| inbound::commit(tx, &late)).await;
    }
}

const fn before(day: u64) -> EventLife {
    EventLife { before_ms: NOW + day * DAY, max_rows: None }
}

async fn prune(store: &Store, life: EventLife, budget: usize) -> Pruned {
    write(store, move |tx| retention::prune_events(tx, life, NOW + 99 * DAY, budget)).await
}

/// Prunes all that may go, and counts the steps.
async fn prune_all(store: &Store, life: EventLife, budget: usize) -> (Pruned, u32) {
    let (mut sum, mut steps) = (Pruned::default(), 0);
    while read(store, |tx| retention::events_are_due(tx, life)).await {
        let step = prune(store, life, budget).await;
        assert!(step.events > 0, "a step must get on");
        (sum.events, sum.discarded, steps) = (sum.events + step.events, sum.discarded + step.discarded, steps + 1);
    }
    assert_eq!(prune(store, life, budget).await, Pruned::default());
    (sum, steps)
}

fn sound(engine: &MemoryEngine) {
    let report = verify_engine(engine, &keyring(engine), 10);
    assert!(report.is_sound(), "{:#?}", report.shown);
}

async fn follow(store: &Store, after: u64) -> Followed {
    let sight = Sight { tenant: DEFAULT_TENANT, server: true, account: None, kinds: Vec::new() };
    let few = Bounds { events: 99, looks: 99, bytes: 1 << 20 };
    let upto = *store.durable_position().borrow();
    read(store, |tx| read_on(tx, &sight, Position(after), upto, few)).await
}

async fn positions(store: &Store) -> Vec<u64> {
    read(store, |tx| event::page(tx, Position(0), 999)).await.iter().map(|(position, _)| position.0).collect()
}

#[tokio::test]
async fn old_events_go_and_a_reader_from_before_is_told() {
    let (store, engine) = memory();
    let (a, b) = (owned(&store, "a").await, owned(&store, "b").await);
    days(&store, &b, 0..3).await;
    days(&store, &a, 3..10).await;
    let (pruned, steps) = prune_all(&store, before(5), 6).await;
    assert_eq!((pruned.events, steps), (5, 2), "two at a time were too many, or too few");
    assert_eq!(positions(&store).await, [6, 7, 8, 9, 10]);
    sound(&engine);
    for gone in 0..5 {
        assert_eq!(follow(&store, gone).await, Followed::Gone { floor: Position(5) }, "{gone}");
    }
    // Who has seen all that was pruned has missed nothing.
    let Followed::Read { events, reached } = follow(&store, 5).await else { panic!("it is not gone") };
    assert_eq!((events.len(), reached), (5, Position(10)));
    // All of b's events are gone; its order goes on where it stood.
    days(&store, &b, 10..11).await;
    let newest = read(&store, |tx| event::get(tx, Position(11))).await.unwrap();
    assert_eq!(newest.seq.0, 4);
    sound(&engine);
    let (pruned, _) = prune_all(&store, before(99), 500).await;
    assert_eq!((pruned.events, positions(&store).await.len()), (6, 0));
    sound(&engine);
    assert_eq!(follow(&store, 11).await, Followed::Read { events: Vec::new(), reached: Position(11) });
    assert_eq!(follow(&store, 10).await, Followed::Gone { floor: Position(11) });
    days(&store, &a, 20..21).await;
    assert_eq!(positions(&store).await, [12]);
    sound(&engine);
}

#[tokio::test]
async fn a_limit_of_rows_needs_no_clock() {
    let (store, engine) = memory();
    let a = owned(&store, "a").await;
    days(&store, &a, 0..20).await;
    let life = EventLife { before_ms: 0, max_rows: Some(4) };
    assert_eq!(prune_all(&store, life, 500).await.0.events, 16);
    assert_eq!(positions(&store).await, [17, 18, 19, 20]);
    sound(&engine);
}

async fn take(store: &Store, endpoint: EndpointId, limit: usize) -> Vec<DeliveryId> {
    let claimed = write(store, move |tx| delivery::claim(tx, endpoint, NOW + 50 * DAY, NOW + 60 * DAY, limit)).await;
    claimed.into_iter().map(|(id, _)| id).collect()
}

async fn finish(store: &Store, id: DeliveryId, verdict: Verdict, now_ms: Millis) {
    let attempt = Attempt::new(now_ms, 3, AttemptOutcome::TimedOut);
    write(store, move |tx| delivery::finish(tx, &[Finished::new(id, attempt.clone(), verdict)], now_ms)).await;
}

async fn states(store: &Store, endpoint: EndpointId) -> Vec<(u64, DeliveryState, Option<DiscardReason>)> {
    let found = read(store, |tx| delivery::list(tx, endpoint, None, 99)).await;
    found.into_iter().rev().map(|(id, record)| (id.position.0, record.state, record.why)).collect()
}

/// Ten events, heard by an endpoint of the account, one for all and one that is paused.
async fn heard() -> (Store, Arc<MemoryEngine>, AccountRecord, [EndpointId; 3]) {
    let (store, engine) = memory();
    let a = owned(&store, "a").await;
    let mut ids = [EndpointId::new(0, 0); 3];
    for (at, (no, off)) in [(a.no, None), (AccountNo(0), None), (a.no, Some(Off::Paused))].into_iter().enumerate() {
        let fresh = hook(&store, no, at as u64 + 1).await;
        // Not of what is given up.
        let record = EndpointRecord { off, events: vec![EventKind::MessageReceived], ..fresh };
        ids[at] = record.id;
        write(&store, move |tx| endpoint::put(tx, &record, NOW)).await;
    }
    days(&store, &a, 0..10).await;
    (store, engine, a, ids)
}

#[tokio::test]
async fn a_delivery_goes_with_its_event_and_an_undelivered_one_ends_with_a_reason() {
    let (store, engine, _, [own, all, paused]) = heard().await;
    for id in take(&store, own, 9).await {
        finish(&store, id, Verdict::Completed, NOW).await;
    }
    let claimed = take(&store, all, 6).await;
    finish(&store, claimed[0], Verdict::Discarded(DiscardReason::Refused), NOW).await;
    for at in 0..5 {
        // More attempts than stand in the row itself.
        finish(&store, claimed[1], Verdict::RetryAt(NOW + at), NOW).await;
        let id = claimed[1].endpoint;
        write(&store, move |tx| delivery::claim(tx, id, NOW + 50 * DAY, NOW + 60 * DAY, 1)).await;
    }
    finish(&store, claimed[1], Verdict::Completed, NOW).await;
    sound(&engine);
    let (pruned, _) = prune_all(&store, before(5), 40).await;
    // Of the five events: own had all delivered; all had two ended and three at a worker's; paused had none delivered.
    assert_eq!(pruned, Pruned { events: 5, discarded: 3 + 5 });
    sound(&engine);
    let lost = (DeliveryState::Discarded, Some(DiscardReason::EventPruned));
    assert_eq!(states(&store, own).await.len(), 5);
    let of_all = states(&store, all).await;
    assert_eq!(of_all.len(), 8);
    assert!(of_all[..3].iter().all(|(_, state, why)| (*state, *why) == lost));
    assert!(states(&store, paused).await[..5].iter().all(|(_, state, why)| (*state, *why) == lost));
    let counted = read(&store, |tx| counters::endpoint(tx, paused)).await;
    assert_eq!((counted.pending, counted.discarded), (5, 5));
    // A worker that comes back with an answer changes nothing any more.
    finish(&store, claimed[2], Verdict::Completed, NOW + 60 * DAY).await;
    assert_eq!(states(&store, all).await[0], (3, lost.0, lost.1));
    sound(&engine);
    // All of it, and the wakes with it.
    prune_all(&store, before(99), 40).await;
    assert_eq!(read(&store, delivery::next_wake).await, None);
    assert_eq!(states(&store, own).await.len(), 1, "one of its ten had not been taken");
    sound(&engine);
}

#[tokio::test]
async fn what_a_moved_endpoint_got_before_is_no_damage() {
    let (store, engine, _, [own, ..]) = heard().await;
    for id in take(&store, own, 9).await {
        finish(&store, id, Verdict::Completed, NOW).await;
    }
    let b = owned(&store, "b").await;
    let moved = read(&store, |tx| endpoint::get(tx, own)).await.unwrap();
    let moved = EndpointRecord { account: b.no, ..moved };
    write(&store, move |tx| endpoint::put(tx, &moved, NOW)).await;
    prune_all(&store, before(5), 40).await;
    assert_eq!(states(&store, own).await.len(), 10, "nobody looks for its deliveries under the former account");
    sound(&engine);
}

#[tokio::test]
async fn ended_deliveries_go_after_their_own_time_and_the_others_stay() {
    let (store, engine, _, [own, all, paused]) = heard().await;
    let claimed = take(&store, own, 9).await;
    for (day, id) in (0..).zip(&claimed) {
        finish(&store, *id, Verdict::Completed, NOW + day * DAY).await;
    }
    let late = take(&store, all, 2).await;
    finish(&store, late[0], Verdict::Discarded(DiscardReason::Refused), NOW).await;
    finish(&store, late[1], Verdict::Discarded(DiscardReason::Refused), NOW + 40 * DAY).await;
    let old_ms = NOW + 5 * DAY;
    let upto = read(&store, |tx| retention::event_before(tx, old_ms)).await;
    assert_eq!(upto, Position(5));
    let (mut from, mut found, mut looks) = (Vec::new(), Vec::new(), 0);
    loop {
        let step = read(&store, |tx| retention::old_deliveries(tx, &from, upto, old_ms, 4)).await;
        found.extend(step.ended);
        looks += 1;
        assert!(looks < 20, "it goes round in circles");
        match step.next {
            Some(next) => from = next,
            None => break,
        }
    }
    let mut wanted = claimed[..5].to_vec();
    wanted.push(late[0]);
    wanted.sort_by_key(|id| id.to_bytes());
    assert_eq!(found, wanted);
    let ids = [found, vec![late[1]]].concat();
    let (mut rest, mut dropped, mut steps) = (ids, 0, 0);
    while !rest.is_empty() {
        let some = rest.clone();
        let done = write(&store, move |tx| retention::drop_deliveries(tx, &some, old_ms, 6)).await;
        rest.drain(..done.looked_at);
        (dropped, steps) = (dropped + done.dropped, steps + 1);
    }
    assert!(dropped == 6 && steps > 1, "{dropped} in {steps} steps");
    sound(&engine);
    let left = [states(&store, own).await.len(), states(&store, all).await.len(), states(&store, paused).await.len()];
    assert_eq!(left, [5, 9, 10]);
}

#[tokio::test]
async fn the_event_of_a_time_is_found_over_gaps() {
    let (store, _engine) = memory();
    let (a, b) = (owned(&store, "a").await, owned(&store, "b").await);
    days(&store, &a, 0..4).await;
    days(&store, &b, 4..8).await;
    days(&store, &a, 8..12).await;
    // A deleted account leaves a gap in the middle.
    write(&store, move |tx| account::delete(tx, &b.id, NOW)).await;
    while write(&store, |tx| account::purge_step(tx, 100)).await {}
    for (day, expected) in [(0, 0), (1, 1), (4, 4), (6, 4), (8, 4), (9, 9), (12, 12), (99, 12)] {
        let found = read(&store, |tx| retention::event_before(tx, NOW + day * DAY)).await;
        assert!(found >= Position(expected) && found.0 <= expected.max(if day < 9 { 8 } else { 0 }), "{day} {found}");
        let after = read(&store, |tx| event::page(tx, found, 1)).await;
        assert!(after.first().is_none_or(|(_, event)| event.at_ms >= NOW + day * DAY), "{day}");
    }
    assert_eq!(prune_all(&store, before(6), 500).await.0.events, 4);
}

#[tokio::test]
async fn acts_are_listed_in_pieces_and_go_after_their_time() {
    let (store, engine) = memory();
    let a = owned(&store, "a").await;
    for day in 0..9 {
        let principal = Principal { tenant: DEFAULT_TENANT, who: Who::RootKey, request_id: format!("r{day}") };
        let (id, desired) = (a.id.clone(), if day % 2 == 0 { Desired::Stopped } else { Desired::Running });
        let set = move |tx: &mut WriteTx<'_>| account::set_desired(tx, &id, desired, NOW + day * DAY);
        store.write_by::<_, wasup_store::StoreError, _>(&principal, Durability::Durable, set).await.unwrap();
    }
    let (mut before, mut listed) = (None, Vec::new());
    loop {
        let piece = read(&store, |tx| audit::list(tx, DEFAULT_TENANT, before, 4)).await;
        let Some((place, _)) = piece.last() else { break };
        before = Some(*place);
        listed.extend(piece.into_iter().map(|(_, record)| record.by.request_id));
    }
    assert_eq!(listed, (0..9).rev().map(|day| format!("r{day}")).collect::<Vec<_>>());
    assert!(!read(&store, |tx| retention::acts_are_due(tx, NOW)).await);
    assert!(read(&store, |tx| retention::acts_are_due(tx, NOW + 6 * DAY)).await);
    assert_eq!(write(&store, |tx| retention::prune_acts(tx, NOW + 6 * DAY, 4)).await, 4);
    assert_eq!(write(&store, |tx| retention::prune_acts(tx, NOW + 6 * DAY, 4)).await, 2);
    assert_eq!(write(&store, |tx| retention::prune_acts(tx, NOW + 6 * DAY, 4)).await, 0);
    assert!(!read(&store, |tx| retention::acts_are_due(tx, NOW + 6 * DAY)).await);
    let kept = read(&store, |tx| audit::newest(tx, DEFAULT_TENANT, 9)).await;
    assert_eq!(kept.len(), 3);
    assert!(kept.iter().all(|(at_ms, record)| *at_ms >= NOW + 6 * DAY && record.act != Act::AccountCreated));
    sound(&engine);
}
