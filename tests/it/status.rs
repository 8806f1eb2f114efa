//! Statuses on the wire: posted to those who are chosen, seen of others, and no chat made unread by them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use crate::promises::{Linked, is_sent};
use crate::samples::picture;
use crate::world::PATIENCE;

const FEED: &str = "status@broadcast";

impl Linked {
    async fn posts(&self, body: Value) -> Value {
        let (status, posted) = self.world.post("/v1/accounts/a0/messages", &body).await;
        assert_eq!(status, 202, "{posted}");
        self.message(&posted, is_sent).await
    }

    /// The statuses that an account has, once there are so many.
    async fn feed(&self, account: &str, count: usize) -> Vec<Value> {
        let path = format!("/v1/accounts/{account}/chats/{FEED}/messages");
        let page = self.until(&path, |page| page["data"].as_array().is_some_and(|all| all.len() == count)).await;
        page["data"].as_array().unwrap().clone()
    }
}

fn wire(message: &Value) -> String {
    message["provider_message_id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_is_shown_to_those_who_are_chosen_and_taken_back_from_them() {
    let linked = Linked::with(2, &[]).await;
    let stranger = linked.network().phone("6283333333301");
    let to = json!([linked.friend.number(), linked.phones[1].number()]);
    let posted = linked.posts(json!({"to": FEED, "type": "text", "text": "good morning", "recipients": to})).await;
    assert_eq!(posted["chat"]["jid"], FEED, "{posted}");
    let shown = linked.friend.wait_for_text("good morning", PATIENCE).await.unwrap();
    assert_eq!((shown.chat.as_str(), shown.sender_number.as_str()), (FEED, linked.phones[0].number()));
    // Another account hears of it, and no chat of it is unread.
    let seen = linked.feed("a1", 1).await;
    assert_eq!((&seen[0]["text"], &seen[0]["direction"]), (&json!("good morning"), &json!("inbound")));
    assert_eq!(seen[0]["sender"]["phone"], linked.phones[0].number(), "{seen:?}");
    let (_, chats) = linked.world.get("/v1/accounts/a1/chats").await;
    assert_eq!((&chats["data"], &chats["totals"]), (&json!([]), &json!({"chats": 0, "unread_messages": 0})), "{chats}");
    let received = |page: &Value| -> Option<Value> {
        page["data"].as_array()?.iter().find(|event| event["type"] == "message.received").cloned()
    };
    let events = linked.until("/v1/events?account=a1&limit=1000", |page| received(page).is_some()).await;
    let told = received(&events).unwrap();
    assert_eq!((&told["data"]["chat"]["jid"], &told["data"]["text"]), (&json!(FEED), &json!("good morning")));

    let png = picture(image::ImageFormat::Png);
    let file = linked
        .posts(json!({"to": FEED, "type": "image", "media": {"base64": BASE64.encode(&png)}, "caption": "the view", "recipients": to}))
        .await;
    linked.friend.wait_for_message(&wire(&file), PATIENCE).await.unwrap();
    assert!(linked.friend.open_file(&wire(&file)).unwrap() == png);
    let seen = linked.feed("a1", 2).await;
    assert_eq!((&seen[0]["type"], &seen[0]["text"]), (&json!("image"), &json!("the view")), "{seen:?}");

    let (status, _) = linked.world.delete(&format!("/v1/messages/{}", posted["id"].as_str().unwrap())).await;
    assert_eq!(status, 202);
    linked.message(&posted, |message| message["type"] == "revoked").await;
    let gone = |page: &Value| page["data"][1]["type"] == "revoked";
    linked.until(&format!("/v1/accounts/a1/chats/{FEED}/messages"), gone).await;
    assert!(linked.friend.wait_for_message(&wire(&posted), PATIENCE).await.unwrap().afterwards.revoked);
    assert!(stranger.inbox().is_empty(), "it was for others");
    let edit =
        linked.world.patch(&format!("/v1/messages/{}", file["id"].as_str().unwrap()), &json!({"text": "x"})).await;
    assert_eq!(edit.0, 409, "{}", edit.1);
    // The library takes a status back without the stanza's `edit`, and the sandbox writes that down.
    let mut broken = linked.network().violations();
    broken.retain(|one| !one.detail.starts_with("edit None of what needs"));
    assert_eq!(broken, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_names_it_is_for_the_address_book() {
    let linked = Linked::with(1, &[]).await;
    let others = ["6283333333301", "6283333333302"].map(|number| linked.network().phone(number));
    for (n, other) in [&linked.friend, &others[0], &others[1]].into_iter().enumerate() {
        let known = |page: &Value| page["data"].as_array().is_some_and(|all| all.len() == n + 1);
        linked.named(other, "Somebody", known).await;
    }
    linked.posts(json!({"to": FEED, "type": "text", "text": "for all"})).await;
    linked.posts(json!({"to": FEED, "type": "text", "text": "but one", "except": [others[0].number()]})).await;
    for phone in [&linked.friend, &others[1]] {
        phone.wait_for_text("for all", PATIENCE).await.unwrap();
        phone.wait_for_text("but one", PATIENCE).await.unwrap();
    }
    others[0].wait_for_text("for all", PATIENCE).await.unwrap();
    assert_eq!(others[0].inbox().len(), 1);
    assert_eq!(linked.network().violations(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_show_arrives_with_its_author() {
    let linked = Linked::with(1, &[]).await;
    let own = linked.phones[0].number().to_owned();
    let id = linked.friend.post_status("from afar", &[&own]).unwrap();
    let seen = linked.feed("a0", 1).await;
    assert_eq!((&seen[0]["text"], &seen[0]["sender"]["phone"]), (&json!("from afar"), &json!(linked.friend.number())));
    assert_eq!(seen[0]["provider_message_id"], id);
    linked.friend.take_back_status(&id, &[&own]).unwrap();
    let gone = |page: &Value| page["data"][0]["type"] == "revoked";
    linked.until(&format!("/v1/accounts/a0/chats/{FEED}/messages"), gone).await;
    // What the account's own phone shows is its own.
    linked.phones[0].post_status("by my phone", &[linked.friend.number()]).unwrap();
    let seen = linked.feed("a0", 2).await;
    assert_eq!((&seen[0]["text"], &seen[0]["direction"]), (&json!("by my phone"), &json!("outbound")), "{seen:?}");
    let chats = linked.world.get("/v1/accounts/a0/chats").await.1;
    assert_eq!(chats["totals"], json!({"chats": 0, "unread_messages": 0}), "{chats}");

    let refused = async |body: Value| {
        let (status, refused) = linked.world.post("/v1/accounts/a0/messages", &body).await;
        assert_eq!(status, 400, "{refused}");
        refused["errors"][0]["field"].as_str().unwrap().to_owned()
    };
    let with = |name: &str, value: Value| {
        let mut body = json!({"to": FEED, "type": "text", "text": "x", "recipients": [linked.friend.number()]});
        body[name] = value;
        body
    };
    for (name, value, field) in [
        ("recipients", json!([]), "recipients"),
        ("recipients", json!(["1-2@g.us"]), "recipients[0]"),
        ("recipients", Value::Null, "recipients"),
        ("reply_to", json!(id), "reply_to"),
        ("expiration", json!(86_400), "expiration"),
        ("mentions", json!([own]), "mentions"),
    ] {
        assert_eq!(refused(with(name, value)).await, field);
    }
    let reaction = json!({"type": "reaction", "message": seen[1]["id"], "emoji": "x"});
    assert_eq!(refused(reaction).await, "message");
    assert_eq!(linked.network().violations(), []);
}
