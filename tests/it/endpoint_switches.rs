//! Endpoints are paused, resumed and tested, and their secrets replaced.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use wasup_store::records::Act;
use wasup_store::repo::{audit, endpoint};
use wasup_store::{Durability, StoreError};

use crate::endpoints::made;
use crate::receiver::Receiver;
use crate::world::World;

/// A secret in its public form.
const GIVEN: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[tokio::test]
async fn a_test_reaches_the_one_endpoint_signed_and_leaves_a_delivery() {
    let (world, receiver) = (World::start().await, Receiver::start().await);
    world.account("shop").await;
    let url = |path: &str| format!("{}/{path}", receiver.url);
    let filter = json!({"chats": ["1@g.us"], "message_types": ["text"]});
    let body =
        json!({"account": "shop", "url": url("own"), "events": ["message.sent"], "filter": filter, "secret": GIVEN});
    let (own, _) = made(&world, body).await;
    let (every, _) = made(&world, json!({"url": url("every")})).await;
    let (status, sent) = world.post(&format!("{own}/test"), &Value::Null).await;
    assert_eq!(status, 202, "{sent}");
    let came = receiver.wait(1).await;
    assert_eq!((came[0].path.as_str(), &came[0].body["type"]), ("/own", &json!("endpoint.test")));
    assert_eq!((&came[0].body["id"], &came[0].body["account"]), (&sent["event"], &json!("shop")));
    assert_eq!(came[0].body["data"], json!({"id": own.rsplit('/').next().unwrap()}));
    assert_eq!(came[0].headers["webhook-id"], sent["event"].as_str().unwrap());
    let official = standardwebhooks::Webhook::new(GIVEN).unwrap();
    assert!(official.verify(&came[0].bytes, &came[0].headers).is_ok());
    assert!(sent["delivery"].as_str().unwrap().starts_with("dlv_"));
    world.until(&own, |shown| shown["deliveries"]["completed"] == 1).await;
    // The one for every account tells no account, and nobody else hears of it.
    let (_, sent) = world.post(&format!("{every}/test"), &Value::Null).await;
    let came = receiver.wait(2).await;
    assert_eq!((came[1].path.as_str(), &came[1].body["account"]), ("/every", &Value::Null));
    assert_eq!(came[1].body["id"], sent["event"]);
    world.until(&every, |shown| shown["deliveries"]["completed"] == 1).await;
    assert_eq!(receiver.came().len(), 2);
    assert_eq!(world.post("/v1/endpoints/ep_000001hnp5dqo0000000000000/test", &Value::Null).await.0, 404);
}

#[tokio::test]
async fn what_queues_while_paused_goes_out_on_resume() {
    let (world, receiver) = (World::start().await, Receiver::start().await);
    world.account("shop").await;
    let (path, made) = made(&world, json!({"account": "shop", "url": receiver.url})).await;
    assert_eq!((&made["state"], &made["reason"]), (&json!("active"), &Value::Null));
    for _ in 0..2 {
        let (status, paused) = world.post(&format!("{path}/pause"), &Value::Null).await;
        assert_eq!((status, &paused["state"], &paused["reason"]), (200, &json!("paused"), &Value::Null));
    }
    let (status, refused) = world.post(&format!("{path}/test"), &Value::Null).await;
    assert_eq!((status, &refused["code"]), (409, &json!("endpoint_off")), "{refused}");
    // A change does not switch it on, and what is told meanwhile queues.
    assert_eq!(world.patch(&path, &json!({"name": "x"})).await.1["state"], "paused");
    let (store, id) = (world.gateway.store(), made["id"].as_str().unwrap().parse().unwrap());
    let now_ms = store.now_ms();
    let told: Result<_, StoreError> = store.write(Durability::Durable, move |tx| endpoint::test(tx, id, now_ms)).await;
    assert!(told.unwrap().is_some());
    assert_eq!(world.get(&path).await.1["deliveries"]["pending"], 1);
    assert_eq!(receiver.came().len(), 0);
    let (status, resumed) = world.post(&format!("{path}/resume"), &Value::Null).await;
    assert_eq!((status, &resumed["state"]), (200, &json!("active")));
    receiver.wait(1).await;
    let acts = world.gateway.store().read(|tx| audit::newest(tx, wasup_store::id::DEFAULT_TENANT, 99)).await.unwrap();
    let count = |wanted: fn(&Act) -> bool| acts.iter().filter(|(_, act)| wanted(&act.act)).count();
    assert_eq!(count(|act| matches!(act, Act::EndpointPaused(_))), 1, "the second pause changed nothing");
    assert_eq!(count(|act| matches!(act, Act::EndpointResumed(_))), 1);
}

