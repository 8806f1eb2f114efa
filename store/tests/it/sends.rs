//! Sends: accepted once, taken in order, settled once, moved on by receipts only.

use wasup_store::id::MessageId;
use wasup_store::records::{FailReason, Lane, MessageState};
use wasup_store::repo::send::{self, AcceptError, Idempotency, NewSend, Settlement};
use wasup_store::repo::{counters, expiry, message, receipt};
use wasup_store::{Durability, Store};

use crate::support::{NOW, accept, arrived, depth, hook, memory, new_send, owned, phone, read, receive, write};
use wasup_store::id::{AccountNo, Epoch};

async fn take(store: &Store, no: AccountNo, epoch: Epoch, limit: usize) -> Vec<MessageId> {
    let taken = write(store, move |tx| send::take(tx, no, epoch, NOW + 100, limit)).await;
    assert!(taken.iter().all(|(_, record)| record.state == MessageState::Sending));
    taken.into_iter().map(|(id, _)| id).collect()
}

async fn settle(store: &Store, no: AccountNo, epoch: Epoch, id: MessageId, outcome: Settlement) -> MessageState {
    write(store, move |tx| send::settle(tx, no, epoch, &[(id, outcome)], NOW + 200)).await;
    state(store, id).await
}

async fn state(store: &Store, id: MessageId) -> MessageState {
    read(store, |tx| message::get(tx, id)).await.unwrap().state
}

#[tokio::test]
async fn lanes_are_served_in_order_and_each_send_once() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let (no, epoch) = (account.no, account.epoch);
    let mut ids = Vec::new();
    for (n, lane) in
        [(1, Lane::Bulk), (2, Lane::Scheduled), (3, Lane::Interactive), (4, Lane::Interactive), (5, Lane::Bulk)]
    {
        ids.push(accept(&store, NewSend { lane, ..new_send(no, n, &phone(62)) }).await.id);
    }
    assert_eq!(take(&store, no, epoch, 3).await, [ids[2], ids[3], ids[1]]);
    // What is on the wire is not taken again, and does not stand in the way.
    assert_eq!(take(&store, no, epoch, 1).await, [ids[0]]);
    assert_eq!(take(&store, no, epoch, 9).await, [ids[4]]);
    assert_eq!(take(&store, no, epoch, 9).await, []);
    assert_eq!(depth(&store, no).await, 5, "unsettled sends fill the outbox");
    let open = read(&store, |tx| send::unsettled(tx, no, 99)).await;
    assert_eq!(open.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ids);
    let again = write(&store, {
        let ids = ids.clone();
        move |tx| send::again(tx, no, epoch, &ids, NOW + 300)
    })
    .await;
    assert!(again.iter().all(|(_, record)| record.tries == 2 && record.times.sending_ms == Some(NOW + 100)));
    assert_eq!(settle(&store, no, epoch, ids[0], Settlement::Requeue).await, MessageState::Queued);
    assert_eq!(take(&store, no, epoch, 9).await, [ids[0]]);
    let found = read(&store, |tx| send::by_provider_id(tx, no, &new_send(no, 3, &phone(62)).provider_id)).await;
    assert_eq!(found.unwrap().0, ids[2]);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn an_outcome_is_final_except_for_a_late_proof() {
    use MessageState::{Failed, Held, Queued, Rejected, Sending, Sent};
    let no_ack = Settlement::Failed(FailReason::NoAck);
    let cases = [
        (vec![Settlement::Sent], Sent, 0),
        (vec![Settlement::Sent, no_ack, Settlement::Rejected(1), Settlement::Requeue], Sent, 0),
        (vec![Settlement::Rejected(400)], Rejected, 0),
        (vec![Settlement::Rejected(400), Settlement::Sent], Rejected, 0),
        (vec![no_ack], Failed, 0),
        (vec![no_ack, Settlement::Sent], Sent, 0),
        (vec![Settlement::Failed(FailReason::LoggedOut)], Rejected, 0),
        (vec![Settlement::Held(463)], Held, 0),
        (vec![Settlement::Held(463), Settlement::Sent], Sent, 0),
        (vec![Settlement::Held(463), Settlement::Requeue], Queued, 1),
        (vec![Settlement::Held(463), Settlement::Rejected(400)], Rejected, 0),
        (vec![Settlement::Requeue, Settlement::Requeue], Queued, 1),
        (vec![], Sending, 1),
    ];
    for (outcomes, expected, left) in cases {
        let (store, engine) = memory();
        let account = owned(&store, "a").await;
        let (no, epoch) = (account.no, account.epoch);
        hook(&store, no, 1).await;
        let id = accept(&store, new_send(no, 1, &phone(62))).await.id;
        take(&store, no, epoch, 1).await;
        for outcome in &outcomes {
            settle(&store, no, epoch, id, *outcome).await;
        }
        assert_eq!((state(&store, id).await, depth(&store, no).await), (expected, left), "{outcomes:?}");
        crate::recount::check(&*engine);
        // A queued one can be taken again, wherever it came from.
        assert_eq!(take(&store, no, epoch, 9).await.len(), usize::from(expected == Queued), "{outcomes:?}");
        let counts = read(&store, |tx| counters::account(tx, no)).await;
        assert_eq!(
            (counts.sent, counts.unsent),
            (u64::from(expected == Sent), u64::from(matches!(expected, Rejected | Failed)))
        );
    }
}

