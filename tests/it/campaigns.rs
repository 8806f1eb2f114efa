//! Campaigns through the API and over the wire: who gets what, what becomes of it, and how one hears of it.

use std::time::Duration;

use serde_json::{Value, json};
use wasup_sandbox::Phone;

use crate::lists::{all, list};
use crate::promises::Linked;
use crate::receiver::Receiver;
use crate::world::PATIENCE;

const PATH: &str = "/v1/campaigns";

/// As fast as it goes.
fn quick() -> Value {
    json!({"gap_min": "0ms", "gap_max": "0ms", "per_minute": 0, "per_hour": 0, "per_day": 0})
}

impl Linked {
    /// People with phones, on a list with names and towns.
    async fn people(&self, count: usize) -> (String, Vec<Phone>) {
        let phones: Vec<_> = (0..count).map(|n| self.network().phone(&format!("6285000000{n:03}"))).collect();
        let path = list(&self.world, "People").await;
        let contact = |(n, phone): (usize, &Phone)| {
            let tags = if n.is_multiple_of(2) { json!(["even"]) } else { json!([]) };
            json!({"phone": phone.number(), "name": format!("Person {n}"), "fields": {"city": format!("Town {n}")}, "tags": tags})
        };
        let contacts: Vec<_> = phones.iter().enumerate().map(contact).collect();
        assert_eq!(self.world.post(&format!("{path}/contacts"), &json!({"contacts": contacts})).await.0, 200);
        (path.rsplit('/').next().unwrap().to_owned(), phones)
    }

    async fn campaign(&self, body: &Value) -> String {
        let (status, made) = self.world.post(PATH, body).await;
        assert_eq!(status, 201, "{made}");
        format!("{PATH}/{}", made["id"].as_str().unwrap())
    }

    async fn over(&self, path: &str) -> Value {
        self.until(path, |campaign| campaign["ended_at"].is_string()).await
    }
}

fn texts(phone: &Phone) -> Vec<String> {
    phone.inbox().into_iter().filter_map(|shown| shown.text).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_gets_a_text_of_their_own_and_what_becomes_of_it_is_told() {
    let linked = Linked::with(2, &[]).await;
    let receiver = Receiver::start().await;
    let endpoint = json!({"account": "a0", "url": receiver.url, "events": ["campaign.state"]});
    assert_eq!(linked.world.post("/v1/endpoints", &endpoint).await.0, 201);
    let (id, phones) = linked.people(12).await;
    let nobody = json!({"contacts": [{"phone": "6289999999999", "name": "Nobody"}]});
    assert_eq!(linked.world.post(&format!("/v1/lists/{id}/contacts"), &nobody).await.0, 200);
    let out = json!({"phone": phones[3].number()});
    assert!(linked.world.post("/v1/opt-outs", &out).await.0 < 300);
    let template = json!({"name": "Offer", "body": "Hello {{ name }} of {{ city|default('nowhere') }}"});
    let (_, template) = linked.world.post("/v1/templates", &template).await;
    let body = json!({"name": "May", "senders": ["a0", "a1"], "lists": [id], "template": template["id"], "pace": quick(),
        "replies": {"stop_words": ["STOP"]}});
    let path = linked.campaign(&body).await;
    let draft = linked.world.get(&path).await.1;
    assert_eq!((&draft["state"], &draft["progress"]["total"]), (&json!("draft"), &json!(0)));
    let (status, running) = linked.world.post(&format!("{path}/start"), &json!({})).await;
    assert_eq!((status, &running["state"]), (200, &json!("running")));
    let over = linked.over(&path).await;
    assert_eq!(over["state"], "completed", "{over}");
    let progress = &over["progress"];
    assert_eq!(
        [
            &progress["total"],
            &progress["current"],
            &progress["success"],
            &progress["error"],
            &progress["states"]["skipped"]
        ],
        [&json!(13), &json!(13), &json!(11), &json!(1), &json!(1)],
        "{over}"
    );
    for (n, phone) in phones.iter().enumerate() {
        if n == 3 {
            assert_eq!(texts(phone), [] as [String; 0]);
        } else {
            phone.wait_for_text(&format!("Hello Person {n} of Town {n}"), PATIENCE).await.unwrap();
        }
    }
    // Both accounts sent.
    let stats = linked.world.get(&format!("{path}/stats")).await.1;
    for sender in stats["senders"].as_array().unwrap() {
        assert!(sender["sent"].as_u64().unwrap() >= 3, "{stats}");
    }
    let skipped = linked.world.get(&format!("{path}/recipients?state=skipped")).await.1;
    assert_eq!(
        (&skipped["data"][0]["phone"], &skipped["data"][0]["reason"]["code"]),
        (&json!(phones[3].number()), &json!("opted_out"))
    );
    let told = receiver.wait(2).await;
    let told: Vec<_> = told.iter().map(|one| one.body["data"]["state"].as_str().unwrap()).collect();
    assert_eq!(told, ["running", "completed"]);
    answers(&linked, &path, &phones).await;
    report(&linked, &path).await;
    again(&linked, &path).await;
    assert_eq!(linked.network().violations(), []);
}

/// Phones read and answer; one wants no more.
async fn answers(linked: &Linked, path: &str, phones: &[Phone]) {
    let recipients = all(&linked.world, &format!("{path}/recipients"), 5).await;
    assert_eq!(recipients.len(), 13);
    for (n, text) in [(0, "Thanks!"), (1, "stop")] {
        let of = |one: &&Value| one["phone"] == phones[n].number();
        let sender = recipients.iter().find(of).unwrap()["account"].as_str().unwrap().to_owned();
        let account = &linked.phones[sender[1..].parse::<usize>().unwrap()];
        phones[n].send_text(account.number(), text).await.unwrap();
    }
    let replied = |stats: &Value| stats["progress"]["replied"] == 2;
    let stats = linked.until(&format!("{path}/stats"), replied).await;
    let sums =
        |of: &Value, what: &str| of.as_array().unwrap().iter().map(|one| one[what].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sums(&stats["senders"], "replied"), sums(&stats["hours"], "replied")), (2, 2), "{stats}");
    assert_eq!(
        (sums(&stats["hours"], "sent"), sums(&stats["hours"], "failed"), sums(&stats["hours"], "skipped")),
        (11, 1, 1)
    );
    let out = all(&linked.world, "/v1/opt-outs", 10).await;
    let out: Vec<_> = out.iter().map(|one| one["phone"].as_str().unwrap()).collect();
    assert!(out.contains(&phones[1].number()) && !out.contains(&phones[0].number()), "{out:?}");
    let answered = all(&linked.world, &format!("{path}/recipients?state=replied"), 10).await;
    assert!(answered.iter().all(|one| one["replied_at"].is_string()) && answered.len() == 2, "{answered:?}");
}

