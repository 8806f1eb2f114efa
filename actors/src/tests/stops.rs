use std::sync::atomic::Ordering;
use std::time::Duration;

use wasup_store::records::{Desired, MessageState, Phase, Reason};
use wasup_store::repo::account as wish;
use wasup_store::{Durability, StoreError};

use super::network::Answer;
use super::world::{World, account, me, until};
use crate::{AccountError, Late, ShutdownReport};

#[tokio::test]
async fn a_shutdown_closes_every_link_and_the_next_start_opens_them() {
    let mut world = World::running().await;
    world.connected(&["a", "b"]).await;
    let numbers = [world.no("a").await, world.no("b").await];
    world.tree().accounts.stop(&me(), &account("b")).await.unwrap();
    assert_eq!(world.shut_down().await, ShutdownReport::default());
    for no in numbers {
        assert!(world.network.links(no).iter().all(|link| !link.is_open()));
    }
    world.start().await;
    world.phase("a", Phase::Connected).await;
    assert_eq!(world.network.links(numbers[1]).len(), 1, "a stopped one stays stopped");
    let states = world.states("a").await;
    assert!(states.contains(&(Phase::Stopped, Reason::Shutdown)));
}

#[tokio::test]
async fn a_stop_waits_for_what_is_on_the_wire() {
    let mut world = World::new();
    world.settings.supervision.stop_timeout = Duration::from_secs(10);
    world.settings.send.ack_timeout = Duration::from_secs(60);
    world.start().await;
    world.connected(&["a"]).await;
    world.network.answers(|_, _| Answer::Swallow);
    let sent = world.send("a", "hello").await;
    until("it is on the wire", async || (!world.wire("a").await.is_empty()).then_some(())).await;
    let link = world.network.last(sent.id.account);
    let accounts = world.tree().accounts.clone();
    let stop = tokio::spawn(async move { accounts.stop(&me(), &account("a")).await });
    until("the stop is wanted", async || (world.get("a").await.desired == Desired::Stopped).then_some(())).await;
    assert!(link.is_open() && !stop.is_finished());
    let provider_id = sent.record.provider_id;
    link.tell(wasup_sessions::ports::LinkEvent::ServerAck { provider_id, error: None });
    assert_eq!(stop.await.unwrap().unwrap().state.phase, Phase::Stopped);
    assert_eq!(world.message(sent.id).await.state, MessageState::Sent);
    assert!(!link.is_open());
}

#[tokio::test]
async fn who_does_not_close_in_time_is_named() {
    let mut world = World::new();
    world.settings.supervision.stop_timeout = Duration::from_secs(30);
    world.start().await;
    world.connected(&["slow"]).await;
    world.network.close_hangs.store(true, Ordering::SeqCst);
    let tree_report = world.shut_down().await;
    assert_eq!(tree_report.late, [Late::Account("slow".into())]);
}

#[tokio::test]
async fn an_actor_that_does_not_stop_in_time_is_killed_and_the_state_is_told() {
    let mut world = World::new();
    world.settings.supervision.stop_timeout = Duration::from_millis(300);
    world.start().await;
    world.connected(&["a"]).await;
    world.tree().accounts.strike_for_test(&account("a"), crate::Fault::Hang).await.unwrap();
    let stopped = world.tree().accounts.stop(&me(), &account("a")).await.unwrap();
    assert_eq!((stopped.state.phase, stopped.state.reason), (Phase::Stopped, Reason::Requested));
    world.tree().accounts.start(&me(), &account("a")).await.unwrap();
    world.phase("a", Phase::Connected).await;
    assert_eq!(world.network.overlaps.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_deleted_account_leaves_the_network_and_frees_its_name() {
    let world = World::running().await;
    world.connected(&["a"]).await;
    let no = world.no("a").await;
    let link = world.network.last(no);
    world.tree().accounts.delete(&me(), &account("a")).await.unwrap();
    assert!(!link.is_open() && link.logged_out.load(Ordering::SeqCst));
    let accounts = &world.tree().accounts;
    assert!(matches!(accounts.get(&me(), &account("a")).await, Err(AccountError::NotFound)));
    assert!(matches!(accounts.delete(&me(), &account("a")).await, Err(AccountError::NotFound)));
    world.connected(&["a"]).await;
    assert_ne!(world.no("a").await, no);
}

#[tokio::test]
async fn start_and_stop_in_any_order_end_as_the_store_says() {
    let world = World::running().await;
    world.connected(&["a"]).await;
    let accounts = &world.tree().accounts;
    let id = account("a");
    let principal = me();
    for _ in 0..5 {
        let (stopped, started) = tokio::join!(accounts.stop(&principal, &id), accounts.start(&principal, &id));
        stopped.and(started).unwrap();
        let wanted = match world.get("a").await.desired {
            Desired::Running => Phase::Connected,
            Desired::Stopped => Phase::Stopped,
        };
        world.phase("a", wanted).await;
    }
    assert_eq!(world.network.overlaps.load(Ordering::SeqCst), 0);
    assert_eq!(accounts.counts().await.total(), 1);
}

#[tokio::test]
async fn a_wish_that_nobody_heard_is_found_in_the_store() {
    let mut world = World::new();
    world.settings.supervision.heartbeat = Duration::from_millis(50);
    world.start().await;
    world.connected(&["a"]).await;
    for (desired, phase) in [(Desired::Stopped, Phase::Stopped), (Desired::Running, Phase::Connected)] {
        let wish = move |tx: &mut wasup_store::WriteTx<'_>| wish::set_desired(tx, &account("a"), desired, 1);
        world.store.write::<_, StoreError, _>(Durability::Durable, wish).await.unwrap();
        world.phase("a", phase).await;
    }
}
