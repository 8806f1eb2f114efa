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