#[tokio::test]
async fn an_old_secret_signs_until_its_time_is_up() {
    let world = World::start().await;
    let (path, made) = made(&world, json!({"url": "https://example.com/"})).await;
    let rotate = format!("{path}/rotate-secret");
    let (status, first) = world.post(&rotate, &json!({})).await;
    assert_eq!(status, 200, "{first}");
    assert!(first["secret"].as_str().unwrap().starts_with("whsec_") && first["secret"] != made["secret"]);
    assert_eq!(first["retired_secrets"].as_array().unwrap().len(), 1);
    let (_, given) = world.post(&rotate, &json!({"secret": GIVEN, "overlap": "1h"})).await;
    assert_eq!((given.get("secret"), given["retired_secrets"].as_array().unwrap().len()), (None, 2));
    let until = |at: usize| given["retired_secrets"][at]["until"].as_str().unwrap();
    assert!(until(1) < until(0), "an hour against a day");
    let (_, at_once) = world.post(&rotate, &json!({"overlap": "0s"})).await;
    assert_eq!(at_once["retired_secrets"].as_array().unwrap().len(), 2, "the one that ended at once is not kept");
    for (body, fields) in [
        (json!({"secret": "short"}), vec!["secret"]),
        (json!({"overlap": "31d"}), vec!["overlap"]),
        (json!({"secret": "short", "overlap": "31d"}), vec!["secret", "overlap"]),
    ] {
        let (status, refused) = world.post(&rotate, &body).await;
        let named: Vec<_> = refused["errors"].as_array().unwrap().iter().map(|error| error["field"].clone()).collect();
        assert_eq!((status, named), (400, fields.into_iter().map(Value::from).collect()), "{refused}");
    }
    assert_eq!(world.get(&path).await.1["retired_secrets"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn deliveries_carry_own_headers_and_a_signature_by_each_secret_that_still_signs() {
    let (world, receiver) = (World::start().await, Receiver::start().await);
    let body = json!({"url": receiver.url, "secret": GIVEN, "headers": {"Authorization": "Bearer abc", "X-Shop": "7"}});
    let (path, _) = made(&world, body).await;
    let rotate = async |body: Value| {
        let (_, rotated) = world.post(&format!("{path}/rotate-secret"), &body).await;
        rotated["secret"].as_str().unwrap().to_owned()
    };
    let second = rotate(json!({})).await;
    assert_eq!(world.post(&format!("{path}/test"), &Value::Null).await.0, 202);
    receiver.wait(1).await;
    let third = rotate(json!({"overlap": "0s"})).await;
    assert_eq!(world.post(&format!("{path}/test"), &Value::Null).await.0, 202);
    let came = receiver.wait(2).await;
    for (one, signers, strangers) in [(&came[0], [GIVEN, &second], &third), (&came[1], [GIVEN, &third], &second)] {
        let accepts =
            |secret: &str| standardwebhooks::Webhook::new(secret).unwrap().verify(&one.bytes, &one.headers).is_ok();
        assert_eq!(one.headers["webhook-signature"].to_str().unwrap().split(' ').count(), 2);
        assert!(signers.iter().all(|secret| accepts(secret)) && !accepts(strangers));
        assert_eq!(
            (&one.headers["authorization"], &one.headers["x-shop"]),
            (&"Bearer abc".parse().unwrap(), &"7".parse().unwrap())
        );
        assert_eq!(one.headers["content-type"], "application/json");
    }
}

#[tokio::test]
async fn somebody_who_asks_for_it_need_not_wait_for_the_breaker() {
    let world = World::with(&[
        ("WASUP__WEBHOOKS__BREAKER__FAILURES", "2"),
        ("WASUP__WEBHOOKS__BREAKER__PROBE_AFTER", "1h"),
        ("WASUP__WEBHOOKS__BREAKER__PROBE_MAX", "1h"),
    ])
    .await;
    let receiver = Receiver::start().await;
    let retry = json!({"schedule": vec!["0s"; 9], "jitter": 0});
    let new = json!({"url": receiver.url, "retry": retry});
    for (at, how) in ["resume", "test", "change"].into_iter().enumerate() {
        receiver.answer(500);
        let before = receiver.came().len();
        let (path, _) = made(&world, new.clone()).await;
        assert_eq!(world.post(&format!("{path}/test"), &Value::Null).await.0, 202);
        receiver.wait(before + 2).await;
        world.until(&path, |shown| shown["deliveries"]["failed_attempts"] == 2).await;
        receiver.answer(204);
        let completed = match how {
            "change" => {
                let url = format!("{}/moved", receiver.url);
                assert_eq!(world.patch(&path, &json!({"url": url})).await.0, 200);
                1
            }
            how => {
                assert!(matches!(world.post(&format!("{path}/{how}"), &Value::Null).await.0, 200 | 202));
                1 + usize::from(how == "test")
            }
        };
        world.until(&path, |shown| shown["deliveries"]["completed"] == completed).await;
        assert_eq!(receiver.came().len(), before + 2 + completed, "{at}: {how}");
    }
}

#[tokio::test]
async fn the_simple_form_is_the_first_endpoint() {
    let world = World::start().await;
    world.account("shop").await;
    let simple = "/v1/accounts/shop/webhook";
    let body = json!({"account": "shop", "url": "https://example.com/a", "name": "CRM", "headers": {"x-a": "1"},
        "order": "chat", "secret": GIVEN});
    let (path, first) = made(&world, body).await;
    made(&world, json!({"account": "shop", "url": "https://example.com/b"})).await;
    assert_eq!(world.get(simple).await.1["id"], first["id"]);
    assert_eq!(world.post(&format!("{path}/pause"), &Value::Null).await.0, 200);
    assert_eq!(world.get(simple).await.1["disabled_reason"], "paused");
    // It changes what it holds and switches on; what it does not hold stays.
    let (status, set) = world.put(simple, &json!({"url": "https://example.com/c", "events": ["account.state"]})).await;
    assert_eq!((status, &set["id"], &set["enabled"]), (200, &first["id"], &json!(true)));
    let shown = world.get(&path).await.1;
    assert_eq!((&shown["url"], &shown["events"]), (&json!("https://example.com/c"), &json!(["account.state"])));
    assert_eq!(
        (&shown["name"], &shown["header_names"], &shown["order"]),
        (&json!("CRM"), &json!(["x-a"]), &json!("chat"))
    );
    assert_eq!(shown["retired_secrets"], json!([]));
    // Another secret by this form is a rotation like any other.
    let other = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let (status, set) = world.put(simple, &json!({"url": "https://example.com/c", "secret": other})).await;
    assert_eq!((status, set.get("secret")), (200, None));
    assert_eq!(world.get(&path).await.1["retired_secrets"].as_array().unwrap().len(), 1);
    // What is removed here is removed there, and the next one is the first.
    assert_eq!(world.delete(simple).await.0, 204);
    assert_eq!(world.get(&path).await.0, 404);
    assert_eq!(world.get(simple).await.1["url"], "https://example.com/b");
}

/// Everything that is logged on this thread.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_secret_is_ever_logged() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone());
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let (world, receiver) = (World::start().await, Receiver::start().await);
    world.account("shop").await;
    let body = json!({"account": "shop", "url": format!("{}/hush-path", receiver.url), "secret": GIVEN,
        "headers": {"authorization": "Bearer hush-header"}});
    let (path, _) = made(&world, body).await;
    let (_, rotated) = world.post(&format!("{path}/rotate-secret"), &json!({})).await;
    let drawn = rotated["secret"].as_str().unwrap().to_owned();
    world.patch(&path, &json!({"headers": {"x-key": "hush-second"}})).await;
    // Refusals tell the caller what is wrong, and the log nothing of it.
    world.post("/v1/endpoints", &json!({"url": "http://u:hush-password@a/", "secret": "whsec_hush-bad"})).await;
    world.post("/v1/endpoints", &json!({"url": "http://a/", "headers": {"x-a": "hush-\n-wrong"}})).await;
    world.post(&format!("{path}/test"), &Value::Null).await;
    receiver.wait(1).await;
    world.until(&path, |shown| shown["deliveries"]["completed"] == 1).await;
    let logged = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let ours: String = logged.lines().filter(|line| line.contains(" wasup")).collect::<Vec<_>>().join("\n");
    assert!(ours.contains("an endpoint was created") && ours.contains("an endpoint has a new secret"), "{ours}");
    for hush in ["hush-", GIVEN, GIVEN.trim_start_matches("whsec_"), &drawn, drawn.trim_start_matches("whsec_")] {
        let leak = ours.lines().find(|line| line.contains(hush));
        assert_eq!(leak, None, "{hush}");
    }
}
