//! The network refuses messages to people who never wrote: they are held, and everything else goes on.

use std::sync::atomic::Ordering;
use std::time::Duration;

use wasup_store::records::{EventData, FailReason, MessageState, RestrictedEvent, Restriction};
use wasup_store::repo::counters;

use super::network::{Answer, Network};
use super::world::{World, peer, somebody, until, verify};
use crate::door::lock;

/// Refuses everything to strangers, until `until_allowed` says otherwise.
fn restricted(network: &Network) {
    network.answers(|message, _| if message.chat == peer() { Answer::Ack } else { Answer::Refuse(463) });
}

async fn restriction(world: &World, id: &str) -> Option<Restriction> {
    world.get(id).await.restriction
}

async fn told(world: &World) -> Vec<(bool, u16)> {
    let told = |data| match data {
        EventData::Restricted(RestrictedEvent { active, code, .. }) => Some((active, code)),
        _ => None,
    };
    world.events().await.into_iter().filter_map(|event| told(event.data)).collect()
}

/// An account that was refused once, with an hour to wait, and that heard from [`peer`].
async fn refused(term: Duration) -> World {
    let mut world = World::new();
    world.settings.send.restriction_retry = term;
    world.start().await;
    world.connected(&["a"]).await;
    world.receive("a", &peer(), "3EB0FIRST").await;
    restricted(&world.network);
    let first = world.send_to("a", &somebody(0), "cold 0").await;
    world.state(first.id, MessageState::Held).await;
    world
}

#[tokio::test]
async fn cold_sends_wait_without_a_try_and_replies_go_through() {
    let world = refused(Duration::from_secs(3_600)).await;
    let mut held = Vec::new();
    for n in 1..40 {
        held.push(world.send_to("a", &somebody(n), &format!("cold {n}")).await);
    }
    let reply = world.send("a", "reply").await;
    world.state(reply.id, MessageState::Sent).await;
    for send in &held {
        let record = world.state(send.id, MessageState::Held).await;
        assert_eq!((record.tries, record.reason), (0, Some(FailReason::Server { error: 463 })));
    }
    assert_eq!(world.wire("a").await, ["cold 0", "reply"]);
    let found = restriction(&world, "a").await.unwrap();
    assert_eq!((found.code, found.until_ms - found.since_ms, found.told), (463, 3_600_000, false));
    assert_eq!(told(&world).await, [(true, 463)], "one event, not one a message");
    assert_eq!(world.network.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn whoever_writes_gets_what_was_held_for_them() {
    let world = refused(Duration::from_secs(3_600)).await;
    let mut held = Vec::new();
    for n in 0..3 {
        held.push(world.send_to("a", &somebody(1), &format!("to one {n}")).await);
        world.send_to("a", &somebody(2), "to another").await;
    }
    world.state(held[2].id, MessageState::Held).await;
    world.network.answers(|_, _| Answer::Ack);
    world.receive("a", &somebody(1), "3EB0ANSWER").await;
    for send in &held {
        world.state(send.id, MessageState::Sent).await;
    }
    assert_eq!(world.wire("a").await, ["cold 0", "to one 0", "to one 1", "to one 2"]);
    assert!(restriction(&world, "a").await.is_some(), "an answer to somebody who wrote says nothing");
    let counts = world.store.read(|tx| counters::account(tx, held[0].id.account)).await.unwrap();
    assert_eq!((counts.held, counts.outbox_depth()), (4, 0));
}

#[tokio::test]
async fn after_the_term_a_few_try_and_the_rest_follows() {
    let world = refused(Duration::from_secs(1)).await;
    let mut held = Vec::new();
    for n in 1..12 {
        held.push(world.send_to("a", &somebody(n), &format!("cold {n}")).await);
    }
    world.state(held[10].id, MessageState::Held).await;
    *lock(&world.network.restricts) = Some((false, None));
    world.network.answers(|_, _| Answer::Ack);
    for send in &held {
        world.state(send.id, MessageState::Sent).await;
    }
    let (mut wire, mut expected) = (world.wire("a").await, vec!["cold 0".to_owned()]);
    expected.extend((0..12).map(|n| format!("cold {n}")));
    wire.sort_unstable();
    expected.sort_unstable();
    assert_eq!(wire, expected, "the refused one once more, the others for the first time");
    let mut began = Vec::new();
    for send in &held {
        began.push(world.message(send.id).await.times.sending_ms);
    }
    assert!(began.is_sorted(), "oldest first");
    assert_eq!(restriction(&world, "a").await, None);
    assert_eq!(told(&world).await, [(true, 463), (false, 463)]);
    let record = world.message(held[0].id).await;
    assert_eq!((record.tries, record.reason), (1, None));
}

#[tokio::test]
async fn a_trial_that_is_refused_makes_the_term_longer() {
    let world = refused(Duration::from_secs(1)).await;
    let mut held = Vec::new();
    for n in 1..12 {
        held.push(world.send_to("a", &somebody(n), &format!("cold {n}")).await);
    }
    // It says that it restricts nothing, and refuses all the same: the trial decides.
    *lock(&world.network.restricts) = Some((false, None));
    let found = until("a trial was refused", async || restriction(&world, "a").await.filter(|r| r.refusals == 2)).await;
    assert!(found.until_ms - world.store.now_ms() > 1_000, "{found:?}");
    for send in &held {
        world.state(send.id, MessageState::Held).await;
    }
    assert_eq!(world.wire("a").await.len(), 4, "one at first, three to try");
    assert_eq!(told(&world).await, [(true, 463), (true, 463)]);
}

#[tokio::test]
async fn the_networks_word_sets_the_term_and_lifts_it() {
    let world = World::running().await;
    world.connected(&["a"]).await;
    restricted(&world.network);
    let until_ms = world.store.now_ms() + 86_400_000;
    *lock(&world.network.restricts) = Some((true, Some(until_ms)));
    let held = world.send_to("a", &somebody(1), "cold").await;
    until("the term is the network's", async || {
        restriction(&world, "a").await.filter(|r| r.told && r.until_ms == until_ms)
    })
    .await;
    world.state(held.id, MessageState::Held).await;
    world.network.answers(|_, _| Answer::Ack);
    let link = world.network.last(held.id.account);
    link.tell(wasup_sessions::ports::LinkEvent::Restriction { active: false, until_ms: None });
    world.state(held.id, MessageState::Sent).await;
    until("it is lifted", async || restriction(&world, "a").await.is_none().then_some(())).await;
    assert_eq!(told(&world).await, [(true, 463), (true, 463), (false, 463)]);
}

#[tokio::test]
async fn a_restriction_and_what_it_holds_outlive_the_process() {
    let mut world = refused(Duration::from_secs(2)).await;
    let (held, begun) = (world.send_to("a", &somebody(1), "cold 1").await, restriction(&world, "a").await);
    world.state(held.id, MessageState::Held).await;
    world.restart().await;
    assert_eq!(restriction(&world, "a").await, begun);
    let reply = world.send("a", "reply").await;
    let more = world.send_to("a", &somebody(2), "cold 2").await;
    world.state(reply.id, MessageState::Sent).await;
    world.state(more.id, MessageState::Held).await;
    world.network.answers(|_, _| Answer::Ack);
    for id in [held.id, more.id] {
        world.state(id, MessageState::Sent).await;
    }
    // Chats are sent to at once, so that only each chat has an order.
    let mut wire = world.wire("a").await;
    wire.sort_unstable();
    assert_eq!(wire, ["cold 0", "cold 0", "cold 1", "cold 2", "reply"]);
    verify(&*world.engine);
}
