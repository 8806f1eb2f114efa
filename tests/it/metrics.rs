//! `/health` and `/metrics`.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::json;
use wasup::metrics::{Family, Values, catalogue};

use crate::world::World;

async fn metrics(world: &World) -> String {
    world.ask(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap()
}

fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')));
    let line = line.unwrap_or_else(|| panic!("{series} is not in\n{text}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

/// What stands after `# HELP` or `# TYPE`, by family.
fn heads(text: &str, kind: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for line in text.lines().filter_map(|line| line.strip_prefix(kind)) {
        let (name, rest) = line.split_once(' ').unwrap();
        assert!(found.insert(name.to_owned(), rest.to_owned()).is_none(), "{name} is described twice");
    }
    found
}

/// The labels of a series' line.
fn labels(line: &str) -> Vec<(String, String)> {
    let Some((_, rest)) = line.split_once('{') else { return Vec::new() };
    let (inside, _) = rest.rsplit_once('}').unwrap();
    let pairs = inside.trim_end_matches('"').split("\",");
    let pair = |pair: &str| pair.split_once("=\"").map(|(name, word)| (name.to_owned(), word.to_owned())).unwrap();
    pairs.map(pair).collect()
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
    let body = json!({"to": "+6281234567890", "type": "text", "text": "x"});
    assert_eq!(world.post("/v1/accounts/a/messages", &body).await.0, 202);
    let text = metrics(&world).await;
    assert_eq!(value(&text, "wasup_accounts{phase=\"connected\"}"), 0.0);
    assert_eq!(value(&text, "wasup_deliveries_pending"), 0.0);
    assert_eq!(value(&text, "wasup_messages_total{direction=\"outbound\",type=\"text\"}"), 1.0);
    assert_eq!(value(&text, "wasup_ready"), 1.0);
    let world = world.restart(&[]).await;
    let text = metrics(&world).await;
    assert_eq!(value(&text, "wasup_accounts{phase=\"stopped\"}"), 2.0);
    assert_eq!(value(&text, "wasup_accounts_wanted"), 0.0);
    assert_eq!(value(&text, "wasup_outbox_messages{lane=\"interactive\"}"), 1.0);
    assert!(value(&text, "wasup_outbox_oldest_seconds") > 0.0);
    assert_eq!(value(&text, "wasup_messages_total{direction=\"outbound\",type=\"text\"}"), 0.0);
}

#[tokio::test]
async fn two_gateways_in_one_process_see_nothing_of_each_other() {
    let (one, two) = (World::start().await, World::start().await);
    one.account("a").await;
    let body = json!({"to": "+6281234567890", "type": "text", "text": "x"});
    assert_eq!(one.post("/v1/accounts/a/messages", &body).await.0, 202);
    let (ours, theirs) = (metrics(&one).await, metrics(&two).await);
    for (series, count) in [
        ("wasup_accounts{phase=\"stopped\"}", 1.0),
        ("wasup_messages_total{direction=\"outbound\",type=\"text\"}", 1.0),
    ] {
        assert_eq!((value(&ours, series), value(&theirs, series)), (count, 0.0), "{series}");
    }
    let created = "wasup_http_requests_total{route=\"/v1/accounts\",method=\"POST\",status_class=\"2xx\"}";
    assert_eq!(value(&ours, created), 1.0);
    assert!(!theirs.contains(created), "{theirs}");
}

#[tokio::test]
async fn the_first_scrape_shows_the_whole_catalogue_and_nothing_else() {
    let world = World::start().await;
    let first = metrics(&world).await;
    let shown: BTreeSet<_> = heads(&first, "# TYPE ").into_keys().collect();
    let known: BTreeSet<_> = catalogue().iter().map(|family| family.name.to_owned()).collect();
    assert_eq!(shown, known);
    for family in catalogue() {
        assert_eq!(heads(&first, "# HELP ")[family.name], family.help);
        assert_eq!(heads(&first, "# TYPE ")[family.name], family.kind.as_str());
    }
}

#[tokio::test]
async fn every_label_says_only_what_the_catalogue_allows() {
    let world = World::start().await;
    world.account("a").await;
    // Whatever a caller makes up must not become a label.
    for (method, path) in
        [("GET", "/v1/accounts/a"), ("GET", "/no/such/path"), ("PUT", "/v1/accounts"), ("BREW", "/v1/accounts")]
    {
        world.ask(method.parse().unwrap(), path).send().await.unwrap();
    }
    let routes = world.get("/openapi.json").await.1["paths"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let text = metrics(&world).await;
    let families: BTreeMap<&str, &Family> = catalogue().into_iter().map(|family| (family.name, family)).collect();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let part = |ending: &str| families.get(name.strip_suffix(ending)?);
        let family = families.get(name).or_else(|| part("_bucket")).or_else(|| part("_sum")).or_else(|| part("_count"));
        let family = family.unwrap_or_else(|| panic!("{line}"));
        let given: Vec<_> = labels(line).into_iter().filter(|(name, _)| name != "le").collect();
        assert_eq!(given.len(), family.labels.len(), "{line}");
        for (label, (name, word)) in family.labels.iter().zip(given) {
            assert_eq!(label.name, name, "{line}");
            match &label.values {
                Values::Of(words) => assert!(words.contains(&word.as_str()), "{line}"),
                Values::Routes => assert!(word == "none" || routes.contains(&word), "{line}"),
                Values::Accounts => assert_eq!(word, "a"),
                Values::Build => assert_eq!(word, env!("CARGO_PKG_VERSION")),
            }
        }
    }
    assert!(
        text.contains("wasup_http_requests_total{route=\"none\",method=\"GET\",status_class=\"4xx\"} 1\n"),
        "{text}"
    );
    assert!(text.contains("route=\"/v1/accounts\",method=\"other\",status_class=\"4xx\"} 1\n"), "{text}");
}

#[tokio::test]
async fn accounts_beyond_the_limit_have_no_series_of_their_own() {
    let world = World::with(&[("WASUP__METRICS__PER_ACCOUNT_MAX", "2")]).await;
    for id in ["c", "a", "b\"quoted\""] {
        world.account(id).await;
    }
    let text = metrics(&world).await;
    assert_eq!(value(&text, "wasup_per_account_outbox_messages{account=\"a\"}"), 0.0);
    assert_eq!(value(&text, "wasup_per_account_reconnects_total{account=\"b\\\"quoted\\\"\"}"), 0.0);
    assert!(!text.contains("account=\"c\""), "{text}");
    assert_eq!(value(&text, "wasup_per_account_left_out"), 1.0);
    // Nobody wants them to run: none of them is down.
    assert!(!text.contains("wasup_per_account_up{"), "{text}");
}
