//! Received messages: stored once, whoever brings them again and by whichever address.

use wasup_store::records::{Content, Direction, EventData, EventKind, MessageState};
use wasup_store::repo::inbound::{self, InboundOutcome, NewInbound};
use wasup_store::repo::{counters, event, message};
use wasup_store::{Store, Tree};

use crate::support::{NOW, arrived, both, group, hook, lid, memory, owned, phone, read, receive, rows, stored, text};

async fn told(store: &Store) -> Vec<EventKind> {
    let page = read(store, |tx| event::page(tx, wasup_store::id::Position(0), 99)).await;
    page.into_iter().map(|(_, event)| event.kind).collect()
}

#[tokio::test]
async fn a_message_is_stored_with_everything_that_leads_to_it() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    hook(&store, account.no, 1).await;
    let outcome = receive(&store, &account, vec![arrived(1, &phone(62)), arrived(2, &phone(63))]).await;
    let ids: Vec<_> = outcome.iter().map(stored).collect();
    let record = read(&store, |tx| message::get(tx, ids[0])).await.unwrap();
    assert_eq!((record.direction, record.state), (Direction::Inbound, MessageState::Delivered));
    assert_eq!(record.content, text("message 1"));
    let all = read(&store, |tx| message::list(tx, account.no, None, None, 9)).await;
    assert_eq!(all.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [ids[1], ids[0]], "the newest first");
    let page = read(&store, |tx| message::list(tx, account.no, None, Some(ids[1].key), 9)).await;
    assert_eq!(page.len(), 1);
    let with = read(&store, |tx| message::list(tx, account.no, Some(&phone(63)), None, 9)).await;
    assert_eq!(with.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [ids[1]]);
    let (_, first) = read(&store, |tx| event::page(tx, wasup_store::id::Position(0), 1)).await.remove(0);
    let EventData::Message(data) = first.data else { panic!("another event") };
    assert_eq!((data.id, data.content, first.seq.0), (ids[0], text("message 1"), 1));
    assert_eq!(crate::recount::check(&*engine), 2);
}

#[tokio::test]
async fn a_redelivery_changes_nothing() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    hook(&store, account.no, 1).await;
    let messages: Vec<_> = (0..inbound::MAX_BATCH as u64).map(|n| arrived(n, &phone(62 + n % 3))).collect();
    let first = receive(&store, &account, messages.clone()).await;
    let before = rows(&*engine);
    // Another draw of the random part and another time do not make it another message.
    let again = messages.into_iter().map(|m| NewInbound { rand: m.rand + 1_000, ts_ms: m.ts_ms + 5, ..m }).collect();
    let again = receive(&store, &account, again).await;
    let repeats: Vec<_> = first.iter().map(|outcome| InboundOutcome::Repeat(stored(outcome))).collect();
    assert_eq!(again, repeats);
    let mut after = rows(&*engine);
    after.retain(|place, value| before.get(place) != Some(value));
    let changed: Vec<_> = after.keys().map(|(tree, _)| *tree).collect();
    assert_eq!(changed, [Tree::Meta; 3], "the commit's row and the count of repeats, the account's and the tenant's");
    assert_eq!(read(&store, |tx| counters::account(tx, account.no)).await.repeats, inbound::MAX_BATCH as u64);
    // Twice in one batch.
    let twice = receive(&store, &account, vec![arrived(99, &phone(62)), arrived(99, &phone(62))]).await;
    assert_eq!(twice[1], InboundOutcome::Repeat(stored(&twice[0])));
}

/// Addresses under which a message came first, what was learnt between, and under which it came again.
#[tokio::test]
async fn a_redelivery_under_the_other_address_is_a_repeat() {
    let cases = [
        (phone(62), vec![], both(900, 62)),
        (lid(900), vec![], both(900, 62)),
        (both(900, 62), vec![], phone(62)),
        (both(900, 62), vec![], lid(900)),
        (phone(62), vec![both(900, 62)], lid(900)),
        (lid(900), vec![both(900, 62)], phone(62)),
        // Two persons until somebody who is both writes.
        (phone(62), vec![lid(900), both(900, 62)], lid(900)),
        (phone(62), vec![lid(900), both(900, 62)], phone(62)),
        (lid(900), vec![phone(62), both(900, 62)], phone(62)),
        (lid(900), vec![phone(62), both(900, 62)], lid(900)),
    ];
    for (n, (first, between, then)) in cases.into_iter().enumerate() {
        for in_group in [false, true] {
            let (store, engine) = memory();
            let account = owned(&store, "a").await;
            let place = |m: NewInbound| if in_group { NewInbound { chat: group(7), group: true, ..m } } else { m };
            let id = stored(&receive(&store, &account, vec![place(arrived(1, &first))]).await[0]);
            for (m, learnt) in between.iter().enumerate() {
                receive(&store, &account, vec![place(arrived(50 + m as u64, learnt))]).await;
            }
            let chat = if in_group { group(7) } else { then.clone() };
            let provider_id = arrived(1, &then).provider_id;
            let known = read(&store, |tx| inbound::known(tx, account.no, &provider_id, &chat, Some(&then))).await;
            let again = receive(&store, &account, vec![place(NewInbound { rand: 77, ..arrived(1, &then) })]).await;
            assert_eq!(again, [InboundOutcome::Repeat(id)], "case {n}, group {in_group}");
            // A read can't learn: before the commit, it knows only addresses that it has seen.
            assert!(known || between.is_empty() && n < 2, "case {n}, group {in_group}: not known");
            let listed = read(&store, |tx| message::list(tx, account.no, Some(&chat), None, 99)).await;
            assert!(listed.iter().any(|(listed, _)| *listed == id), "case {n}: the union of the chats lacks it");
            crate::recount::check(&*engine);
        }
    }
}

