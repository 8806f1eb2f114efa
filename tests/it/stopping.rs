//! The stop ends, in order, whatever clients do.

use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use wasup::gateway::{Extras, Gateway, StartError};

use crate::world::{PATIENCE, World, config};

#[tokio::test]
async fn readiness_goes_first_while_all_else_is_still_served() {
    let world = World::with(&[("WASUP__SERVER__DRAIN_DELAY", "3s")]).await;
    let World { gateway, base, key, client, folder } = world;
    let stop = tokio::spawn(gateway.stop());
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status = client.get(format!("{base}/readyz")).send().await.unwrap().status().as_u16();
        if status == 503 {
            break;
        }
        assert!(status == 200 && Instant::now() < deadline);
    }
    assert_eq!(client.get(format!("{base}/livez")).send().await.unwrap().status(), 200);
    let response = client.post(format!("{base}/v1/accounts")).bearer_auth(&key);
    let response = response.json(&serde_json::json!({"id": "late", "start": false})).send().await.unwrap();
    assert_eq!(response.status(), 201);
    assert_eq!(client.get(format!("{base}/health")).bearer_auth(&key).send().await.unwrap().status(), 503);
    assert!(stop.await.unwrap().late.is_empty());
    assert!(client.get(format!("{base}/livez")).send().await.is_err());
    let world = World::over(folder, &[]).await;
    assert_eq!(world.get("/v1/accounts/late").await.0, 200);
}

#[tokio::test]
async fn open_connections_do_not_keep_it() {
    let world = World::with(&[("WASUP__SERVER__SHUTDOWN_TIMEOUT", "10s")]).await;
    let mut idle = TcpStream::connect(world.gateway.address).await.unwrap();
    // A client that sent half a request and a client that keeps its connection.
    let mut half = TcpStream::connect(world.gateway.address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut half, b"POST /v1/accounts HTTP/1.1\r\nhost: x\r\n").await.unwrap();
    assert_eq!(world.get("/v1/accounts").await.0, 200);
    let World { gateway, folder, .. } = world;
    let began = Instant::now();
    gateway.stop().await;
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let mut rest = Vec::new();
    tokio::time::timeout(PATIENCE, idle.read_to_end(&mut rest)).await.unwrap().unwrap();
    // The store was closed: it opens again at once.
    let world = World::over(folder, &[]).await;
    assert_eq!(world.get("/v1/accounts").await.0, 200);
}

#[tokio::test]
async fn a_waiting_send_is_answered_at_the_stop() {
    let world = World::start().await;
    world.account("shop").await;
    let body = serde_json::json!({"to": "+6281234567890", "type": "text", "text": "x"});
    let path = "/v1/accounts/shop/messages?wait=sent&timeout=25s";
    let waiting = tokio::spawn(world.ask(reqwest::Method::POST, path).json(&body).send());
    let deadline = Instant::now() + PATIENCE;
    while world.get("/v1/accounts/shop/messages").await.1["data"].as_array().unwrap().is_empty() {
        assert!(Instant::now() < deadline, "the send was not accepted");
    }
    let began = Instant::now();
    let World { gateway, .. } = world;
    assert!(gateway.stop().await.late.is_empty());
    assert_eq!(waiting.await.unwrap().unwrap().status(), 202);
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_store_in_use_is_refused() {
    let world = World::start().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let second = Gateway::start(&config(world.folder.path(), &[]), listener, Extras::default()).await;
    assert!(matches!(second.err(), Some(StartError::Store(wasup_store::OpenError::Locked { .. }))));
    assert_eq!(world.get("/v1/accounts").await.0, 200);
}
