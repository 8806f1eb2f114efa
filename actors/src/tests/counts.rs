//! What the tree counts, read through handles of the tests' own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics::{Counter, Gauge};
use wasup_sessions::meters::Counters;
use wasup_store::records::{Content, DelayRange, JobState, Lane, Load, Phase};

use super::network::Opens;
use super::world::{World, account, me, peer, until};
use crate::root::{Branch, RootMsg};
use crate::supervision::CrashKind;
use crate::{Fault, JobCommand, JobItem, Refusal, SendCommand, SendOutcome};

/// Counters that can be read.
struct Counted<K>(Vec<(K, Arc<AtomicU64>)>);

impl<K: Copy + PartialEq> Counted<K> {
    fn new(words: &[K]) -> (Self, Counters<K>) {
        let cells: Vec<_> = words.iter().map(|word| (*word, Arc::new(AtomicU64::new(0)))).collect();
        let counted = Self(cells);
        let counters = Counters::new(words.iter().copied(), |word| Counter::from_arc(Arc::clone(counted.cell(word))));
        (counted, counters)
    }

    fn cell(&self, word: K) -> &Arc<AtomicU64> {
        self.0.iter().find(|(known, _)| *known == word).map(|(_, cell)| cell).unwrap()
    }

    fn all(&self) -> Vec<u64> {
        self.0.iter().map(|(_, cell)| cell.load(Ordering::SeqCst)).collect()
    }
}

fn gauge() -> (Arc<AtomicU64>, Gauge) {
    let cell = Arc::new(AtomicU64::new(0));
    (Arc::clone(&cell), Gauge::from_arc(cell))
}

fn read(cell: &AtomicU64) -> f64 {
    f64::from_bits(cell.load(Ordering::SeqCst))
}

#[tokio::test]
async fn restarts_are_counted_by_reason_and_a_quarantine_is_shown_until_its_end() {
    let mut world = World::new();
    world.settings.supervision.max_restarts = 1;
    let (restarts, counters) = Counted::new(&CrashKind::ALL);
    let (quarantined, handle) = gauge();
    let (asks, ask_handle) = gauge();
    (world.meters.restarts, world.meters.quarantined, world.meters.asks) = (counters, handle, ask_handle);
    world.start().await;
    world.connected(&["a"]).await;
    for links in 1..=2 {
        world.connected_by_link("a", links).await;
        world.strike("a", Fault::Panic).await;
    }
    world.phase("a", Phase::Quarantined).await;
    // The second break spent the budget: it was no restart.
    assert_eq!(restarts.all(), [1, 0, 0, 0, 0]);
    until("the quarantine is shown", async || (read(&quarantined) == 1.0).then_some(())).await;
    world.tree().accounts.release(&me(), &account("a")).await.unwrap();
    world.connected_by_link("a", 3).await;
    assert_eq!(read(&quarantined), 0.0);
    until("no ask is open", async || (read(&asks) == 0.0).then_some(())).await;
}

#[tokio::test]
async fn a_branch_that_broke_is_counted() {
    let mut world = World::new();
    let (restarts, counters) = Counted::new(&Branch::ALL);
    world.meters.branch_restarts = counters;
    world.start().await;
    world.tree().root.cast(RootMsg::Kill(Branch::Webhooks)).unwrap();
    until("the restart is counted", async || {
        (restarts.all() == Branch::ALL.map(|branch| u64::from(branch == Branch::Webhooks))).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_refusal_is_counted_and_is_no_message() {
    let mut world = World::new();
    world.settings.send.outbox_max = 1;
    let (refusals, counters) = Counted::new(Refusal::ALL);
    let (accepted, kinds) = Counted::new(&["text"]);
    (world.meters.refusals, world.meters.accepted) = (counters, kinds);
    world.start().await;
    world.network.opens(Opens::Silent);
    world.create(&["a"]).await;
    world.send("a", "one").await;
    let second = SendCommand {
        account: account("a"),
        chat: peer(),
        content: Content::text("two"),
        context: None,
        lane: Lane::Interactive,
        client_message_id: None,
        idempotency: None,
    };
    assert!(world.tree().messages.send(&me(), second).await.is_err());
    assert_eq!((refusals.all(), accepted.all()), (vec![1, 0, 0], vec![1]));
}

#[tokio::test]
async fn items_of_jobs_are_counted_and_other_messages_are_not() {
    let mut world = World::new();
    let (sends, of_all) = Counted::new(SendOutcome::ALL);
    let (items, of_jobs) = Counted::new(SendOutcome::ALL);
    (world.meters.sends, world.meters.job_items) = (of_all, of_jobs);
    world.start().await;
    world.connected(&["a"]).await;
    let item = || {
        let load = Load { content: Content::text("x"), context: None, client_message_id: None };
        JobItem::Message { chat: peer(), load: Box::new(load) }
    };
    let job = JobCommand {
        account: account("a"),
        name: None,
        delay: DelayRange { min_ms: 0, max_ms: 0 },
        items: vec![item(), item()],
        idempotency: None,
    };
    let id = world.tree().jobs.accept(&me(), job).await.unwrap().id;
    world.send("a", "by itself").await;
    until("the job is over and three messages are sent", async || {
        let over = world.tree().jobs.get(&me(), id).await.unwrap().record.state == JobState::Completed;
        (over && sends.all()[0] == 3).then_some(())
    })
    .await;
    assert_eq!(items.all(), [2, 0, 0, 0, 0, 0]);
}
