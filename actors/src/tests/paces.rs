//! Accounts that are kept to a pace.

use std::time::Duration;

use tokio::time::Instant;
use wasup_store::records::{AccountSettings, FailReason, MessageState, PacingSettings};
use wasup_store::repo::account_settings::{AccountPatch, SettingsPatch};

use super::world::{World, account, me, somebody};

async fn paced(pacing: PacingSettings) -> World {
    let world = World::running().await;
    world.create_with(&["a"], AccountSettings { pacing, ..AccountSettings::default() }).await;
    world.phase("a", wasup_store::records::Phase::Connected).await;
    world
}

#[tokio::test]
async fn messages_keep_their_distance() {
    let world = paced(PacingSettings { gap_min_ms: Some(60), gap_max_ms: Some(90), ..PacingSettings::default() }).await;
    let mut sent = Vec::new();
    for n in 0..5 {
        sent.push(world.send("a", &n.to_string()).await.id);
    }
    let begun = Instant::now();
    let mut times = Vec::new();
    for id in sent {
        times.push(world.state(id, MessageState::Sent).await.times.sending_ms.unwrap());
    }
    assert!(times.windows(2).all(|two| two[1] - two[0] >= 60), "{times:?}");
    assert!(begun.elapsed() < Duration::from_secs(4), "the gap is waited for, and no slow wake");
    assert_eq!(world.wire("a").await, ["0", "1", "2", "3", "4"]);
}

#[tokio::test]
async fn a_minute_holds_no_more_than_allowed_whatever_breaks() {
    let mut world = paced(PacingSettings { per_minute: Some(3), ..PacingSettings::default() }).await;
    for n in 0..3 {
        let id = world.send("a", &n.to_string()).await.id;
        world.state(id, MessageState::Sent).await;
    }
    let late = world.send("a", "late").await.id;
    world.tree().accounts.strike_for_test(&account("a"), crate::Fault::Panic).await.unwrap();
    world.restart().await;
    world.phase("a", wasup_store::records::Phase::Connected).await;
    // A second account is not slowed down, and proves that the first had its time.
    world.connected(&["b"]).await;
    for n in 0..5 {
        let id = world.send("b", &n.to_string()).await.id;
        world.state(id, MessageState::Sent).await;
    }
    assert_eq!(world.message(late).await.state, MessageState::Queued);
    assert_eq!(world.wire("a").await, ["0", "1", "2"]);
}

#[tokio::test]
async fn new_chats_beyond_the_limit_of_a_day_wait() {
    let world = paced(PacingSettings { cold_per_day: Some(2), ..PacingSettings::default() }).await;
    let mut sent = Vec::new();
    for n in 0..4 {
        sent.push(world.send_to("a", &somebody(n), &format!("cold {n}")).await.id);
    }
    let again = world.send_to("a", &somebody(1), "again").await.id;
    for id in [sent[0], sent[1], again] {
        world.state(id, MessageState::Sent).await;
    }
    for id in &sent[2..] {
        assert_eq!(world.state(*id, MessageState::Held).await.reason, Some(FailReason::Paced));
    }
    assert_eq!(world.get("a").await.restriction, None);
    // An answer makes it a chat like any other.
    world.receive("a", &somebody(3), "3EB0ANSWER").await;
    world.state(sent[3], MessageState::Sent).await;
    // Chats are sent to at once, so that only each chat has an order.
    let mut wire = world.wire("a").await;
    wire.sort_unstable();
    assert_eq!(wire, ["again", "cold 0", "cold 1", "cold 3"]);
    assert_eq!(world.message(sent[2]).await.state, MessageState::Held);
}

#[tokio::test]
async fn another_pace_holds_at_once() {
    let world = paced(PacingSettings { per_minute: Some(1), ..PacingSettings::default() }).await;
    let mut sent = Vec::new();
    for n in 0..3 {
        sent.push(world.send("a", &n.to_string()).await.id);
    }
    world.state(sent[0], MessageState::Sent).await;
    let faster = SettingsPatch { per_minute: Some(Some(0)), ..SettingsPatch::default() };
    let patch = AccountPatch { settings: faster, ..AccountPatch::default() };
    world.tree().accounts.change(&me(), &account("a"), patch).await.unwrap();
    let begun = Instant::now();
    for id in sent {
        world.state(id, MessageState::Sent).await;
    }
    assert!(begun.elapsed() < Duration::from_secs(4), "it is told, and no slow wake finds it");
}
