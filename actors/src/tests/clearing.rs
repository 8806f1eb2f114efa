//! A chat that was being cleared when the process died.

use wasup_store::id::MessageKey;
use wasup_store::repo::clearing::{self, Clearing};
use wasup_store::repo::{chat_marks, counters};
use wasup_store::{Durability, StoreError, WriteTx};

use super::world::{World, peer, until, verify};

#[tokio::test]
async fn the_next_life_comes_to_the_end_of_it() {
    let mut world = World::running().await;
    world.connected(&["a"]).await;
    for n in 0..200 {
        world.receive("a", &peer(), &format!("3EB0{n:012}")).await;
    }
    let no = world.no("a").await;
    let chat = world.store.read(|tx| chat_marks::find(tx, no, &peer())).await.unwrap().unwrap();
    let since_ms = world.store.now_ms();
    let wanted = Clearing { no, chat, upto: MessageKey::new(u64::MAX, 0), whole: true, since_ms };
    let begin = move |tx: &mut WriteTx<'_>| clearing::begin(tx, &wanted);
    let begun = world.store.write::<_, StoreError, _>(Durability::Durable, begin).await.unwrap();
    assert!(begun.next.is_some(), "one commit does not do it");
    world.restart().await;
    until("nothing of the chat is left", async || {
        let left = world.store.read(|tx| counters::account(tx, no)).await.unwrap().messages;
        (left == 0 && world.store.read(clearing::first).await.unwrap().is_none()).then_some(())
    })
    .await;
    world.shut_down().await;
    verify(&*world.engine);
}
