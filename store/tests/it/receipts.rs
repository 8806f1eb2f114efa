//! Receipts that come before the copy of what another device of the account wrote.

use wasup_store::Tree;
use wasup_store::id::MessageId;
use wasup_store::records::{AccountRecord, MessageState};
use wasup_store::repo::inbound::NewInbound;
use wasup_store::repo::{message, receipt};

use crate::support::{NOW, arrived, memory, owned, phone, read, receive, rows, stored, write};

fn copy(n: u64) -> NewInbound {
    NewInbound { from_me: true, sender: None, ..arrived(n, &phone(62)) }
}

async fn told(store: &wasup_store::Store, of: &AccountRecord, id: &str, seen: MessageState) -> Vec<MessageId> {
    let (no, epoch, ids) = (of.no, of.epoch, vec![id.to_owned()]);
    write(store, move |tx| receipt::apply(tx, no, epoch, &ids, seen, NOW + 5_000, NOW + 6_000)).await
}

fn waiting(engine: &wasup_store::engine::MemoryEngine) -> usize {
    rows(engine).keys().filter(|(tree, _)| *tree == Tree::Early).count()
}

#[tokio::test]
async fn a_receipt_that_is_there_first_waits_for_its_message() {
    use MessageState::{Delivered, Read, Sent};
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    for (n, early, expected) in [
        (1, vec![Delivered], Delivered),
        (2, vec![Delivered, Read], Read),
        (3, vec![Read, Delivered], Read),
        (4, vec![Sent], Sent),
        (5, vec![], Sent),
    ] {
        let new = copy(n);
        for seen in &early {
            assert_eq!(told(&store, &account, &new.provider_id, *seen).await, []);
        }
        let id = stored(&receive(&store, &account, vec![new.clone()]).await[0]);
        let record = read(&store, |tx| message::get(tx, id)).await.unwrap();
        assert_eq!((record.state, record.times.read_ms.is_some()), (expected, early.contains(&Read)), "{early:?}");
        assert_eq!(waiting(&engine), 0, "{early:?}");
        // What comes in order afterwards moves it as ever, and a repeat of the copy does nothing.
        assert_eq!(told(&store, &account, &new.provider_id, Read).await.len(), usize::from(expected != Read));
        receive(&store, &account, vec![new]).await;
        assert_eq!(read(&store, |tx| message::get(tx, id)).await.unwrap().state, Read);
    }
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn what_others_wrote_under_the_id_of_a_receipt_is_not_moved_by_it() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let (own, theirs) = (copy(1), arrived(1, &phone(63)));
    told(&store, &account, &own.provider_id, MessageState::Read).await;
    receive(&store, &account, vec![theirs]).await;
    assert_eq!(waiting(&engine), 1);
    let id = stored(&receive(&store, &account, vec![own]).await[0]);
    assert_eq!(read(&store, |tx| message::get(tx, id)).await.unwrap().state, MessageState::Read);
    assert_eq!(waiting(&engine), 0);
}

#[tokio::test]
async fn receipts_for_messages_that_never_were_take_a_bounded_place() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let (no, epoch) = (account.no, account.epoch);
    let ids: Vec<_> = (0..5_000).map(|n| format!("NEVER{n}")).chain(["X".repeat(300)]).collect();
    write(&store, move |tx| receipt::apply(tx, no, epoch, &ids, MessageState::Read, NOW, NOW)).await;
    let full = waiting(&engine);
    assert!((900..=1_024).contains(&full), "{full} rows");
    // One more takes the place of an older one, and is remembered.
    let new = copy(1);
    told(&store, &account, &new.provider_id, MessageState::Delivered).await;
    let id = stored(&receive(&store, &account, vec![new]).await[0]);
    assert_eq!(read(&store, |tx| message::get(tx, id)).await.unwrap().state, MessageState::Delivered);
    assert!(waiting(&engine) <= 1_024);
}
