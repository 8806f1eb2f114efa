//! Sessions get lost, on either side; the message arrives all the same.

use crate::client::{SOON, paired, start};
use crate::direct::{Pair, pair};
use wacore::store::traits::SignalStore as _;

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_lost_its_sessions_asks_again() {
    let Pair { network, phones: [phone_a, phone_b], a, b: _b } = pair(false).await;
    a.send(&phone_b.jid(), "first").await;
    phone_b.wait_for_text("first", SOON).await.unwrap();
    // An answer makes the companion's session a settled one, so the next message is no first one.
    phone_b.send_text(phone_a.number(), "settled").await.unwrap();
    assert_eq!(a.text().await.text, "settled");
    phone_b.forget_sessions();
    let (id, _) = a.send(&phone_b.jid(), "asked for again").await;
    let shown = phone_b.wait_for_text("asked for again", SOON).await.unwrap();
    assert_eq!(shown.id, id);
    assert_eq!((phone_b.counts().undecryptable, phone_b.repeats()), (1, 0));
    a.send(&phone_b.jid(), "and on").await;
    phone_b.wait_for_text("and on", SOON).await.unwrap();
    assert_eq!(network.violations(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_companion_that_lost_its_sessions_gets_the_message_again() {
    let Pair { network, phones: [phone_a, phone_b], a, b: _b } = pair(false).await;
    phone_b.send_text(phone_a.number(), "first").await.unwrap();
    assert_eq!(a.text().await.text, "first");
    a.send(&phone_b.jid(), "settled").await;
    phone_b.wait_for_text("settled", SOON).await.unwrap();
    network.wait_settled(phone_a.number(), 1, SOON).await.unwrap();
    let backend = a.stop().await;
    network.wait_disconnected(phone_a.number(), SOON).await.unwrap();
    for user in [phone_b.jid(), phone_b.lid()] {
        let user: whatsapp_rust::Jid = user.parse().unwrap();
        let address = wacore::types::jid::JidExt::to_protocol_address_string(&user);
        backend.delete_session(&address).await.unwrap();
    }

    let a = start(&network, phone_a.number(), backend).await;
    a.connected().await;
    let id = phone_b.send_text(phone_a.number(), "sent again").await.unwrap();
    let got = a.text().await;
    assert_eq!((got.text.as_str(), &got.id), ("sent again", &id));
    assert!(network.stats().retries > 0, "the companion asked for it");
    assert_eq!(network.violations(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn paired_devices_keep_their_ids() {
    let Pair { network, phones, .. } = pair(false).await;
    let again = paired(&network, &phones[0]).await;
    assert_eq!(phones[0].devices(), [1, 2], "{} got the next number", again.number);
}
