//! Direct messages between companions and phones, in both addressing modes.

use crate::client::{Companion, SOON, network_with, paired};
use wacore::types::events::Event;
use wacore::types::presence::ReceiptType;
use wasup_sandbox::{Network, Phone, Reply, Rules};

/// Two accounts, each with a companion.
pub(crate) struct Pair {
    pub(crate) network: Network,
    pub(crate) phones: [Phone; 2],
    pub(crate) a: Companion,
    pub(crate) b: Companion,
}

pub(crate) async fn pair(lid_migrated: bool) -> Pair {
    let network = network_with(|config| config.lid_migrated = lid_migrated).await;
    let phones = [network.phone("15550000001"), network.phone("15550000002")];
    let a = paired(&network, &phones[0]).await;
    let b = paired(&network, &phones[1]).await;
    Pair { network, phones, a, b }
}

impl Companion {
    /// The next receipt of this type for a message.
    pub(crate) async fn receipt(&self, id: &str, kind: ReceiptType) -> String {
        self.event("receipt", |event| match event {
            Event::Receipt(receipt) if receipt.r#type == kind && receipt.message_ids.iter().any(|held| held == id) => {
                Some(receipt.source.sender.to_string())
            }
            _ => None,
        })
        .await
    }
}

async fn there_and_back(lid_migrated: bool) {
    let Pair { network, phones: [phone_a, phone_b], a, b } = pair(lid_migrated).await;
    let (to_a, to_b) = (phone_a.jid(), phone_b.jid());

    let (id, error) = a.send(&to_b, "one").await;
    assert_eq!(error, None);
    let got = b.text().await;
    assert_eq!((got.text.as_str(), got.from_me, &got.id), ("one", false, &id));
    let family = if lid_migrated { "@lid" } else { "@s.whatsapp.net" };
    assert!(got.sender.ends_with(family), "{} in mode {family}", got.sender);
    a.receipt(&id, ReceiptType::Delivered).await;

    let shown = phone_b.wait_for_text("one", SOON).await.unwrap();
    assert_eq!((shown.sender_number.as_str(), shown.from_me), (phone_a.number(), false));
    let own = phone_a.wait_for_text("one", SOON).await.unwrap();
    assert!(own.from_me, "the own phone sees what a companion sent");

    turns(&a, &b, [&to_a, &to_b]).await;
    assert_eq!(network.violations(), []);
    assert_eq!(phone_a.counts().undecryptable + phone_b.counts().undecryptable, 0);
    let accepted = network.accepted_from(phone_a.number()).unwrap();
    assert_eq!(accepted.len(), 6);
    assert!(accepted.iter().any(|entry| entry.id == id && entry.device == 1));
    network.wait_settled(phone_b.number(), 1, SOON).await.unwrap();
    assert!(network.acked_by(phone_b.number(), 1).unwrap().contains(&id));
}

async fn turns(a: &Companion, b: &Companion, [to_a, to_b]: [&str; 2]) {
    for turn in 0..5 {
        b.send(to_a, &format!("back {turn}")).await;
        assert_eq!(a.text().await.text, format!("back {turn}"));
        a.send(to_b, &format!("forth {turn}")).await;
        assert_eq!(b.text().await.text, format!("forth {turn}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn by_number() {
    there_and_back(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_hidden_id() {
    there_and_back(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_companion_and_a_phone_talk() {
    let Pair { network, phones: [phone_a, phone_b], a, b } = pair(false).await;
    let id = phone_b.send_text(phone_a.number(), "from the phone").await.unwrap();
    let got = a.text().await;
    assert_eq!((got.text.as_str(), &got.id), ("from the phone", &id));
    let copy = b.text().await;
    assert!(copy.from_me, "the own companion sees what the phone sent");
    assert!(copy.chat.starts_with(phone_a.number()));
    phone_b.wait_for_receipt(&id, "delivered", SOON).await.unwrap();

    phone_b.set_rules(Rules {
        read: true,
        reply: Reply::Template("{sender} wrote {text}".to_owned()),
        ..Rules::default()
    });
    let (id, _) = a.send(&phone_b.jid(), "hello").await;
    a.receipt(&id, ReceiptType::Read).await;
    let (id, _) = a.send(&phone_b.jid(), "again").await;
    let replies = a.texts(2).await;
    let wanted = format!("{} wrote again", phone_a.number());
    assert!(replies.iter().any(|reply| reply.text == wanted), "{replies:?}");
    a.client.mark_as_read(&replies[1].chat.parse().unwrap(), None, &[&replies[1].id]).await.unwrap();
    phone_b.wait_for_receipt(&replies[1].id, "read", SOON).await.unwrap();
    phone_b.wait_for_message(&id, SOON).await.unwrap();
    assert_eq!(network.violations(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_phones_with_rules_do_not_talk_for_ever() {
    let network = network_with(|_| {}).await;
    let phones = [network.phone("15550000001"), network.phone("15550000002")];
    for phone in &phones {
        phone.set_rules(Rules { reply: Reply::Echo, ..Rules::default() });
    }
    phones[0].send_text(phones[1].number(), "ping").await.unwrap();
    phones[0].wait_for_text("ping", SOON).await.unwrap();
    assert_eq!(phones[0].counts().shown, 1);
    assert_eq!(phones[1].counts().shown, 1);
}
