//! Lists of deliveries by state and time, piece by piece; and which one waits longest.

use std::collections::BTreeSet;

use wasup_store::Store;
use wasup_store::id::{EndpointId, Millis};
use wasup_store::records::{
    Attempt, AttemptOutcome, DeliveryOrder, DeliveryState, DiscardReason, EndpointRecord, EventKind,
};
use wasup_store::repo::delivery::{self, DeliveryCursor, DeliveryQuery, Finished, StateFilter, Verdict};
use wasup_store::repo::inbound::{self, InboundBatch};
use wasup_store::repo::{account, endpoint};

use crate::support::{NOW, arrived, hook, memory, owned, phone, read, write};

/// An endpoint with thirty deliveries, one every ten milliseconds: ten completed, ten discarded a second later, ten to
/// be tried.
async fn thirty(store: &Store) -> EndpointId {
    let account = owned(store, "a").await;
    let endpoint = EndpointRecord { events: vec![EventKind::MessageReceived], ..hook(store, account.no, 1).await };
    let id = endpoint.id;
    write(store, move |tx| endpoint::put(tx, &endpoint, NOW)).await;
    for n in 0..30 {
        at(store, n).await;
    }
    let claimed = write(store, move |tx| delivery::claim(tx, id, NOW + 999, NOW + 5_000, 20)).await;
    for (n, (id, _)) in claimed.into_iter().enumerate() {
        let now = NOW + 1_000 + n as u64;
        let verdict = if n % 2 == 0 { Verdict::Completed } else { Verdict::Discarded(DiscardReason::Refused) };
        let done = Finished::new(id, Attempt::new(now, 1, AttemptOutcome::TimedOut), verdict);
        write(store, move |tx| delivery::finish(tx, std::slice::from_ref(&done), now)).await;
    }
    id
}

async fn at(store: &Store, n: u64) {
    let account = read(store, |tx| account::get(tx, &"a".parse().unwrap())).await.unwrap();
    let messages = vec![arrived(n, &phone(62))];
    let batch = InboundBatch { no: account.no, epoch: account.epoch, now_ms: NOW + n * 10, messages };
    write(store, move |tx| inbound::commit(tx, &batch)).await;
}

/// The whole list, read in pieces: how long after the begin each was queued.
async fn all(store: &Store, query: DeliveryQuery) -> Vec<u64> {
    let (mut found, mut query) = (Vec::new(), query);
    for _ in 0..99 {
        let asked = query.clone();
        let page = read(store, |tx| delivery::page(tx, &asked)).await.unwrap();
        assert!(page.rows.len() <= query.limit);
        assert!(!page.rows.is_empty() || query.after.is_none(), "nothing follows what said that something does");
        found.extend(page.rows.iter().map(|(_, record)| record.queued_ms - NOW));
        query.after = page.next;
        if query.after.is_none() {
            return found;
        }
    }
    panic!("the list has no end");
}

fn asked(endpoint: EndpointId, state: StateFilter, times: (Option<Millis>, Option<Millis>)) -> DeliveryQuery {
    let (since_ms, until_ms) = times;
    DeliveryQuery { endpoint, state, since_ms, until_ms, after: None, limit: 4 }
}

#[tokio::test]
async fn each_state_has_its_list() {
    let (store, _engine) = memory();
    let id = thirty(&store).await;
    let tens = |range: &mut dyn Iterator<Item = u64>| range.map(|n| n * 10).collect::<Vec<_>>();
    let none = (None, None);
    #[rustfmt::skip]
    let table = [
        (StateFilter::All, none, tens(&mut (0..30).rev())),
        (StateFilter::All, (Some(NOW + 35), Some(NOW + 90)), tens(&mut (4..9).rev())),
        (StateFilter::One(DeliveryState::Completed), none, tens(&mut (0..20).rev().filter(|n| n % 2 == 0))),
        (StateFilter::One(DeliveryState::Discarded), none, tens(&mut (0..20).rev().filter(|n| n % 2 == 1))),
        // By when they were given up.
        (StateFilter::One(DeliveryState::Discarded), (Some(NOW + 1_003), Some(NOW + 1_007)), vec![50, 30]),
        (StateFilter::Pending, none, tens(&mut (20..30))),
        (StateFilter::Pending, (Some(NOW + 250), Some(NOW + 270)), vec![250, 260]),
        (StateFilter::One(DeliveryState::Available), none, tens(&mut (20..30))),
        (StateFilter::One(DeliveryState::Executing), none, vec![]),
        (StateFilter::One(DeliveryState::Suspended), none, vec![]),
    ];
    for (state, times, expected) in table {
        for limit in [1, 2, 4, 5, 10] {
            let query = DeliveryQuery { limit, ..asked(id, state, times) };
            assert_eq!(all(&store, query).await, expected, "{state:?} {times:?} {limit}");
        }
    }
    // A cursor belongs to its list.
    let mut query = asked(id, StateFilter::All, none);
    query.after = read(&store, |tx| delivery::page(tx, &query)).await.unwrap().next;
    query.state = StateFilter::Pending;
    assert!(read(&store, |tx| delivery::page(tx, &query)).await.is_err());
    for odd in [vec![], b"a".to_vec(), b"a12345678901".to_vec()] {
        query.after = Some(DeliveryCursor(odd));
        assert!(read(&store, |tx| delivery::page(tx, &query)).await.is_err());
    }
}

#[tokio::test]
async fn those_that_wait_for_one_another_have_a_list_too() {
    let (store, _engine) = memory();
    let id = thirty(&store).await;
    let ordered = read(&store, |tx| endpoint::get(tx, id)).await.unwrap();
    let ordered = EndpointRecord { order: DeliveryOrder::Chat, ..ordered };
    write(&store, move |tx| endpoint::put(tx, &ordered, NOW)).await;
    for n in 30..36 {
        at(&store, n).await;
    }
    let waiting = asked(id, StateFilter::One(DeliveryState::Suspended), (None, None));
    assert_eq!(all(&store, waiting).await, [310, 320, 330, 340, 350]);
}

#[tokio::test]
async fn the_oldest_that_waits_is_known_whatever_ends_in_between() {
    let (store, engine) = memory();
    let id = thirty(&store).await;
    let oldest = async || read(&store, |tx| delivery::oldest(tx, id)).await;
    let waiting = async || -> BTreeSet<u64> {
        let all = read(&store, |tx| delivery::list(tx, id, None, 99)).await;
        all.into_iter().filter(|(_, record)| !record.state.is_final()).map(|(id, _)| id.position.0).collect()
    };
    let check = async || assert_eq!(oldest().await.map(|place| place.0), waiting().await.first().copied());
    check().await;
    let discarded = asked(id, StateFilter::One(DeliveryState::Discarded), (None, None));
    let early = read(&store, |tx| delivery::page(tx, &discarded)).await.unwrap().rows[3].0;
    write(&store, move |tx| delivery::replay(tx, early, NOW + 2_000)).await;
    check().await;
    // The newest ones end first.
    while !waiting().await.is_empty() {
        let claimed = write(&store, move |tx| delivery::claim(tx, id, NOW + 3_000, NOW + 3_010, 99)).await;
        for (id, _) in claimed.into_iter().rev() {
            let attempt = Attempt::new(NOW, 1, AttemptOutcome::TimedOut);
            let done = Finished::new(id, attempt, Verdict::Completed);
            write(&store, move |tx| delivery::finish(tx, std::slice::from_ref(&done), NOW + 3_001)).await;
            check().await;
        }
    }
    assert_eq!(oldest().await, None);
    at(&store, 99).await;
    check().await;
    crate::recount::check(&*engine);
}
