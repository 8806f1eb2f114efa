//! Messages to groups: keys, relays, receipts, who may write.

use crate::client::{Companion, SOON, network_with, paired};
use crate::direct::{Pair, pair};
use wacore::types::presence::ReceiptType;
use wasup_sandbox::{GroupSettings, Network, Phone};

/// A group of two accounts, each with a companion.
pub(crate) async fn group(lid: bool) -> (Pair, String) {
    let pair = pair(lid).await;
    let jid = pair.phones[0].create_group("friends", &[pair.phones[1].number()], Some(lid)).unwrap();
    (pair, jid)
}

async fn both_ways(lid: bool) {
    let (Pair { network, phones: [phone_a, phone_b], a, b }, group) = group(lid).await;
    assert_eq!(phone_b.groups(), std::slice::from_ref(&group));
    let (id, error) = a.send(&group, "one").await;
    assert_eq!(error, None);
    let got = b.text().await;
    assert_eq!((got.text.as_str(), &got.chat, &got.id), ("one", &group, &id));
    let family = if lid { "@lid" } else { "@s.whatsapp.net" };
    assert!(got.sender.ends_with(family), "{} in mode {family}", got.sender);
    a.receipt(&id, ReceiptType::Delivered).await;
    for phone in [&phone_a, &phone_b] {
        let shown = phone.wait_for_text("one", SOON).await.unwrap();
        assert_eq!((&shown.chat, shown.sender_number.as_str()), (&group, phone_a.number()));
    }
    turns(&a, &b, &group).await;
    a_phone_writes(&phone_b, [&a, &b], &group).await;
    phone_a.wait_for_text("from the phone", SOON).await.unwrap();
    assert_eq!(network.violations(), []);
    assert_eq!(phone_a.counts().undecryptable + phone_b.counts().undecryptable, 0);
    assert_eq!(network.stats().stale_hashes, 0, "everybody knew everybody's devices");
}

async fn turns(a: &Companion, b: &Companion, group: &str) {
    for turn in 0..4 {
        b.send(group, &format!("back {turn}")).await;
        assert_eq!(a.text().await.text, format!("back {turn}"));
        a.send(group, &format!("forth {turn}")).await;
        assert_eq!(b.text().await.text, format!("forth {turn}"));
    }
}

async fn a_phone_writes(phone: &Phone, [a, b]: [&Companion; 2], group: &str) {
    let id = phone.send_text(group, "from the phone").await.unwrap();
    let got = a.text().await;
    assert_eq!((got.text.as_str(), &got.id, got.from_me), ("from the phone", &id, false));
    let own = b.text().await;
    assert!(own.from_me, "the own companion sees what its phone wrote");
    phone.wait_for_receipt(&id, "delivered", SOON).await.unwrap();
    let sender: whatsapp_rust::Jid = got.sender.parse().unwrap();
    a.client.mark_as_read(&group.parse().unwrap(), Some(&sender), &[&id]).await.unwrap();
    phone.wait_for_receipt(&id, "read", SOON).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn by_number() {
    both_ways(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_hidden_id() {
    both_ways(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_while_a_member_was_away_is_read_later() {
    let (Pair { network, phones: [phone_a, phone_b], a, b }, group) = group(false).await;
    let backend = b.stop().await;
    network.wait_disconnected(phone_b.number(), SOON).await.unwrap();
    phone_a.rename_group(&group, "late friends").unwrap();
    phone_a.send_text(&group, "by the phone").await.unwrap();
    a.send(&group, "by the companion").await;
    let b = crate::client::start(&network, phone_b.number(), backend).await;
    b.connected().await;
    let texts: Vec<String> = b.texts(2).await.into_iter().map(|text| text.text).collect();
    assert_eq!(texts, ["by the phone", "by the companion"]);
    b.subject("late friends").await;
    assert_eq!(network.violations(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_lost_its_keys_asks_and_gets_the_message() {
    let (Pair { network, phones: [phone_a, phone_b], a, .. }, group) = group(false).await;
    a.send(&group, "one").await;
    phone_b.wait_for_text("one", SOON).await.unwrap();
    phone_b.forget_sessions();
    a.send(&group, "two").await;
    let shown = phone_b.wait_for_text("two", SOON).await.unwrap();
    assert_eq!((&shown.chat, shown.sender_number.as_str()), (&group, phone_a.number()));
    a.send(&group, "three").await;
    phone_b.wait_for_text("three", SOON).await.unwrap();
    assert_eq!(network.violations(), []);
}

/// A device that can't read what a phone wrote asks the phone.
#[tokio::test(flavor = "multi_thread")]
async fn a_companion_without_the_key_gets_the_message_from_the_phone() {
    let (Pair { network, phones: [phone_a, _], b, .. }, group) = group(false).await;
    phone_a.send_text(&group, "one").await.unwrap();
    assert_eq!(b.text().await.text, "one");
    phone_a.lose_track_of_keys(&group);
    phone_a.send_text(&group, "two").await.unwrap();
    assert_eq!(b.text().await.text, "two");
    assert_eq!(network.violations(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_members_write_and_only_admins_where_it_is_so() {
    let (Pair { network, phones: [phone_a, phone_b], a, b }, group) = group(false).await;
    phone_a.set_group(&group, &GroupSettings { announce: true, ..GroupSettings::default() }).unwrap();
    let (_, error) = b.send(&group, "not me").await;
    assert_eq!(error.as_deref(), Some("420"));
    let (_, error) = a.send(&group, "but me").await;
    assert_eq!(error, None);
    assert_eq!(b.text().await.text, "but me");
    assert!(phone_b.send_text(&group, "nor my phone").await.is_err());
    b.send_after_removal(&network, &phone_a, &phone_b, &group).await;
    assert_eq!(network.violations(), []);
}

impl Companion {
    async fn send_after_removal(&self, network: &Network, admin: &Phone, own: &Phone, group: &str) {
        admin.set_group(group, &GroupSettings::default()).unwrap();
        // It knows the group by now, so it need not ask for it.
        self.send(group, "still in").await;
        assert_eq!(admin.remove_from_group(group, &[own.number()]).unwrap(), []);
        network.wait_settled(own.number(), 1, SOON).await.unwrap();
        let (_, error) = self.send(group, "out").await;
        assert_eq!(error.as_deref(), Some("403"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_device_is_not_forgotten() {
    let network = network_with(|_| {}).await;
    let phones = [network.phone("15550000001"), network.phone("15550000002")];
    let group = phones[0].create_group("growing", &[phones[1].number()], None).unwrap();
    let a = paired(&network, &phones[0]).await;
    a.send(&group, "one").await;
    phones[1].wait_for_text("one", SOON).await.unwrap();
    let b = paired(&network, &phones[1]).await;
    phones[0].send_text(&group, "two").await.unwrap();
    assert_eq!(b.text().await.text, "two");
    let third = network.phone("15550000003");
    phones[0].add_to_group(&group, &[third.number()]).unwrap();
    network.wait_settled(phones[0].number(), 1, SOON).await.unwrap();
    a.send(&group, "three").await;
    third.wait_for_text("three", SOON).await.unwrap();
    assert_eq!(network.violations(), []);
}
