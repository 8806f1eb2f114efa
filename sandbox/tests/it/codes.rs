//! Pairing by code, and what can come of it.

use crate::client::{Companion, SOON, network, network_with, start};
use std::sync::Arc;
use std::time::Duration;
use wacore::store::InMemoryBackend;
use wacore::types::events::Event;
use wacore_binary::builder::NodeBuilder;
use wasup_sandbox::{Fault, Network, PairingError, Phone, Rule, Scope};
use whatsapp_rust::pair_code::{PairCodeOptions, PairCodeRejection, PairError};

const NUMBER: &str = "15550000001";

/// A client that shows a QR code, so its connection is there.
async fn unlinked(network: &Network) -> (Phone, Companion) {
    let phone = network.phone(NUMBER);
    let companion = start(network, NUMBER, Arc::new(InMemoryBackend::new())).await;
    companion.qr().await;
    (phone, companion)
}

impl Companion {
    async fn ask_code(&self) -> Result<String, PairError> {
        let options = PairCodeOptions { phone_number: self.number.clone(), ..PairCodeOptions::default() };
        self.client.pair_with_code(options).await
    }
}

/// Another code than this one.
fn other_than(code: &str) -> String {
    let last = if code.ends_with('A') { "B" } else { "A" };
    format!("{}{last}", &code[..7])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_links_the_connection_that_asked_for_it() {
    let network = network().await;
    let (phone, companion) = unlinked(&network).await;
    let code = companion.ask_code().await.unwrap();
    let typed = format!("{}-{}", code[..4].to_lowercase(), &code[4..]);
    assert_eq!(phone.enter_code(&typed).await, Ok(1));
    companion.connected().await;
    network.wait_connected(NUMBER, SOON).await.unwrap();
    let other = network.phone("15550000002");
    other.send_text(NUMBER, "hello").await.unwrap();
    assert_eq!(companion.text().await.text, "hello");
    assert_eq!(network.violations(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_can_not_be_used_is_refused_clearly() {
    let network = network().await;
    let (phone, companion) = unlinked(&network).await;
    assert_eq!(phone.enter_code("ABCDEFGH").await, Err(PairingError::NoCodeRequested));
    let code = companion.ask_code().await.unwrap();
    assert_eq!(phone.enter_code("ABCDEFG").await, Err(PairingError::NotAPairingCode));
    let other = network.phone("15550000002");
    assert_eq!(other.enter_code(&code).await, Err(PairingError::NoCodeRequested), "the code is for another number");
    phone.go_offline();
    assert_eq!(phone.enter_code(&code).await, Err(PairingError::PhoneOffline));
    phone.go_online();
    assert_eq!(phone.enter_code(&other_than(&code)).await, Err(PairingError::WrongCode));
    assert_eq!(phone.enter_code(&code).await, Ok(1), "a wrong code can be entered again");
    companion.connected().await;
    assert_eq!(network.violations(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_expires_and_is_spent() {
    let network = network_with(|config| config.code_validity = Duration::ZERO).await;
    let (phone, companion) = unlinked(&network).await;
    let code = companion.ask_code().await.unwrap();
    assert_eq!(phone.enter_code(&code).await, Err(PairingError::CodeExpired));

    let network = crate::client::network().await;
    let (phone, companion) = unlinked(&network).await;
    let code = companion.ask_code().await.unwrap();
    for _ in 0..3 {
        assert_eq!(phone.enter_code(&other_than(&code)).await, Err(PairingError::WrongCode));
    }
    assert_eq!(phone.enter_code(&code).await, Err(PairingError::CodeSpent));
    companion.stop().await;
    network.wait_for_stats(SOON, |_| network.connects().in_flight == 0).await.unwrap();
    assert_eq!(phone.enter_code(&code).await, Err(PairingError::NoCodeRequested), "its connection is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_a_code_is_refused_as_the_library_knows_it() {
    let network = network().await;
    let (_, companion) = unlinked(&network).await;
    let refusals = [
        (400, PairCodeRejection::BadRequest, None),
        (403, PairCodeRejection::Forbidden, None),
        (429, PairCodeRejection::RateOverlimit, Some(30)),
        (452, PairCodeRejection::FeatureNotAvailable, None),
        (500, PairCodeRejection::InternalServerError, None),
        (501, PairCodeRejection::Unknown(501), None),
    ];
    for (code, rejection, backoff) in refusals {
        let refuse = Fault::RefuseCodes { count: Some(1), code, backoff };
        network.inject(&Scope::account(NUMBER), &refuse).unwrap();
        let refused = companion.ask_code().await.unwrap_err();
        assert_eq!(refused.rejection(), Some(rejection));
        assert_eq!(refused.backoff(), backoff.map(|seconds| Duration::from_secs(seconds.into())));
    }
    companion.ask_code().await.unwrap();
    // A number that nobody has.
    let stranger = start(&network, "15559999999", Arc::new(InMemoryBackend::new())).await;
    stranger.qr().await;
    assert_eq!(stranger.ask_code().await.unwrap_err().rejection(), Some(PairCodeRejection::BadRequest));
    assert_eq!(network.violations(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_asks_for_another_code() {
    let network = network().await;
    let (phone, companion) = unlinked(&network).await;
    assert_eq!(phone.refresh_code(true), Err(PairingError::NoCodeRequested));
    let old = companion.ask_code().await.unwrap();
    phone.refresh_code(true).unwrap();
    let by_hand = companion
        .event("refresh", |event| match event {
            Event::PairingCodeRefresh(refresh) => Some(refresh.force_manual),
            _ => None,
        })
        .await;
    assert!(by_hand);
    assert_eq!(phone.enter_code(&old).await, Err(PairingError::NoCodeRequested));
    let new = companion.ask_code().await.unwrap();
    assert_eq!(phone.enter_code(&new).await, Ok(1));
    companion.connected().await;
    assert_eq!(network.violations(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demanded_passkey_ends_the_pairing_there() {
    let network = network().await;
    let (phone, companion) = unlinked(&network).await;
    phone.demand_passkey(true);
    let code = companion.ask_code().await.unwrap();
    assert_eq!(phone.enter_code(&code).await, Err(PairingError::PasskeyDemanded));
    let options = companion
        .event("demand", |event| match event {
            Event::PairPasskeyRequest(demand) => Some(demand.request_options_json.clone()),
            _ => None,
        })
        .await;
    assert!(whatsapp_rust::passkey::parse_request_options(&options).is_ok(), "{options}");
    assert!(phone.devices().is_empty());
    phone.demand_passkey(false);
    assert_eq!(phone.enter_code(&code).await, Ok(1));
    companion.connected().await;
    assert_eq!(network.violations(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_requests_for_a_code_are_recorded() {
    let network = network().await;
    let (_, companion) = unlinked(&network).await;
    let registration = |stage: &str| {
        NodeBuilder::new("link_code_companion_reg")
            .attr("jid", format!("{NUMBER}@s.whatsapp.net"))
            .attr("stage", stage.to_owned())
    };
    let iq = |child| {
        let iq = NodeBuilder::new("iq").attr("id", "x1").attr("type", "set").attr("xmlns", "md");
        iq.attr("to", "s.whatsapp.net").children([child]).build()
    };
    let strangers_key = NodeBuilder::new("companion_server_auth_key_pub").bytes(vec![7; 32]).build();
    let hello = || registration("companion_hello").attr("should_show_push_notification", "true");
    let malformed = [
        (registration("companion_hello").build(), Rule::Attribute),
        (hello().build(), Rule::Child),
        (hello().children([strangers_key]).build(), Rule::Signature),
        (registration("companion_finish").build(), Rule::OutOfOrder),
        (registration("companion_farewell").build(), Rule::Unknown),
    ];
    for (child, rule) in malformed {
        companion.client.send_node(iq(child)).await.unwrap();
        let seen = network.wait_for_violation(SOON, |violation| violation.rule == rule).await;
        assert!(seen.is_ok(), "{rule:?} not seen: {:?}", network.violations());
        network.clear_violations();
    }
}
