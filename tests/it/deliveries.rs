//! Deliveries over real sockets: the contract's table against receivers that do what it says, and what the API shows.

use std::time::Duration;

use serde_json::{Value, json};

use crate::contract::{Becomes, CONTRACT, Does, SCHEDULE_S};
use crate::endpoints::made;
use crate::receivers::{Misbehaving, reading};
use crate::world::World;

/// Time-outs of milliseconds, and the waits of the table.
async fn world() -> World {
    let schedule = SCHEDULE_S.map(|seconds| format!("\"{seconds}s\"")).join(",");
    let schedule = format!("[{schedule}]");
    World::with(&[
        ("WASUP__WEBHOOKS__TIMEOUT", "400ms"),
        ("WASUP__WEBHOOKS__SCHEDULE", &schedule),
        ("WASUP__WEBHOOKS__JITTER", "0"),
    ])
    .await
}

/// Tests an endpoint; answers the delivery once its first attempt is judged.
async fn tested(world: &World, endpoint: &str) -> Value {
    let (status, sent) = world.post(&format!("{endpoint}/test"), &Value::Null).await;
    assert_eq!(status, 202, "{sent}");
    let path = format!("/v1/deliveries/{}", sent["delivery"].as_str().unwrap());
    let judged = |shown: &Value| !["available", "executing"].contains(&shown["state"].as_str().unwrap());
    world.until(&path, judged).await
}

