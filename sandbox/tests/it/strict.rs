//! Malformed stanzas are refused, and the network remembers them.

use crate::client::{Companion, SOON, network, network_with, paired};
use std::time::Duration;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;
use wasup_sandbox::{Network, Phone, Rule};

async fn single() -> (Network, Phone, Companion) {
    let network = network().await;
    let own = network.phone("15550000001");
    network.phone("15550000002");
    let companion = paired(&network, &own).await;
    (network, own, companion)
}

fn jid(device: u16) -> String {
    match device {
        0 => "15550000002@s.whatsapp.net".to_owned(),
        device => format!("15550000002:{device}@s.whatsapp.net"),
    }
}

fn message(device: u16) -> NodeBuilder {
    let enc = NodeBuilder::new("enc").attr("v", "2").attr("type", "msg").bytes(vec![1; 64]);
    let to = NodeBuilder::new("to").attr("jid", jid(device)).children([enc.build()]);
    NodeBuilder::new("message")
        .attr("to", "15550000002@s.whatsapp.net")
        .attr("id", "3EB0AA")
        .attr("type", "text")
        .children([NodeBuilder::new("participants").children([to.build()]).build()])
}

async fn provoked(network: &Network, companion: &Companion, node: Node, rule: Rule) {
    companion.client.send_node(node).await.unwrap();
    let seen = network.wait_for_violation(SOON, |violation| violation.rule == rule).await;
    let seen = seen.unwrap_or_else(|_| panic!("{rule:?} not seen: {:?}", network.violations()));
    assert_eq!(seen.number.as_deref(), Some("15550000001"));
    assert!(!seen.stanza.contains("15550000002"), "no values: {}", seen.stanza);
    network.clear_violations();
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_messages_are_refused_and_recorded() {
    let (network, own, companion) = single().await;
    let untyped = message(0).attr("type", "letter").build();
    provoked(&network, &companion, untyped, Rule::Attribute).await;
    provoked(&network, &companion, message(7).build(), Rule::UnknownDevice).await;
    let group = message(0).attr("to", "120363000000000001@g.us").build();
    provoked(&network, &companion, group, Rule::Attribute).await;
    let channel = message(0).attr("to", "120363000000000001@newsletter").build();
    provoked(&network, &companion, channel, Rule::Unsupported).await;
    let empty = NodeBuilder::new("message")
        .attr("to", "15550000002@s.whatsapp.net")
        .attr("id", "3EB0AB")
        .attr("type", "text")
        .build();
    provoked(&network, &companion, empty, Rule::Child).await;
    network.wait_for_stats(SOON, |stats| stats.messages_refused == 5).await.unwrap();
    assert_eq!(network.accepted_from(own.number()), Ok(vec![]));
    assert_eq!(network.violation_count(), 5);
    assert!(network.is_connected(own.number()), "a bad message does not end the stream");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_to_nobody_is_refused_but_is_no_violation() {
    let (network, _, companion) = single().await;
    let nobody = message(0).attr("to", "15559999999@s.whatsapp.net").build();
    companion.client.send_node(nobody).await.unwrap();
    network.wait_for_stats(SOON, |stats| stats.messages_refused == 1).await.unwrap();
    assert_eq!(network.violations(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_left_out_is_noticed() {
    let network = network_with(|config| config.device_list_grace = Duration::ZERO).await;
    let own = network.phone("15550000001");
    let other = network.phone("15550000002");
    let companion = paired(&network, &own).await;
    companion.send(&other.jid(), "to all").await;
    assert_eq!(network.violations(), []);
    // The own phone is left out.
    provoked(&network, &companion, message(0).build(), Rule::MissingDevice).await;
    // It goes on all the same.
    network.wait_for_stats(SOON, |stats| stats.messages_accepted == 2).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_request_is_refused() {
    let (network, _, companion) = single().await;
    let iq = NodeBuilder::new("iq")
        .attr("id", "x1")
        .attr("type", "get")
        .attr("xmlns", "w:unheard:of")
        .attr("to", "s.whatsapp.net");
    provoked(&network, &companion, iq.build(), Rule::Unknown).await;
    let upload = NodeBuilder::new("iq")
        .attr("id", "x2")
        .attr("type", "set")
        .attr("xmlns", "encrypt")
        .attr("to", "s.whatsapp.net");
    provoked(&network, &companion, upload.build(), Rule::Child).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stanza_that_cannot_be_answered_ends_the_stream() {
    let (network, own, companion) = single().await;
    let before = network.stats().logins;
    let nameless = NodeBuilder::new("message").attr("type", "text").build();
    provoked(&network, &companion, nameless, Rule::Attribute).await;
    network.wait_for_stats(SOON, |stats| stats.logins > before).await.unwrap();
    network.wait_connected(own.number(), SOON).await.unwrap();
}
