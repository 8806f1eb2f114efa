use std::time::Duration;

use tokio::time::Instant;
use wasup_sessions::ports::{DisconnectReason, EndReason, LinkEvent, SendError as WireError};
use wasup_store::id::LinkNo;
use wasup_store::records::{FailReason, MessageState, Phase};
use wasup_store::repo::counters;

use super::network::{Answer, Opens};
use super::world::{World, account, me, until};
use crate::{Fault, Idempotency, SendCommand, SendError};

#[tokio::test]
async fn an_acknowledged_message_is_sent_and_its_waiter_wakes() {
    let world = World::running().await;
    world.connected(&["a"]).await;
    let sent = world.send("a", "hello").await;
    let begin = Instant::now();
    let record = world.tree().messages.wait_settled(sent.id, Duration::from_secs(10)).await.unwrap();
    assert_eq!((record.state, record.tries), (MessageState::Sent, 1));
    assert!(begin.elapsed() < Duration::from_millis(900), "woken, not polled");
    assert_eq!(world.wire("a").await, ["hello"]);
    let counts = world.store.read(|tx| counters::account(tx, sent.id.account)).await.unwrap();
    assert_eq!((counts.outbox_depth(), counts.sent), (0, 1));
}

#[tokio::test]
async fn a_swallowed_acknowledgement_is_answered_by_the_same_id() {
    let world = World::running().await;
    world.connected(&["a"]).await;
    world.network.answers(|_, tries| if tries < 3 { Answer::Swallow } else { Answer::Ack });
    let sent = world.send("a", "hello").await;
    let record = world.state(sent.id, MessageState::Sent).await;
    assert_eq!(record.tries, 3);
    let ids: Vec<String> = world.network.wire(sent.id.account).into_iter().map(|m| m.provider_id).collect();
    assert_eq!(ids, vec![sent.record.provider_id; 3]);
}

#[tokio::test]
async fn a_refused_message_ends_in_its_code() {
    let world = World::running().await;
    world.connected(&["a"]).await;
    world.network.answers(|m, _| Answer::Refuse(if m.content.bytes() == 4 { 463 } else { 479 }));
    let (refused, held) = (world.send("a", "hello").await, world.send("a", "held").await);
    let record = world.state(refused.id, MessageState::Rejected).await;
    assert_eq!(record.reason, Some(FailReason::Server { error: 479 }));
    let record = world.state(held.id, MessageState::Held).await;
    assert_eq!(record.reason, Some(FailReason::Server { error: 463 }));
    let waited = world.tree().messages.wait_settled(held.id, Duration::from_secs(60)).await.unwrap();
    assert_eq!(waited.state, MessageState::Held, "nobody waits for a held one");
    assert_eq!(world.wire("a").await.len(), 2, "neither is sent again");
}

#[tokio::test]
async fn a_message_that_is_never_acknowledged_fails() {
    let mut world = World::new();
    world.settings.send.ack_timeout = Duration::from_millis(30);
    world.settings.send.tries_max = 3;
    world.start().await;
    world.connected(&["a"]).await;
    world.network.answers(|_, _| Answer::Swallow);
    let sent = world.send("a", "hello").await;
    let record = world.state(sent.id, MessageState::Failed).await;
    assert_eq!((record.reason, record.tries), (Some(FailReason::NoAck), 3));
    assert_eq!(world.wire("a").await.len(), 3);
    // A late proof overrules the end.
    let provider_id = record.provider_id;
    world.network.last(sent.id.account).tell(LinkEvent::ServerAck { provider_id, error: None });
    world.state(sent.id, MessageState::Sent).await;
}

#[tokio::test]
async fn what_was_being_sent_when_the_process_ended_is_sent_again_with_its_id() {
    let mut world = World::running().await;
    world.connected(&["a"]).await;
    world.network.answers(|_, _| Answer::Swallow);
    let sent = world.send("a", "hello").await;
    until("it is on the wire", async || (!world.wire("a").await.is_empty()).then_some(())).await;
    world.network.answers(|_, _| Answer::Ack);
    // The first life may still have sent it again itself; the new one has to in any case.
    world.restart().await;
    let record = world.state(sent.id, MessageState::Sent).await;
    let wire = world.network.wire(sent.id.account);
    assert!(wire.len() >= 2 && wire.iter().all(|m| m.provider_id == record.provider_id));
}

