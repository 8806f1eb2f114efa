//! Groups through the API, on the wire: two accounts, their phones, and a third phone.

use reqwest::Method;
use serde_json::{Value, json};
use wasup_sandbox::{GroupRole, GroupSettings};

use crate::promises::{Linked, is_sent};
use crate::world::{PATIENCE, answer};

fn group(account: &str, id: &str) -> String {
    format!("/v1/accounts/{account}/groups/{id}")
}

impl Linked {
    /// The first event of an account that is wanted.
    async fn event(&self, account: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let found =
            |page: &Value| page["data"].as_array().and_then(|all| all.iter().find(|event| wanted(event)).cloned());
        let path = format!("/v1/events?account={account}&limit=1000");
        let page = self.until(&path, |page| found(page).is_some()).await;
        found(&page).unwrap()
    }

    async fn events(&self, account: &str, kind: &str) -> Vec<Value> {
        let (_, page) = self.world.get(&format!("/v1/events?account={account}&limit=1000")).await;
        page["data"].as_array().unwrap().iter().filter(|event| event["type"] == kind).cloned().collect()
    }

    /// A group that `a0` made with `a1`'s phone and the friend in it.
    async fn made(&self, lid: bool) -> String {
        for phone in &self.phones {
            phone.set_lid_migrated(lid);
        }
        let body = json!({
            "subject": "friends", "description": "who we are",
            "participants": [self.phones[1].number(), self.friend.number(), "6289999999999"],
        });
        let (status, made) = self.world.post("/v1/accounts/a0/groups", &body).await;
        assert_eq!(status, 201, "{made}");
        assert_eq!(
            (&made["subject"], &made["description"], &made["size"]),
            (&json!("friends"), &json!("who we are"), &json!(3))
        );
        assert_eq!(made["addressing"], if lid { "lid" } else { "pn" });
        assert_eq!(made["missing"][0]["phone"], "6289999999999", "nobody has this number");
        made["id"].as_str().unwrap().to_owned()
    }

    async fn act(&self, method: Method, path: &str, who: &[&str]) -> Value {
        let asked = self.world.ask(method, path).json(&json!({"participants": who})).send().await.unwrap();
        let (status, outcome) = answer(asked).await;
        assert_eq!(status, 200, "{outcome}");
        outcome["data"].clone()
    }

    async fn write(&self, account: &str, to: &str, text: &str) -> Value {
        let body = json!({"to": to, "type": "text", "text": text});
        let (status, sent) = self.world.post(&format!("/v1/accounts/{account}/messages"), &body).await;
        assert_eq!(status, 202, "{sent}");
        self.message(&sent, is_sent).await
    }
}

