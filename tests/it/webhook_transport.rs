//! Webhooks over HTTP, against receivers that misbehave.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use wasup::webhook_http::WebhookHttp;
use wasup_actors::webhook::{WebhookAnswer, WebhookRequest, WebhookTransport as _};

use crate::world::{client, config};

/// A receiver that answers each request with these bytes and says what it got.
async fn receiver(answer: &'static str) -> (String, tokio::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (told, hears) = tokio::sync::mpsc::channel(16);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let told = told.clone();
            tokio::spawn(async move {
                let request = read_request(&mut socket).await;
                let _ = told.send(request).await;
                let _ = socket.write_all(answer.as_bytes()).await;
                // Held open: an answer without an end is part of what is tested.
                let _ = socket.read(&mut [0; 1]).await;
            });
        }
    });
    (url, hears)
}

async fn read_request(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut piece = [0; 4_096];
    while let Ok(n) = socket.read(&mut piece).await {
        bytes.extend_from_slice(&piece[..n]);
        let text = String::from_utf8_lossy(&bytes);
        if n == 0 || text.ends_with("{\"a\":1}") {
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn transport(extra: &[(&str, &str)]) -> WebhookHttp {
    let folder = tempfile::tempdir().unwrap();
    drop(client());
    WebhookHttp::new(&config(folder.path(), extra).webhooks).unwrap()
}

fn request(url: &str) -> WebhookRequest {
    WebhookRequest {
        url: url.to_owned(),
        headers: vec![
            ("webhook-id".into(), "evt_1".to_owned()),
            ("content-type".into(), "application/json".to_owned()),
        ],
        body: "{\"a\":1}".into(),
        timeout: Duration::from_secs(2),
        answer_max: None,
    }
}

fn status(answer: &WebhookAnswer) -> Option<u16> {
    match answer {
        WebhookAnswer::Answered(answered) => Some(answered.status),
        _ => None,
    }
}

#[tokio::test]
async fn body_and_headers_arrive() {
    let (url, mut hears) = receiver("HTTP/1.1 204 No Content\r\n\r\n").await;
    let answer = transport(&[]).post(request(&url)).await;
    assert_eq!(status(&answer), Some(204));
    let got = hears.recv().await.unwrap();
    assert!(got.starts_with("POST /hook HTTP/1.1\r\n"), "{got}");
    assert!(got.contains("webhook-id: evt_1\r\n") && got.ends_with("{\"a\":1}"), "{got}");
}

#[tokio::test]
async fn redirects_are_answers_and_not_followed() {
    let (inner, mut reached) = receiver("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let answer: &'static str = format!("HTTP/1.1 302 Found\r\nlocation: {inner}\r\ncontent-length: 0\r\n\r\n").leak();
    let (url, _hears) = receiver(answer).await;
    assert_eq!(status(&transport(&[]).post(request(&url)).await), Some(302));
    assert!(reached.try_recv().is_err());
}

#[tokio::test]
async fn retry_after_is_passed_on() {
    let (url, _hears) = receiver("HTTP/1.1 429 Too Many\r\nretry-after: 90\r\ncontent-length: 0\r\n\r\n").await;
    let answer = transport(&[]).post(request(&url)).await;
    let WebhookAnswer::Answered(answered) = answer else { panic!("{answer:?}") };
    assert_eq!((answered.status, answered.retry_after), (429, Some(Duration::from_secs(90))));
}

#[tokio::test]
async fn silence_is_a_time_out_and_no_listener_unreachable() {
    let (url, _hears) = receiver("").await;
    let began = Instant::now();
    assert!(matches!(transport(&[]).post(request(&url)).await, WebhookAnswer::TimedOut));
    assert!(began.elapsed() < Duration::from_secs(10));
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert!(matches!(transport(&[]).post(request(&format!("http://{free}/"))).await, WebhookAnswer::Unreachable));
}

#[tokio::test]
async fn a_body_without_an_end_does_not_hold_the_answer() {
    let (url, _hears) = receiver("HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\nsome").await;
    let began = Instant::now();
    assert_eq!(status(&transport(&[]).post(request(&url)).await), Some(200));
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn forbidden_addresses_are_never_connected_to() {
    let (url, mut hears) = receiver("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let strict = transport(&[("WASUP__WEBHOOKS__ALLOW_LOOPBACK", "false")]);
    let port = url.rsplit(':').next().unwrap().to_owned();
    for host in ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "169.254.169.254"] {
        let answer = strict.post(request(&format!("http://{host}:{port}"))).await;
        assert!(matches!(answer, WebhookAnswer::Forbidden), "{host}: {answer:?}");
    }
    assert!(hears.try_recv().is_err());
    let answer = transport(&[]).post(request(&format!("http://localhost:{port}"))).await;
    assert_eq!(status(&answer), Some(200));
}

#[tokio::test]
async fn an_address_that_was_set_before_https_was_required_is_not_called() {
    let (url, mut hears) = receiver("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let answer = transport(&[("WASUP__WEBHOOKS__REQUIRE_HTTPS", "true")]).post(request(&url)).await;
    assert_eq!(answer, WebhookAnswer::Forbidden);
    assert!(hears.try_recv().is_err());
}

#[tokio::test]
async fn no_more_of_an_answer_is_kept_than_the_config_says() {
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 64\r\n\r\n{}", "y".repeat(64));
    let answer: &'static str = answer.leak();
    for (limit, kept, cut) in [("64 B", 64, false), ("63 B", 63, true), ("0 B", 0, true)] {
        let (url, _hears) = receiver(answer).await;
        let got = transport(&[("WASUP__WEBHOOKS__ANSWER_MAX_BYTES", limit)]).post(request(&url)).await;
        let WebhookAnswer::Answered(got) = got else { panic!("{limit}: {got:?}") };
        assert_eq!((got.body.len(), got.cut), (kept, cut), "{limit}");
        assert_eq!(got.content_type.as_deref(), Some("text/plain"));
    }
}
