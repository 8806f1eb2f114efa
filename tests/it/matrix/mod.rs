//! Every type of message × to one human, to a group by number, to a group by hidden id × every source of a file: sent by one
//! account and received by another one of the same gateway. Equal in content, with receipts back, and told to a webhook.

mod cases;
mod send;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use wasup_store::records::Content;

use crate::endpoints::made;
use crate::promises::Linked;
use crate::receiver::Receiver;
use crate::samples::of_every_kind;
use crate::world::PATIENCE;
use cases::{Case, NOT_SENT, Place, Way};

/// What both sides must show alike, of the fields that a type has.
const ALIKE: [&str; 7] = ["text", "link_preview", "location", "contacts", "poll", "disappears_after", "forwarded"];

/// ... and of a file.
const FILE_ALIKE: [&str; 7] = ["mimetype", "size", "filename", "width", "height", "seconds", "animated"];

/// The stage that every row is played on.
struct Stage {
    linked: Linked,
    receiver: Receiver,
    files: String,
    /// The groups, by number and by hidden id.
    groups: [String; 2],
    samples: Vec<(&'static str, &'static str, Vec<u8>)>,
}

/// A row that was sent.
struct Sent {
    case: Case,
    /// The sender's message.
    message: Value,
    /// The sender's message that it is about.
    about: Option<Value>,
}

impl Stage {
    async fn set() -> Self {
        let linked = Linked::with(2, &[]).await;
        let receiver = Receiver::start().await;
        let events = json!(["message.received", "message.edited", "message.revoked", "message.reaction", "poll.vote"]);
        made(&linked.world, json!({"account": "a1", "url": receiver.url, "events": events})).await;
        let mut groups = [String::new(), String::new()];
        for (lid, group) in [false, true].into_iter().zip(&mut groups) {
            linked.phones.iter().for_each(|phone| phone.set_lid_migrated(lid));
            let body = json!({"subject": "matrix", "participants": [linked.phones[1].number()]});
            let (status, made) = linked.world.post("/v1/accounts/a0/groups", &body).await;
            assert_eq!((status, &made["addressing"]), (201, &json!(if lid { "lid" } else { "pn" })), "{made}");
            *group = made["id"].as_str().unwrap().to_owned();
        }
        linked.phones.iter().for_each(|phone| phone.set_lid_migrated(false));
        let files = crate::media_sent::files().await;
        Self { linked, receiver, files, groups, samples: of_every_kind() }
    }

    fn to(&self, place: Place) -> &str {
        match place {
            Place::Direct => self.linked.phones[1].number(),
            Place::ByNumber => &self.groups[0],
            Place::ByHiddenId => &self.groups[1],
        }
    }

    /// The chat, as the receiver names it.
    fn chat(&self, place: Place) -> &str {
        if place == Place::Direct { self.linked.phones[0].number() } else { self.to(place) }
    }

    /// The webhook of a message: by the network's id, where it has been told.
    async fn told(&self, provider_id: &Value) -> Value {
        let mut seen = 0;
        loop {
            let came = self.receiver.came();
            let found = came.iter().find(|one| one.body["data"]["provider_message_id"] == *provider_id);
            if let Some(found) = found {
                return found.body.clone();
            }
            seen = seen.max(came.len());
            self.receiver.wait(seen + 1).await;
        }
    }

    /// Looks at a row from all sides.
    async fn check(&self, place: Place, sent: &Sent) {
        let what = format!("{place:?}: {:?}", sent.case);
        let event = self.told(&sent.message["provider_message_id"]).await;
        assert_eq!((&event["type"], &event["account"]), (&json!(sent.case.event), &json!("a1")), "{what}");
        let path = format!("/v1/messages/{}", event["data"]["id"].as_str().unwrap());
        let got = self.linked.world.get(&path).await.1;
        assert_eq!((&got["type"], &event["data"]["type"]), (&json!(sent.case.kind), &json!(sent.case.kind)), "{what}");
        assert_eq!((&got["direction"], &got["account"]), (&json!("inbound"), &json!("a1")), "{what}: {got}");
        assert_eq!(got["sender"]["phone"], self.linked.phones[0].number(), "{what}: {got}");
        let is_chat = |chat: &Value| chat["phone"] == self.chat(place) || chat["jid"] == self.chat(place);
        assert!(is_chat(&got["chat"]) && is_chat(&event["data"]["chat"]), "{what}: {got}");
        if !matches!(sent.case.way, Way::ByPhone { once: true }) {
            for field in ALIKE {
                assert_eq!(got[field], sent.message[field], "{what}: {field}");
                assert_eq!(event["data"][field], sent.message[field], "{what}: {field} of the event");
            }
        }
        self.check_file(&what, sent, (&path, &got, &event)).await;
        self.check_around(&what, sent, &got).await;
        // Receipts for what the phone wrote are the phone's: they may pass the copy that the account gets of it.
        if !matches!(sent.case.way, Way::ByPhone { .. }) {
            let reached = |message: &Value| ["delivered", "read"].contains(&message["state"].as_str().unwrap());
            self.linked.message(&sent.message, reached).await;
        }
    }