#[tokio::test]
async fn the_same_id_in_another_chat_or_from_another_sender_is_another_message() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let one = NewInbound { chat: group(7), group: true, ..arrived(1, &phone(62)) };
    let others = [
        NewInbound { sender: Some(phone(63)), rand: 2, ..one.clone() },
        NewInbound { chat: group(8), rand: 3, ..one.clone() },
        NewInbound { rand: 4, ..arrived(1, &phone(62)) },
        NewInbound { from_me: true, sender: None, rand: 5, ..arrived(1, &phone(62)) },
        // A peer chooses its ids, however long.
        NewInbound { provider_id: "x".repeat(5_000), rand: 6, ..one.clone() },
        NewInbound { provider_id: format!("{}y", "x".repeat(4_999)), rand: 7, ..one.clone() },
    ];
    receive(&store, &account, vec![one]).await;
    for other in others {
        stored(&receive(&store, &account, vec![other.clone()]).await[0]);
        assert!(matches!(receive(&store, &account, vec![other]).await[..], [InboundOutcome::Repeat(_)]));
    }
    assert_eq!(crate::recount::check(&*engine), 7);
}

#[tokio::test]
async fn a_message_without_a_named_sender_is_known_in_its_chat() {
    let (store, _engine) = memory();
    let account = owned(&store, "a").await;
    let message = arrived(1, &phone(62));
    let id = message.provider_id.clone();
    receive(&store, &account, vec![message]).await;
    for (chat, sender, expected) in [
        (phone(62), None, true),
        (phone(62), Some(phone(62)), true),
        (phone(63), None, false),
        (group(7), Some(phone(62)), false),
    ] {
        let known = read(&store, |tx| inbound::known(tx, account.no, &id, &chat, sender.as_ref())).await;
        assert_eq!(known, expected, "{chat:?} {sender:?}");
    }
    assert!(!read(&store, |tx| inbound::known(tx, account.no, "other", &phone(62), None)).await);
}

#[tokio::test]
async fn what_could_not_be_read_is_filled_when_it_comes_again() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let lost = NewInbound { content: Content::Unavailable, ..arrived(1, &phone(62)) };
    let id = stored(&receive(&store, &account, vec![lost.clone()]).await[0]);
    let count = |store: &Store| {
        let store = store.clone();
        async move { read(&store, |tx| counters::account(tx, account.no)).await.unavailable }
    };
    assert_eq!(count(&store).await, 1);
    assert_eq!(receive(&store, &account, vec![lost.clone()]).await, [InboundOutcome::Repeat(id)]);
    assert_eq!(receive(&store, &account, vec![arrived(1, &phone(62))]).await, [InboundOutcome::Filled(id)]);
    assert_eq!(read(&store, |tx| message::get(tx, id)).await.unwrap().content, text("message 1"));
    assert_eq!((count(&store).await, told(&store).await.len()), (0, 2));
    assert_eq!(receive(&store, &account, vec![lost]).await, [InboundOutcome::Repeat(id)], "never emptied again");
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn what_the_account_wrote_elsewhere_is_its_own() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let mine = NewInbound { from_me: true, sender: None, ..arrived(1, &phone(62)) };
    let id = stored(&receive(&store, &account, vec![mine]).await[0]);
    let record = read(&store, |tx| message::get(tx, id)).await.unwrap();
    assert_eq!((record.direction, record.state, record.sender), (Direction::Outbound, MessageState::Sent, None));
    assert_eq!(told(&store).await, [EventKind::MessageSent]);
    assert_eq!(read(&store, |tx| counters::account(tx, account.no)).await.received, 0);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn odd_times_do_not_move_the_order() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    for (n, ts_ms) in [(1, 0), (2, u64::MAX), (3, NOW - 5_000), (4, NOW - 9_000)] {
        receive(&store, &account, vec![NewInbound { ts_ms, ..arrived(n, &phone(62)) }]).await;
    }
    let listed = read(&store, |tx| message::list(tx, account.no, Some(&phone(62)), None, 9)).await;
    let times: Vec<_> = listed.iter().map(|(id, _)| id.key.ts_ms).collect();
    assert_eq!(times, [NOW + 1, NOW, NOW - 5_000, NOW - 9_000], "of one moment, in the order they came");
    crate::recount::check(&*engine);
}
