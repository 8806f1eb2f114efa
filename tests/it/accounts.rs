//! Accounts and messages, as far as no network is needed.

use reqwest::Method;
use serde_json::json;

use crate::world::{World, answer};

#[tokio::test]
async fn an_account_is_made_shown_and_deleted() {
    let world = World::start().await;
    let body = json!({"id": "shop", "name": "The shop", "default_region": "ID", "metadata": {"a": 1}, "start": false});
    let (status, made) = world.post("/v1/accounts", &body).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!((&made["id"], &made["name"], &made["desired"]), (&"shop".into(), &"The shop".into(), &"stopped".into()));
    assert_eq!((&made["state"]["phase"], &made["metadata"]), (&"stopped".into(), &json!({"a": 1})));
    assert!(made["created_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(world.get("/v1/accounts/shop").await, (200, made));
    assert_eq!(world.post("/v1/accounts", &body).await.1["code"], "account_exists");
    assert_eq!(world.delete("/v1/accounts/shop").await.0, 204);
    assert_eq!(world.get("/v1/accounts/shop").await.0, 404);
    assert_eq!(world.delete("/v1/accounts/shop").await.0, 404);
    assert_eq!(world.post("/v1/accounts", &body).await.0, 201);
}

#[tokio::test]
async fn odd_ids_travel_percent_encoded() {
    let world = World::start().await;
    world.account("ünï?#%:@1").await;
    let (status, body) = world.get("/v1/accounts/%C3%BCn%C3%AF%3F%23%25%3A%401").await;
    assert_eq!((status, &body["id"]), (200, &"ünï?#%:@1".into()));
}

#[tokio::test]
async fn accounts_are_listed_in_pieces_and_survive_a_restart() {
    let world = World::start().await;
    for n in 0..7 {
        world.account(&format!("a{n}")).await;
    }
    let world = world.restart(&[]).await;
    let (mut ids, mut query) = (Vec::new(), "limit=3".to_owned());
    loop {
        let (status, page) = world.get(&format!("/v1/accounts?{query}")).await;
        assert_eq!(status, 200);
        ids.extend(page["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(cursor) => query = format!("limit=3&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(ids, ["a0", "a1", "a2", "a3", "a4", "a5", "a6"]);
}

#[tokio::test]
async fn a_send_is_accepted_and_kept_while_nothing_is_connected() {
    let world = World::start().await;
    world.account("shop").await;
    let body = json!({"to": "+62 812-3456-7890", "type": "text", "text": "hi", "client_message_id": "mine"});
    let (status, sent) = world.post("/v1/accounts/shop/messages", &body).await;
    assert_eq!(status, 202, "{sent}");
    assert_eq!((&sent["state"], &sent["direction"]), (&"queued".into(), &"outbound".into()));
    assert_eq!(sent["chat"]["phone"], "6281234567890");
    assert_eq!(sent["client_message_id"], "mine");
    let id = sent["id"].as_str().unwrap().to_owned();
    let world = world.restart(&[]).await;
    let (status, kept) = world.get(&format!("/v1/messages/{id}")).await;
    assert_eq!((status, kept), (200, sent));
    let waited = world
        .post(
            "/v1/accounts/shop/messages?wait=sent&timeout=100ms",
            &json!({"to": "6281234567891", "type": "text", "text": "x"}),
        )
        .await;
    assert_eq!((waited.0, &waited.1["state"]), (202, &"queued".into()));
}

#[tokio::test]
async fn repeats_get_the_first_answer_and_other_bodies_a_refusal() {
    let world = World::start().await;
    world.account("shop").await;
    let send = async |key: &str, text: &str| {
        let body = json!({"to": "+6281234567890", "type": "text", "text": text});
        let request = world.ask(Method::POST, "/v1/accounts/shop/messages").header("idempotency-key", key).json(&body);
        let response = request.send().await.unwrap();
        let replayed = response.headers().get("idempotency-replayed").is_some_and(|value| value == "true");
        (replayed, answer(response).await)
    };
    let (first_replayed, (status, first)) = send("k1", "hi").await;
    assert!(status == 202 && !first_replayed, "{first}");
    let (replayed, (status, again)) = send("k1", "hi").await;
    assert!(status == 202 && replayed, "{again}");
    assert_eq!(first["id"], again["id"]);
    let (_, (status, other)) = send("k1", "another").await;
    assert_eq!((status, &other["code"]), (422, &"idempotency_key_reused".into()));
    assert_ne!(send("k2", "hi").await.1.1["id"], first["id"]);
    assert_eq!(send("with space", "hi").await.1.0, 400);
    let listed = world.get("/v1/accounts/shop/messages").await.1;
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_callers_own_id_makes_repeats_harmless_too() {
    let world = World::start().await;
    world.account("shop").await;
    let body = |text| json!({"to": "+6281234567890", "type": "text", "text": text, "client_message_id": "c1"});
    let first = world.post("/v1/accounts/shop/messages", &body("hi")).await.1;
    assert_eq!(world.post("/v1/accounts/shop/messages", &body("hi")).await.1["id"], first["id"]);
    assert_eq!(world.post("/v1/accounts/shop/messages", &body("ho")).await.0, 422);
}

#[tokio::test]
async fn a_full_outbox_says_when_to_come_back() {
    let world = World::with(&[("WASUP__SEND__OUTBOX_MAX", "2")]).await;
    world.account("shop").await;
    let body = json!({"to": "+6281234567890", "type": "text", "text": "x"});
    for _ in 0..2 {
        assert_eq!(world.post("/v1/accounts/shop/messages", &body).await.0, 202);
    }
    let response = world.ask(Method::POST, "/v1/accounts/shop/messages").json(&body).send().await.unwrap();
    let wait: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(wait >= 1);
    let (status, refused) = answer(response).await;
    assert_eq!((status, &refused["code"], &refused["retryable"]), (429, &"outbox_full".into(), &true.into()));
}

#[tokio::test]
async fn bad_sends_are_refused_before_anything_is_kept() {
    let world = World::start().await;
    world.account("shop").await;
    for (body, field) in [
        (json!({"to": "0812", "type": "text", "text": "x"}), "to"),
        (json!({"to": "hello", "type": "text", "text": "x"}), "to"),
        (json!({"to": "status@broadcast", "type": "text", "text": "x"}), "recipients"),
        (json!({"to": "status@broadcast", "type": "poll", "question": "?", "options": ["a", "b"]}), "type"),
        (json!({"to": "+6281234567890", "type": "text", "text": "x", "recipients": ["+6281234567890"]}), "recipients"),
        (json!({"to": "+6281234567890", "type": "text", "text": ""}), "text"),
        (json!({"to": "+6281234567890", "type": "text", "text": "x".repeat(4_097)}), "text"),
        (json!({"to": "+6281234567890", "type": "fax", "text": "x"}), "type"),
        (json!({"to": "+6281234567890", "type": "video", "text": "x"}), "text"),
        (json!({"to": "+6281234567890", "type": "text", "text": "x", "client_message_id": ""}), "client_message_id"),
    ] {
        let (status, refused) = world.post("/v1/accounts/shop/messages", &body).await;
        assert_eq!((status, refused["errors"][0]["field"].as_str()), (400, Some(field)), "{refused}");
    }
    let unknown =
        world.post("/v1/accounts/nobody/messages", &json!({"to": "+6281234567890", "type": "text", "text": "x"})).await;
    assert_eq!(unknown.0, 404);
    assert_eq!(world.get("/v1/accounts/shop/messages").await.1["data"], json!([]));
}

#[tokio::test]
async fn national_numbers_need_a_region_and_the_accounts_own_comes_first() {
    let world = World::with(&[("WASUP__DEFAULT_REGION", "DE")]).await;
    world.account("berlin").await;
    let made = world.post("/v1/accounts", &json!({"id": "jakarta", "default_region": "ID", "start": false})).await;
    assert_eq!(made.0, 201);
    for (account, to, phone) in
        [("jakarta", "0812-3456-7890", "6281234567890"), ("berlin", "0151 23456789", "4915123456789")]
    {
        let body = json!({"to": to, "type": "text", "text": "x"});
        let (status, sent) = world.post(&format!("/v1/accounts/{account}/messages"), &body).await;
        assert_eq!((status, &sent["chat"]["phone"]), (202, &phone.into()), "{sent}");
    }
}

#[tokio::test]
async fn messages_are_listed_newest_first_in_pieces_and_by_chat() {
    let world = World::start().await;
    world.account("shop").await;
    for n in 0..5 {
        let to = if n % 2 == 0 { "+6281234567890" } else { "+6281234567891" };
        let body = json!({"to": to, "type": "text", "text": n.to_string()});
        assert_eq!(world.post("/v1/accounts/shop/messages", &body).await.0, 202);
    }
    let texts = async |query: &str| {
        let page = world.get(&format!("/v1/accounts/shop/messages?{query}")).await.1;
        let texts = page["data"].as_array().unwrap().iter().map(|row| row["text"].as_str().unwrap().to_owned());
        (texts.collect::<Vec<_>>(), page["next_cursor"].as_str().map(str::to_owned))
    };
    let (first, cursor) = texts("limit=3").await;
    assert_eq!(first.len(), 3);
    let (second, end) = texts(&format!("limit=3&cursor={}", cursor.unwrap())).await;
    let mut all = [first, second].concat();
    assert_eq!(end, None);
    // Two sends of one millisecond stand in the order of their random parts.
    all.sort();
    assert_eq!(all, ["0", "1", "2", "3", "4"]);
    let (mut chat, _) = texts("chat=%2B6281234567891").await;
    chat.sort();
    assert_eq!(chat, ["1", "3"]);
    assert_eq!(world.get("/v1/accounts/nobody/messages").await.0, 404);
}

#[tokio::test]
async fn a_stopped_account_needs_no_code() {
    let world = World::start().await;
    world.account("shop").await;
    let (status, refused) = world.get("/v1/accounts/shop/qr").await;
    assert_eq!((status, &refused["code"]), (409, &"wrong_state".into()));
    assert_eq!(refused["state"]["phase"], "stopped");
    assert_eq!(world.get("/v1/accounts/nobody/qr").await.0, 404);
}

#[tokio::test]
async fn accounts_of_the_file_are_there_from_the_start_and_only_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accounts.toml");
    std::fs::write(
        &file,
        concat!(
            "[[account]]\nid = \"a\"\nautostart = false\n\n[[account]]\nid = \"b\"\nautostart = false\n",
            "webhook = { url = \"http://127.0.0.1:9/hook\", events = [\"message.received\"] }\n"
        ),
    )
    .unwrap();
    let extra = [("WASUP__ACCOUNTS__FILE", file.to_str().unwrap())];
    let world = World::over(folder, &extra).await;
    let endpoint = world.get("/v1/accounts/b/webhook").await.1;
    assert_eq!(endpoint["events"], json!(["message.received"]));
    let world = world.restart(&extra).await;
    assert_eq!(world.get("/v1/accounts").await.1["data"].as_array().unwrap().len(), 2);
    assert_eq!(world.get("/v1/accounts/b/webhook").await.1["id"], endpoint["id"]);
}
