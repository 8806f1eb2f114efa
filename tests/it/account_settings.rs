//! What is set for an account by the API.

use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn settings_are_made_changed_and_taken_back() {
    let world = World::start().await;
    let body = json!({
        "id": "shop", "start": false, "device_name": "Till 1", "proxy": "socks5://user:hush@127.0.0.1:1080",
        "restart": {"max_restarts": 2, "within": "90s"}, "pacing": {"gap": {"min": "500ms", "max": "2s"}, "cold_per_day": 5},
        "history": {"days": 30, "full": true}, "metadata": {"a": 1},
        "note": "Counter two",
    });
    let (status, made) = world.post("/v1/accounts", &body).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!((&made["proxy"], &made["device_name"]), (&json!("socks5://***@127.0.0.1:1080"), &json!("Till 1")));
    assert_eq!(made["restart"]["within"], "1m 30s");
    assert_eq!(made["pacing"], json!({"gap": {"min": "500ms", "max": "2s"}, "per_minute": null, "cold_per_day": 5}));
    assert_eq!(made["history"], json!({"days": 30, "megabytes": null, "full": true}));
    assert_eq!(made["note"], "Counter two");
    assert_eq!((&made["source"], &made["restriction"]), (&json!("api"), &json!(null)));

    let path = "/v1/accounts/shop";
    let change = json!({"name": "The shop", "note": null, "proxy": null, "pacing": {"gap": null}, "restart": null, "autostart": false});
    let (status, changed) = world.patch(path, &change).await;
    assert_eq!(status, 200, "{changed}");
    let effects = json!({"name": "now", "note": "now", "proxy": "next_connect", "pacing": "now", "restart": "now", "autostart": "next_start"});
    assert_eq!(changed["changed"], effects);
    assert_eq!(changed["pacing"], json!({"gap": {"min": null, "max": null}, "per_minute": null, "cold_per_day": 5}));
    assert_eq!((&changed["proxy"], &changed["restart"]["max_restarts"]), (&json!(null), &json!(null)));
    assert_eq!(
        (&changed["device_name"], &changed["metadata"]),
        (&json!("Till 1"), &json!({"a": 1})),
        "left out: as it was"
    );
    let (_, again) = world.patch(path, &change).await;
    assert_eq!(again["changed"], json!({}), "the same again changes nothing");
    let (_, history) = world.patch(path, &json!({"history": {"days": null}, "device_name": null})).await;
    assert_eq!(history["changed"], json!({"history": "next_pairing", "device_name": "next_pairing"}));

    let (_, acts) = world.get("/v1/audit").await;
    let acts: Vec<_> = acts["data"].as_array().unwrap().iter().map(|act| act["act"].as_str().unwrap()).collect();
    assert_eq!(acts, ["account_changed", "account_changed", "account_created"]);
    let world = world.restart(&[]).await;
    let (_, kept) = world.get(path).await;
    assert_eq!((&kept["name"], &kept["history"]["full"]), (&json!("The shop"), &json!(true)));
}

#[tokio::test]
async fn wrong_settings_are_named_and_change_nothing() {
    let world = World::start().await;
    world.account("shop").await;
    let fields = async |method: &str, body: serde_json::Value| {
        let (status, refused) = match method {
            "POST" => world.post("/v1/accounts", &body).await,
            _ => world.patch("/v1/accounts/shop", &body).await,
        };
        assert_eq!((status, &refused["code"]), (400, &json!("invalid")), "{refused}");
        assert!(!refused.to_string().contains("hush"));
        let errors = refused["errors"].as_array().unwrap().iter();
        errors.map(|error| error["field"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let wrong = json!({"proxy": "socks5://user:hush@x", "pacing": {"per_minute": 1_001}, "history": {"days": 0}});
    assert_eq!(fields("PATCH", wrong.clone()).await, ["proxy", "pacing.per_minute", "history.days"]);
    let mut new = wrong;
    new["id"] = json!("other");
    assert_eq!(fields("POST", new).await.len(), 3);
    let gap = |min: &str, max: &str| json!({"pacing": {"gap": {"min": min, "max": max}}});
    assert_eq!(fields("PATCH", gap("2s", "1s")).await, ["pacing.gap"]);
    assert_eq!(world.patch("/v1/accounts/shop", &gap("1s", "2s")).await.0, 200);
    // Each by itself is right, and beside what is set it is not.
    assert_eq!(fields("PATCH", json!({"pacing": {"gap": {"min": "3s"}}})).await, ["pacing.gap"]);
    assert_eq!(fields("PATCH", json!({"restart": {"wihtin": "3s"}})).await, ["restart.wihtin"]);
    assert_eq!(fields("PATCH", json!({"id": "b"})).await, ["id"]);
    assert_eq!(world.patch("/v1/accounts/nobody", &json!({})).await.0, 404);
    assert_eq!(world.get("/v1/accounts/shop").await.1["pacing"]["gap"], json!({"min": "1s", "max": "2s"}));
}
