//! Chats that lose more messages than one commit forgets: whoever goes on comes to the same end, once.

use wasup_store::id::{AccountNo, MessageKey, Position};
use wasup_store::records::{AccountRecord, EventData};
use wasup_store::repo::clearing::{self, Cleared, Clearing};
use wasup_store::repo::{account, chat_marks, counters, event};
use wasup_store::{Direction, Store, Tree};

use crate::support::{NOW, arrived, memory, owned, phone, read, receive, write};

/// Messages of the chat.
const MANY: u64 = 300;

async fn long_chat(store: &Store, whole: bool) -> (AccountRecord, Clearing) {
    let account = owned(store, "a").await;
    for from in (0..MANY).step_by(30) {
        receive(store, &account, (from..from + 30).map(|n| arrived(n, &phone(62))).collect()).await;
    }
    receive(store, &account, vec![arrived(900, &phone(63))]).await;
    let chat = read(store, |tx| chat_marks::find(tx, account.no, &phone(62))).await.unwrap();
    let upto = MessageKey::new(u64::MAX, u64::MAX);
    (account.clone(), Clearing { no: account.no, chat, upto, whole, since_ms: NOW })
}

async fn step(store: &Store, wanted: Clearing, after: MessageKey) -> Cleared {
    write(store, move |tx| clearing::step(tx, &wanted, after, NOW)).await
}

async fn messages(store: &Store, no: AccountNo) -> u64 {
    read(store, |tx| counters::account(tx, no)).await.messages
}

/// How often it was told that the chat is gone.
async fn told(store: &Store) -> usize {
    let events = read(store, |tx| event::page(tx, Position(0), 10_000)).await;
    let gone = |data: &EventData| matches!(data, EventData::Chat(chat) if chat.deleted);
    events.iter().filter(|(_, event)| gone(&event.data)).count()
}

#[tokio::test]
async fn whoever_goes_on_comes_to_the_end_and_it_is_told_once() {
    for whole in [true, false] {
        let (store, engine) = memory();
        let (account, wanted) = long_chat(&store, whole).await;
        let begun = write(&store, move |tx| clearing::begin(tx, &wanted)).await;
        assert!(begun.gone > 0 && begun.gone < MANY && begun.next.is_some(), "{begun:?}");
        assert_eq!(read(&store, clearing::first).await, Some(wanted), "it stands in the store");
        crate::recount::check(&*engine);
        // Another one begins at the front, as after a crash, and both go on in turn.
        let (mut one, mut other) = (begun.next, Some(MessageKey::new(0, 0)));
        while one.is_some() || other.is_some() {
            for place in [&mut one, &mut other] {
                if let Some(after) = *place {
                    *place = step(&store, wanted, after).await.next;
                }
            }
        }
        assert_eq!(read(&store, clearing::first).await, None);
        assert_eq!((messages(&store, account.no).await, told(&store).await), (1, usize::from(whole)));
        assert_eq!(step(&store, wanted, MessageKey::new(0, 0)).await, Cleared::default());
        assert_eq!(told(&store).await, usize::from(whole));
        crate::recount::check(&*engine);
    }
}

#[tokio::test]
async fn a_short_chat_goes_in_one_commit_and_one_of_a_deleted_account_is_let_be() {
    let (store, _engine) = memory();
    let (account, wanted) = long_chat(&store, true).await;
    let other = read(&store, |tx| chat_marks::find(tx, account.no, &phone(63))).await.unwrap();
    let short = Clearing { chat: other, ..wanted };
    assert_eq!(write(&store, move |tx| clearing::begin(tx, &short)).await, Cleared { gone: 1, next: None });
    assert_eq!(read(&store, clearing::first).await, None);
    write(&store, move |tx| clearing::begin(tx, &wanted)).await;
    write(&store, |tx| account::delete(tx, &"a".parse().unwrap(), NOW)).await;
    assert_eq!(step(&store, wanted, MessageKey::new(0, 0)).await, Cleared::default());
    assert_eq!(read(&store, clearing::first).await, None);
    let due = read(&store, |tx| tx.range(Tree::Due, &[8], Some(&[9]), Direction::Forward, 9)).await;
    assert!(due.is_empty());
}