#[tokio::test]
async fn what_was_being_sent_when_the_actor_broke_is_sent_again_with_its_id() {
    let mut world = World::new();
    world.settings.send.ack_timeout = Duration::from_secs(60);
    world.start().await;
    world.connected(&["a"]).await;
    world.network.answers(|_, tries| if tries == 1 { Answer::Swallow } else { Answer::Ack });
    let sent = world.send("a", "hello").await;
    until("it is on the wire", async || (!world.wire("a").await.is_empty()).then_some(())).await;
    world.tree().accounts.strike_for_test(&account("a"), Fault::Panic).await.unwrap();
    let record = world.state(sent.id, MessageState::Sent).await;
    assert_eq!(record.tries, 2);
    assert_eq!(world.wire("a").await, ["hello", "hello"]);
}

#[tokio::test]
async fn a_reconnect_sends_again_what_was_not_acknowledged() {
    let mut world = World::new();
    world.settings.send.ack_timeout = Duration::from_secs(60);
    world.start().await;
    world.connected(&["a"]).await;
    world.network.answers(|_, tries| if tries == 1 { Answer::Swallow } else { Answer::Ack });
    let sent = world.send("a", "hello").await;
    until("it is on the wire", async || (!world.wire("a").await.is_empty()).then_some(())).await;
    let link = world.network.last(sent.id.account);
    link.tell(LinkEvent::Disconnected { reason: DisconnectReason::ConnectionLost });
    world.phase("a", Phase::Reconnecting).await;
    link.connect();
    assert_eq!(world.state(sent.id, MessageState::Sent).await.tries, 2);
}

#[tokio::test]
async fn messages_wait_for_the_connection_and_go_in_order_within_the_limit() {
    let mut world = World::new();
    world.settings.send.in_flight = 2;
    world.settings.send.ack_timeout = Duration::from_secs(60);
    world.network.opens(Opens::Silent);
    world.network.answers(|_, _| Answer::Swallow);
    world.start().await;
    world.create(&["a"]).await;
    let mut sent = Vec::new();
    for body in ["1", "2", "3", "4", "5"] {
        sent.push(world.send("a", body).await);
    }
    world.phase("a", Phase::Connecting).await;
    assert!(world.wire("a").await.is_empty());
    let link = until("the link is open", async || world.network.links(sent[0].id.account).pop()).await;
    link.connect();
    let ack = |n: usize| LinkEvent::ServerAck { provider_id: sent[n].record.provider_id.clone(), error: None };
    until("two are out", async || (world.wire("a").await.len() == 2).then_some(())).await;
    // Everything the actor was told before this answer is dealt with, and still only two are out.
    link.tell(ack(0));
    world.state(sent[0].id, MessageState::Sent).await;
    until("a third is out", async || (world.wire("a").await.len() == 3).then_some(())).await;
    assert_eq!(world.message(sent[3].id).await.state, MessageState::Queued);
    for n in 1..5 {
        until("the next is out", async || (world.wire("a").await.len() > n).then_some(())).await;
        link.tell(ack(n));
    }
    world.state(sent[4].id, MessageState::Sent).await;
    assert_eq!(world.wire("a").await, ["1", "2", "3", "4", "5"]);
}

