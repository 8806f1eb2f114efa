//! Who is let in.

use std::os::unix::fs::PermissionsExt as _;

use reqwest::Method;

use crate::world::{World, answer};

#[tokio::test]
async fn only_the_probes_answer_without_the_key() {
    let world = World::start().await;
    for path in ["/livez", "/readyz"] {
        let response = world.client.get(format!("{}{path}", world.base)).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
    }
    let document = world.get("/openapi.json").await.1;
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        // A link to a file has its own signature instead.
        if ["/livez", "/readyz", "/v1/media/of/{message}"].contains(&path.as_str()) {
            continue;
        }
        for method in item.as_object().unwrap().keys() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let url = format!("{}{}", world.base, path.replace("{id}", "x"));
            let response = world.client.request(method.clone(), url).send().await.unwrap();
            assert_eq!(response.headers()["www-authenticate"], "Bearer realm=\"wasup\"", "{method} {path}");
            let (status, body) = answer(response).await;
            assert_eq!((status, &body["code"]), (401, &"unauthorized".into()), "{method} {path}");
            asked += 1;
        }
    }
    assert!(asked > 15, "{asked} operations");
}

#[tokio::test]
async fn both_headers_open_and_a_wrong_key_does_not() {
    let world = World::start().await;
    let url = format!("{}/v1/accounts", world.base);
    for (name, value, expected) in [
        ("authorization", format!("Bearer {}", world.key), 200),
        ("x-api-key", world.key.clone(), 200),
        ("authorization", format!("Bearer {}x", world.key), 401),
        ("authorization", "Basic YTpi".to_owned(), 401),
        ("x-api-key", String::new(), 401),
    ] {
        let response = world.client.get(&url).header(name, value).send().await.unwrap();
        assert_eq!(response.status().as_u16(), expected, "{name}");
    }
}

#[tokio::test]
async fn metrics_are_open_to_configured_ranges_only() {
    let closed = World::start().await;
    let response = closed.client.get(format!("{}/metrics", closed.base)).send().await.unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(closed.ask(Method::GET, "/metrics").send().await.unwrap().status(), 200);

    let near = World::with(&[("WASUP__SERVER__METRICS_ALLOW", "[\"127.0.0.0/8\"]")]).await;
    let get = async |path| near.client.get(format!("{}{path}", near.base)).send().await.unwrap().status().as_u16();
    assert_eq!(get("/metrics").await, 200);
    assert_eq!(get("/health").await, 401);

    let far = World::with(&[("WASUP__SERVER__METRICS_ALLOW", "[\"10.0.0.0/8\"]")]).await;
    let response = far.client.get(format!("{}/metrics", far.base)).send().await.unwrap();
    assert_eq!(response.status(), 401);
}

#[tokio::test]
async fn the_made_key_stays_over_a_restart_and_only_its_owner_reads_it() {
    let world = World::start().await;
    let file = world.gateway.api_key.made.clone().unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_to_string(&file).unwrap().trim(), world.key);
    let folder = std::fs::metadata(world.folder.path().join("data")).unwrap();
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);
    let key = world.key.clone();
    let world = world.restart(&[]).await;
    assert_eq!(world.key, key);
    assert!(world.gateway.api_key.made.is_none());
}
