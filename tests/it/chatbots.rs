//! A chatbot answers the humans for whom it is switched on, and nobody else.

use serde_json::{Value, json};

use crate::promises::Linked;
use crate::receivers::Misbehaving;
use crate::world::PATIENCE;

const BOT: &str = "/v1/accounts/a0/chatbot";
const ANSWER: &str = "We are open until six.";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_switched_on_humans_get_answers() {
    let linked = Linked::with(1, &[]).await;
    let (world, on) = (&linked.world, &linked.friend);
    let off = linked.network().phone("6283333333333");
    let own = linked.phones[0].number().to_owned();
    assert_eq!(world.get(BOT).await.0, 404);
    let receiver = Misbehaving::saying(200, "text/plain", ANSWER).await;
    let (status, made) = world.put(BOT, &json!({"url": receiver.url})).await;
    assert_eq!(status, 200, "{made}");
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    assert_eq!((&made["account"], &made["active"], &made["reason"]), (&json!("a0"), &json!(true), &Value::Null));
    let (status, switched) = world.put(&format!("{BOT}/senders/+62 822-2222-2222"), &json!({"active": true})).await;
    assert_eq!((status, &switched["active"]), (200, &json!(true)), "{switched}");
    assert_eq!(switched["sender"]["phone"], on.number());
    world.put(&format!("{BOT}/senders/{}", off.number()), &json!({"active": false})).await;
    on.send_text(&own, "When do you close?").await.unwrap();
    off.send_text(&own, "And for me?").await.unwrap();
    on.wait_for_text(ANSWER, PATIENCE).await.unwrap();
    // Both were received, one was answered.
    let both = |page: &Value| page["data"].as_array().is_some_and(|rows| rows.len() >= 3);
    linked.until("/v1/accounts/a0/messages", both).await;
    // What an endpoint gets is decided in the commit of the message.
    let deliveries = format!("/v1/endpoints/{}/deliveries", made["endpoint"].as_str().unwrap());
    assert_eq!(world.get(&deliveries).await.1["data"].as_array().unwrap().len(), 1);
    // Switched the other way round: the next answers go to the other one.
    world.put(&format!("{BOT}/senders/{}", on.number()), &json!({"active": false})).await;
    world.put(&format!("{BOT}/senders/{}", off.number()), &json!({"active": true})).await;
    on.send_text(&own, "Still there?").await.unwrap();
    off.send_text(&own, "Now?").await.unwrap();
    off.wait_for_text(ANSWER, PATIENCE).await.unwrap();
    assert_eq!(world.get(&deliveries).await.1["data"].as_array().unwrap().len(), 2);
    assert_eq!(on.inbox().iter().filter(|shown| shown.text.as_deref() == Some(ANSWER)).count(), 1);
    let (_, listed) = world.get(&format!("{BOT}/senders")).await;
    let listed: Vec<_> =
        listed["data"].as_array().unwrap().iter().map(|row| row["active"].as_bool().unwrap()).collect();
    assert_eq!(listed, [false, true]);
    assert_eq!(linked.network().violations(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chatbot_is_an_endpoint_of_its_own_that_waits_while_it_is_not_active() {
    let linked = Linked::with(1, &[]).await;
    let world = &linked.world;
    let own = linked.phones[0].number().to_owned();
    let receiver = Misbehaving::saying(200, "text/plain", ANSWER).await;
    let (_, bot) = world.put(BOT, &json!({"url": receiver.url, "active": false})).await;
    assert_eq!((&bot["active"], &bot["reason"]), (&json!(false), &json!("paused")));
    let (_, hook) = world.put("/v1/accounts/a0/webhook", &json!({"url": "http://127.0.0.1:1/"})).await;
    assert_ne!(hook["id"], bot["endpoint"], "the webhook is another endpoint");
    let (_, again) = world.put(BOT, &json!({"url": receiver.url, "active": false})).await;
    assert_eq!((&again["endpoint"], again.get("secret")), (&bot["endpoint"], None), "there is one chatbot");
    let (_, shown) = world.get(&format!("/v1/endpoints/{}", bot["endpoint"].as_str().unwrap())).await;
    assert_eq!(
        (&shown["chatbot"], &shown["reply"], &shown["state"]),
        (&json!(true), &json!("answer"), &json!("paused"))
    );
    world.put(&format!("{BOT}/senders/{}", linked.friend.number()), &json!({"active": true})).await;
    linked.friend.send_text(&own, "Hello?").await.unwrap();
    linked.until(BOT, |bot| bot["deliveries"]["pending"] == 1).await;
    world.put(BOT, &json!({"url": receiver.url})).await;
    linked.friend.wait_for_text(ANSWER, PATIENCE).await.unwrap();
    // What was said about humans outlives the chatbot; what was never said is not found.
    assert_eq!(world.delete(BOT).await.0, 204);
    assert_eq!(world.delete(BOT).await.0, 404);
    let (status, sender) = world.get(&format!("{BOT}/senders/{}", linked.friend.number())).await;
    assert_eq!((status, &sender["active"]), (200, &json!(true)));
    assert_eq!(world.delete(&format!("{BOT}/senders/{}", linked.friend.number())).await.0, 204);
    assert_eq!(world.delete(&format!("{BOT}/senders/{}", linked.friend.number())).await.0, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_values_are_named() {
    let world = crate::world::World::start().await;
    world.account("a0").await;
    for (path, body, field) in [
        (BOT.to_owned(), json!({"url": "ftp://x/"}), "url"),
        (BOT.to_owned(), json!({"url": "http://127.0.0.1/", "secret": "short"}), "secret"),
        (format!("{BOT}/senders/nobody"), json!({"active": true}), "sender"),
        (format!("{BOT}/senders/120363041234567890@g.us"), json!({"active": true}), "sender"),
    ] {
        let (status, problem) = world.put(&path, &body).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!(field)), "{problem}");
    }
    assert_eq!(world.get("/v1/accounts/nobody/chatbot/senders").await.0, 404);
    assert_eq!(world.get(&format!("{BOT}/senders?cursor=x")).await.0, 400);
}
