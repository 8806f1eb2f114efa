//! Numbers by hour and type: each message counts once, when it is stored or when the network has it.

use wasup_store::id::MessageId;
use wasup_store::records::{Content, Direction, FailReason, HourCounts, MessageState};
use wasup_store::repo::inbound::{self, NewInbound};
use wasup_store::repo::receipt;
use wasup_store::repo::send::{self, Settlement};
use wasup_store::repo::stat::{self, HOUR_MS};
use wasup_store::{Store, Tree};

use crate::support::{NOW, accept, arrived, batch, memory, new_send, owned, phone, read, receive, rows, write};

async fn counted(store: &Store, no: wasup_store::id::AccountNo) -> Vec<(u32, Direction, &'static str, u32)> {
    let all = read(store, |tx| stat::list(tx, no, 0, u32::MAX)).await;
    let of =
        |hour: &HourCounts| hour.iter().map(|(way, kind, count)| (hour.hour, way, kind, count)).collect::<Vec<_>>();
    all.iter().flat_map(of).collect()
}

#[tokio::test]
async fn each_message_counts_once() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let (no, epoch) = (account.no, account.epoch);
    let own = NewInbound { from_me: true, sender: None, ..arrived(3, &phone(62)) };
    let strange = NewInbound { content: Content::Unsupported { kind: "order".into() }, ..arrived(4, &phone(62)) };
    receive(&store, &account, vec![arrived(1, &phone(62)), arrived(2, &phone(63)), own, strange]).await;
    receive(&store, &account, vec![arrived(1, &phone(62))]).await;
    let ids: Vec<MessageId> = [
        accept(&store, new_send(no, 1, &phone(62))).await.id,
        accept(&store, new_send(no, 2, &phone(62))).await.id,
        accept(&store, new_send(no, 3, &phone(62))).await.id,
    ]
    .into();
    write(&store, move |tx| send::take(tx, no, epoch, NOW, 9)).await;
    let outcomes = [(ids[0], Settlement::Sent), (ids[1], Settlement::Failed(FailReason::NoAck))];
    write(&store, move |tx| send::settle(tx, no, epoch, &outcomes, NOW)).await;
    // A receipt for what was acknowledged says nothing new; one for what was not proves that it was sent.
    let wid = |n: u64| new_send(no, n, &phone(62)).provider_id;
    let seen = [wid(1), wid(3)];
    for state in [MessageState::Delivered, MessageState::Read] {
        let seen = seen.clone();
        write(&store, move |tx| receipt::apply(tx, no, epoch, &seen, state, NOW, NOW)).await;
    }
    let hour = stat::hour_of(NOW);
    let expected = [
        (hour, Direction::Inbound, "text", 2),
        (hour, Direction::Inbound, "unsupported", 1),
        (hour, Direction::Outbound, "text", 3),
    ];
    assert_eq!(counted(&store, no).await, expected);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn numbers_are_kept_for_four_hundred_days() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let late = |hours: u64| {
        let message = NewInbound { provider_id: format!("{hours}"), rand: hours, ..arrived(hours, &phone(62)) };
        let mut late = batch(&account, vec![message]);
        late.now_ms = NOW + hours * HOUR_MS;
        late
    };
    for hours in (0..6).chain(9_600..9_606) {
        let late = late(hours);
        write(&store, move |tx| inbound::commit(tx, &late)).await;
    }
    let hours: Vec<_> = counted(&store, account.no).await.iter().map(|(hour, ..)| *hour - stat::hour_of(NOW)).collect();
    assert_eq!(hours, [4, 5, 9_600, 9_601, 9_602, 9_603, 9_604, 9_605]);
    assert_eq!(rows(&*engine).keys().filter(|(tree, _)| *tree == Tree::Stat).count(), 7, "the running hour has no row");
}

#[tokio::test]
async fn a_commit_of_many_messages_writes_one_row_of_a_type() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    receive(&store, &account, (0..32).map(|n| arrived(n, &phone(62))).collect()).await;
    assert_eq!(counted(&store, account.no).await, [(stat::hour_of(NOW), Direction::Inbound, "text", 32)]);
    crate::recount::check(&*engine);
}
