//! Who is there, on the wire.

use serde_json::{Value, json};
use wasup_sandbox::{Cut, Scope};
use wasup_store::records::Phase;

use crate::promises::Linked;
use crate::world::PATIENCE;

impl Linked {
    /// Breaks an account's connection and waits for the next one.
    async fn reconnects(&self, account: &str, number: &str) {
        let states = |page: &Value| page["data"].as_array().map_or(0, Vec::len);
        let path = format!("/v1/accounts/{account}/timeline?limit=1000");
        let before = states(&self.world.get(&path).await.1);
        self.network().disconnect(&Scope::account(number), Cut::Drop).unwrap();
        // It is lost, and made again.
        self.until(&path, |page| states(page) >= before + 2).await;
        self.phases(account, Phase::Connected).await;
    }

    /// What `presence` events told, in order.
    async fn presences(&self, wanted: &[&str]) -> Vec<Value> {
        let told = |page: &Value| -> Vec<Value> {
            let events = page["data"].as_array().unwrap().iter();
            events.filter(|event| event["type"] == "presence").map(|event| event["data"].clone()).collect()
        };
        let states = |page: &Value| told(page).iter().map(|data| data["state"].clone()).collect::<Vec<_>>();
        let page = self.until("/v1/events?account=a0&limit=1000", |page| states(page) == wanted).await;
        told(&page)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_watched_is_told_of_and_nobody_else() {
    let linked = Linked::with(1, &[]).await;
    let (own, friend) = (linked.phones[0].number().to_owned(), linked.friend.number());
    let path = format!("/v1/accounts/a0/presence/{friend}");
    let stranger = linked.network().phone("6283333333301");
    let (status, seen) = linked.world.get(&format!("{path}?wait=20s")).await;
    assert_eq!((status, &seen["available"], &seen["contact"]["phone"]), (200, &json!(false), &json!(friend)), "{seen}");
    assert_eq!(linked.friend.watchers(), [own.as_str()]);
    linked.presences(&["unavailable"]).await;
    linked.friend.appear(true);
    linked.friend.appear(true);
    linked.presences(&["unavailable", "available"]).await;
    stranger.appear(true);
    stranger.type_to(&own, "composing").unwrap();
    // The library hands on what it hears in no order: one after the other.
    let mut told = vec!["unavailable", "available"];
    for what in ["composing", "recording", "paused"] {
        linked.friend.type_to(&own, what).unwrap();
        told.push(what);
        linked.presences(&told).await;
    }
    linked.friend.appear(false);
    let all = ["unavailable", "available", "composing", "recording", "paused", "unavailable"];
    let told = linked.presences(&all).await;
    assert!(told.iter().all(|data| data["contact"]["phone"] == friend && data["group"].is_null()), "{told:?}");
    assert!(told[5]["last_seen"].is_string() && told[0]["last_seen"].is_null(), "{told:?}");
    let (_, seen) = linked.world.get(&path).await;
    assert_eq!(
        (&seen["available"], &seen["last_seen"], &seen["typing"]),
        (&json!(false), &told[5]["last_seen"], &Value::Null)
    );

    // A connection later it is asked anew, and what was seen before does not hold.
    linked.reconnects("a0", &own).await;
    linked.until(&format!("{path}?wait=20s"), |seen| seen["available"] == false).await;
    linked.friend.appear(true);
    linked.until(&path, |seen| seen["available"] == true).await;

    assert_eq!(linked.world.post(&format!("{path}/unsubscribe"), &json!({})).await.0, 204);
    linked.friend.wait_for_watcher(&own, false, PATIENCE).await.unwrap();
    assert_eq!(linked.world.post(&format!("{path}/unsubscribe"), &json!({})).await.0, 404);
    assert_eq!(linked.world.post(&format!("{path}/subscribe"), &json!({})).await.0, 204);
    linked.friend.wait_for_watcher(&own, true, PATIENCE).await.unwrap();
    assert_eq!(linked.world.get("/v1/accounts/a0/presence/12").await.0, 404);
    linked.world.post("/v1/accounts/a0/stop", &json!({})).await;
    linked.phases("a0", Phase::Stopped).await;
    assert_eq!(linked.world.get(&path).await.1["code"], "account_not_connected");
    assert_eq!(linked.network().violations(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_see_each_other_come_and_go() {
    let linked = Linked::with(2, &[]).await;
    let path = format!("/v1/accounts/a0/presence/{}", linked.phones[1].number());
    let show = async |account: &str, presence: &str| {
        let path = format!("/v1/accounts/{account}/presence");
        linked.world.post(&path, &json!({"presence": presence})).await.0
    };
    assert_eq!(show("a1", "available").await, 204);
    linked.until(&format!("{path}?wait=20s"), |seen| seen["available"] == true).await;
    assert_eq!(show("a1", "unavailable").await, 204);
    linked.until(&path, |seen| seen["available"] == false && seen["last_seen"].is_string()).await;
    assert_eq!(show("a1", "available").await, 204);
    linked.until(&path, |seen| seen["available"] == true).await;
    // Whoever is not there hears of nobody.
    assert_eq!(show("a0", "unavailable").await, 204);
    linked.network().wait_settled(linked.phones[0].number(), 1, PATIENCE).await.unwrap();
    assert_eq!(show("a0", "somewhere").await, 400);
    assert_eq!(show("nobody", "available").await, 404);
    assert_eq!(linked.network().violations(), []);
}

/// `a0` and `a1` are in a group with the friend; `a2` is in none, and watches `a1` as `a0` does.
struct Typists {
    linked: Linked,
    group: String,
    /// The number of `a1`.
    inside: String,
}

impl Typists {
    async fn begin(lid: bool) -> Self {
        let linked = Linked::with(3, &[]).await;
        for phone in &linked.phones {
            phone.set_lid_migrated(lid);
        }
        let inside = linked.phones[1].number().to_owned();
        let body = json!({"subject": "friends", "participants": [inside, linked.friend.number()]});
        let (status, made) = linked.world.post("/v1/accounts/a0/groups", &body).await;
        assert_eq!((status, &made["addressing"]), (201, &json!(if lid { "lid" } else { "pn" })), "{made}");
        let group = made["id"].as_str().unwrap().to_owned();
        linked.until(&format!("/v1/accounts/a1/groups/{group}"), |seen| seen["size"] == 3).await;
        let typists = Self { linked, group, inside };
        for who in ["a0", "a2"] {
            let path = format!("{}?wait=20s", typists.watched_by(who));
            typists.linked.until(&path, |seen| !seen["available"].is_null()).await;
        }
        typists
    }

    fn watched_by(&self, who: &str) -> String {
        format!("/v1/accounts/{who}/presence/{}", self.inside)
    }

    /// Waits until an account was told exactly this of typing, each in a group or not. The library hands on what it hears in
    /// no order: there is one after the other.
    async fn told(&self, account: &str, wanted: &[(&str, bool)]) -> Vec<Value> {
        let typing = |page: &Value| -> Vec<Value> {
            let events = page["data"].as_array().unwrap().iter().filter(|event| event["type"] == "presence");
            let data = events.map(|event| event["data"].clone());
            data.filter(|data| !["available", "unavailable"].contains(&data["state"].as_str().unwrap())).collect()
        };
        let seen = |data: &Value| (data["state"].clone(), !data["group"].is_null());
        let wanted: Vec<_> = wanted.iter().map(|(state, grouped)| (json!(state), *grouped)).collect();
        let path = format!("/v1/events?account={account}&limit=1000");
        let page = self.linked.until(&path, |page| typing(page).iter().map(seen).collect::<Vec<_>>() == wanted).await;
        typing(&page)
    }

    /// What `a1` does in the group is told to `a0`, event by event, and shown.
    async fn those_inside_hear(&self) {
        let path = format!("/v1/accounts/a1/chats/{}", self.group);
        let (now, on) = (json!({"for": "0s"}), json!({"for": "60s"}));
        let steps = [("typing", &on, "composing"), ("recording", &on, "recording"), ("typing", &now, "paused")];
        for (n, (verb, lasts, what)) in steps.into_iter().enumerate() {
            let (status, answer) = self.linked.world.post(&format!("{path}/{verb}"), lasts).await;
            assert_eq!(status, 204, "{answer}");
            self.linked.friend.wait_for_typing_in(&self.group, what, PATIENCE).await.unwrap();
            let heard: Vec<_> = steps[..=n].iter().map(|(_, _, what)| (*what, true)).collect();
            let heard = self.told("a0", &heard).await;
            let last = heard.last().unwrap();
            assert_eq!((&last["group"]["jid"], &last["contact"]["phone"]), (&json!(self.group), &json!(self.inside)));
            let (_, seen) = self.linked.world.get(&self.watched_by("a0")).await;
            let shown = if what == "paused" { (Value::Null, Value::Null) } else { (json!(what), json!(self.group)) };
            assert_eq!((&seen["typing"], &seen["group"]["jid"]), (&shown.0, &shown.1), "{seen}");
        }
    }

    /// `a2` was told nothing of all that, and hears what is for it.
    async fn those_outside_do_not(&self) {
        let phones = &self.linked.phones;
        phones[1].type_to(phones[2].number(), "composing").unwrap();
        assert!(self.told("a2", &[("composing", false)]).await[0]["group"].is_null());
        let by = |seen: &wasup_sandbox::TypingSeen| (seen.who.clone(), seen.group.clone(), seen.what);
        let seen: Vec<_> = phones[2].typing().iter().map(by).collect();
        assert_eq!(seen, [(self.inside.clone(), None, "composing")]);
        assert_eq!(phones[1].typing(), [], "nobody hears of oneself");
    }

    /// Whoever was put out neither hears nor is heard.
    async fn nor_those_put_out(&self) {
        let phones = &self.linked.phones;
        phones[1].type_to(&self.group, "composing").unwrap();
        let mut heard = vec![("composing", true), ("recording", true), ("paused", true), ("composing", true)];
        self.told("a0", &heard).await;
        let path = format!("/v1/accounts/a0/groups/{}/participants", self.group);
        let removal = self.linked.world.ask(reqwest::Method::DELETE, &path);
        let removal = removal.json(&json!({"participants": [self.inside]})).send().await.unwrap();
        assert_eq!(removal.status(), 200);
        phones[1].type_to(&self.group, "recording").unwrap();
        self.linked.friend.type_to(&self.group, "recording").unwrap();
        phones[0].wait_for_typing_in(&self.group, "recording", PATIENCE).await.unwrap();
        phones[1].type_to(phones[0].number(), "paused").unwrap();
        heard.push(("paused", false));
        self.told("a0", &heard).await;
        assert_eq!(phones[1].typing(), []);
        assert_eq!(self.linked.network().violations(), []);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_types_in_a_group_is_seen_by_those_in_it() {
    for lid in [false, true] {
        let typists = Typists::begin(lid).await;
        typists.those_inside_hear().await;
        typists.those_outside_do_not().await;
        typists.nor_those_put_out().await;
    }
}