    /// The file at the receiver, and behind the webhook's link, is byte for byte the one that was sent.
    async fn check_file(&self, what: &str, sent: &Sent, (path, got, event): (&str, &Value, &Value)) {
        let bytes = match sent.case.way {
            Way::File(sample, _) | Way::ReplyWithFile(sample) => &self.samples[sample].2,
            Way::ByPhone { once: false } => &self.samples[send::NOTE].2,
            _ => return assert!(got["media"].is_null() && event["data"]["media"].is_null(), "{what}: {got}"),
        };
        // The network knows names of documents only.
        let named = |field: &&&str| **field != "filename" || sent.case.kind == "document";
        for field in FILE_ALIKE.iter().filter(named) {
            assert_eq!(got["media"][*field], sent.message["media"][*field], "{what}: {field} of the file");
            assert_eq!(event["data"]["media"][*field], got["media"][*field], "{what}: {field} of the event's file");
        }
        let fetched = self.linked.world.bytes(&format!("{path}/media"), &[]).await;
        assert!(fetched.bytes().await.unwrap() == *bytes, "{what}: other bytes");
        let link = event["data"]["media"]["url"].as_str().unwrap_or_else(|| panic!("{what}: no link in {event}"));
        let linked = self.linked.world.client.get(link).send().await.unwrap();
        assert_eq!(linked.status(), 200, "{what}");
        assert!(linked.bytes().await.unwrap() == *bytes, "{what}: other bytes behind the link");
    }

    /// What it quotes, names and does to another message.
    async fn check_around(&self, what: &str, sent: &Sent, got: &Value) {
        let about = |field: &str| got[field]["provider_message_id"].clone();
        let Some(target) = sent.about.as_ref().map(|about| &about["provider_message_id"]) else { return };
        match sent.case.way {
            Way::Reply(_) | Way::ReplyWithFile(_) => {
                assert_eq!(about("quoted"), *target, "{what}: {got}");
                assert_eq!(got["quoted"]["sender"]["phone"], self.linked.phones[0].number(), "{what}: {got}");
            }
            Way::Mention => assert_eq!(got["mentions"][0]["phone"], self.linked.phones[1].number(), "{what}: {got}"),
            Way::Forward => assert_eq!((&got["forwarded"], &about("quoted")), (&json!(1), &Value::Null), "{what}"),
            Way::React | Way::Edit | Way::Revoke | Way::Vote => {
                assert_eq!(about("target"), *target, "{what}: {got}");
                let told = self.told(target).await;
                let id = told["data"]["id"].as_str().unwrap();
                assert_eq!(got["target"]["id"], id, "{what}: {got}");
                let after = self.linked.world.get(&format!("/v1/messages/{id}")).await.1;
                self.check_act(what, sent.case.way, &after);
            }
            _ => {}
        }
    }

    fn check_act(&self, what: &str, way: Way, after: &Value) {
        let own = self.linked.phones[0].number();
        match way {
            Way::React => {
                let mark = &after["reactions"][0];
                assert_eq!((&mark["emoji"], &mark["sender"]["phone"]), (&json!("🎉"), &json!(own)), "{what}: {after}");
            }
            Way::Edit => assert_eq!(after["text"], "edited", "{what}: {after}"),
            Way::Revoke => assert_eq!((&after["type"], &after["text"]), (&json!("revoked"), &Value::Null), "{what}"),
            _ => {
                let vote = &after["votes"][0];
                assert_eq!(
                    (&vote["options"], &vote["sender"]["phone"]),
                    (&json!(["yes"]), &json!(own)),
                    "{what}: {after}"
                );
            }
        }
    }

    /// The receiver reads the chat: the sender hears of every message in it.
    async fn read(&self, place: Place, all: &[Sent]) {
        let path = format!("/v1/accounts/a1/chats/{}/read", self.chat(place));
        let (status, read) = self.linked.world.post(&path, &json!({})).await;
        assert_eq!((status, &read["receipts"]), (200, &json!("sent")), "{read}");
        for sent in all.iter().filter(|sent| sent.case.event == "message.received") {
            // What is to be seen once can't be seen here, and so is not read.
            if !matches!(sent.case.way, Way::ByPhone { .. }) {
                self.linked.message(&sent.message, |message| message["state"] == "read").await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_type_arrives_equal_everywhere_from_every_source() {
    let stage = Stage::set().await;
    let rows = cases::all();
    let begun = std::time::Instant::now();
    for place in Place::ALL {
        let mut all = Vec::new();
        for case in &rows {
            all.push(stage.send(place, *case).await);
        }
        for sent in &all {
            tokio::time::timeout(PATIENCE * 2, stage.check(place, sent)).await.unwrap();
        }
        stage.read(place, &all).await;
    }
    eprintln!("{} messages in {:?}", rows.len() * Place::ALL.len(), begun.elapsed());
    assert_eq!(stage.linked.network().violations(), []);
    stage.linked.world.gateway.stop().await;
    stage.linked.sandbox.shutdown().await;
}

#[test]
fn every_type_of_message_has_a_row() {
    let rows: BTreeSet<_> = cases::all().iter().map(|case| case.kind).chain(NOT_SENT).collect();
    assert_eq!(rows, BTreeSet::from(Content::KINDS));
}
