//! The branches of the tree: each breaks by itself and comes back by itself.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::timeout;
use wasup_sessions::ports::EndReason;
use wasup_store::records::{Phase, RestartSettings};

use super::network::Opens;
use super::world::{World, account, me, until};
use crate::root::{Branch, RootMsg};
use crate::{ChildPhase, Fault, Standing};

impl World {
    pub(super) async fn branch(&self, branch: Branch) -> Standing {
        let view = self.tree().look.branches().await.unwrap();
        view.branches.into_iter().find(|view| view.branch == branch).expect("every branch is there").standing
    }

    pub(super) fn strike_branch(&self, branch: Branch, fault: Fault) {
        self.tree().root.cast(RootMsg::Strike(branch, fault)).unwrap();
    }

    /// Waits until a branch was started so many times.
    pub(super) async fn started(&self, branch: Branch, generation: u64) {
        until(&format!("{branch:?} is started for the {generation}th time"), async || {
            let standing = self.branch(branch).await;
            (standing.generation >= generation && standing.phase == ChildPhase::Running).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_panic_in_a_branch_drops_no_connection_and_never_ends_the_tree() {
    let world = World::running().await;
    world.connected(&["a"]).await;
    for branch in [Branch::Janitor, Branch::Webhooks, Branch::Scheduler, Branch::Search, Branch::Imports] {
        let first = world.branch(branch).await.generation;
        for round in 1..=3 {
            world.strike_branch(branch, Fault::Panic);
            world.started(branch, first + round).await;
        }
        let standing = world.branch(branch).await;
        assert_eq!((standing.restarts, standing.budget_left), (3, 2), "{branch:?} has a budget of its own");
    }
    let link = world.network.last(world.no("a").await);
    assert!(link.is_open() && world.network.links(world.no("a").await).len() == 1);
    assert_eq!(world.get("a").await.state.phase, Phase::Connected);
    timeout(Duration::from_millis(50), world.tree().gave_up()).await.expect_err("so many restarts end nothing");
}

#[tokio::test]
async fn a_branch_that_hangs_is_killed_and_started_anew() {
    let mut world = World::new();
    world.settings.supervision.heartbeat = Duration::from_millis(100);
    world.start().await;
    world.connected(&["a"]).await;
    for branch in [Branch::Janitor, Branch::Webhooks, Branch::Scheduler, Branch::Search, Branch::Imports] {
        let first = world.branch(branch).await.generation;
        world.strike_branch(branch, Fault::Hang);
        world.started(branch, first + 1).await;
    }
    assert_eq!(world.network.links(world.no("a").await).len(), 1);
}

#[tokio::test]
async fn due_work_outlives_the_scheduler() {
    let mut world = World::new();
    world.settings.accounts.state_events_every = Duration::from_millis(400);
    world.start().await;
    world.connected(&["a"]).await;
    let no = world.no("a").await;
    let until_ms = world.store.now_ms() + 500;
    world.network.last(no).end(EndReason::Banned { until_ms: Some(until_ms) });
    world.phase("a", Phase::Banned).await;
    let first = world.branch(Branch::Scheduler).await.generation;
    world.strike_branch(Branch::Scheduler, Fault::Panic);
    world.started(Branch::Scheduler, first + 1).await;
    world.phase("a", Phase::Connected).await;
    assert!(world.store.now_ms() >= until_ms);
    assert_eq!(world.network.links(no).len(), 2);
    // The state that could not be told at once is told, too.
    until("the last state is told", async || {
        (world.states("a").await.last().map(|(phase, _)| *phase) == Some(Phase::Connected)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_ban_ends_also_where_the_process_was_started_anew() {
    let mut world = World::running().await;
    world.connected(&["a", "b"]).await;
    let no = world.no("a").await;
    let until_ms = world.store.now_ms() + 700;
    world.network.last(no).end(EndReason::Banned { until_ms: Some(until_ms) });
    world.phase("a", Phase::Banned).await;
    world.restart().await;
    world.phase("b", Phase::Connected).await;
    assert_eq!(world.get("a").await.state.phase, Phase::Banned);
    world.phase("a", Phase::Connected).await;
    assert!(world.store.now_ms() >= until_ms);
}

#[tokio::test]
async fn an_account_has_the_budget_that_is_set_for_it() {
    let world = World::running().await;
    world.connected(&["a", "b"]).await;
    let patch = wasup_store::repo::account_settings::AccountPatch {
        settings: wasup_store::repo::account_settings::SettingsPatch {
            max_restarts: Some(Some(0)),
            ..Default::default()
        },
        ..Default::default()
    };
    world.tree().accounts.change(&me(), &account("a"), patch).await.unwrap();
    assert_eq!(
        world.get("a").await.settings.restart,
        RestartSettings { max_restarts: Some(0), ..RestartSettings::default() }
    );
    world.tree().accounts.restart(&me(), &account("a")).await.unwrap();
    world.connected_by_link("a", 2).await;
    for id in ["a", "b"] {
        world.strike(id, Fault::Panic).await;
    }
    world.phase("a", Phase::Quarantined).await;
    world.connected_by_link("b", 2).await;
}

#[tokio::test]
async fn a_look_shows_every_account_and_how_it_stands() {
    let mut world = World::new();
    world.settings.supervision.backoff_base = Duration::from_secs(60);
    world.settings.supervision.backoff_cap = Duration::from_secs(60);
    world.start().await;
    world.connected(&["a", "b"]).await;
    world.tree().accounts.stop(&me(), &account("b")).await.unwrap();
    world.strike("a", Fault::Panic).await;
    world.phase("a", Phase::BackingOff).await;
    world.connected(&["c"]).await;
    until("the link is closed", async || (!world.network.last(world.no("a").await).is_open()).then_some(())).await;
    let look = &world.tree().look;
    until("c has worked off what its link told", async || {
        let all = look.accounts(&me(), None, 3).await.unwrap();
        (all[2].batches.in_use == 0).then_some(())
    })
    .await;
    let mut after = None;
    let mut found = Vec::new();
    loop {
        let page = look.accounts(&me(), after.as_ref(), 2).await.unwrap();
        after = page.last().map(|view| view.id.clone());
        found.extend(page);
        if after.is_none() || found.len() == 3 {
            break;
        }
    }
    let phases: Vec<_> = found.iter().map(|view| (view.id.as_str(), view.standing.phase)).collect();
    assert_eq!(phases, [("a", ChildPhase::Waiting), ("b", ChildPhase::Idle), ("c", ChildPhase::Running)]);
    let [a, b, c] = &found[..] else { panic!("{found:?}") };
    assert_eq!((a.standing.restarts, a.standing.budget_left), (1, 4));
    assert!(a.standing.restart_in.is_some_and(|wait| wait > Duration::from_secs(30)));
    assert!(!b.link_held && c.link_held && c.standing.up.is_some());
    assert_eq!((c.batches.in_use, c.batches.most), (0, 4));
    let view = look.branches().await.unwrap();
    assert!(view.branches.iter().all(|branch| branch.standing.phase == ChildPhase::Running));
    assert_eq!((view.branches.len(), view.links_held, view.asks.in_use), (Branch::ALL.len(), 1, 0));
}

/// A link that does not close in time is dropped; whatever it still says or sends is not this account's any more.
#[tokio::test]
async fn a_link_that_hangs_on_its_close_writes_nothing_any_more() {
    let mut world = World::new();
    world.settings.supervision.stop_timeout = Duration::from_millis(400);
    world.start().await;
    world.connected(&["a"]).await;
    let no = world.no("a").await;
    let (old, before) = (world.network.last(no), world.get("a").await);
    world.network.close_hangs.store(true, Ordering::SeqCst);
    world.strike("a", Fault::Panic).await;
    until("it is taken over", async || (world.get("a").await.epoch > before.epoch).then_some(())).await;
    assert_eq!(world.network.links(no).len(), 1, "while it hangs there is no other");
    world.connected_by_link("a", 2).await;
    world.network.close_hangs.store(false, Ordering::SeqCst);
    assert!(world.network.last(no).target.epoch > old.target.epoch);
    // Nobody hears it ...
    assert!(old.is_unheard(), "the way to the actor is closed");
    // ... and its rows are refused.
    let epoch = old.target.epoch;
    let write = move |tx: &mut wasup_store::WriteTx<'_>| wasup_store::repo::account::fence(tx, no, epoch);
    let stale = world.store.write::<_, wasup_store::StoreError, _>(wasup_store::Durability::Durable, write).await;
    assert!(matches!(stale, Err(wasup_store::StoreError::StaleEpoch)));
    let sent = world.send("a", "hello").await;
    world.state(sent.id, wasup_store::records::MessageState::Sent).await;
    assert!(old.sent_count() == 0, "the old link sends nothing");
}

#[tokio::test]
async fn an_account_that_hears_nothing_gets_a_new_link() {
    let mut world = World::new();
    world.settings.accounts.silence_max = Duration::from_millis(150);
    world.network.opens(Opens::Silent);
    world.start().await;
    world.create(&["a"]).await;
    let no = world.no("a").await;
    until("it has a second link", async || (world.network.links(no).len() >= 2).then_some(())).await;
    assert_eq!(world.get("a").await.state.reason, wasup_store::records::Reason::TimedOut);
    world.network.opens(Opens::Connected);
    world.phase("a", Phase::Connected).await;
    assert!(world.states("a").await.iter().all(|(phase, _)| *phase != Phase::BackingOff), "it is no crash");
    assert_eq!(world.network.overlaps.load(Ordering::SeqCst), 0);
    // A connected account may be silent: another one that is not connected gets two links meanwhile.
    let links = world.network.links(no).len();
    world.network.opens(Opens::Silent);
    world.create(&["b"]).await;
    let other = world.no("b").await;
    until("the other has its third link", async || (world.network.links(other).len() >= 3).then_some(())).await;
    assert_eq!(world.network.links(no).len(), links);
}