async fn messages_both_ways(lid: bool) {
    let linked = Linked::with(2, &[]).await;
    let id = linked.made(lid).await;
    let seen = linked.phones[1].group(&id).unwrap();
    assert_eq!((seen.lid, seen.members.len()), (lid, 3));
    linked.event("a1", |event| event["type"] == "group.updated" && event["data"]["change"] == "new").await;
    linked.write("a0", &id, "hello everybody").await;
    linked.friend.wait_for_text("hello everybody", PATIENCE).await.unwrap();
    let got = linked.event("a1", |event| event["data"]["text"] == "hello everybody").await;
    assert_eq!((&got["type"], &got["data"]["chat"]["jid"]), (&json!("message.received"), &json!(id)));
    assert_eq!(got["data"]["sender"]["phone"], linked.phones[0].number());
    linked.friend.send_text(&id, "hello back").await.unwrap();
    for account in ["a0", "a1"] {
        let got = linked.event(account, |event| event["data"]["text"] == "hello back").await;
        assert_eq!(got["data"]["sender"]["phone"], linked.friend.number(), "{got}");
    }
    linked.write("a1", &id, "and from me").await;
    linked.event("a0", |event| event["data"]["text"] == "and from me").await;
    // What the account's own phone writes there is its own.
    linked.phones[0].send_text(&id, "by my phone").await.unwrap();
    let own = linked.event("a0", |event| event["data"]["text"] == "by my phone").await;
    assert_eq!((&own["type"], &own["data"]["direction"]), (&json!("message.sent"), &json!("outbound")));
    assert_eq!(linked.network().violations(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_in_a_group_by_number() {
    messages_both_ways(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_in_a_group_by_hidden_id() {
    messages_both_ways(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_verb_is_carried_out_and_told() {
    for lid in [false, true] {
        let linked = Linked::with(2, &[]).await;
        let (id, friend, other) = (linked.made(lid).await, linked.friend.number(), linked.phones[1].number());
        let path = group("a0", &id);
        let change = json!({"subject": "renamed", "description": "", "locked": true, "announce": true,
            "disappears_after": 86_400, "approval": true, "members_add": false});
        let (status, changed) = linked.world.patch(&path, &change).await;
        assert_eq!(status, 200, "{changed}");
        let wanted = json!({"locked": true, "announce": true, "disappears_after": 86_400, "approval": true, "members_add": false});
        assert_eq!(
            (&changed["subject"], &changed["description"], &changed["settings"]),
            (&json!("renamed"), &Value::Null, &wanted)
        );
        let seen = linked.friend.group(&id).unwrap();
        assert_eq!((seen.subject.as_str(), seen.settings.announce, seen.settings.ephemeral), ("renamed", true, 86_400));
        let (_, fresh) = linked.world.get(&format!("{path}?source=server")).await;
        assert_eq!((&fresh["settings"], &fresh["size"]), (&wanted, &json!(3)), "the network says the same");
        linked.event("a1", |event| event["data"]["change"] == "subject" && event["data"]["value"] == "renamed").await;

        let admins = format!("{path}/admins");
        assert_eq!(linked.act(Method::POST, &admins, &[friend]).await[0]["done"], true);
        assert_eq!(
            linked.friend.group(&id).unwrap().members.iter().filter(|one| one.role == GroupRole::Admin).count(),
            1
        );
        let again = linked.act(Method::POST, &admins, &[friend, "6289999999999"]).await;
        assert_eq!((&again[0]["reason"], &again[1]["reason"]), (&json!("already"), &json!("not_found")), "{again}");
        assert_eq!(linked.act(Method::DELETE, &admins, &[friend]).await[0]["done"], true);
        let people = format!("{path}/participants");
        assert_eq!(linked.act(Method::DELETE, &people, &[friend]).await[0]["done"], true);
        assert_eq!(linked.act(Method::POST, &people, &[friend, other]).await[1]["reason"], "already");
        let told = linked.event("a1", |event| event["data"]["action"] == "promoted").await;
        assert_eq!(told["data"]["participants"][0]["phone"], friend, "{told}");
        assert_eq!(told["data"]["by"]["phone"], linked.phones[0].number());
        // What the account did itself is told once, whatever the network says of it later.
        linked.event("a0", |event| event["data"]["action"] == "added").await;
        linked.network().wait_settled(linked.phones[0].number(), 1, PATIENCE).await.unwrap();
        let told: Vec<Value> = linked
            .events("a0", "group.participants")
            .await
            .iter()
            .map(|event| event["data"]["action"].clone())
            .collect();
        assert_eq!(told, ["promoted", "demoted", "removed", "added"]);
        let told: Vec<Value> =
            linked.events("a0", "group.updated").await.iter().map(|event| event["data"]["change"].clone()).collect();
        assert_eq!(told.len(), 8, "{told:?}");
        assert_eq!(linked.world.delete(&path).await.0, 204);
        let (_, left) = linked.world.get(&path).await;
        assert_eq!((&left["joined"], &left["size"]), (&json!(false), &json!(2)));
        assert_eq!(linked.network().violations(), []);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_no_admin_is_refused() {
    let linked = Linked::with(2, &[]).await;
    let id = linked.made(false).await;
    let settings = GroupSettings { locked: true, members_add: false, ..GroupSettings::default() };
    linked.phones[0].set_group(&id, &settings).unwrap();
    let path = group("a1", &id);
    for (method, at, body) in [
        (Method::PATCH, path.clone(), json!({"subject": "mine"})),
        (Method::POST, format!("{path}/participants"), json!({"participants": ["6283333333333"]})),
        (Method::POST, format!("{path}/admins"), json!({"participants": [linked.friend.number()]})),
        (Method::POST, format!("{path}/invite-link"), json!({})),
    ] {
        let (status, refused) = answer(linked.world.ask(method, &at).json(&body).send().await.unwrap()).await;
        assert_eq!((status, &refused["code"]), (403, &json!("forbidden_by_network")), "{at}: {refused}");
    }
    for (wrong, at) in [(json!({"subject": ""}), path.clone()), (json!({}), path.clone())] {
        assert_eq!(linked.world.patch(&at, &wrong).await.0, 400, "{wrong}");
    }
    assert_eq!(linked.world.get(&group("a1", "120363999999999999@g.us")).await.0, 404);
    assert_eq!(linked.world.get(&group("nobody", &id)).await.0, 404);
    linked.world.post("/v1/accounts/a1/stop", &json!({})).await;
    linked.phases("a1", wasup_store::records::Phase::Stopped).await;
    let (status, away) = linked.world.patch(&path, &json!({"subject": "later"})).await;
    assert_eq!((status, &away["code"]), (409, &json!("account_not_connected")), "{away}");
    assert_eq!(linked.world.get(&path).await.1["subject"], "friends", "the store still knows it");
    assert_eq!(linked.network().violations(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_and_requests() {
    let linked = Linked::with(2, &[]).await;
    let (status, made) = linked
        .world
        .post("/v1/accounts/a0/groups", &json!({"subject": "open", "participants": [linked.friend.number()]}))
        .await;
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_str().unwrap();
    let path = group("a0", id);
    let (_, invite) = linked.world.get(&format!("{path}/invite-link")).await;
    let link = invite["link"].as_str().unwrap();
    let (status, info) = linked.world.get(&format!("/v1/accounts/a1/groups/invite-info?code={link}")).await;
    assert_eq!((status, &info["subject"], &info["size"]), (200, &json!("open"), &json!(2)), "{info}");
    let (status, joined) = linked.world.post("/v1/accounts/a1/groups/join", &json!({"code": link})).await;
    assert_eq!((status, &joined["waiting"], &joined["group"]["size"]), (200, &json!(false), &json!(3)), "{joined}");
    let told = linked.event("a0", |event| event["data"]["action"] == "joined").await;
    assert_eq!(told["data"]["participants"][0]["phone"], linked.phones[1].number());
    assert_eq!(linked.world.post("/v1/accounts/a1/groups/join", &json!({"code": link})).await.0, 409);
    let (_, renewed) = linked.world.post(&format!("{path}/invite-link"), &json!({})).await;
    assert_ne!(renewed["code"], invite["code"]);
    assert_eq!(linked.world.get(&format!("/v1/accounts/a1/groups/invite-info?code={link}")).await.0, 404);
    let (_, links) = linked.world.get("/v1/accounts/a0/groups/invite-links").await;
    assert_eq!(links["data"][0]["invite"]["code"], renewed["code"], "{links}");

    linked.world.patch(&path, &json!({"approval": true})).await;
    let (third, fourth) = (linked.network().phone("6281333333333"), linked.network().phone("6281344444444"));
    for phone in [&third, &fourth] {
        assert!(!phone.join_group(renewed["code"].as_str().unwrap()).unwrap());
    }
    linked.event("a0", |event| event["data"]["action"] == "asked").await;
    let (_, asked) = linked.world.get(&format!("{path}/join-requests")).await;
    assert_eq!(asked["data"].as_array().unwrap().len(), 2, "{asked}");
    assert_eq!(
        linked.act(Method::POST, &format!("{path}/join-requests/approve"), &[third.number()]).await[0]["done"],
        true
    );
    assert_eq!(
        linked.act(Method::POST, &format!("{path}/join-requests/reject"), &[fourth.number()]).await[0]["done"],
        true
    );
    assert_eq!((third.groups().len(), fourth.groups().len()), (1, 0));
    assert_eq!(linked.network().violations(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_while_an_account_was_away_is_told_when_it_is_back() {
    let linked = Linked::with(2, &[]).await;
    let id = linked.made(false).await;
    linked.event("a1", |event| event["data"]["change"] == "new").await;
    linked.world.post("/v1/accounts/a1/stop", &json!({})).await;
    linked.phases("a1", wasup_store::records::Phase::Stopped).await;
    linked.phones[0].rename_group(&id, "without you").unwrap();
    linked.phones[0].promote_in_group(&id, &[linked.friend.number()]).unwrap();
    linked.friend.send_text(&id, "are you there?").await.unwrap();
    linked.world.post("/v1/accounts/a1/start", &json!({})).await;
    linked.event("a1", |event| event["data"]["text"] == "are you there?").await;
    linked.event("a1", |event| event["data"]["value"] == "without you").await;
    linked.event("a1", |event| event["data"]["action"] == "promoted").await;
    let (_, list) = linked.world.get("/v1/accounts/a1/groups?participants=true").await;
    assert_eq!((&list["data"][0]["subject"], &list["data"][0]["size"]), (&json!("without you"), &json!(3)), "{list}");
    let admins =
        list["data"][0]["participants"].as_array().unwrap().iter().filter(|one| one["role"] == "admin").count();
    assert_eq!(admins, 1);
    assert_eq!(linked.network().violations(), []);
}

/// A picture as people upload them.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(width, height).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_has_a_picture_and_its_chat_its_name() {
    let linked = Linked::with(2, &[]).await;
    let id = linked.made(true).await;
    let path = format!("{}/picture", group("a0", &id));
    let put = async |account: &str, body: Vec<u8>| {
        let path = format!("{}/picture", group(account, &id));
        answer(
            linked.world.ask(Method::PUT, &path).header("content-type", "image/png").body(body).send().await.unwrap(),
        )
        .await
    };
    assert_eq!(linked.world.get(&path).await.0, 404, "it has none yet");
    let (status, set) = put("a0", png(900, 700)).await;
    assert_eq!(status, 200, "{set}");
    assert!(set["picture_id"].is_string(), "{set}");
    let shown = linked.friend.group_picture(&id).unwrap().unwrap();
    let size = image::ImageReader::new(std::io::Cursor::new(&shown)).with_guessed_format().unwrap();
    assert_eq!(size.into_dimensions().unwrap(), (640, 640));
    let got = linked.world.ask(Method::GET, &path).send().await.unwrap();
    assert_eq!(got.headers()["content-type"].as_bytes(), b"image/jpeg");
    assert!(got.bytes().await.unwrap() == shown);
    let told = |on: bool| move |event: &Value| event["data"]["change"] == "picture" && event["data"]["value"] == on;
    let event = linked.event("a1", told(true)).await;
    assert_eq!(event["data"]["by"]["phone"], linked.phones[0].number(), "{event}");
    for (wrong, status) in [(b"no picture".to_vec(), 400), (Vec::new(), 400), (vec![0; 11 << 20], 413)] {
        assert_eq!(put("a0", wrong).await.0, status);
    }
    linked.phones[0].set_group(&id, &GroupSettings { locked: true, ..GroupSettings::default() }).unwrap();
    assert_eq!(put("a1", png(10, 10)).await.1["code"], "forbidden_by_network");
    linked.phones[0].rename_group(&id, "pictured").unwrap();
    assert_eq!(linked.world.delete(&path).await.0, 204);
    assert_eq!(linked.friend.group_picture(&id).unwrap(), None);
    linked.event("a1", told(false)).await;
    // What the account did itself is told once, whatever the network says of it later.
    linked.event("a0", told(false)).await;
    linked.network().wait_settled(linked.phones[0].number(), 1, PATIENCE).await.unwrap();
    let pictures = linked.events("a0", "group.updated").await;
    assert_eq!(pictures.iter().filter(|event| event["data"]["change"] == "picture").count(), 2, "{pictures:?}");

    // A group's chat goes by its subject.
    linked.friend.send_text(&id, "nice").await.unwrap();
    for account in ["a0", "a1"] {
        let named = |page: &Value| page["data"][0]["name"] == "pictured";
        linked.until(&format!("/v1/accounts/{account}/chats"), named).await;
    }
    assert_eq!(linked.network().violations(), []);
}
