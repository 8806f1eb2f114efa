//! Reconnecting: resumption, its refusal, restarts of a client on its store.

use crate::client::{SOON, network, paired, start};
use crate::direct::{Pair, pair};
use wasup_sandbox::{Cut, Scope};

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_client_resumes() {
    let network = network().await;
    let phone = network.phone("15550000001");
    let companion = paired(&network, &phone).await;
    // The login right after pairing is a full one; only its chain is kept.
    let before = network.stats();
    let scope = Scope::account(phone.number());
    assert_eq!(network.disconnect(&scope, Cut::Drop), Ok(1));
    let stats = network.wait_for_stats(SOON, |stats| stats.logins > before.logins).await.unwrap();
    assert_eq!(stats.resumptions, before.resumptions + 1);
    network.wait_connected(&companion.number, SOON).await.unwrap();
    assert_eq!(network.violations(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_server_key_falls_back_to_the_full_handshake() {
    let network = network().await;
    let phone = network.phone("15550000001");
    let companion = paired(&network, &phone).await;
    let before = network.stats();
    network.rotate_server_key();
    network.disconnect(&Scope::Network, Cut::Drop).unwrap();
    let stats = network.wait_for_stats(SOON, |stats| stats.logins > before.logins).await.unwrap();
    assert_eq!(stats.resumptions, before.resumptions);
    network.wait_connected(&companion.number, SOON).await.unwrap();
    network.disconnect(&Scope::Network, Cut::Drop).unwrap();
    let again = network.wait_for_stats(SOON, |after| after.logins > stats.logins).await.unwrap();
    assert_eq!(again.resumptions, stats.resumptions + 1, "the new chain was kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_client_goes_on_where_it_was() {
    let Pair { network, phones: [phone_a, phone_b], a, b } = pair(false).await;
    a.send(&phone_b.jid(), "one").await;
    assert_eq!(b.text().await.text, "one");
    network.wait_settled(phone_b.number(), 1, SOON).await.unwrap();
    let backend = b.stop().await;
    network.wait_disconnected(phone_b.number(), SOON).await.unwrap();
    a.send(&phone_b.jid(), "two").await;
    assert_eq!(network.waiting(phone_b.number(), 1).map(|waiting| waiting > 0), Ok(true));

    let b = start(&network, phone_b.number(), backend).await;
    assert_eq!(b.text().await.text, "two");
    b.connected().await;
    b.send(&phone_a.jid(), "three").await;
    assert_eq!(a.text().await.text, "three");
    assert_eq!(network.violations(), []);
}
