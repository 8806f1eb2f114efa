//! `/health` and `/metrics`.

use reqwest::Method;

use crate::world::World;

async fn metrics(world: &World) -> String {
    world.ask(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap()
}

fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')));
    let line = line.unwrap_or_else(|| panic!("{series} is not in\n{text}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn health_shows_services_memory_and_accounts() {
    let world = World::start().await;
    world.account("a").await;
    let (status, health) = world.get("/health").await;
    assert_eq!((status, &health["status"]), (200, &"ok".into()));
    assert!(health["memory"]["resident_bytes"].as_u64().unwrap() > 1 << 20);
    assert_eq!(health["services"]["store"], "ok");
    assert_eq!(health["accounts"]["stopped"], 1);
    assert_eq!(health["store"]["writable"], true);
    assert!(health["uptime_s"].is_u64());
}

#[tokio::test]
async fn gauges_of_stored_state_are_right_after_a_restart() {
    let world = World::start().await;
    world.account("a").await;
    world.account("b").await;
    let body = serde_json::json!({"to": "+6281234567890", "type": "text", "text": "x"});
    assert_eq!(world.post("/v1/accounts/a/messages", &body).await.0, 202);
    let text = metrics(&world).await;
    assert_eq!(value(&text, "wasup_accounts{phase=\"connected\"}"), 0.0);
    assert_eq!(value(&text, "wasup_deliveries_pending"), 0.0);
    assert_eq!(value(&text, "wasup_inbound_messages_total"), 0.0);
    assert_eq!(value(&text, "wasup_ready"), 1.0);
    let world = world.restart(&[]).await;
    let text = metrics(&world).await;
    assert_eq!(value(&text, "wasup_accounts{phase=\"stopped\"}"), 2.0);
    assert_eq!(value(&text, "wasup_outbox_messages{lane=\"interactive\"}"), 1.0);
}

#[tokio::test]
async fn two_gateways_in_one_process_keep_their_gauges_apart() {
    let (one, two) = (World::start().await, World::start().await);
    one.account("a").await;
    assert_eq!(value(&metrics(&one).await, "wasup_accounts{phase=\"stopped\"}"), 1.0);
    assert_eq!(value(&metrics(&two).await, "wasup_accounts{phase=\"stopped\"}"), 0.0);
}

#[tokio::test]
async fn every_family_has_a_help_and_one_type() {
    let world = World::start().await;
    let _ = world.get("/v1/accounts").await;
    let text = metrics(&world).await;
    let families = |kind: &str| {
        let names = text.lines().filter_map(|line| line.strip_prefix(kind)?.split(' ').next());
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    let (mut helps, mut types) = (families("# HELP "), families("# TYPE "));
    helps.sort();
    types.sort();
    assert_eq!(helps, types);
    assert!(types.windows(2).all(|pair| pair[0] != pair[1]), "{types:?}");
    assert!(text.contains("wasup_http_requests_total{"), "{text}");
    assert!(text.contains("route=\"/v1/accounts\""));
}
