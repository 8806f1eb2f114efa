//! Schedules: what happens at a time, or again and again, through the API and over the wire.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::promises::Linked;
use crate::receiver::Receiver;
use crate::world::PATIENCE;

const SCHEDULES: &str = "/v1/accounts/a0/schedules";

fn path(schedule: &Value) -> String {
    format!("/v1/schedules/{}", schedule["id"].as_str().unwrap_or_else(|| panic!("{schedule}")))
}

/// A moment so many milliseconds from now.
fn soon(ms: i64) -> String {
    Timestamp::now().checked_add(SignedDuration::from_millis(ms)).unwrap().to_string()
}

impl Linked {
    fn says(&self, text: &str) -> Value {
        json!({"to": self.friend.number(), "type": "text", "text": text})
    }

    async fn schedule(&self, body: &Value) -> Value {
        let (status, schedule) = self.world.post(SCHEDULES, body).await;
        assert_eq!(status, 201, "{schedule}");
        schedule
    }

    async fn runs(&self, schedule: &Value) -> Vec<Value> {
        let found = self.world.get(&format!("{}/runs?limit=1000", path(schedule))).await.1;
        found["data"].as_array().unwrap_or_else(|| panic!("{found}")).clone()
    }

    fn shown(&self, text: &str) -> usize {
        self.friend.inbox().into_iter().filter(|shown| shown.text.as_deref() == Some(text)).count()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_that_comes_sends_its_message_once_and_tells_so() {
    let linked = Linked::with(1, &[]).await;
    let receiver = Receiver::start().await;
    let endpoint = json!({"account": "a0", "url": receiver.url, "events": ["schedule.fired"]});
    assert_eq!(linked.world.post("/v1/endpoints", &endpoint).await.0, 201);
    let picture = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let image = json!({"to": linked.friend.number(), "type": "image", "media": {"base64": picture}, "caption": "look"});
    let once = linked.schedule(&json!({"name": "one", "at": soon(900), "message": linked.says("once")})).await;
    let other = linked.schedule(&json!({"at": soon(900), "timezone": "Asia/Jakarta", "message": image})).await;
    assert_eq!((&once["state"], &once["upcoming"][0]), (&json!("active"), &once["at"]), "{once}");
    assert_eq!((&once["message"]["text"], &other["message"]["type"]), (&json!("once"), &json!("image")), "{other}");
    linked.friend.wait_for_text("once", PATIENCE).await.unwrap();
    for schedule in [&once, &other] {
        let over = linked.until(&path(schedule), |seen| seen["state"] == "ended").await;
        assert_eq!((&over["reason"], &over["next_at"], &over["upcoming"]), (&json!("done"), &Value::Null, &json!([])));
        let runs = linked.runs(schedule).await;
        assert_eq!((runs.len(), &runs[0]["outcome"], &runs[0]["scheduled_at"]), (1, &json!("message"), &over["at"]));
        let sent = format!("/v1/messages/{}", runs[0]["message"].as_str().unwrap());
        linked.until(&sent, crate::promises::is_sent).await;
    }
    let told = receiver.wait(2).await;
    let of_once = told.iter().find(|told| told.body["data"]["schedule"] == once["id"]).unwrap();
    assert_eq!((&of_once.body["type"], &of_once.body["data"]["name"]), (&json!("schedule.fired"), &json!("one")));
    assert_eq!(of_once.body["data"]["run"]["outcome"], "message");
    assert_eq!(linked.shown("once"), 1);
    // The moment is over: other times let it go on.
    assert_eq!(linked.world.post(&format!("{}/resume", path(&once)), &Value::Null).await.1["code"], "conflict");
    let again = linked.world.patch(&path(&once), &json!({"at": soon(300)})).await;
    assert_eq!((again.0, &again.1["state"], &again.1["reason"]), (200, &json!("active"), &Value::Null), "{}", again.1);
    linked.until(&path(&once), |seen| seen["runs"] == 2).await;
    assert_eq!(linked.network().violations(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_times_at_the_same_moment_run_once_each() {
    const MANY: usize = 300;
    let linked = Linked::with(1, &[]).await;
    let (at, mut made) = (soon(3_000), Vec::new());
    for n in 0..MANY {
        let body = json!({"at": at, "missed": "run_all", "message": linked.says(&format!("many {n}"))});
        made.push(linked.schedule(&body).await);
    }
    let mut late = Vec::new();
    for schedule in &made {
        linked.until(&path(schedule), |seen| seen["state"] == "ended").await;
        let runs = linked.runs(schedule).await;
        let at = |field: &str| runs[0][field].as_str().unwrap().parse::<Timestamp>().unwrap();
        assert_eq!(runs.len(), 1, "{runs:?}");
        late.push(at("scheduled_at").duration_until(at("ran_at")));
    }
    eprintln!("{MANY} times at one moment: {} to {} late", late.iter().min().unwrap(), late.iter().max().unwrap());
    linked.until("/v1/schedules?limit=1", |_| linked.friend.tally("many ") == (MANY, MANY)).await;
    assert_eq!(linked.network().violations(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_second_runs_once_until_it_is_paused_and_from_its_resume_on() {
    let linked = Linked::with(1, &[("WASUP__SCHEDULES__HISTORY", "1000")]).await;
    let body = json!({"cron": "* * * * * *", "missed": "run_all", "missed_max": 100, "message": linked.says("tick")});
    let schedule = linked.schedule(&body).await;
    assert_eq!((&schedule["timezone"], &schedule["missed_max"]), (&json!("UTC"), &json!(100)), "{schedule}");
    linked.until(&path(&schedule), |seen| seen["runs"].as_u64() >= Some(3)).await;
    let (status, paused) = linked.world.post(&format!("{}/pause", path(&schedule)), &Value::Null).await;
    assert_eq!((status, &paused["state"], &paused["next_at"]), (200, &json!("paused"), &Value::Null), "{paused}");
    let runs = linked.runs(&schedule).await;
    let (_, resumed) = linked.world.post(&format!("{}/resume", path(&schedule)), &Value::Null).await;
    assert_eq!(resumed["state"], "active");
    linked.until(&path(&schedule), |seen| seen["runs"].as_u64() >= Some(runs.len() as u64 + 2)).await;
    linked.world.post(&format!("{}/pause", path(&schedule)), &Value::Null).await;
    let runs = linked.runs(&schedule).await;
    let times: BTreeSet<_> = runs.iter().map(|run| run["scheduled_at"].as_str().unwrap().to_owned()).collect();
    assert_eq!((times.len(), runs.iter().all(|run| run["outcome"] == "message")), (runs.len(), true), "{runs:?}");
    assert!(times.iter().all(|at| at.ends_with(".000Z")), "{times:?}");
    for run in &runs {
        linked.until(&format!("/v1/messages/{}", run["message"].as_str().unwrap()), crate::promises::is_sent).await;
    }
    linked.until("/v1/schedules", |_| linked.shown("tick") == runs.len()).await;
    // A page of the history, and what is to come.
    let page = linked.world.get(&format!("{}/runs?limit=2", path(&schedule))).await.1;
    let next = page["next_cursor"].as_str().unwrap();
    let older = linked.world.get(&format!("{}/runs?limit=2&cursor={next}", path(&schedule))).await.1;
    assert_eq!((&page["data"][1]["number"], &older["data"][0]["number"]), (&runs[1]["number"], &runs[2]["number"]));
    let daily = json!({"cron": "30 2 * * *", "timezone": "Europe/Berlin", "start_at": "2027-10-30T00:00:00"});
    let (_, daily) = linked.world.patch(&path(&schedule), &daily).await;
    assert_eq!((&daily["state"], &daily["upcoming"]), (&json!("paused"), &json!([])), "{daily}");
    linked.world.post(&format!("{}/resume", path(&schedule)), &Value::Null).await;
    let seen = linked.world.get(&format!("{}?upcoming=3", path(&schedule))).await.1;
    let expected = json!(["2027-10-30T00:30:00.000Z", "2027-10-31T00:30:00.000Z", "2027-11-01T01:30:00.000Z"]);
    assert_eq!((&seen["upcoming"], &seen["start_at"]), (&expected, &json!("2027-10-29T22:00:00.000Z")), "{seen}");
    assert_eq!(linked.world.get(SCHEDULES).await.1["data"][0]["upcoming"], json!([expected[0]]));
    assert_eq!(linked.world.delete(&path(&schedule)).await.0, 204);
    assert_eq!(linked.world.get(&path(&schedule)).await.0, 404);
    let acts = linked.world.get("/v1/audit").await.1;
    let acts: Vec<_> = acts["data"].as_array().unwrap().iter().map(|act| act["act"].as_str().unwrap()).collect();
    assert_eq!(acts[..3], ["schedule_deleted", "schedule_resumed", "schedule_changed"]);
    assert_eq!(linked.network().violations(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_started_at_its_time_and_by_hand() {
    let linked = Linked::with(1, &[]).await;
    let items: Vec<_> = (0..250).map(|n| linked.says(&format!("item {n}"))).collect();
    let job = json!({"items": items, "delay": {"min": "0ms", "max": "0ms"}});
    let body = json!({"name": "May", "at": soon(700), "job": job});
    let schedule = linked.schedule(&body).await;
    assert_eq!((&schedule["job"]["items"], &schedule["message"]), (&json!(250), &Value::Null), "{schedule}");
    linked.until(&path(&schedule), |seen| seen["state"] == "ended").await;
    let runs = linked.runs(&schedule).await;
    assert_eq!((runs.len(), &runs[0]["outcome"]), (1, &json!("job")), "{runs:?}");
    let job = format!("/v1/jobs/{}", runs[0]["job"].as_str().unwrap());
    let over = linked.until(&job, |job| job["ended_at"].is_string()).await;
    assert_eq!(
        (&over["state"], &over["name"], &over["progress"]["success"]),
        (&json!("completed"), &json!("May"), &json!(250))
    );
    linked.friend.wait_for_text("item 249", PATIENCE).await.unwrap();
    assert_eq!(linked.friend.tally("item ").0, 250);
    // Changed to something short, run by hand, twice with the same key.
    let (_, changed) = linked.world.patch(&path(&schedule), &json!({"message": linked.says("by hand")})).await;
    assert_eq!((&changed["state"], &changed["job"]), (&json!("ended"), &Value::Null), "{changed}");
    let run = format!("{}/run", path(&schedule));
    let keyed = || linked.world.ask(reqwest::Method::POST, &run).header("Idempotency-Key", "now").send();
    let first = keyed().await.unwrap();
    assert_eq!(first.status(), 202);
    let first: Value = first.json().await.unwrap();
    assert_eq!((&first["number"], &first["scheduled_at"]), (&json!(2), &Value::Null), "{first}");
    let again = keyed().await.unwrap();
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(again.json::<Value>().await.unwrap(), first);
    linked.friend.wait_for_text("by hand", PATIENCE).await.unwrap();
    assert_eq!((linked.shown("by hand"), linked.runs(&schedule).await.len()), (1, 2));
    assert_eq!(linked.network().violations(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_not_be_a_schedule_is_refused_by_name() {
    let linked = Linked::with(1, &[]).await;
    let message = linked.says("x");
    let with = |more: Value| {
        let mut body = json!({"message": message});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for (body, code, field) in [
        (with(json!({"cron": "61 * * * *"})), "cron_invalid", "cron"),
        (with(json!({"cron": "every day"})), "cron_invalid", "cron"),
        (with(json!({"cron": "0 9 * * *", "timezone": "Mars/Olympus"})), "timezone_unknown", "timezone"),
        (with(json!({"at": "2027-01-01T09:00:00", "timezone": "WIB"})), "timezone_unknown", "timezone"),
        (with(json!({"at": "2027-01-01T09:00:00"})), "invalid", "at"),
        (with(json!({"at": "tomorrow"})), "invalid", "at"),
        (with(json!({})), "invalid", "at"),
        (with(json!({"at": soon(9_000), "cron": "* * * * *"})), "invalid", "cron"),
        (with(json!({"cron": "* * * * *", "start_at": soon(9_000), "end_at": soon(1_000)})), "invalid", "end_at"),
        (with(json!({"cron": "* * * * *", "missed": "run_all", "missed_max": 0})), "invalid", "missed_max"),
        (with(json!({"cron": "* * * * *", "missed_max": 3})), "invalid", "missed_max"),
        (with(json!({"cron": "* * * * *", "name": ""})), "invalid", "name"),
        (with(json!({"cron": "* * * * *", "job": {"items": [message]}})), "invalid", "job"),
        (json!({"cron": "* * * * *"}), "invalid", "message"),
        (json!({"cron": "* * * * *", "message": {"to": "12", "type": "text", "text": "x"}}), "invalid", "message.to"),
        (json!({"cron": "* * * * *", "job": {"items": [message, {"type": "text"}]}}), "invalid", "job.items[1].text"),
        (with(json!({"cron": "* * * * *", "every": 1})), "invalid", "every"),
    ] {
        let (status, problem) = linked.world.post(SCHEDULES, &body).await;
        assert_eq!((status, &problem["code"]), (400, &json!(code)), "{body} {problem}");
        assert_eq!(problem["errors"][0]["field"], field, "{body} {problem}");
    }
    for body in [with(json!({"at": "2026-01-01T00:00:00Z"})), with(json!({"cron": "0 0 30 2 *"}))] {
        let (status, problem) = linked.world.post(SCHEDULES, &body).await;
        assert_eq!((status, &problem["code"]), (409, &json!("no_time_left")), "{problem}");
    }
    let good = with(json!({"cron": "0 9 * * *", "timezone": "Asia/Jakarta", "paused": true}));
    assert_eq!(linked.world.post("/v1/accounts/nobody/schedules", &good).await.0, 404);
    assert_eq!(linked.world.get("/v1/schedules").await.1["data"], json!([]));
    let keyed = |body: &Value| {
        let request = linked.world.ask(reqwest::Method::POST, SCHEDULES).header("Idempotency-Key", "s-7").json(body);
        async { request.send().await.unwrap() }
    };
    let first: Value = keyed(&good).await.json().await.unwrap();
    assert_eq!((&first["state"], &first["next_at"]), (&json!("paused"), &Value::Null), "{first}");
    let again = keyed(&good).await;
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(again.json::<Value>().await.unwrap()["id"], first["id"]);
    assert_eq!(keyed(&with(json!({"cron": "0 8 * * *"}))).await.status(), 422);
    let (status, problem) = linked.world.patch(&path(&first), &json!({"cron": "x"})).await;
    assert_eq!((status, &problem["code"]), (400, &json!("cron_invalid")));
    // With its account its times end.
    linked.world.post(&format!("{}/resume", path(&first)), &Value::Null).await;
    assert_eq!(linked.world.delete("/v1/accounts/a0").await.0, 204);
    let gone = linked.until(&path(&first), |seen| seen["state"] == "ended").await;
    assert_eq!((&gone["reason"], &gone["account"]), (&json!("account_gone"), &Value::Null), "{gone}");
    assert_eq!(linked.world.post(&format!("{}/run", path(&first)), &Value::Null).await.1["code"], "conflict");
}
