//! What is counted while messages go both ways and a receiver is away.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use wasup_sandbox::{Cut, SandboxConfig, Scope};

use crate::world::{PATIENCE, World};

/// Waits until the metrics have lines that begin so and say this.
async fn until(world: &World, wanted: &[&str]) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = world.ask(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
        let missing: Vec<_> = wanted.iter().filter(|line| !text.lines().any(|shown| shown == **line)).collect();
        if missing.is_empty() {
            return text;
        }
        assert!(Instant::now() < deadline, "{missing:?} in\n{text}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn value(text: &str, series: &str) -> u64 {
    text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_deliveries_and_connections_are_counted_once_each() {
    let sandbox = wasup_sandbox::serve(SandboxConfig::default()).await.unwrap();
    let url = sandbox.network().url();
    // One attempt while the test runs.
    let schedule = "[\"0s\", \"1h\"]";
    let world = World::with(&[("WASUP__LINK__URL", &url), ("WASUP__WEBHOOKS__SCHEDULE", schedule)]).await;
    let (shop, friend) = (sandbox.network().phone("6281111111111"), sandbox.network().phone("6282222222222"));
    // Port 9 discards: nobody listens there.
    let account = json!({"id": "shop"});
    assert_eq!(world.post("/v1/accounts", &account).await.0, 201);
    let hook = json!({"url": "http://127.0.0.1:9/", "events": ["message.received"]});
    let (status, answer) = world.put("/v1/accounts/shop/webhook", &hook).await;
    assert!(status < 300, "{answer}");
    let (_, qr) = world.get("/v1/accounts/shop/qr?wait=20s").await;
    shop.scan(qr["code"].as_str().unwrap()).await.unwrap();
    until(&world, &["wasup_per_account_up{account=\"shop\"} 1", "wasup_accounts{phase=\"connected\"} 1"]).await;

    let send = json!({"to": friend.number(), "type": "text", "text": "out"});
    assert_eq!(world.post("/v1/accounts/shop/messages", &send).await.0, 202);
    friend.send_text(shop.number(), "in").await.unwrap();
    let text = until(
        &world,
        &[
            "wasup_messages_total{direction=\"inbound\",type=\"text\"} 1",
            "wasup_messages_total{direction=\"outbound\",type=\"text\"} 1",
            "wasup_inbound_messages_total{outcome=\"stored\"} 1",
            "wasup_inbound_commit_seconds_count 1",
            "wasup_sends_total{outcome=\"sent\"} 1",
            "wasup_send_seconds_count 1",
            "wasup_delivery_attempts_total{outcome=\"unreachable\"} 1",
            "wasup_per_account_delivery_attempts_total{account=\"shop\",result=\"failed\"} 1",
            "wasup_deliveries_pending 1",
            "wasup_delivery_first_attempt_seconds_count 1",
            "wasup_delivery_attempts_in_flight 0",
            "wasup_mailbox_permits_in_use{mailbox=\"accounts\"} 0",
            "wasup_mailbox_permits_in_use{mailbox=\"supervisor\"} 0",
            "wasup_outbox_messages{lane=\"interactive\"} 0",
        ],
    )
    .await;
    assert!(text.contains("wasup_delivery_lag_seconds_count 0\n"), "nothing was accepted yet: {text}");

    // The pairing may have cost a connection already.
    let before = [
        "wasup_account_reconnects_total{reason=\"connection_lost\"}",
        "wasup_per_account_reconnects_total{account=\"shop\"}",
    ]
    .map(|series| (series, value(&text, series)));
    sandbox.network().disconnect(&Scope::account(shop.number()), Cut::Drop).unwrap();
    let after = before.map(|(series, count)| format!("{series} {}", count + 1));
    until(&world, &[&after[0], &after[1], "wasup_accounts{phase=\"connected\"} 1"]).await;
    world.gateway.stop().await;
    sandbox.shutdown().await;
}