async fn report(linked: &Linked, path: &str) {
    let query = "fields=city&delimiter=semicolon";
    let file = linked.world.ask(reqwest::Method::GET, &format!("{path}/export?{query}")).send().await.unwrap();
    assert_eq!(file.headers()["content-type"], "text/csv; charset=utf-8; header=present");
    let file = file.text().await.unwrap();
    let rows: Vec<Vec<&str>> = file.lines().map(|line| line.split(';').collect()).collect();
    assert_eq!((rows.len(), rows[0][0], rows[0][2], rows[0][13]), (14, "number", "state", "city"));
    let failed: Vec<_> = rows.iter().filter(|row| row[2] == "failed").collect();
    assert_eq!((failed.len(), failed[0][0], failed[0][3]), (1, "6289999999999", "server 404"), "{file}");
    assert!(rows[1..].iter().filter(|row| row[2] != "skipped" && row[2] != "failed").all(|row| row[8].ends_with('Z')));
    let overview = linked.world.get(&format!("{PATH}/stats")).await.1;
    assert_eq!(
        (&overview["campaigns"]["completed"], &overview["recipients"], &overview["replied"]),
        (&json!(1), &json!(13), &json!(2))
    );
}

/// Those it failed for are tried again, those who did not answer asked once more.
async fn again(linked: &Linked, path: &str) {
    for (who, total, skipped) in [("failed", 1, 0), ("silent", 9, 0), ("replied", 2, 1)] {
        let body = json!({"who": who, "name": format!("to {who}"), "start": "now"});
        let (status, made) = linked.world.post(&format!("{path}/retry"), &body).await;
        assert_eq!(status, 201, "{made}");
        let over = linked.over(&format!("{PATH}/{}", made["id"].as_str().unwrap())).await;
        assert_eq!(
            (&over["progress"]["total"], &over["progress"]["states"]["skipped"]),
            (&json!(total), &json!(skipped)),
            "{over}"
        );
    }
    let (_, copy) = linked.world.post(&format!("{path}/clone"), &json!({"name": "June"})).await;
    assert_eq!((&copy["state"], &copy["name"]), (&json!("draft"), &json!("June")));
    assert_eq!(linked.world.delete(&format!("{PATH}/{}", copy["id"].as_str().unwrap())).await.0, 204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_waits_for_its_time_is_changed_paused_and_stopped() {
    let linked = Linked::with(1, &[]).await;
    let (id, phones) = linked.people(20).await;
    let picture = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let slow = json!({"gap_min": "30ms", "gap_max": "40ms", "per_minute": 0, "per_hour": 0, "per_day": 0});
    let message = json!({"type": "image", "media": {"base64": picture}, "caption": "For {{ name }}"});
    let body = json!({"name": "Pictures", "senders": ["a0"], "lists": [id], "tags": ["EVEN"], "message": message, "pace": slow,
        "start": "2099-01-01T00:00:00+07:00"});
    let path = linked.campaign(&body).await;
    let waits = linked.world.get(&path).await.1;
    assert_eq!((&waits["state"], &waits["start_at"]), (&json!("scheduled"), &json!("2098-12-31T17:00:00.000Z")));
    let (_, changed) =
        linked.world.patch(&path, &json!({"name": "Prints", "tags": [], "pace": {"per_day": 500}})).await;
    assert_eq!(
        (&changed["name"], &changed["to"]["tags"], &changed["pace"]["per_day"], &changed["pace"]["gap_min_ms"]),
        (&json!("Prints"), &json!([]), &json!(500), &json!(30))
    );
    assert_eq!(linked.world.post(&format!("{path}/pause"), &Value::Null).await.1["code"], "conflict");
    let (_, draft) = linked.world.post(&format!("{path}/unschedule"), &Value::Null).await;
    assert_eq!((&draft["state"], &draft["start_at"]), (&json!("draft"), &Value::Null));
    linked.world.post(&format!("{path}/start"), &json!({"at": "now"})).await;
    linked.until(&path, |seen| seen["progress"]["success"].as_u64() >= Some(3)).await;
    // A message of its own does not wait for the rest of it.
    let sent = linked.send("a0", "meanwhile").await;
    linked.message(&sent, |message| message["status"] != "queued" && message["status"] != "sending").await;
    let (_, paused) = linked.world.post(&format!("{path}/pause"), &Value::Null).await;
    assert_eq!(paused["state"], "paused");
    let still = linked.until(&path, |seen| seen["progress"]["states"]["queued"] == 0).await;
    assert!(still["progress"]["success"].as_u64() < Some(20), "{still}");
    assert_eq!(linked.world.patch(&path, &json!({"name": "Too late"})).await.1["code"], "conflict");
    assert_eq!(linked.world.delete(&path).await.1["code"], "conflict");
    linked.world.post(&format!("{path}/resume"), &Value::Null).await;
    let more = still["progress"]["success"].as_u64().unwrap() + 3;
    linked.until(&path, |seen| seen["progress"]["success"].as_u64() >= Some(more)).await;
    linked.world.post(&format!("{path}/stop"), &Value::Null).await;
    let over = linked.until(&path, |seen| seen["progress"]["current"] == 20).await;
    assert_eq!(over["state"], "cancelled");
    let success = over["progress"]["success"].as_u64().unwrap();
    assert_eq!(success + over["progress"]["states"]["cancelled"].as_u64().unwrap(), 20, "{over}");
    let mut captions = 0;
    for _ in 0..200 {
        let captions_of = |phone: &Phone| phone.inbox().iter().filter(|shown| shown.file.is_some()).count();
        captions = phones.iter().map(captions_of).sum::<usize>();
        if captions as u64 == success {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!(captions as u64, success);
    assert_eq!(linked.world.delete(&path).await.0, 204);
    assert_eq!(linked.world.get(&path).await.0, 404);
    assert_eq!(linked.network().violations(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_campaign_may_be_is_named_and_repeats_are_one() {
    let linked = Linked::with(1, &[]).await;
    let (id, _) = linked.people(2).await;
    let good = json!({"name": "x", "senders": ["a0"], "lists": [id], "message": {"type": "text", "text": "hi"}, "pace": quick()});
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    let without = |field: &str| {
        let mut body = good.clone();
        body.as_object_mut().unwrap().remove(field);
        body
    };
    for (body, field) in [
        (without("name"), "name"),
        (without("senders"), "senders"),
        (without("lists"), "lists"),
        (without("message"), "message"),
        (with("name", json!(" ")), "name"),
        (with("senders", json!([])), "senders"),
        (with("senders", json!(["nobody"])), "senders"),
        (with("lists", json!(["lst_0000106gk3fv0a0mk8d1p3m5r4"])), "lists"),
        (with("message", json!({"type": "text"})), "message.text"),
        (with("message", json!({"type": "text", "text": "{{ name"})), "message"),
        (with("message", json!({"type": "text", "text": "hi", "to": "62"})), "message.to"),
        (with("message", json!({"type": "reaction", "message": "msg_x", "emoji": "x"})), "message.type"),
        (with("template", json!("tpl_0000106gk3fv0a0mk8d1p3m5r4")), "message"),
        (with("pace", json!({"gap_min": "2s", "gap_max": "1s"})), "pace.gap_max"),
        (with("quiet_hours", json!({"from": "21:00", "to": "25:00", "zone": "sender"})), "quiet_hours.to"),
        (with("replies", json!({"stop_words": ["!"]})), "replies.stop_words"),
        (with("start", json!("tomorrow")), "start"),
        (with("speed", json!(1)), "speed"),
    ] {
        let (status, problem) = linked.world.post(PATH, &body).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!(field)), "{problem}");
    }
    assert_eq!(linked.world.get(PATH).await.1["data"], json!([]));
    let keyed = |body: Value| {
        let request = linked.world.ask(reqwest::Method::POST, PATH).header("Idempotency-Key", "may").json(&body);
        async { request.send().await.unwrap() }
    };
    let first: Value = keyed(with("start", json!("now"))).await.json().await.unwrap();
    linked.over(&format!("{PATH}/{}", first["id"].as_str().unwrap())).await;
    let again = keyed(with("start", json!("now"))).await;
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(again.json::<Value>().await.unwrap()["id"], first["id"]);
    assert_eq!(keyed(good.clone()).await.status(), 422);
    let listed = linked.world.get(&format!("{PATH}?limit=10")).await.1;
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
}