#[tokio::test]
async fn receipts_move_messages_on_and_prove_that_they_were_sent() {
    let mut world = World::new();
    world.settings.send.ack_timeout = Duration::from_secs(60);
    world.start().await;
    world.connected(&["a"]).await;
    world.network.answers(|_, _| Answer::Swallow);
    let sent = world.send("a", "hello").await;
    until("it is on the wire", async || (!world.wire("a").await.is_empty()).then_some(())).await;
    let receipt = |seen| LinkEvent::Receipt { provider_ids: vec![sent.record.provider_id.clone()], seen, at_ms: 5 };
    let link = world.network.last(sent.id.account);
    link.tell(receipt(MessageState::Read));
    link.tell(receipt(MessageState::Delivered));
    let record = world.tree().messages.wait_settled(sent.id, Duration::from_secs(10)).await.unwrap();
    assert_eq!(record.state, MessageState::Read);
    let counts = world.store.read(|tx| counters::account(tx, sent.id.account)).await.unwrap();
    assert_eq!(counts.outbox_depth(), 0);
}

#[tokio::test]
async fn a_failure_before_the_wire_ends_or_is_tried_again() {
    let world = World::running().await;
    world.connected(&["a"]).await;
    world.network.answers(|message, tries| match message.content.bytes() {
        1 => Answer::Fail(WireError::NoRecipient),
        2 => Answer::Fail(WireError::NotSendable),
        _ if tries == 1 => Answer::Fail(WireError::Transient),
        _ => Answer::Ack,
    });
    let (nobody, broken, shaky) =
        (world.send("a", "1").await, world.send("a", "22").await, world.send("a", "333").await);
    assert_eq!(world.state(nobody.id, MessageState::Failed).await.reason, Some(FailReason::NoRecipient));
    assert_eq!(world.state(broken.id, MessageState::Failed).await.reason, Some(FailReason::NotSendable));
    assert_eq!(world.state(shaky.id, MessageState::Sent).await.tries, 2);
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_and_an_outbox_has_an_end() {
    let mut world = World::new();
    world.settings.send.outbox_max = 1;
    world.network.opens(Opens::Silent);
    world.start().await;
    world.create(&["a"]).await;
    let command = |body: u8| SendCommand {
        account: account("a"),
        chat: super::world::peer(),
        content: wasup_store::records::Content::text("x"),
        context: None,
        lane: wasup_store::records::Lane::Interactive,
        client_message_id: None,
        idempotency: Some(Idempotency { key: "k".into(), body_sha256: [body; 32] }),
    };
    let messages = &world.tree().messages;
    let first = messages.send(&me(), command(1)).await.unwrap();
    let again = messages.send(&me(), command(1)).await.unwrap();
    assert_eq!((again.id, first.replayed, again.replayed), (first.id, false, true));
    assert!(matches!(messages.send(&me(), command(2)).await, Err(SendError::IdempotencyKeyReused)));
    let other = SendCommand { idempotency: None, ..command(1) };
    assert!(matches!(messages.send(&me(), other).await, Err(SendError::OutboxFull { .. })));
    let stranger = SendCommand { account: account("nobody"), ..command(1) };
    assert!(matches!(messages.send(&me(), stranger).await, Err(SendError::AccountNotFound)));
}

#[tokio::test]
async fn a_logout_rejects_what_waits_and_the_next_link_is_a_new_one() {
    let mut world = World::new();
    world.settings.send.in_flight = 1;
    world.settings.send.ack_timeout = Duration::from_secs(60);
    world.start().await;
    world.connected(&["a"]).await;
    world.network.answers(|_, _| Answer::Swallow);
    let (on_the_wire, waiting) = (world.send("a", "1").await, world.send("a", "2").await);
    until("it is on the wire", async || (!world.wire("a").await.is_empty()).then_some(())).await;
    world.network.last(on_the_wire.id.account).end(EndReason::LoggedOut);
    let record = world.phase("a", Phase::LoggedOut).await;
    assert_eq!((record.link, record.identity), (LinkNo(2), None));
    for id in [on_the_wire.id, waiting.id] {
        let message = world.tree().messages.wait_settled(id, Duration::from_secs(10)).await.unwrap();
        assert_eq!((message.state, message.reason), (MessageState::Rejected, Some(FailReason::LoggedOut)));
    }
    world.network.opens(Opens::Qr);
    world.tree().accounts.start(&me(), &account("a")).await.unwrap();
    world.phase("a", Phase::Pairing).await;
    assert_eq!(world.network.last(record.no).target.link, LinkNo(2));
}
