//! Calls, on the wire.

use serde_json::{Value, json};
use wasup_store::records::Phase;

use crate::promises::Linked;
use crate::world::PATIENCE;

impl Linked {
    /// What `call.received` events of a call told, once there are so many.
    async fn calls(&self, call: &str, count: usize) -> Vec<Value> {
        let told = |page: &Value| -> Vec<Value> {
            let events = page["data"].as_array().unwrap().iter();
            let calls = events.filter(|event| event["type"] == "call.received").map(|event| event["data"].clone());
            calls.filter(|data| data["call"] == call).collect()
        };
        let page = self.until("/v1/events?account=a0&limit=1000", |page| told(page).len() == count).await;
        told(&page)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_rings_and_ends_in_some_way() {
    for lid in [false, true] {
        let linked = Linked::with(1, &[]).await;
        linked.friend.set_lid_migrated(lid);
        let own = linked.phones[0].number().to_owned();
        for (reason, video, state) in [
            (None, true, "missed"),
            (Some("timeout"), false, "missed"),
            (Some("accepted_elsewhere"), false, "answered"),
            (Some("rejected_elsewhere"), true, "rejected"),
        ] {
            let call = linked.friend.call(&own, video).unwrap();
            let told = linked.calls(&call, 1).await;
            assert_eq!((&told[0]["state"], &told[0]["video"]), (&json!("ringing"), &json!(video)), "{told:?}");
            assert_eq!((&told[0]["from"]["phone"], &told[0]["group"]), (&json!(linked.friend.number()), &Value::Null));
            linked.friend.wait_for_call(&call, PATIENCE, |call| call.rings).await.unwrap();
            linked.friend.end_call(&call, reason).unwrap();
            let told = linked.calls(&call, 2).await;
            assert_eq!((&told[1]["state"], &told[1]["video"]), (&json!(state), &json!(video)), "{told:?}");
            assert_eq!(told[1]["from"]["phone"], linked.friend.number());
        }
        assert_eq!(linked.network().violations(), []);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_can_be_refused_and_one_that_was_missed_is_told_later() {
    let linked = Linked::with(1, &[]).await;
    let own = linked.phones[0].number().to_owned();
    let call = linked.friend.call(&own, false).unwrap();
    linked.calls(&call, 1).await;
    let path = |call: &str| format!("/v1/accounts/a0/calls/{call}/reject");
    assert_eq!(linked.world.post(&path(&call), &json!({})).await.0, 204);
    linked.friend.wait_for_call(&call, PATIENCE, |call| call.rejected && call.over).await.unwrap();
    let told = linked.calls(&call, 2).await;
    assert_eq!(told[1]["state"], "rejected", "{told:?}");
    assert_eq!(linked.world.post(&path(&call), &json!({})).await.0, 404, "it does not ring any more");
    assert_eq!(linked.world.post(&path("nothing"), &json!({})).await.0, 404);

    linked.world.post("/v1/accounts/a0/stop", &json!({})).await;
    linked.phases("a0", Phase::Stopped).await;
    assert_eq!(linked.world.post(&path(&call), &json!({})).await.1["code"], "account_not_connected");
    let call = linked.friend.call(&own, false).unwrap();
    linked.world.post("/v1/accounts/a0/start", &json!({})).await;
    let told = linked.calls(&call, 1).await;
    assert_eq!((&told[0]["state"], &told[0]["from"]["phone"]), (&json!("missed"), &json!(linked.friend.number())));
    assert_eq!(linked.network().violations(), []);
}
