use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::timeout;
use wasup_sessions::ports::EndReason;
use wasup_store::records::{MessageState, Phase, Reason, UserAction};

use super::network::{Answer, Opens};
use super::world::{World, account, me, until};
use crate::Fault;
use crate::root::{Branch, RootMsg};

impl World {
    pub(super) async fn strike(&self, id: &str, fault: Fault) {
        self.tree().accounts.strike_for_test(&account(id), fault).await.unwrap();
    }

    /// Waits until an account has opened so many links and is connected.
    pub(super) async fn connected_by_link(&self, id: &str, links: usize) {
        let no = self.no(id).await;
        until(&format!("{id} has link {links}"), async || {
            let up = self.network.links(no).len() == links && self.get(id).await.state.phase == Phase::Connected;
            up.then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_panic_restarts_one_account_and_its_siblings_do_not_notice() {
    let world = World::running().await;
    world.connected(&["a", "b", "c"]).await;
    let before = world.get("a").await;
    world.strike("a", Fault::Panic).await;
    world.connected_by_link("a", 2).await;
    assert!(world.get("a").await.epoch > before.epoch, "the new incarnation took over");
    assert_eq!(world.network.overlaps.load(Ordering::SeqCst), 0, "one link at a time");
    for id in ["b", "c"] {
        let links = world.network.links(world.no(id).await);
        assert!(links.len() == 1 && links[0].is_open(), "{id} was touched");
        assert_eq!(world.states(id).await.len(), 2, "{id} was touched");
    }
    let states = world.states("a").await;
    assert_eq!(
        states[1..4],
        [
            (Phase::Connected, Reason::Requested),
            (Phase::BackingOff, Reason::Crashed),
            (Phase::Connecting, Reason::Requested)
        ]
    );
}

#[tokio::test]
async fn the_next_link_waits_until_the_former_one_is_closed() {
    let world = World::running().await;
    world.connected(&["a"]).await;
    let no = world.no("a").await;
    let closing = world.network.closers.acquire().await.unwrap();
    world.strike("a", Fault::Panic).await;
    // The new incarnation owns the account and wants a link ...
    until("it is taken over", async || (world.states("a").await.len() == 4).then_some(())).await;
    // ... long enough for another account to be created and connected.
    world.connected(&["b"]).await;
    assert_eq!(world.network.links(no).len(), 1, "it does not get one yet");
    drop(closing);
    world.connected_by_link("a", 2).await;
    assert_eq!(world.network.overlaps.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_account_that_keeps_breaking_is_quarantined_until_released() {
    let mut world = World::new();
    world.settings.supervision.max_restarts = 2;
    world.start().await;
    world.connected(&["a", "b"]).await;
    for links in 1..=3 {
        world.connected_by_link("a", links).await;
        world.strike("a", Fault::Panic).await;
    }
    let record = world.phase("a", Phase::Quarantined).await;
    assert_eq!((record.state.reason, record.state.user_action), (Reason::RestartBudget, UserAction::Release));
    let accounts = &world.tree().accounts;
    let started = accounts.start(&me(), &account("a")).await.unwrap();
    assert_eq!(started.state.phase, Phase::Quarantined, "a start does not release");
    assert_eq!(world.network.links(record.no).len(), 3);

    // Quarantine outlives the process.
    world.restart().await;
    world.connected_by_link("b", 2).await;
    assert_eq!(world.get("a").await.state.phase, Phase::Quarantined);
    world.tree().accounts.release(&me(), &account("a")).await.unwrap();
    world.connected_by_link("a", 4).await;
}

#[tokio::test]
async fn a_stop_during_a_back_off_is_final() {
    let mut world = World::new();
    world.settings.supervision.backoff_base = Duration::from_millis(200);
    world.settings.supervision.backoff_cap = Duration::from_millis(200);
    world.settings.supervision.jitter = 0.0;
    world.start().await;
    world.connected(&["a", "b"]).await;
    world.strike("a", Fault::Panic).await;
    let waiting = world.phase("a", Phase::BackingOff).await;
    assert!(waiting.state.retry_at_ms.is_some());
    let stopped = world.tree().accounts.stop(&me(), &account("a")).await.unwrap();
    assert_eq!(stopped.state.phase, Phase::Stopped);
    // One that breaks later comes back, so the time of the first one's restart is over.
    world.strike("b", Fault::Panic).await;
    world.connected_by_link("b", 2).await;
    assert_eq!(world.get("a").await.state.phase, Phase::Stopped);
    assert_eq!(world.network.links(stopped.no).len(), 1);
    // A start by hand works as ever.
    world.tree().accounts.start(&me(), &account("a")).await.unwrap();
    world.connected_by_link("a", 2).await;
}

#[tokio::test]
async fn an_actor_that_hangs_is_started_anew() {
    let mut world = World::new();
    world.settings.supervision.heartbeat = Duration::from_millis(100);
    world.start().await;
    world.connected(&["a", "b"]).await;
    world.strike("a", Fault::Hang).await;
    world.connected_by_link("a", 2).await;
    assert!(world.states("a").await.contains(&(Phase::BackingOff, Reason::Stuck)));
    assert_eq!(world.network.overlaps.load(Ordering::SeqCst), 0);
    assert_eq!(world.network.links(world.no("b").await).len(), 1);
}

#[tokio::test]
async fn a_link_that_ends_unasked_is_a_crash() {
    let world = World::running().await;
    world.connected(&["a", "b"]).await;
    world.network.last(world.no("a").await).end(EndReason::Unexpected);
    world.network.last(world.no("b").await).vanish();
    for id in ["a", "b"] {
        world.connected_by_link(id, 2).await;
        assert!(world.states(id).await.contains(&(Phase::BackingOff, Reason::LinkEnded)), "{id}");
    }
    assert_eq!(world.network.overlaps.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_link_that_can_not_be_opened_ends_in_quarantine() {
    let mut world = World::new();
    world.settings.supervision.max_restarts = 1;
    world.network.opens(Opens::Refused);
    world.start().await;
    world.create(&["a"]).await;
    world.phase("a", Phase::Quarantined).await;
}

#[tokio::test]
async fn a_panic_while_sending_costs_no_message() {
    let world = World::running().await;
    world.connected(&["a"]).await;
    world.network.answers(|_, tries| if tries == 1 { Answer::Panic } else { Answer::Ack });
    let sent = world.send("a", "hello").await;
    let record = world.state(sent.id, MessageState::Sent).await;
    assert_eq!(record.provider_id, sent.record.provider_id);
    assert_eq!(record.tries, 2);
    assert!(world.states("a").await.contains(&(Phase::BackingOff, Reason::Crashed)));
}

#[tokio::test]
async fn a_broken_branch_comes_back_and_too_many_end_the_tree() {
    let world = World::running().await;
    world.connected(&["a"]).await;
    let root = &world.tree().root;
    root.cast(RootMsg::Kill(Branch::Accounts)).unwrap();
    world.connected_by_link("a", 2).await;
    assert_eq!(world.network.overlaps.load(Ordering::SeqCst), 0);
    // Killed again and again until the common budget is spent.
    until("the tree gave up", async || {
        for branch in [Branch::Webhooks, Branch::Janitor, Branch::Accounts] {
            let _ = root.cast(RootMsg::Kill(branch));
        }
        timeout(Duration::from_millis(5), world.tree().gave_up()).await.ok()
    })
    .await;
}
