//! How the API says no.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::world::{PATIENCE, World, answer};

fn is_problem(status: u16, code: &str, answer: &(u16, Value)) {
    let (got, body) = answer;
    assert_eq!((*got, body["code"].as_str()), (status, Some(code)), "{body}");
    assert_eq!(body["status"], status);
    assert_eq!(body["type"], format!("urn:wasup:problem:{code}"));
    for field in ["title", "detail", "request_id"] {
        assert!(body[field].as_str().is_some_and(|text| !text.is_empty()), "{field} of {body}");
    }
    assert!(body["retryable"].is_boolean());
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let world = World::start().await;
    is_problem(404, "not_found", &world.get("/v1/nothing").await);
    is_problem(404, "not_found", &world.get("/v1/accounts/nobody").await);
    is_problem(404, "not_found", &world.get("/v1/messages/msg_x").await);
    let response = world.ask(Method::PATCH, "/v1/accounts").send().await.unwrap();
    assert!(response.headers()["allow"].to_str().unwrap().contains("POST"));
    is_problem(405, "method_not_allowed", &answer(response).await);
}

#[tokio::test]
async fn a_body_that_can_not_be_read_is_told_apart() {
    let world = World::with(&[("WASUP__SERVER__BODY_MAX_BYTES", "2 KiB")]).await;
    let send = async |kind: &str, body: Vec<u8>| {
        let request = world.ask(Method::POST, "/v1/accounts").header("content-type", kind).body(body);
        answer(request.send().await.unwrap()).await
    };
    let json = "application/json";
    is_problem(415, "unsupported_media_type", &send("text/plain", b"{}".to_vec()).await);
    is_problem(400, "malformed", &send(json, b"{\"id\": ".to_vec()).await);
    is_problem(400, "malformed", &send(json, b"{\"id\":\"a\",\"start\":false} trailing".to_vec()).await);
    is_problem(413, "body_too_large", &send(json, vec![b' '; 4_096]).await);
    let charset = send("application/json; charset=utf-8", b"{\"id\":\"a\",\"start\":false}".to_vec()).await;
    assert_eq!(charset.0, 201);
}

#[tokio::test]
async fn wrong_values_are_named() {
    let world = World::start().await;
    for (body, field) in [
        (json!({}), "id"),
        (json!({"id": "a/b"}), "id"),
        (json!({"id": 7}), "id"),
        (json!({"id": "a", "nmae": "x"}), "nmae"),
        (json!({"id": "a", "default_region": "Indonesia"}), "default_region"),
        (json!({"id": "a", "name": "x".repeat(201)}), "name"),
        (json!({"id": "a", "metadata": [1]}), "metadata"),
        (json!({"id": "a", "autostart": "yes"}), "autostart"),
    ] {
        let refused = world.post("/v1/accounts", &body).await;
        is_problem(400, "invalid", &refused);
        assert_eq!(refused.1["errors"][0]["field"], field, "{}", refused.1);
    }
    is_problem(400, "invalid", &world.post("/v1/accounts", &json!([1])).await);
    for query in ["limit=0", "limit=1001", "limit=x", "cursor=!!", "cursor=bQ", "sort=id"] {
        is_problem(400, "invalid", &world.get(&format!("/v1/accounts?{query}")).await);
    }
    assert_eq!(world.get("/v1/accounts").await.1["data"], json!([]));
}

#[tokio::test]
async fn a_request_keeps_its_id() {
    let world = World::start().await;
    let response = world.ask(Method::GET, "/v1/nothing").header("x-request-id", "mine-1").send().await.unwrap();
    assert_eq!(response.headers()["x-request-id"], "mine-1");
    assert_eq!(answer(response).await.1["request_id"], "mine-1");
    let response = world.ask(Method::GET, "/v1/accounts").header("x-request-id", "not fit").send().await.unwrap();
    assert!(response.headers()["x-request-id"].to_str().unwrap().starts_with("req_"));
}

#[tokio::test]
async fn a_head_that_never_ends_costs_its_connection() {
    let world = World::with(&[("WASUP__SERVER__HEADER_TIMEOUT", "200ms")]).await;
    let mut slow = TcpStream::connect(world.gateway.address).await.unwrap();
    slow.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n").await.unwrap();
    let mut rest = Vec::new();
    // The end of the connection is what is waited for; what it says before does not matter.
    let ended = tokio::time::timeout(PATIENCE, slow.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "the connection stands");
}

#[tokio::test]
async fn connections_over_the_limit_wait_for_their_turn() {
    let world = World::with(&[("WASUP__SERVER__CONNECTIONS_MAX", "1")]).await;
    let mut first = TcpStream::connect(world.gateway.address).await.unwrap();
    first.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut head = [0; 15];
    first.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    let mut second = TcpStream::connect(world.gateway.address).await.unwrap();
    second.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(300), second.read_exact(&mut head)).await;
    assert!(early.is_err(), "the second connection was served beside the first");
    drop(first);
    tokio::time::timeout(PATIENCE, second.read_exact(&mut head)).await.unwrap().unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
}
