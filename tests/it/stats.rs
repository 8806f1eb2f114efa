//! Numbers as the API shows them, over the real network.

use serde_json::{Value, json};

use crate::promises::{Linked, is_sent};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_are_counted_by_way_and_type() {
    let linked = Linked::with(2, &[]).await;
    let world = &linked.world;
    let own = linked.phones[0].number().to_owned();
    for n in 0..3 {
        linked.friend.send_text(&own, &format!("question {n}")).await.unwrap();
    }
    let sent = linked.send("a0", "an answer").await;
    linked.message(&sent, is_sent).await;
    let other = linked.send("a1", "another").await;
    linked.message(&other, is_sent).await;
    let whole = |totals: &Value| totals["inbound"] == 3 && totals["outbound"] == 2;
    let totals = linked.until("/v1/stats/messages", whole).await;
    let types = json!([
        {"direction": "inbound", "type": "text", "count": 3},
        {"direction": "outbound", "type": "text", "count": 2},
    ]);
    assert_eq!(totals["types"], types);
    let (_, of_one) = world.get("/v1/stats/messages?account=a1").await;
    assert_eq!((&of_one["inbound"], &of_one["outbound"]), (&json!(0), &json!(1)));
    let (_, series) = world.get("/v1/accounts/a0/stats?bucket=hour&tz=Asia/Jakarta").await;
    let buckets = series["series"].as_array().unwrap();
    assert!(buckets.len() >= 7 * 24, "empty hours are there, too: {}", buckets.len());
    let sum = |way: &str| buckets.iter().map(|bucket| bucket[way].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("inbound"), sum("outbound")), (3, 1));
    assert_eq!((&series["totals"]["inbound"], &series["totals"]["outbound"]), (&json!(3), &json!(1)));
    let (_, all) = world.get("/v1/stats").await;
    assert_eq!(
        (&all["accounts"], &all["received"], &all["sent"], &all["queued"]),
        (&json!(2), &json!(3), &json!(2), &json!(0))
    );
    for (path, status) in [
        ("/v1/accounts/nobody/stats", 404),
        ("/v1/stats/messages?account=nobody", 404),
        ("/v1/accounts/a0/stats?tz=Mars/Base", 400),
        ("/v1/accounts/a0/stats?bucket=year", 400),
        ("/v1/stats/messages?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", 400),
    ] {
        assert_eq!(world.get(path).await.0, status, "{path}");
    }
}
