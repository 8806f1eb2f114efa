//! `/v1/endpoints`: made, listed, shown, changed, removed.

use serde_json::{Value, json};
use wasup_store::repo::endpoint::MAX_PER_OWNER;

use crate::world::World;

const PATH: &str = "/v1/endpoints";

/// A new endpoint's path and what was answered.
pub(crate) async fn made(world: &World, body: Value) -> (String, Value) {
    let (status, made) = world.post(PATH, &body).await;
    assert_eq!(status, 201, "{made}");
    (format!("{PATH}/{}", made["id"].as_str().unwrap()), made)
}

fn ids(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_endpoint_says_everything_but_its_secrets() {
    let world = World::start().await;
    world.account("shop").await;
    let body = json!({
        "account": "shop", "url": "https://example.com/a", "name": "CRM", "events": ["message.received"],
        "filter": {"chats": ["+62 812-3456-7890", "1@g.us"], "message_types": ["text"]},
        "headers": {"Authorization": "Bearer s3cret", "X-Shop": "7"},
        "retry": {"timeout": "2s", "schedule": ["0s", "1m 30s"], "jitter": 0.1, "concurrency": 1,
            "disable_after": "never", "statuses": {"gone": ["404", "410"]}},
        "order": "chat", "reply": "answer",
    });
    let (path, made) = made(&world, body).await;
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"), "{made}");
    let (status, shown) = world.get(&path).await;
    assert_eq!(status, 200);
    let statuses = json!({"gone": ["404", "410"], "overloaded": ["429", "502-504"], "refused": ["400-407", "409-499"]});
    let retry = json!({"timeout": "2s", "schedule": ["0s", "1m 30s"], "jitter": 0.1, "concurrency": 1,
        "disable_after": "never", "statuses": statuses});
    assert_eq!(
        shown,
        json!({
            "id": made["id"], "account": "shop", "name": "CRM", "url": "https://example.com/a",
            "events": ["message.received"],
            "filter": {"chats": ["6281234567890@s.whatsapp.net", "1@g.us"], "message_types": ["text"]},
            "header_names": ["authorization", "x-shop"], "retry": retry, "retry_in_force": retry,
            "order": "chat", "reply": "answer", "media": "link", "format": "envelope", "chatbot": false, "state": "active", "reason": null,
            "created_at": made["created_at"], "retired_secrets": [],
            "deliveries": {"pending": 0, "completed": 0, "discarded": 0, "failed_attempts": 0, "failing_since": null},
        })
    );
}

#[tokio::test]
async fn what_is_not_said_is_the_servers_default() {
    let world = World::with(&[("WASUP__WEBHOOKS__TIMEOUT", "7s"), ("WASUP__WEBHOOKS__DISABLE_AFTER", "never")]).await;
    let (_, made) = made(&world, json!({"url": "https://example.com/a"})).await;
    let none = json!({"timeout": null, "schedule": null, "jitter": null, "concurrency": null, "disable_after": null,
        "statuses": null});
    assert_eq!((&made["account"], &made["retry"]), (&Value::Null, &none));
    let force = &made["retry_in_force"];
    assert_eq!((&force["timeout"], &force["disable_after"]), (&json!("7s"), &json!("never")));
    assert_eq!(force["statuses"]["refused"], json!(["400-407", "409-499"]));
    assert_eq!(force["schedule"].as_array().unwrap().len(), 10);
    assert_eq!((&made["order"], &made["reply"], &made["events"]), (&json!("none"), &json!("off"), &json!([])));
}

#[tokio::test]
async fn lists_go_page_by_page_and_by_account() {
    let world = World::start().await;
    for id in ["a", "b"] {
        world.account(id).await;
    }
    let mut all = Vec::new();
    for account in [json!("a"), json!("b"), Value::Null, json!("a"), json!("a")] {
        all.push(made(&world, json!({"url": "https://example.com/", "account": account})).await.1);
    }
    let id = |at: usize| all[at]["id"].as_str().unwrap();
    let (_, first) = world.get("/v1/endpoints?limit=3").await;
    let (_, rest) = world.get(&format!("{PATH}?limit=3&cursor={}", first["next_cursor"].as_str().unwrap())).await;
    let listed: Vec<&str> = [ids(&first), ids(&rest)].concat();
    let mut expected: Vec<&str> = (0..5).map(id).collect();
    expected.sort_unstable();
    assert_eq!((listed, &rest["next_cursor"]), (expected, &Value::Null));
    let (_, first) = world.get("/v1/endpoints?account=a&limit=2").await;
    let next = format!("{PATH}?account=a&limit=2&cursor={}", first["next_cursor"].as_str().unwrap());
    let (_, rest) = world.get(&next).await;
    let mut expected = vec![id(0), id(3), id(4)];
    expected.sort_unstable();
    assert_eq!([ids(&first), ids(&rest)].concat(), expected);
    assert!(first["data"].as_array().unwrap().iter().all(|one| one["account"] == "a" && one.get("secret").is_none()));
    assert_eq!(world.get("/v1/endpoints?account=nobody").await.0, 404);
    let (_, accounts) = world.get("/v1/accounts?limit=1").await;
    let foreign = format!("{PATH}?cursor={}", accounts["next_cursor"].as_str().unwrap());
    assert_eq!(world.get(&foreign).await.1["errors"][0]["field"], "cursor");
    // Those of a deleted account go with it, at once.
    assert_eq!(world.delete("/v1/accounts/a").await.0, 204);
    let (_, left) = world.get(PATH).await;
    assert_eq!(left["data"].as_array().unwrap().len(), 2);
    assert_eq!(world.get(&format!("{PATH}/{}", id(0))).await.0, 404);
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_null_goes_back() {
    let world = World::start().await;
    for id in ["shop", "desk"] {
        world.account(id).await;
    }
    let body = json!({
        "account": "shop", "url": "https://example.com/a", "name": "CRM", "events": ["message.received"],
        "filter": {"chats": ["1@g.us"], "message_types": ["text"]}, "headers": {"x-a": "1", "x-b": "2"},
        "retry": {"timeout": "2s", "concurrency": 1}, "order": "chat", "reply": "answer",
    });
    let (path, made) = made(&world, body).await;
    let mut now = world.get(&path).await.1;
    #[rustfmt::skip]
    let table = [
        (json!({}), json!({})),
        (json!({"name": "Books"}), json!({"name": "Books"})),
        (json!({"name": null}), json!({"name": null})),
        (json!({"url": "https://example.com/b"}), json!({"url": "https://example.com/b"})),
        (json!({"events": ["account.state", "message.sent"]}), json!({"events": ["account.state", "message.sent"]})),
        (json!({"events": null}), json!({"events": []})),
        (json!({"filter": {"chats": ["2@g.us"]}}), json!({"filter": {"chats": ["2@g.us"], "message_types": ["text"]}})),
        (json!({"filter": {"message_types": null}}), json!({"filter": {"chats": ["2@g.us"], "message_types": []}})),
        (json!({"filter": null}), json!({"filter": {"chats": [], "message_types": []}})),
        (json!({"headers": {"x-a": null, "X-C": "3"}}), json!({"header_names": ["x-b", "x-c"]})),
        (json!({"headers": null}), json!({"header_names": []})),
        (json!({"retry": {"jitter": 0}}), json!({"retry": {"timeout": "2s", "schedule": null, "jitter": 0.0, "concurrency": 1, "disable_after": null, "statuses": null}})),
        (json!({"retry": {"timeout": null, "disable_after": "1h"}}), json!({"retry": {"timeout": null, "schedule": null, "jitter": 0.0, "concurrency": 1, "disable_after": "1h", "statuses": null}})),
        (json!({"retry": null}), json!({"retry": {"timeout": null, "schedule": null, "jitter": null, "concurrency": null, "disable_after": null, "statuses": null}})),
        (json!({"order": null, "reply": null}), json!({"order": "none", "reply": "off"})),
        (json!({"format": "envelope"}), json!({})),
        (json!({"account": "desk"}), json!({"account": "desk"})),
        (json!({"account": null}), json!({"account": null})),
    ];
    for (patch, changes) in table {
        let (status, changed) = world.patch(&path, &patch).await;
        assert_eq!(status, 200, "{patch}: {changed}");
        now.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let force = changed["retry_in_force"].clone();
        now["retry_in_force"] = force;
        assert_eq!(changed, now, "{patch}");
        assert_eq!(world.get(&path).await.1, now, "{patch}");
    }
    assert_eq!(now["id"], made["id"]);
    for refused in
        [json!({"secret": "whsec_x"}), json!({"state": "paused"}), json!({"account": 7}), json!({"url": null})]
    {
        assert_eq!(world.patch(&path, &refused).await.0, 400, "{refused}");
    }
    assert_eq!(world.patch(&path, &json!({"account": "nobody"})).await.0, 404);
    assert_eq!(world.get(&path).await.1, now);
}

#[tokio::test]
async fn wrong_values_are_named_and_nothing_is_made() {
    let world = World::start().await;
    world.account("shop").await;
    let url = "https://example.com/";
    let headers: Value = (0..33).map(|n| (format!("x-{n}"), json!("1"))).collect::<serde_json::Map<_, _>>().into();
    let large: Value =
        (0..5).map(|n| (format!("x-{n}"), json!("1".repeat(4_000)))).collect::<serde_json::Map<_, _>>().into();
    for (body, field) in [
        (json!({}), "url"),
        (json!({"url": "ftp://example.com"}), "url"),
        (json!({"url": "http://169.254.169.254/"}), "url"),
        (json!({"url": url, "secret": "whsec_AAAA"}), "secret"),
        (json!({"url": url, "events": ["message.received", "x"]}), "events[1]"),
        (json!({"url": url, "filter": {"chats": ["1@g.us", "0812"]}}), "filter.chats[1]"),
        (json!({"url": url, "filter": {"message_types": ["tex"]}}), "filter.message_types[0]"),
        (json!({"url": url, "headers": {"Host": "a"}}), "headers.Host"),
        (json!({"url": url, "headers": {"x-a": "a\nb"}}), "headers.x-a"),
        (json!({"url": url, "headers": headers}), "headers"),
        (json!({"url": url, "headers": large}), "headers"),
        (json!({"url": url, "retry": {"timeout": "1h"}}), "retry.timeout"),
        (json!({"url": url, "retry": {"schedule": ["5"]}}), "retry.schedule[0]"),
        (json!({"url": url, "retry": {"statuses": {"gone": ["2xx"]}}}), "retry.statuses.gone[0]"),
        (json!({"url": url, "order": "yes"}), "order"),
        (json!({"url": url, "enabled": true}), "enabled"),
    ] {
        let (status, refused) = world.post(PATH, &body).await;
        assert_eq!((status, &refused["code"]), (400, &json!("invalid")), "{body}: {refused}");
        assert_eq!(refused["errors"][0]["field"], field, "{body}: {refused}");
    }
    assert_eq!(world.post(PATH, &json!({"url": url, "account": "nobody"})).await.0, 404);
    assert_eq!(ids(&world.get(PATH).await.1), Vec::<&str>::new());
    for path in ["/v1/endpoints/ep_000001hnp5dqo0000000000000", "/v1/endpoints/nonsense"] {
        assert_eq!(
            (world.get(path).await.0, world.patch(path, &json!({})).await.0, world.delete(path).await.0),
            (404, 404, 404)
        );
    }
}

#[tokio::test]
async fn an_owner_has_room_for_so_many_and_no_more() {
    let world = World::start().await;
    for id in ["a", "b"] {
        world.account(id).await;
    }
    let body = |account: Value| json!({"url": "https://example.com/", "account": account});
    for _ in 0..MAX_PER_OWNER {
        made(&world, body(json!("a"))).await;
        made(&world, body(Value::Null)).await;
    }
    for account in [json!("a"), Value::Null] {
        let (status, refused) = world.post(PATH, &body(account)).await;
        assert_eq!((status, &refused["code"]), (409, &json!("too_many_endpoints")), "{refused}");
    }
    // A change of the owner is no way around it, and a change of anything else needs no room.
    let (path, _) = made(&world, body(json!("b"))).await;
    assert_eq!(world.patch(&path, &json!({"account": "a"})).await.1["code"], "too_many_endpoints");
    let full = format!("{PATH}/{}", ids(&world.get("/v1/endpoints?account=a&limit=1").await.1)[0]);
    assert_eq!(world.patch(&full, &json!({"account": "a", "name": "x"})).await.0, 200);
    assert_eq!(world.delete(&full).await.0, 204);
    assert_eq!(world.patch(&path, &json!({"account": "a"})).await.0, 200);
}

#[tokio::test]
async fn only_https_where_the_config_says_so() {
    let world = World::with(&[("WASUP__WEBHOOKS__REQUIRE_HTTPS", "true")]).await;
    world.account("shop").await;
    let http = json!({"url": "http://127.0.0.1:9/"});
    assert_eq!(world.post(PATH, &http).await.1["errors"][0]["field"], "url");
    assert_eq!(world.put("/v1/accounts/shop/webhook", &http).await.1["errors"][0]["field"], "url");
    let (path, _) = made(&world, json!({"url": "https://example.com/"})).await;
    assert_eq!(world.patch(&path, &http).await.1["errors"][0]["field"], "url");
}