fn ms(time: &Value) -> i64 {
    time.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_becomes_of_a_delivery_is_the_contract() {
    let world = world().await;
    for (does, word, status, becomes) in CONTRACT {
        let receiver = Misbehaving::start(does).await;
        let (endpoint, _) = made(&world, json!({"url": receiver.url})).await;
        let shown = tested(&world, &endpoint).await;
        let attempt = &shown["tried"][0];
        assert_eq!((&attempt["outcome"], &attempt["status"]), (&json!(word), &json!(status)), "{does:?}: {shown}");
        assert_eq!((&attempt["n"], &attempt["url"]), (&json!(1), &json!(receiver.url)), "{does:?}: {shown}");
        match becomes {
            Becomes::Completed => assert_eq!(shown["state"], "completed", "{does:?}: {shown}"),
            Becomes::Discarded(why) => {
                assert_eq!((&shown["state"], &shown["reason"]), (&json!("discarded"), &json!(why)), "{does:?}");
            }
            Becomes::Again(seconds) => {
                assert_eq!(shown["state"], "retryable", "{does:?}: {shown}");
                let ended = ms(&attempt["at"]) + attempt["took_ms"].as_i64().unwrap();
                let (wait, wanted) = (ms(&shown["next_attempt_at"]) - ended, i64::try_from(seconds).unwrap() * 1_000);
                assert!((wanted - 50..wanted + 5_000).contains(&wait), "{does:?}: {wait} {shown}");
            }
        }
        // Nothing holds the attempt longer than its time.
        assert!(attempt["took_ms"].as_u64().unwrap() < 2_000, "{does:?}: {shown}");
        let state = if becomes == Becomes::Discarded("gone") { "disabled" } else { "active" };
        assert_eq!(world.get(&endpoint).await.1["state"], state, "{does:?}");
        assert_eq!(world.delete(&endpoint).await.0, 204);
    }
}

#[tokio::test]
async fn an_attempt_keeps_the_beginning_of_its_answer() {
    let world = world().await;
    let long = "é".repeat(20_000);
    for (content_type, body, expected) in [
        ("text/plain", "fine".to_owned(), json!({"content_type": "text/plain", "body": "fine", "cut": false})),
        (
            "application/json",
            long.clone(),
            json!({"content_type": "application/json", "body": &long[..16 * 1_024], "cut": true}),
        ),
    ] {
        let receiver = Misbehaving::saying(500, content_type, &body).await;
        let own = json!({"authorization": "Bearer hidden", "x-shop": "7"});
        let (endpoint, _) = made(&world, json!({"url": receiver.url, "headers": own})).await;
        let shown = tested(&world, &endpoint).await;
        assert_eq!(shown["tried"][0]["answer"], expected);
        assert_eq!((&shown["type"], &shown["attempts"]), (&json!("endpoint.test"), &json!(1)));
        let request = &shown["request"];
        assert_eq!((&request["url"], &request["body"]["id"]), (&json!(receiver.url), &shown["event"]));
        assert_eq!((&request["headers"]["webhook-id"], &request["headers"]["x-shop"]), (&shown["event"], &json!("…")));
        assert!(!shown.to_string().contains("hidden") && !request.to_string().contains("v1,"), "{request}");
    }
}

#[tokio::test]
async fn dead_letters_are_listed_and_made_again() {
    let world = world().await;
    let receiver = Misbehaving::start(Does::Answers(404)).await;
    let (endpoint, _) = made(&world, json!({"url": receiver.url})).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(tested(&world, &endpoint).await["id"].clone());
    }
    let dead = format!("{endpoint}/deliveries?state=discarded");
    let first = world.get(&format!("{dead}&limit=3")).await.1;
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = world.get(&format!("{dead}&limit=3&cursor={cursor}")).await.1;
    assert_eq!(rest["next_cursor"], Value::Null);
    let listed: Vec<Value> = [&first, &rest]
        .iter()
        .flat_map(|page| page["data"].as_array().unwrap().iter().map(|row| row["id"].clone()))
        .collect();
    assert_eq!(listed, ids.iter().rev().cloned().collect::<Vec<_>>());
    assert_eq!(first["data"][0]["reason"], "refused");
    assert_eq!(world.get(&format!("{endpoint}/deliveries?cursor={cursor}")).await.0, 400, "a cursor of another list");
    // One, and then all that failed since.
    receiver.does(Does::Answers(200));
    let (status, again) =
        world.post(&format!("/v1/deliveries/{}/replay", ids[0].as_str().unwrap()), &json!(null)).await;
    assert_eq!((status, &again["id"]), (202, &ids[0]), "{again}");
    let path = format!("/v1/deliveries/{}", ids[0].as_str().unwrap());
    let shown = world.until(&path, |shown| shown["state"] == "completed").await;
    let tried: Vec<_> = shown["tried"].as_array().unwrap().iter().map(|attempt| attempt["status"].clone()).collect();
    assert_eq!(tried, [404, 200]);
    let (status, replay) =
        world.post(&format!("{endpoint}/replay"), &json!({"failed_since": "2020-01-01T00:00:00Z"})).await;
    assert_eq!(status, 202, "{replay}");
    let done = world.until(&format!("{endpoint}/replay"), |replay| replay["state"] == "done").await;
    assert_eq!(done["queued"], 4);
    world.until(&dead, |page| page["data"] == json!([])).await;
    let whole = format!("{endpoint}/deliveries?state=completed");
    world.until(&whole, |page| page["data"].as_array().is_some_and(|rows| rows.len() == 5)).await;
    // Every try of a delivery had the same id.
    let mut seen = receiver.ids();
    assert_eq!(seen.len(), 10);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 5);
    for (path, body, code) in [
        (format!("{endpoint}/replay"), json!({}), "invalid"),
        (format!("{endpoint}/replay"), json!({"since": "yesterday"}), "invalid"),
        (
            "/v1/endpoints/ep_000001hnp5dqo0000000000000/replay".to_owned(),
            json!({"failed_since": "2020-01-01T00:00:00Z"}),
            "not_found",
        ),
        ("/v1/deliveries/dlv_000/replay".to_owned(), json!(null), "not_found"),
    ] {
        assert_eq!(world.post(&path, &body).await.1["code"], code, "{path} {body}");
    }
    assert_eq!(world.get(&format!("{endpoint}/deliveries?state=dead")).await.0, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_answer_costs_its_limit_and_no_more() {
    let world = world().await;
    let receiver = Misbehaving::start(Does::HasNoEnd).await;
    let (endpoint, _) = made(&world, json!({"url": receiver.url})).await;
    let shown = tested(&world, &endpoint).await;
    let answer = &shown["tried"][0]["answer"];
    assert_eq!((answer["body"].as_str().map(str::len), &answer["cut"]), (Some(16 * 1_024), &json!(true)));
    // The connection was given up: the receiver could not go on.
    tokio::time::timeout(Duration::from_secs(10), reading(&receiver)).await.unwrap();
}
