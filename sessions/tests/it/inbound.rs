//! Received messages: committed first, acknowledged then.

use std::sync::atomic::Ordering;

use wasup_sandbox::{Cut, Fault, Scope};
use wasup_store::records::{Direction, MessageState};

use crate::world::{PATIENCE, World, body};

const OURS: &str = "6281234567801";
const THEIRS: &str = "6281234567802";

#[tokio::test(flavor = "multi_thread")]
async fn a_received_message_is_stored_then_acknowledged() {
    let world = World::new().await;
    let (account, line, phone) = world.linked("shop", OURS).await;
    let other = world.network.phone(THEIRS);
    other.set_push_name("Ana");
    let id = other.send_text(OURS, "hello").await.unwrap();
    let stored = world.wait_messages(account.no, 1).await;
    let (_, message) = &stored[0];
    assert_eq!(
        (message.direction, message.state, body(message)),
        (Direction::Inbound, MessageState::Delivered, "hello")
    );
    assert_eq!((message.provider_id.as_str(), message.push_name.as_deref()), (id.as_str(), Some("Ana")));
    assert_eq!(message.chat.phone.as_deref(), Some(THEIRS));
    let device = phone.devices()[0];
    world.network.wait_settled(OURS, device, PATIENCE).await.unwrap();
    assert!(world.network.acked_by(OURS, device).unwrap().contains(&id));
    assert!(world.commits.load(Ordering::SeqCst) >= 1, "whoever delivers events was not woken");
    // A delivery receipt that its sender can see.
    other.wait_for_receipt(&id, "delivered", PATIENCE).await.unwrap();
    line.link.close().await;
    assert_eq!(stored.len(), world.messages(account.no).await.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_phone_writes_itself_is_an_outbound_message() {
    let world = World::new().await;
    let (account, line, phone) = world.linked("shop", OURS).await;
    world.network.phone(THEIRS);
    let id = phone.send_text(THEIRS, "from the phone").await.unwrap();
    let stored = world.wait_messages(account.no, 1).await;
    let (_, message) = &stored[0];
    assert_eq!(
        (message.direction, body(message), message.provider_id.as_str()),
        (Direction::Outbound, "from the phone", id.as_str())
    );
    assert_eq!((message.chat.phone.as_deref(), &message.sender), (Some(THEIRS), &None));
    line.link.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_messages_that_waited_arrive_in_order_and_once() {
    let world = World::new().await;
    let (account, line, phone) = world.linked("shop", OURS).await;
    line.link.close().await;
    world.network.wait_disconnected(OURS, PATIENCE).await.unwrap();
    let other = world.network.phone(THEIRS);
    for n in 0..100 {
        other.send_text(OURS, &format!("text {n}")).await.unwrap();
    }
    let device = phone.devices()[0];
    let mut line = world.open(&account).await;
    line.connected().await;
    world.network.wait_settled(OURS, device, PATIENCE).await.unwrap();
    let stored = world.messages(account.no).await;
    let mut bodies: Vec<_> = stored.iter().map(|(_, message)| body(message).to_owned()).collect();
    assert_eq!(bodies.len(), 100);
    bodies.sort_by_key(|body| body.trim_start_matches("text ").parse::<u32>().unwrap());
    bodies.dedup();
    assert_eq!(bodies.len(), 100, "some came twice");
    line.link.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_delivered_twice_is_stored_once() {
    let world = World::new().await;
    let (account, line, phone) = world.linked("shop", OURS).await;
    let device = phone.devices()[0];
    let other = world.network.phone(THEIRS);
    world.network.inject(&Scope::account(OURS), &Fault::Duplicate { count: 3 }).unwrap();
    for n in 0..5 {
        other.send_text(OURS, &format!("text {n}")).await.unwrap();
    }
    world.wait_messages(account.no, 5).await;
    world.network.wait_settled(OURS, device, PATIENCE).await.unwrap();
    assert_eq!(world.messages(account.no).await.len(), 5);
    assert_eq!(world.links.stats().copies_lost, 0);
    line.link.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_break_in_the_middle_lose_and_double_nothing() {
    let world = World::new().await;
    let (account, line, phone) = world.linked("shop", OURS).await;
    let device = phone.devices()[0];
    let other = world.network.phone(THEIRS);
    for n in 0..60 {
        other.send_text(OURS, &format!("text {n}")).await.unwrap();
        if n % 20 == 10 {
            world.network.disconnect(&Scope::account(OURS), Cut::Drop).unwrap();
            line.link.reconnect_now();
        }
    }
    world
        .wait("all messages", async || {
            line.link.reconnect_now();
            (world.messages(account.no).await.len() >= 60).then_some(())
        })
        .await;
    world.network.wait_settled(OURS, device, PATIENCE).await.unwrap();
    let stored = world.messages(account.no).await;
    let mut bodies: Vec<_> = stored.iter().map(|(_, message)| body(message)).collect();
    bodies.sort_unstable();
    bodies.dedup();
    assert_eq!((stored.len(), bodies.len()), (60, 60), "{bodies:?}");
    line.link.close().await;
}
