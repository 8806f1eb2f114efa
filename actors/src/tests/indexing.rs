//! The indexer breaks and comes back, and loses no word by that.

use std::time::Duration;

use wasup_store::id::Position;
use wasup_store::records::{Content, Phase};
use wasup_store::repo::inbound::{self, InboundBatch, NewInbound};
use wasup_store::repo::message_list::{self, MessageFilter, MessagePlace};
use wasup_store::repo::search;
use wasup_store::repo::words::Words;
use wasup_store::{Direction, Durability, StoreError, Tree as Rows, WriteTx};

use super::world::{World, peer, until};
use crate::root::Branch;
use crate::{ChildPhase, Fault};

/// Messages received in one commit.
const BATCH: u64 = 32;

impl World {
    async fn searching() -> Self {
        let mut world = Self::new();
        world.settings.search_index = true;
        world.start().await;
        world.connected(&["a"]).await;
        world
    }

    /// A batch of messages comes, each with a word of its own and one that all have.
    async fn written(&self, nth: u64) {
        let owner = self.get("a").await;
        let messages = (nth * BATCH..(nth + 1) * BATCH).map(|n| NewInbound {
            provider_id: format!("3EB0{n:012}"),
            chat: peer(),
            sender: Some(peer()),
            from_me: false,
            group: false,
            ts_ms: self.store.now_ms(),
            rand: rand::random(),
            content: Content::text(format!("whale number{n}")),
            context: None,
            secret: None,
            push_name: None,
        });
        let batch = InboundBatch {
            no: owner.no,
            epoch: owner.epoch,
            now_ms: self.store.now_ms(),
            messages: messages.collect(),
        };
        let write = move |tx: &mut WriteTx<'_>| inbound::commit(tx, &batch);
        self.store.write(Durability::Durable, write).await.unwrap();
    }

    /// Waits until the index holds every event.
    async fn indexed(&self) {
        until("everything is indexed", async || {
            let lag = self.store.read(search::lag).await.unwrap()?;
            (lag.events == 0 && !lag.building).then_some(())
        })
        .await;
        let todo = self.store.read(|tx| tx.range(Rows::TextTodo, &[], None, Direction::Forward, 1)).await.unwrap();
        assert!(todo.is_empty(), "what was to do is done");
    }

    /// How many messages are found by some words.
    async fn found(&self, words: &str) -> usize {
        let no = self.no("a").await;
        let filter = MessageFilter { words: Words::of(words), ..MessageFilter::default() };
        let place = MessagePlace { order: Direction::Forward, after: None, limit: 1_000 };
        self.store.read(|tx| message_list::page(tx, no, &filter, place)).await.unwrap().found.len()
    }

    async fn finds_each_once(&self, messages: u64) {
        for n in 0..messages {
            assert_eq!(self.found(&format!("number{n} ")).await, 1, "number{n}");
        }
        assert_eq!(self.found("whale ").await as u64, messages);
    }
}

#[tokio::test]
async fn an_indexer_that_panics_comes_back_and_misses_nothing() {
    let world = World::searching().await;
    let first = world.branch(Branch::Search).await.generation;
    for round in 0..4 {
        world.written(2 * round).await;
        world.strike_branch(Branch::Search, Fault::Panic);
        world.written(2 * round + 1).await;
        world.started(Branch::Search, first + round + 1).await;
    }
    world.indexed().await;
    world.finds_each_once(8 * BATCH).await;
    let standing = world.branch(Branch::Search).await;
    assert_eq!((standing.restarts, standing.budget_left), (4, 1), "it has a budget of its own");
    assert_eq!(world.get("a").await.state.phase, Phase::Connected);
    assert_eq!(world.network.links(world.no("a").await).len(), 1, "no link noticed");
}

#[tokio::test]
async fn an_indexer_that_meets_a_damaged_row_waits_ever_longer_and_goes_on_when_it_is_gone() {
    let world = World::searching().await;
    world.written(0).await;
    world.indexed().await;
    let put = |tx: &mut WriteTx<'_>| tx.put_raw(Rows::TextTodo, b"no message's key".as_slice(), b"nothing");
    world.store.write::<_, StoreError, _>(Durability::Durable, put).await.unwrap();
    let first = until("it waits to be started again", async || {
        let standing = world.branch(Branch::Search).await;
        (standing.restarts >= 1 && standing.phase == ChildPhase::Waiting).then_some(standing)
    })
    .await;
    assert!(first.restart_in.is_some_and(|wait| wait < Duration::from_secs(61)), "{first:?}");
    world.written(1).await;
    let take = |tx: &mut WriteTx<'_>| tx.delete(Rows::TextTodo, b"no message's key".as_slice());
    world.store.write::<_, StoreError, _>(Durability::Durable, take).await.unwrap();
    world.indexed().await;
    world.finds_each_once(2 * BATCH).await;
    let others = [Branch::Janitor, Branch::Webhooks, Branch::Accounts, Branch::Scheduler];
    for branch in others {
        assert_eq!(world.branch(branch).await.restarts, 0, "{branch:?}");
    }
    assert!(world.store.read(wasup_store::repo::event::last).await.unwrap() > Position(0));
}
