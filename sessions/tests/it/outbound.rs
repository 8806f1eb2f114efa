//! Sends: the id is ours, the server's word decides.

use wasup_sandbox::{Fault, Scope};
use wasup_sessions::ports::{LinkEvent, SendError};
use wasup_store::records::MessageState;

use crate::world::{PATIENCE, World, text};

const OURS: &str = "6281234567801";
const THEIRS: &str = "6281234567802";

#[tokio::test(flavor = "multi_thread")]
async fn a_send_reaches_the_phone_under_our_id_and_its_receipts_come_back() {
    let world = World::new().await;
    let (account, mut line, own) = world.linked("shop", OURS).await;
    let other = world.network.phone(THEIRS);
    let message = text(account.no, THEIRS, "hello", 1);
    line.send(&message).await;
    assert_eq!(line.ack(&message.provider_id).await, None);
    let shown = other.wait_for_message(&message.provider_id, PATIENCE).await.unwrap();
    assert_eq!(shown.text.as_deref(), Some("hello"));
    let receipt = |wanted: MessageState| {
        let id = message.provider_id.clone();
        move |event: &LinkEvent| match event {
            LinkEvent::Receipt { provider_ids, seen, .. } if *seen == wanted && provider_ids.contains(&id) => Some(()),
            _ => None,
        }
    };
    line.until("the delivery", receipt(MessageState::Delivered)).await;
    other.read(&message.provider_id).await.unwrap();
    line.until("the reading", receipt(MessageState::Read)).await;
    // The account's own phone shows the message too, and what it says about it is no receipt of the receiver.
    own.wait_for_message(&message.provider_id, PATIENCE).await.unwrap();
    let delivered = line.passed.iter().filter(|event| matches!(event, LinkEvent::Receipt { .. })).count();
    assert_eq!(delivered, 0, "{:?}", line.passed);
    line.link.close().await;
    assert!(world.network.violations().is_empty(), "{:?}", world.network.violations());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swallowed_ack_is_mended_by_the_same_id() {
    let world = World::new().await;
    let (account, mut line, _) = world.linked("shop", OURS).await;
    let other = world.network.phone(THEIRS);
    let message = text(account.no, THEIRS, "once", 1);
    let fault = Fault::SwallowAcks { count: 1, deliver: true };
    world.network.inject(&Scope::account(OURS), &fault).unwrap();
    line.send(&message).await;
    other.wait_for_message(&message.provider_id, PATIENCE).await.unwrap();
    line.send(&message).await;
    assert_eq!(line.ack(&message.provider_id).await, None);
    world.wait("the repeat", async || (other.repeats() == 1).then_some(())).await;
    assert_eq!(other.inbox().iter().filter(|shown| shown.text.as_deref() == Some("once")).count(), 1);
    line.link.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_comes_with_its_code() {
    let world = World::new().await;
    let (account, mut line, _) = world.linked("shop", OURS).await;
    let other = world.network.phone(THEIRS);
    world.network.inject(&Scope::account(OURS), &Fault::RefuseMessages { count: 1, code: 463 }).unwrap();
    let refused = text(account.no, THEIRS, "no", 1);
    line.send(&refused).await;
    assert_eq!(line.ack(&refused.provider_id).await, Some(463));
    let welcome = text(account.no, THEIRS, "yes", 2);
    line.send(&welcome).await;
    assert_eq!(line.ack(&welcome.provider_id).await, None);
    other.wait_for_text("yes", PATIENCE).await.unwrap();
    assert!(other.inbox().iter().all(|shown| shown.text.as_deref() != Some("no")));
    line.link.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_by_a_link_that_is_not_connected() {
    let world = World::new().await;
    let account = world.account("shop").await;
    let mut line = world.open(&account).await;
    line.qr().await;
    let message = text(account.no, THEIRS, "early", 1);
    assert_eq!(line.link.send(&message).await, Err(SendError::NotConnected));
    line.link.close().await;
    assert_eq!(line.link.send(&message).await, Err(SendError::NotConnected));
}
