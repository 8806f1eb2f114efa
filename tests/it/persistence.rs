//! What is kept of messages, and for how long: over the wire, through the API, at the webhook's receiver.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wasup_sandbox::{FileToSend, HistoryChunk, HistoryPart, PastChat, PastMessage};

use crate::promises::{Linked, is_sent};
use crate::receiver::Receiver;
use crate::world::{PATIENCE, World};

const PERSISTENCE: &str = "/v1/accounts/a0/persistence";
const MESSAGES: &str = "/v1/accounts/a0/messages";
const CHATS: &str = "/v1/accounts/a0/chats";

fn data(page: &Value) -> &Vec<Value> {
    page["data"].as_array().unwrap()
}

/// The events of messages, whatever they say; not those of their states.
fn told(page: &Value) -> Vec<&Value> {
    data(page).iter().filter(|event| event["data"]["type"].is_string()).collect()
}

async fn set(world: &World, body: Value) -> Value {
    let (status, set) = world.put(PERSISTENCE, &body).await;
    assert_eq!(status, 200, "{set}");
    set
}

async fn listed(world: &World) -> (usize, Value) {
    let (messages, chats) = (world.get(MESSAGES).await.1, world.get(CHATS).await.1);
    (data(&messages).len(), chats["totals"].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_kept_is_delivered_whole_and_then_erased() {
    let env = [
        ("WASUP__PERSISTENCE__ERASE_AFTER", "1s"),
        ("WASUP__WEBHOOKS__SCHEDULE", "[\"0s\",\"1s\",\"1s\",\"1s\",\"1s\",\"1s\",\"1s\",\"1s\",\"1s\",\"1s\"]"),
    ];
    let linked = Linked::with(1, &env).await;
    let (world, phone, friend) = (&linked.world, &linked.phones[0], &linked.friend);
    let none = set(world, json!({"policy": "none"})).await;
    assert_eq!((&none["policy"], &none["stored"], &none["reason"]), (&json!("none"), &json!(false), &json!("none")));
    let receiver = Receiver::start().await;
    receiver.answer(500);
    let endpoint = json!({"account": "a0", "url": receiver.url, "events": ["message.received", "message.sent"]});
    assert_eq!(world.post("/v1/endpoints", &endpoint).await.0, 201);
    // Received, from the account's own phone, and a file.
    friend.send_text(phone.number(), "between us").await.unwrap();
    receiver.wait(1).await;
    phone.send_text(friend.number(), "from my phone").await.unwrap();
    let picture = FileToSend {
        kind: "document".into(),
        mimetype: "application/pdf".into(),
        caption: Some("look here".into()),
        filename: None,
        seconds: None,
        view_once: false,
    };
    friend.send_file(phone.number(), &picture, b"%PDF-1.4 not to be kept").await.unwrap();
    // As long as nobody took them they are whole, and yet nowhere in the history.
    let events = linked.until("/v1/events?limit=1000", |page| told(page).len() == 3).await;
    assert!(told(&events).iter().all(|event| event["data"]["type"] != "erased"), "{events}");
    assert_eq!(listed(world).await, (0, json!({"chats": 0, "unread_messages": 0})));
    receiver.answer(204);
    let erased = |page: &Value| told(page).iter().all(|event| event["data"]["type"] == "erased");
    let events = linked.until("/v1/events?limit=1000", erased).await;
    let texts: Vec<_> = receiver.came().iter().map(|request| request.body["data"]["text"].clone()).collect();
    for text in ["between us", "from my phone", "look here"] {
        assert!(texts.contains(&json!(text)), "{texts:?}");
        assert!(!events.to_string().contains(text), "{events}");
    }
    let id = told(&events)[0]["data"]["id"].as_str().unwrap();
    let message = linked.until(&format!("/v1/messages/{id}"), |message| message["type"] == "erased").await;
    assert_eq!((&message["kept"], &message["text"]), (&json!(false), &Value::Null));
    assert_eq!(listed(world).await, (0, json!({"chats": 0, "unread_messages": 0})));
    assert_eq!(linked.network().violations(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_send_that_is_not_kept_is_sent_and_has_its_states() {
    let env = [("WASUP__PERSISTENCE__POLICY", "none"), ("WASUP__PERSISTENCE__ERASE_AFTER", "0s")];
    let linked = Linked::with(1, &env).await;
    assert_eq!(linked.world.get(PERSISTENCE).await.1["policy"], Value::Null, "the installation's");
    let sent = linked.send("a0", "only for you").await;
    linked.friend.wait_for_text("only for you", crate::world::PATIENCE).await.unwrap();
    let gone = |message: &Value| is_sent(message) && message["type"] == "erased" && message["state"] == "delivered";
    let message = linked.message(&sent, gone).await;
    assert_eq!(message["provider_message_id"], sent["provider_message_id"]);
    assert_eq!(listed(&linked.world).await, (0, json!({"chats": 0, "unread_messages": 0})));
    // Kept from here on.
    set(&linked.world, json!({"policy": "all"})).await;
    let kept = linked.send("a0", "for the record").await;
    linked.message(&kept, is_sent).await;
    assert_eq!(linked.world.get(MESSAGES).await.1["data"][0]["text"], "for the record");
    assert_eq!(linked.network().violations(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_accounts_own_number_decides_where_numbers_are_allowed() {
    let linked = Linked::with(1, &[("WASUP__DEFAULT_REGION", "ID")]).await;
    let (world, phone, friend) = (&linked.world, &linked.phones[0], &linked.friend);
    let own = phone.number();
    for (numbers, reason) in [
        (json!([]), "number_not_allowed"),
        (json!([{"phone": friend.number()}]), "number_not_allowed"),
        (json!([{"phone": own, "active": false}]), "number_not_allowed"),
        (json!([{"phone": format!("0{}", &own[2..])}]), "number_allowed"),
    ] {
        let body = json!({"policy": "allowed", "allowed_numbers": numbers});
        let set = set(world, body).await;
        assert_eq!((&set["reason"], &set["stored"]), (&json!(reason), &json!(reason == "number_allowed")), "{set}");
        let text = format!("while {reason} {numbers}");
        friend.send_text(own, &text).await.unwrap();
        let came = |page: &Value| told(page).iter().any(|event| event["data"]["text"] == text.as_str());
        linked.until("/v1/events?limit=1000", came).await;
    }
    let page = world.get(MESSAGES).await.1;
    assert_eq!(data(&page).len(), 1, "{page}");
    let shown = world.get(PERSISTENCE).await.1;
    assert_eq!(shown["allowed_numbers"], json!([{"phone": own, "active": true}]));
    let acts = world.get("/v1/audit").await.1;
    assert!(data(&acts).iter().any(|act| act["act"] == "persistence_set"), "{acts}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_hold_for_what_is_there_and_a_restart_forgets_none_of_them() {
    let linked = Linked::with(1, &[]).await;
    let (world, phone, friend) = (&linked.world, &linked.phones[0], &linked.friend);
    for n in 0..5 {
        friend.send_text(phone.number(), &format!("number {n}")).await.unwrap();
    }
    linked.until(MESSAGES, |page| data(page).len() == 5).await;
    let limits = json!({"max_messages": 2, "max_age": "30days"});
    let set = set(world, limits).await;
    assert_eq!(set["limits"], json!({"max_age": "30days", "max_messages": 2, "max_bytes": null}));
    assert_eq!((&set["policy"], &set["limits_in_force"]["max_bytes"]), (&Value::Null, &json!("0 B")));
    let page = linked.until(MESSAGES, |page| data(page).len() == 2).await;
    let texts: Vec<_> = data(&page).iter().map(|message| message["text"].clone()).collect();
    assert_eq!(texts, ["number 4", "number 3"]);
    let chats = world.get(CHATS).await.1;
    assert_eq!(chats["totals"], json!({"chats": 1, "unread_messages": 2}));
    assert_eq!(chats["data"][0]["last_message"]["text"], "number 4");
    // Counted once it is done, which is after it can be seen.
    let counted = async || {
        let metrics = world.ask(reqwest::Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
        metrics.contains("wasup_rows_pruned_total{rows=\"messages\"} 3")
    };
    let deadline = Instant::now() + PATIENCE;
    while !counted().await {
        assert!(Instant::now() < deadline, "what was pruned is not counted");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let url = linked.network().url();
    let Linked { world, .. } = linked;
    let world = world.restart(&[("WASUP__LINK__URL", url.as_str())]).await;
    assert_eq!(world.get(PERSISTENCE).await.1["limits"]["max_messages"], 2);
    assert_eq!(data(&world.get(MESSAGES).await.1).len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_history_is_kept_where_nothing_is() {
    let linked = Linked::with(1, &[("WASUP__HISTORY__DAYS", "36500")]).await;
    let (world, phone) = (&linked.world, &linked.phones[0]);
    let chat = |number: &str| PastChat {
        jid: format!("{number}@s.whatsapp.net"),
        messages: vec![PastMessage {
            id: format!("OLD{number}"),
            from_me: false,
            sender: None,
            text: number.to_owned(),
            at_s: 1_790_000_000,
            ..PastMessage::default()
        }],
        ..PastChat::default()
    };
    let piece = |order: u32, number: &str| HistoryChunk {
        order,
        chats: vec![chat(number)],
        ..HistoryChunk::empty(HistoryPart::Full)
    };
    set(world, json!({"policy": "none"})).await;
    phone.send_history(phone.devices()[0], &piece(1, "6281244444444")).unwrap();
    // What comes behind it has passed it on the stream.
    linked.friend.send_text(phone.number(), "behind").await.unwrap();
    linked.until("/v1/events?limit=1000", |page| told(page).len() == 1).await;
    let url = linked.network().url();
    let Linked { world, sandbox, phones, friend } = linked;
    let world = world.restart(&[("WASUP__LINK__URL", url.as_str()), ("WASUP__HISTORY__DAYS", "36500")]).await;
    let linked = Linked { world, sandbox, phones, friend };
    linked.phases("a0", wasup_store::records::Phase::Connected).await;
    set(&linked.world, json!({"policy": "all"})).await;
    let phone = &linked.phones[0];
    phone.send_history(phone.devices()[0], &piece(2, "6281255555555")).unwrap();
    let page = linked.until(CHATS, |page| page["totals"]["chats"] == 1).await;
    assert_eq!(page["data"][0]["phone"], "6281255555555");
    let synced = linked.world.get("/v1/events?limit=1000").await.1;
    assert!(data(&synced).iter().all(|event| event["data"]["lost"] != true), "{synced}");
}

#[tokio::test]
async fn wrong_values_are_named() {
    let world = World::start().await;
    world.account("a0").await;
    for (body, field) in [
        (json!({"policy": "allowed", "allowed_numbers": [{"phone": "nobody"}]}), "allowed_numbers[0].phone"),
        (
            json!({"allowed_numbers": [{"phone": "+6281234567890"}, {"phone": "6281234567890"}]}),
            "allowed_numbers[1].phone",
        ),
        (json!({"max_age": "5s"}), "max_age"),
    ] {
        let (status, problem) = world.put(PERSISTENCE, &body).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!(field)), "{problem}");
    }
    for body in [json!({"policy": "some"}), json!({"max_bytes": 7}), json!({"keep": true})] {
        assert_eq!(world.put(PERSISTENCE, &body).await.0, 400, "{body}");
    }
    assert_eq!(world.get("/v1/accounts/nobody/persistence").await.0, 404);
    assert_eq!(world.put("/v1/accounts/nobody/persistence", &json!({})).await.0, 404);
    let shown = world.get(PERSISTENCE).await.1;
    assert_eq!((&shown["stored"], &shown["reason"], &shown["set_at"]), (&json!(true), &json!("all"), &Value::Null));
}
