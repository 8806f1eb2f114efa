//! Order within a chat: one delivery at a time, the ones behind it wait until it has ended.

use wasup_store::id::{DeliveryId, EndpointId, Millis};
use wasup_store::records::{
    AccountRecord, Attempt, AttemptOutcome, DeliveryOrder, DeliveryState, DiscardReason, EndpointRecord, EventKind,
};
use wasup_store::repo::delivery::{self, Finished, Verdict};
use wasup_store::repo::endpoint;
use wasup_store::{Store, Tree};

use crate::support::{NOW, arrived, hook, memory, over, owned, phone, read, receive, rows, write};

/// An endpoint that keeps order.
async fn ordered(store: &Store, account: &AccountRecord) -> EndpointId {
    let endpoint = hook(store, account.no, 1).await;
    let events = vec![EventKind::MessageReceived];
    let kept = EndpointRecord { order: DeliveryOrder::Chat, events, ..endpoint };
    let id = kept.id;
    write(store, move |tx| endpoint::put(tx, &kept, NOW)).await;
    id
}

async fn claim(store: &Store, endpoint: EndpointId, now: Millis) -> Vec<DeliveryId> {
    let claimed = write(store, move |tx| delivery::claim(tx, endpoint, now, now + 100, 9)).await;
    claimed.into_iter().map(|(id, _)| id).collect()
}

async fn finish(store: &Store, id: DeliveryId, verdict: Verdict, now: Millis) {
    let attempt = Attempt::new(now, 3, AttemptOutcome::Answered { status: 500 });
    write(store, move |tx| delivery::finish(tx, &[Finished::new(id, attempt.clone(), verdict)], now)).await;
}

async fn states(store: &Store, endpoint: EndpointId) -> Vec<DeliveryState> {
    let mut all = read(store, |tx| delivery::list(tx, endpoint, None, 99)).await;
    all.reverse();
    all.into_iter().map(|(_, record)| record.state).collect()
}

#[tokio::test]
async fn within_a_chat_each_waits_for_the_one_before() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let id = ordered(&store, &account).await;
    // Two chats, in turns.
    let batch = (1..=6).map(|n| arrived(n, &phone(62 + n % 2))).collect();
    receive(&store, &account, batch).await;
    let heads = claim(&store, id, NOW).await;
    assert_eq!(heads.iter().map(|id| id.position.0).collect::<Vec<_>>().len(), 2, "one of each chat");
    assert_eq!(claim(&store, id, NOW).await, []);
    // One chat's head fails: the chat waits, the other one goes on.
    finish(&store, heads[0], Verdict::RetryAt(NOW + 50), NOW).await;
    finish(&store, heads[1], Verdict::Completed, NOW).await;
    let second = claim(&store, id, NOW + 1).await;
    assert_eq!(second.len(), 1);
    assert_eq!(second[0].position.0, heads[1].position.0 + 2);
    crate::recount::check(&*engine);
    // A restart changes nothing.
    drop(store);
    let store = over(&engine);
    assert_eq!(claim(&store, id, NOW + 49).await, []);
    assert_eq!(claim(&store, id, NOW + 50).await, [heads[0]]);
    // Given up: the next one's turn.
    finish(&store, heads[0], Verdict::Discarded(DiscardReason::Exhausted), NOW + 60).await;
    assert_eq!(read(&store, delivery::next_wake).await, Some(NOW + 60));
    let next = claim(&store, id, NOW + 60).await;
    assert_eq!(next.iter().map(|id| id.position.0).collect::<Vec<_>>(), [heads[0].position.0 + 2]);
    crate::recount::check(&*engine);
    // A replay of the first comes before the third, and after the second, which is out already.
    let first = heads[0];
    write(&store, move |tx| delivery::replay(tx, first, NOW + 61)).await;
    assert_eq!(claim(&store, id, NOW + 61).await, []);
    finish(&store, next[0], Verdict::Completed, NOW + 62).await;
    assert_eq!(claim(&store, id, NOW + 62).await, [heads[0]]);
    crate::recount::check(&*engine);
    finish(&store, heads[0], Verdict::Completed, NOW + 63).await;
    finish(&store, second[0], Verdict::Completed, NOW + 63).await;
    for last in claim(&store, id, NOW + 64).await {
        finish(&store, last, Verdict::Completed, NOW + 64).await;
    }
    let all = states(&store, id).await;
    assert!(all.iter().all(|state| *state == DeliveryState::Completed), "{all:?}");
    assert!(rows(&*engine).keys().all(|(tree, _)| *tree != Tree::DeliveryLane));
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn chats_of_two_accounts_do_not_wait_for_one_another() {
    let (store, engine) = memory();
    let (a, b) = (owned(&store, "a").await, owned(&store, "b").await);
    let every = EndpointRecord { order: DeliveryOrder::Chat, ..hook(&store, endpoint::EVERY_ACCOUNT, 1).await };
    let id = every.id;
    write(&store, move |tx| endpoint::put(tx, &every, NOW)).await;
    for account in [&a, &b] {
        receive(&store, account, vec![arrived(1, &phone(62)), arrived(2, &phone(62))]).await;
    }
    assert_eq!(claim(&store, id, NOW).await.len(), 2);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn what_was_ordered_once_ends_in_order_when_the_endpoint_no_longer_asks_for_it() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let id = ordered(&store, &account).await;
    receive(&store, &account, vec![arrived(1, &phone(62)), arrived(2, &phone(62))]).await;
    let loose = read(&store, |tx| endpoint::get(tx, id)).await.unwrap();
    let loose = EndpointRecord { order: DeliveryOrder::None, ..loose };
    write(&store, move |tx| endpoint::put(tx, &loose, NOW)).await;
    receive(&store, &account, vec![arrived(3, &phone(62))]).await;
    let out = claim(&store, id, NOW).await;
    assert_eq!(out.len(), 2, "the head, and the one that asks for no order");
    finish(&store, out[0], Verdict::Completed, NOW).await;
    assert_eq!(claim(&store, id, NOW).await.len(), 1);
    crate::recount::check(&*engine);
}