#[tokio::test]
async fn receipts_move_forward_and_prove_the_sending() {
    use MessageState::{Delivered, Played, Read};
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let (no, epoch) = (account.no, account.epoch);
    let id = accept(&store, new_send(no, 1, &phone(62))).await.id;
    let provider_id = new_send(no, 1, &phone(62)).provider_id;
    let receipt = |seen| {
        let ids = vec![provider_id.clone(), "unknown".into()];
        write(&store, move |tx| receipt::apply(tx, no, epoch, &ids, seen, NOW + 500, NOW + 600))
    };
    assert_eq!(receipt(Delivered).await, [], "nobody can have what never left");
    take(&store, no, epoch, 1).await;
    assert_eq!(receipt(Delivered).await, [id]);
    assert_eq!(depth(&store, no).await, 0, "the receipt proves that the server has it");
    for (seen, expected) in [(Delivered, Delivered), (Read, Read), (Delivered, Read), (Played, Played), (Read, Played)]
    {
        receipt(seen).await;
        assert_eq!(state(&store, id).await, expected);
    }
    let record = read(&store, |tx| message::get(tx, id)).await.unwrap();
    assert_eq!((record.times.sent_ms, record.times.delivered_ms), (Some(NOW + 500), Some(NOW + 500)));
    assert_eq!(record.state, Played);
    // Receipts tell whole seconds; one that seems older than the sending is as old as the sending.
    let (second, early) =
        (accept(&store, new_send(no, 2, &phone(62))).await.id, vec![new_send(no, 2, &phone(62)).provider_id]);
    take(&store, no, epoch, 1).await;
    write(&store, move |tx| receipt::apply(tx, no, epoch, &early, Read, NOW - 5_000, NOW + 600)).await;
    let times = read(&store, |tx| message::get(tx, second)).await.unwrap().times;
    assert_eq!(times.read_ms, times.sending_ms);
    // What others wrote under the same id is not ours to move.
    let theirs = wasup_store::repo::inbound::NewInbound { provider_id: provider_id.clone(), ..arrived(1, &phone(63)) };
    let theirs = crate::support::stored(&receive(&store, &account, vec![theirs]).await[0]);
    assert_eq!(receipt(Read).await, []);
    assert_eq!(state(&store, theirs).await, Delivered);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn a_repeated_request_gets_its_first_answer() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let no = account.no;
    let request = |n, body, now_ms| NewSend {
        idempotency: Some(Idempotency::new("key", [body; 32], now_ms + 1_000)),
        now_ms,
        ..new_send(no, n, &phone(62))
    };
    let first = accept(&store, request(1, 1, NOW)).await;
    assert!(!first.replayed);
    let again = accept(&store, request(2, 1, NOW + 10)).await;
    assert_eq!((again.id, again.replayed), (first.id, true));
    let other = request(3, 2, NOW + 20);
    let reused = store.write(Durability::Durable, move |tx| send::accept(tx, &other)).await;
    assert!(matches!(reused, Err(AcceptError::KeyReused)));
    // The first answer outlives the message's own fate.
    take(&store, no, account.epoch, 1).await;
    settle(&store, no, account.epoch, first.id, Settlement::Sent).await;
    assert_eq!(accept(&store, request(4, 1, NOW + 30)).await.record.state, MessageState::Sent);
    // Expired, it is a new request, whether or not the janitor was there; and its own life is not cut short.
    let second = accept(&store, request(5, 2, NOW + 1_000)).await;
    assert!(!second.replayed && second.id != first.id);
    assert_eq!(write(&store, |tx| expiry::prune(tx, NOW + 1_500, 99)).await, 0);
    assert!(accept(&store, request(6, 2, NOW + 1_600)).await.replayed);
    assert_eq!(write(&store, |tx| expiry::prune(tx, NOW + 2_000, 99)).await, 1);
    assert!(!accept(&store, request(7, 3, NOW + 1_700)).await.replayed);
    // Another account's key is another key.
    let neighbour = owned(&store, "b").await;
    let theirs = NewSend { no: neighbour.no, ..request(8, 3, NOW + 1_700) };
    assert!(!accept(&store, theirs).await.replayed);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn a_refused_send_leaves_nothing() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let no = account.no;
    accept(&store, new_send(no, 1, &phone(62))).await;
    let before = crate::support::rows(&*engine);
    let full = NewSend {
        outbox_max: 1,
        idempotency: Some(Idempotency::new("key", [1; 32], NOW + 1_000)),
        ..new_send(no, 2, &phone(63))
    };
    let full = store.write(Durability::Durable, move |tx| send::accept(tx, &full)).await;
    assert!(matches!(full, Err(AcceptError::OutboxFull)));
    let nobody = new_send(AccountNo(99), 3, &phone(62));
    let nobody = store.write(Durability::Durable, move |tx| send::accept(tx, &nobody)).await;
    assert!(matches!(nobody, Err(AcceptError::NoAccount)));
    assert_eq!(crate::support::rows(&*engine), before);
}
