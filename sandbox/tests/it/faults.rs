//! Every fault, as the client sees it.

use crate::client::{Companion, SOON, network, paired};
use crate::direct::{Pair, pair};
use std::time::{Duration, Instant};
use wacore::types::events::Event;
use wasup_sandbox::{Cut, Fault, Network, Phone, Scope};

async fn single() -> (Network, Phone, Phone, Companion) {
    let network = network().await;
    let (own, other) = (network.phone("15550000001"), network.phone("15550000002"));
    let companion = paired(&network, &own).await;
    (network, own, other, companion)
}

async fn comes_back(network: &Network, number: &str, cut: Cut) {
    let before = network.stats().logins;
    assert_eq!(network.disconnect(&Scope::account(number), cut), Ok(1));
    network.wait_for_stats(SOON, |stats| stats.logins > before).await.unwrap();
    network.wait_connected(number, SOON).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn drop_503_and_515_are_survived() {
    let (network, own, other, companion) = single().await;
    for cut in [Cut::Drop, Cut::Unavailable, Cut::Restart] {
        comes_back(&network, own.number(), cut).await;
        let text = format!("after {cut:?}");
        companion.send(&other.jid(), &text).await;
        other.wait_for_text(&text, SOON).await.unwrap();
    }
    assert_eq!(network.violations(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn replaced_is_reported_and_final() {
    let (network, own, _, companion) = single().await;
    let scope = Scope::device(own.number(), 1);
    assert_eq!(network.disconnect(&scope, Cut::Replaced), Ok(1));
    companion.event("replacement", |event| matches!(event, Event::StreamReplaced(_)).then_some(())).await;
    network.wait_disconnected(own.number(), SOON).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_login_of_a_device_replaces_the_first() {
    let (network, own, _, first) = single().await;
    let second = crate::client::start(&network, own.number(), first.backend.clone()).await;
    second.connected().await;
    first.event("replacement", |event| matches!(event, Event::StreamReplaced(_)).then_some(())).await;
    assert_eq!(network.connections().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn delayed_stanzas_come_late() {
    let (network, own, other, companion) = single().await;
    let scope = Scope::account(own.number());
    network.inject(&scope, &Fault::Delay { millis: 300 }).unwrap();
    let started = Instant::now();
    other.send_text(own.number(), "late").await.unwrap();
    assert_eq!(companion.text().await.text, "late");
    assert!(started.elapsed() >= Duration::from_millis(300));
    network.heal(&scope).unwrap();
    // What was held back before still goes out in order; only then is the way free.
    other.send_text(own.number(), "behind").await.unwrap();
    assert_eq!(companion.text().await.text, "behind");
    let started = Instant::now();
    other.send_text(own.number(), "in time").await.unwrap();
    assert_eq!(companion.text().await.text, "in time");
    assert!(started.elapsed() < Duration::from_millis(300));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doubled_delivery_is_shown_once() {
    let Pair { network, phones: [_, phone_b], a, b } = pair(false).await;
    let twice = Fault::Duplicate { count: 1 };
    network.inject(&Scope::device(phone_b.number(), 0), &twice).unwrap();
    network.inject(&Scope::device(phone_b.number(), 1), &twice).unwrap();
    a.send(&phone_b.jid(), "once").await;
    a.send(&phone_b.jid(), "next").await;
    let texts: Vec<String> = b.texts(2).await.into_iter().map(|text| text.text).collect();
    assert_eq!(texts, ["once", "next"]);
    phone_b.wait_for_text("next", SOON).await.unwrap();
    assert_eq!((phone_b.counts().shown, phone_b.repeats()), (2, 1));
    assert_eq!(network.stats().phone_repeats, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swallowed_ack_with_and_without_the_message() {
    let (network, own, other, companion) = single().await;
    let scope = Scope::account(own.number());
    network.inject(&scope, &Fault::SwallowAcks { count: 1, deliver: true }).unwrap();
    let delivered = companion.send_unacked(&other.jid(), "delivered").await;
    other.wait_for_message(&delivered, SOON).await.unwrap();

    network.inject(&scope, &Fault::SwallowAcks { count: 1, deliver: false }).unwrap();
    let lost = companion.send_unacked(&other.jid(), "lost").await;
    let (acked, error) = companion.send(&other.jid(), "acked").await;
    assert_eq!(error, None);
    other.wait_for_message(&acked, SOON).await.unwrap();

    let accepted = network.accepted_from(own.number()).unwrap();
    let ids: Vec<&str> = accepted.iter().map(|entry| entry.id.as_str()).collect();
    assert_eq!(ids, [acked.as_str()], "only an ack that was sent counts");
    assert_eq!(network.stats().acks_swallowed, 2);
    assert!(other.inbox().iter().all(|message| message.id != lost));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_sent_again_is_shown_once() {
    let (network, own, other, companion) = single().await;
    let scope = Scope::account(own.number());
    network.inject(&scope, &Fault::SwallowAcks { count: 1, deliver: true }).unwrap();
    let id = companion.send_unacked(&other.jid(), "again").await;
    other.wait_for_message(&id, SOON).await.unwrap();
    let options = whatsapp_rust::SendOptions::default().with_message_id(&id);
    let message = waproto::whatsapp::Message { conversation: Some("again".to_owned()), ..Default::default() };
    let to: whatsapp_rust::Jid = other.jid().parse().unwrap();
    companion.client.send_message_with_options(to, message, options).await.unwrap();
    other.wait_for_counts(SOON, |counts| counts.repeats == 1).await.unwrap();
    assert_eq!(other.counts().shown, 1);
    let accepted = network.accepted_from(own.number()).unwrap();
    assert_eq!(accepted.iter().filter(|entry| entry.id == id).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_refused_with_any_code() {
    let (network, own, other, companion) = single().await;
    let refuse = Fault::RefuseMessages { count: 2, code: 463 };
    network.inject(&Scope::Network, &refuse).unwrap();
    for _ in 0..2 {
        let (id, error) = companion.send(&other.jid(), "refused").await;
        assert_eq!(error.as_deref(), Some("463"));
        assert!(network.accepted_from(own.number()).unwrap().iter().all(|entry| entry.id != id));
    }
    let (id, error) = companion.send(&other.jid(), "accepted").await;
    assert_eq!(error, None);
    other.wait_for_message(&id, SOON).await.unwrap();
    assert_eq!(other.inbox().len(), 1);
    assert_eq!(network.stats().messages_refused, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_refused_by_count() {
    let (network, own, _, _companion) = single().await;
    let refuse = Fault::RefuseConnections { count: 1 };
    network.inject(&Scope::Network, &refuse).unwrap();
    network.inject(&Scope::account(own.number()), &refuse).unwrap();
    comes_back(&network, own.number(), Cut::Drop).await;
    assert_eq!(network.stats().connections_refused, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_server_says_nothing_and_forgets_nothing() {
    let (network, own, other, companion) = single().await;
    network.wait_settled(own.number(), 1, SOON).await.unwrap();
    let scope = Scope::account(own.number());
    network.inject(&scope, &Fault::Silence).unwrap();
    let nonsense = wacore_binary::builder::NodeBuilder::new("nonsense").build();
    companion.client.send_node(nonsense).await.unwrap();
    let swallowed = |stats: &wasup_sandbox::Stats| {
        let trace = network.trace();
        stats.unheard > 0 && trace.iter().any(|line| line.stanza.starts_with("<nonsense"))
    };
    network.wait_for_stats(SOON, swallowed).await.unwrap();
    let queued = other.send_text(own.number(), "kept").await.unwrap();
    assert_eq!(network.waiting(own.number(), 1), Ok(1));
    network.heal(&scope).unwrap();
    comes_back(&network, own.number(), Cut::Drop).await;
    assert_eq!(companion.text().await.id, queued);
    assert_eq!(network.violations(), [], "a silent server judges nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_and_cuts_name_who_is_missing() {
    let network = network().await;
    let fault = Fault::Silence;
    assert!(network.inject(&Scope::account("15550000009"), &fault).is_err());
    network.phone("15550000009");
    assert!(network.inject(&Scope::account("15550000009"), &fault).is_ok());
    assert!(network.heal(&Scope::device("15550000009", 3)).is_err());
    assert!(network.disconnect(&Scope::device("15550000009", 3), Cut::Drop).is_err());
}
