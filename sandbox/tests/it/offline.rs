//! What waits for a device, and how it is handed over.

use crate::client::{SOON, network, paired, start};
use crate::direct::{Pair, pair};

#[tokio::test(flavor = "multi_thread")]
async fn a_long_queue_arrives_whole_and_in_order() {
    const QUEUED: usize = 450;
    let network = network().await;
    let (phone_a, phone_b) = (network.phone("15550000001"), network.phone("15550000002"));
    let b = paired(&network, &phone_b).await;
    network.wait_settled(phone_b.number(), 1, SOON).await.unwrap();
    let backend = b.stop().await;
    network.wait_disconnected(phone_b.number(), SOON).await.unwrap();
    let mut sent = Vec::new();
    for number in 0..QUEUED {
        let text = format!("queued {number}");
        sent.push(phone_a.send_text(phone_b.number(), &text).await.unwrap());
    }
    assert_eq!(network.waiting(phone_b.number(), 1), Ok(QUEUED));

    let b = start(&network, phone_b.number(), backend).await;
    let got: Vec<String> = b.texts(QUEUED).await.into_iter().map(|text| text.id).collect();
    assert!(got == sent, "order or content differs");
    network.wait_settled(phone_b.number(), 1, SOON).await.unwrap();
    let acked = network.acked_by(phone_b.number(), 1).unwrap();
    assert!(sent.iter().all(|id| acked.contains(id)));
    assert_eq!(network.violations(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_is_away_takes_in_what_waited() {
    let Pair { phones: [_, phone_b], a, network, .. } = pair(false).await;
    phone_b.go_offline();
    let (id, error) = a.send(&phone_b.jid(), "later").await;
    assert_eq!(error, None, "the server accepts it all the same");
    assert_eq!(phone_b.inbox(), []);
    assert!(phone_b.waiting() > 0);
    phone_b.go_online();
    phone_b.wait_for_message(&id, SOON).await.unwrap();
    a.receipt(&id, wacore::types::presence::ReceiptType::Delivered).await;
    assert_eq!(network.violations(), []);
}
