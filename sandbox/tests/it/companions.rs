//! Several companions of one account: what one sends, the others see.

use crate::client::{SOON, network, paired};
use crate::direct::{Pair, pair};
use wacore::types::events::Event;
use wasup_sandbox::{Cut, Scope};

#[tokio::test(flavor = "multi_thread")]
async fn own_devices_see_what_a_companion_sends() {
    let network = network().await;
    let (phone_a, phone_b) = (network.phone("15550000001"), network.phone("15550000002"));
    let first = paired(&network, &phone_a).await;
    let second = paired(&network, &phone_a).await;
    let other = paired(&network, &phone_b).await;
    assert_eq!(phone_a.devices(), [1, 2]);

    first.send(&phone_b.jid(), "from the first").await;
    let copy = second.text().await;
    assert_eq!((copy.text.as_str(), copy.from_me), ("from the first", true));
    assert!(copy.chat.starts_with(phone_b.number()), "filed under the recipient: {}", copy.chat);
    assert_eq!(other.text().await.text, "from the first");

    other.send(&phone_a.jid(), "to both").await;
    assert_eq!(first.text().await.text, "to both");
    assert_eq!(second.text().await.text, "to both");
    assert_eq!(network.violations(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_companion_is_announced_to_who_writes_to_the_account() {
    let Pair { network, phones: [_, phone_b], a, b } = pair(false).await;
    a.send(&phone_b.jid(), "before").await;
    assert_eq!(b.text().await.text, "before");
    let later = paired(&network, &phone_b).await;
    network.wait_settled(&a.number, 1, SOON).await.unwrap();
    a.send(&phone_b.jid(), "after").await;
    assert_eq!(later.text().await.text, "after");
    assert_eq!(b.text().await.text, "after");
    assert_eq!(network.violations(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_companion_is_logged_out_and_forgotten() {
    let Pair { network, phones: [phone_a, phone_b], a, b } = pair(false).await;
    a.send(&phone_b.jid(), "before").await;
    assert_eq!(b.text().await.text, "before");
    let scope = Scope::device(phone_b.number(), 1);
    assert_eq!(network.disconnect(&scope, Cut::DeviceRemoved), Ok(1));
    b.event("logout", |event| matches!(event, Event::LoggedOut(_)).then_some(())).await;
    assert!(phone_b.devices().is_empty());

    network.wait_settled(phone_a.number(), 1, SOON).await.unwrap();
    let (_, error) = a.send(&phone_b.jid(), "after").await;
    assert_eq!(error, None);
    phone_b.wait_for_text("after", SOON).await.unwrap();

    // The store still believes it is linked; its login is refused.
    let backend = b.stop().await;
    let again = crate::client::start(&network, phone_b.number(), backend).await;
    again.event("refusal", |event| matches!(event, Event::LoggedOut(_)).then_some(())).await;
    assert_eq!(network.stats().logins_refused, 1);
    assert_eq!(network.violations(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_companion_can_unlink_itself() {
    let network = network().await;
    let phone = network.phone("15550000001");
    let companion = paired(&network, &phone).await;
    companion.client.logout().await;
    network.wait_disconnected(phone.number(), SOON).await.unwrap();
    assert!(phone.devices().is_empty());
    assert_eq!(network.violations(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_one_companion_reach_the_other() {
    let network = network().await;
    let (own, other) = (network.phone("15550000001"), network.phone("15550000002"));
    let first = paired(&network, &own).await;
    let second = paired(&network, &own).await;
    let chat: whatsapp_rust::Jid = other.jid().parse().unwrap();
    first.client.chat_actions().pin_chat(&chat).await.unwrap();
    second
        .event("pinned chat", |event| match event {
            Event::PinUpdate(pin) => Some(pin.jid.user.to_string()),
            _ => None,
        })
        .await;
    assert_eq!(network.violations(), []);
}
