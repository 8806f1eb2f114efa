//! The main job over the sandbox: a phone scans the QR that the API shows, messages go both ways.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use wasup_sandbox::{RunningSandbox, SandboxConfig};

use crate::world::{PATIENCE, World};

async fn linked() -> (World, RunningSandbox) {
    let sandbox = wasup_sandbox::serve(SandboxConfig::default()).await.unwrap();
    let url = sandbox.network().url();
    let world = World::with(&[("WASUP__LINK__URL", &url)]).await;
    (world, sandbox)
}

async fn until(world: &World, path: &str, done: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (_, body) = world.get(path).await;
        if done(&body) {
            return body;
        }
        assert!(Instant::now() < deadline, "{path}: {body}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_phone_scans_the_code_and_messages_go_out() {
    let (world, sandbox) = linked().await;
    let network = sandbox.network().clone();
    let (shop, friend) = (network.phone("6281111111111"), network.phone("6282222222222"));
    assert_eq!(world.post("/v1/accounts", &json!({"id": "shop"})).await.0, 201);
    let (status, qr) = world.get("/v1/accounts/shop/qr?wait=20s").await;
    assert_eq!(status, 200, "{qr}");
    assert!(qr["png"].as_str().unwrap().starts_with("data:image/png;base64,iVBOR"));
    for (accept, kind) in
        [("image/png", "image/png"), ("image/svg+xml", "image/svg+xml"), ("text/plain", "text/plain; charset=utf-8")]
    {
        let response = world.ask(Method::GET, "/v1/accounts/shop/qr").header("accept", accept).send().await.unwrap();
        assert_eq!((response.status().as_u16(), &response.headers()["content-type"]), (200, &kind.parse().unwrap()));
        assert_eq!(response.headers()["cache-control"], "no-store");
    }
    let code = qr["code"].as_str().unwrap();
    shop.scan(code).await.unwrap();
    let account = until(&world, "/v1/accounts/shop", |account| account["state"]["phase"] == "connected").await;
    assert_eq!(account["identity"]["phone"], "6281111111111");
    let (status, refused) = world.get("/v1/accounts/shop/qr").await;
    assert_eq!(
        (status, &refused["code"], &refused["state"]["phase"]),
        (409, &"wrong_state".into(), &"connected".into())
    );

    let body = json!({"to": friend.number(), "type": "text", "text": "hello"});
    let (status, sent) = world.post("/v1/accounts/shop/messages?wait=sent&timeout=20s", &body).await;
    assert_eq!(status, 202, "{sent}");
    assert!(["sent", "delivered", "read"].contains(&sent["state"].as_str().unwrap()), "{sent}");
    assert!(sent["times"]["sent_at"].is_string());
    world.gateway.stop().await;
    sandbox.shutdown().await;
}
