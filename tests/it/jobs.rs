//! Jobs: many messages of one account, through the API and over the wire.

use serde_json::{Value, json};

use crate::promises::Linked;
use crate::receiver::Receiver;
use crate::world::PATIENCE;

const JOBS: &str = "/v1/accounts/a0/jobs";

fn states(items: &Value) -> Vec<&str> {
    items["data"].as_array().unwrap().iter().map(|item| item["state"].as_str().unwrap()).collect()
}

fn quick(items: Vec<Value>) -> Value {
    json!({"items": items, "delay": {"min": "0ms", "max": "5ms"}})
}

impl Linked {
    fn text(&self, text: &str) -> Value {
        json!({"to": self.friend.number(), "type": "text", "text": text})
    }

    async fn job(&self, body: &Value) -> Value {
        let (status, job) = self.world.post(JOBS, body).await;
        assert_eq!(status, 202, "{job}");
        job
    }

    async fn finished(&self, job: &Value) -> Value {
        self.until(&format!("/v1/jobs/{}", job["id"].as_str().unwrap()), |job| job["ended_at"].is_string()).await
    }

    async fn items(&self, job: &Value, query: &str) -> Value {
        self.world.get(&format!("/v1/jobs/{}/items{query}", job["id"].as_str().unwrap())).await.1
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_item_is_sent_once_and_told_with_its_outcome() {
    let linked = Linked::with(1, &[]).await;
    let receiver = Receiver::start().await;
    let endpoint = json!({"account": "a0", "url": receiver.url, "events": ["job.finished"]});
    assert_eq!(linked.world.post("/v1/endpoints", &endpoint).await.0, 201);
    let (_, group) = linked
        .world
        .post("/v1/accounts/a0/groups", &json!({"subject": "Team", "participants": [linked.friend.number()]}))
        .await;
    let picture = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let image = json!({"to": linked.friend.number(), "type": "image", "media": {"base64": picture}, "caption": "look"});
    let to_group = json!({"to": group["id"], "type": "text", "text": "hello all"});
    let place = json!({"to": linked.friend.number(), "type": "location", "latitude": 1.5, "longitude": 2.5});
    let nobody = json!({"to": "6289999999999", "type": "text", "text": "is anybody there"});
    let body = json!({"name": "May", "delay": {"min": "0ms", "max": "5ms"},
        "items": [linked.text("first"), image, to_group, place, image, nobody, linked.text("last")]});
    let (status, job) = linked.world.post(&format!("{JOBS}?wait=finished&timeout=60s"), &body).await;
    assert_eq!((status, &job["state"]), (202, &json!("completed")), "{job}");
    let progress = &job["progress"];
    assert_eq!(
        (&progress["total"], &progress["current"], &progress["success"], &progress["error"]),
        (&json!(7), &json!(7), &json!(6), &json!(1)),
        "{job}"
    );
    linked.friend.wait_for_text("last", PATIENCE).await.unwrap();
    let items = linked.items(&job, "?limit=1000").await;
    for (n, item) in items["data"].as_array().unwrap().iter().enumerate() {
        assert_eq!((&item["index"], item["state"] == "failed"), (&json!(n), n == 5), "{item}");
        assert!(
            item["message"].as_str().unwrap().starts_with("msg_") && item["times"]["queued_at"].is_string(),
            "{item}"
        );
    }
    let failed = linked.items(&job, "?state=failed").await;
    assert_eq!((states(&failed), &failed["data"][0]["reason"]["code"]), (vec!["failed"], &json!("server")));
    // The same picture was taken in once.
    assert_eq!(linked.world.get("/v1/media").await.1["data"].as_array().unwrap().len(), 1);
    let told = receiver.wait(1).await;
    assert_eq!(told[0].body["type"], "job.finished");
    assert_eq!((&told[0].body["data"]["job"], &told[0].body["data"]["state"]), (&job["id"], &json!("completed")));
    assert_eq!(told[0].body["data"]["progress"]["total"], 7);
    let texts: Vec<_> = linked.friend.inbox().into_iter().filter_map(|shown| shown.text).collect();
    assert_eq!(texts.iter().filter(|text| *text == "first" || *text == "last").count(), 2, "{texts:?}");
    assert_eq!(linked.network().violations(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_paused_resumed_and_cancelled() {
    let linked = Linked::with(1, &[]).await;
    let items: Vec<_> = (0..40).map(|n| linked.text(&format!("item {n}"))).collect();
    let job = linked.job(&json!({"items": items, "delay": {"min": "30ms", "max": "30ms"}})).await;
    let path = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
    linked.until(&path, |job| job["progress"]["success"].as_u64() >= Some(3)).await;
    let (status, paused) = linked.world.post(&format!("{path}/pause"), &Value::Null).await;
    assert_eq!((status, &paused["state"]), (200, &json!("paused")));
    let still = linked.until(&path, |job| job["progress"]["states"]["queued"] == 0).await;
    // Another job of the account goes on meanwhile.
    let other = linked.job(&quick(vec![linked.text("meanwhile")])).await;
    linked.finished(&other).await;
    assert_eq!(linked.world.get(&path).await.1["progress"]["current"], still["progress"]["current"]);
    assert_eq!(linked.world.delete(&path).await.1["code"], "conflict");
    let (_, resumed) = linked.world.post(&format!("{path}/resume"), &Value::Null).await;
    assert_eq!(resumed["state"], "running");
    let more = still["progress"]["success"].as_u64().unwrap() + 3;
    linked.until(&path, |job| job["progress"]["success"].as_u64() >= Some(more)).await;
    let (_, cancelled) = linked.world.post(&format!("{path}/cancel"), &Value::Null).await;
    assert_eq!(cancelled["state"], "cancelled");
    let over = linked.until(&path, |job| job["progress"]["current"] == 40).await;
    let (success, gone) = (&over["progress"]["success"], &over["progress"]["states"]["cancelled"]);
    assert_eq!(success.as_u64().unwrap() + gone.as_u64().unwrap(), 40, "{over}");
    let rest = linked.items(&over, "?state=cancelled&limit=1000").await;
    assert_eq!(rest["data"].as_array().unwrap().len() as u64, gone.as_u64().unwrap());
    assert_eq!(linked.world.post(&format!("{path}/resume"), &Value::Null).await.1["code"], "conflict");
    let listed = linked.world.get("/v1/jobs?limit=1").await.1;
    assert_eq!((&listed["data"][0]["id"], listed["next_cursor"].is_string()), (&other["id"], true));
    let listed = linked.world.get(JOBS).await.1;
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
    assert_eq!(linked.world.delete(&path).await.0, 204);
    assert_eq!(linked.world.get(&path).await.0, 404);
    // Each text stands once at the phone, those of the cancelled items not at all.
    linked.friend.wait_for_text("meanwhile", PATIENCE).await.unwrap();
    let mut texts: Vec<_> = linked.friend.inbox().into_iter().filter_map(|shown| shown.text).collect();
    texts.sort_unstable();
    let all = texts.len();
    texts.dedup();
    assert_eq!((texts.len(), all as u64), (all, success.as_u64().unwrap() + 1));
    assert_eq!(linked.network().violations(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_items_are_named_or_count_as_failed_and_repeats_are_one_job() {
    let linked = Linked::with(1, &[("WASUP__JOBS__ITEMS_MAX", "4")]).await;
    let wrong = json!({"to": "12", "type": "text", "text": "no"});
    let odd = json!({"to": linked.friend.number(), "type": "text"});
    let body = json!({"items": [linked.text("good"), wrong, odd], "delay": {"min": "0ms", "max": "0ms"}});
    let (status, problem) = linked.world.post(JOBS, &body).await;
    let named: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
    assert_eq!((status, named), (400, vec!["items[1].to", "items[2].text"]), "{problem}");
    assert_eq!(linked.world.get("/v1/jobs").await.1["data"], json!([]));
    let mut lenient = body.clone();
    lenient["bad_items"] = json!("fail");
    let job = linked.finished(&linked.job(&lenient).await).await;
    assert_eq!((&job["state"], &job["progress"]["error"]), (&json!("completed"), &json!(2)));
    let items = linked.items(&job, "").await;
    assert_eq!(items["data"][1]["reason"]["code"], "bad_item");
    assert!(items["data"][1]["detail"].as_str().unwrap().contains("to"), "{items}");
    for (body, field) in [
        (json!({"items": []}), "items"),
        (json!({"items": vec![linked.text("x"); 5]}), "items"),
        (json!({"items": [linked.text("x")], "delay": {"min": "5s", "max": "1s"}}), "delay.max"),
        (json!({"items": [linked.text("x")], "name": ""}), "name"),
        (json!({"items": [linked.text("x")], "speed": 1}), "speed"),
    ] {
        let (status, problem) = linked.world.post(JOBS, &body).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!(field)), "{problem}");
    }
    assert_eq!(linked.world.post("/v1/accounts/nobody/jobs", &lenient).await.0, 404);
    let keyed = |body: Value| {
        let request = linked.world.ask(reqwest::Method::POST, JOBS).header("Idempotency-Key", "order-7").json(&body);
        async { request.send().await.unwrap() }
    };
    let first = keyed(quick(vec![linked.text("once")])).await;
    let first: Value = first.json().await.unwrap();
    let again = keyed(quick(vec![linked.text("once")])).await;
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(again.json::<Value>().await.unwrap()["id"], first["id"]);
    let other = keyed(quick(vec![linked.text("another")])).await;
    assert_eq!(other.status(), 422);
    linked.finished(&first).await;
    assert_eq!(linked.friend.inbox().into_iter().filter(|shown| shown.text.as_deref() == Some("once")).count(), 1);
}
