//! Linking by QR code.

use crate::client::{SOON, network, network_with, paired, start};
use std::sync::Arc;
use wacore::store::InMemoryBackend;
use wasup_sandbox::PairingError;

#[tokio::test(flavor = "multi_thread")]
async fn a_client_pairs_and_connects() {
    let network = network().await;
    let phone = network.phone("15550000001");
    let started = std::time::Instant::now();
    let companion = paired(&network, &phone).await;
    // Without the phone's key share the library waits ten seconds.
    assert!(started.elapsed().as_secs() < 8, "pairing took {:?}", started.elapsed());
    network.wait_connected(&companion.number, SOON).await.unwrap();
    assert_eq!(phone.devices(), [1]);
    assert_eq!(network.violations(), []);
    let stats = network.stats();
    assert_eq!((stats.pairings, stats.logins_refused), (1, 0));
    // Now and then the library connects twice after the 515; the second login replaces the first.
    assert!((1..=2).contains(&stats.logins), "{:#?}", network.trace());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_for_one_phone() {
    let network = network().await;
    let (first, second) = (network.phone("15550000001"), network.phone("15550000002"));
    let backend = Arc::new(InMemoryBackend::new());
    let companion = start(&network, first.number(), backend).await;
    let code = companion.qr().await;
    assert_eq!(second.scan("hello").await, Err(PairingError::NotACode));
    first.go_offline();
    assert_eq!(first.scan(&code).await, Err(PairingError::PhoneOffline));
    first.go_online();
    first.scan(&code).await.unwrap();
    let late = second.scan(&code).await;
    assert!(matches!(late, Err(PairingError::AlreadyScanned | PairingError::UnknownReference)), "{late:?}");
    assert!(second.devices().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_comes_online_later_greets_then() {
    let network = network_with(|config| config.lid_migrated = true).await;
    let phone = network.phone("15550000001");
    let companion = paired(&network, &phone).await;
    assert!(companion.client.is_connected());
    let other = network.phone("15550000002");
    phone.go_offline();
    other.send_text(phone.number(), "are you there").await.unwrap();
    assert_eq!(companion.text().await.text, "are you there");
    assert_eq!(phone.inbox(), []);
    assert!(phone.send_text(other.number(), "no").await.is_err());
    phone.go_online();
    phone.wait_for_text("are you there", SOON).await.unwrap();
}
