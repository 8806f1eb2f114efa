//! HTTP against servers and proxies on loopback.

use super::*;
use crate::dial::little_proxies::{LittleProxy, Speaks};
use std::io::Read;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wasup_store::records::ProxyAddress;

/// Answers one request with `answer` and hands back what was asked.
async fn server(answer: String) -> (String, tokio::task::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/file", listener.local_addr().unwrap());
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        let mut piece = [0; 4_096];
        loop {
            let n = stream.read(&mut piece).await.unwrap();
            asked.extend_from_slice(&piece[..n]);
            let head = asked.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at + 4);
            let Some(head) = head else { continue };
            let text = String::from_utf8_lossy(&asked[..head]).to_lowercase();
            let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
            if asked.len() >= head + length.unwrap_or(0_usize) {
                break;
            }
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        asked
    });
    (url, asked)
}

fn http(reach: Reach) -> LinkHttp {
    http_through(reach, None)
}

fn http_through(reach: Reach, proxy: Option<&str>) -> LinkHttp {
    let shared = Shared::new(reach, std::env::temp_dir(), Budget::new(4, 1 << 20)).unwrap();
    let proxy = proxy.map(|address| Proxy::parse(&ProxyAddress(address.into())).ok().unwrap());
    LinkHttp::new(Arc::new(HttpPool::new(&shared, proxy.as_ref()).unwrap()), Box::new(|| {}))
}

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_an_answer() {
    let (url, _) = server(answer("403 Forbidden", "no")).await;
    let response = http(Reach::LoopbackOnly).execute(HttpRequest::get(url)).await.unwrap();
    assert_eq!((response.status_code, response.body.as_slice()), (403, &b"no"[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_read_piece_by_piece() {
    let long = "x".repeat(300_000);
    let (url, _) = server(answer("200 OK", &long)).await;
    let read = tokio::task::spawn_blocking(move || {
        let mut response = http(Reach::LoopbackOnly).execute_streaming(HttpRequest::get(url)).unwrap();
        let mut body = String::new();
        response.body.read_to_string(&mut body).unwrap();
        (response.status_code, body)
    });
    assert_eq!(read.await.unwrap(), (200, long));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_says_its_length() {
    let (url, asked) = server(answer("200 OK", "{}")).await;
    let body = "y".repeat(200_000);
    let sent = body.clone();
    let done = tokio::task::spawn_blocking(move || {
        let reader = Box::new(std::io::Cursor::new(sent.into_bytes()));
        http(Reach::LoopbackOnly).execute_upload(HttpRequest::post(url), reader, 200_000).unwrap()
    });
    assert_eq!(done.await.unwrap().status_code, 200);
    let asked = String::from_utf8(asked.await.unwrap()).unwrap();
    let head = asked.split("\r\n\r\n").next().unwrap().to_lowercase();
    assert!(head.contains("content-length: 200000") && !head.contains("transfer-encoding"), "{head}");
    assert!(asked.ends_with(&body));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rule_holds_for_addresses_names_and_redirects() {
    let bound = http(Reach::LoopbackOnly);
    for url in ["http://192.0.2.1/", "https://[2001:db8::1]/", "https://mmg.whatsapp.net.invalid/"] {
        assert!(bound.execute(HttpRequest::get(url)).await.is_err(), "{url}");
    }
    let away = "HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let (url, _) = server(away.into()).await;
    let refused = format!("{:?}", bound.execute(HttpRequest::get(url)).await.unwrap_err());
    assert!(refused.contains("loopback addresses only"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_uploads_and_streams_go_through_the_accounts_proxy() {
    for (scheme, speaks) in [("http", Speaks::Http), ("socks5h", Speaks::Socks5), ("socks5", Speaks::Socks5)] {
        let proxy = LittleProxy::start(speaks, Some(("u", "p@ss"))).await;
        let address = format!("{scheme}://u:p%40ss@{}", proxy.at);
        let (url, _) = server(answer("200 OK", "hello")).await;
        let url = url.replace("127.0.0.1", "localhost");
        let authority = url.split('/').nth(2).unwrap().to_owned();
        let client = http_through(Reach::LoopbackOnly, Some(&address));
        assert_eq!(client.execute(HttpRequest::get(url)).await.unwrap().body, b"hello", "{scheme}");
        let target = proxy.saw.targets.lock().unwrap()[0].clone();
        let resolved = authority.replace("localhost", "127.0.0.1");
        assert_eq!(target, if scheme == "socks5" { resolved } else { authority }, "{scheme}");

        let (url, asked) = server(answer("200 OK", "{}")).await;
        let upload = tokio::task::spawn_blocking(move || {
            let body = Box::new(std::io::Cursor::new(vec![b'y'; 100_000]));
            client.execute_upload(HttpRequest::post(url), body, 100_000).unwrap().status_code
        });
        assert_eq!((upload.await.unwrap(), asked.await.unwrap().len() > 100_000), (200, true));

        let (url, _) = server(answer("200 OK", "streamed")).await;
        let client = http_through(Reach::LoopbackOnly, Some(&address));
        let streamed = tokio::task::spawn_blocking(move || {
            let mut text = String::new();
            client.execute_streaming(HttpRequest::get(url)).unwrap().body.read_to_string(&mut text).unwrap();
            text
        });
        assert_eq!(streamed.await.unwrap(), "streamed");
        assert_eq!(proxy.tunnels(), 3, "{scheme}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_refuses_is_gone_around_by_nothing_and_its_password_is_in_no_error() {
    let strict = LittleProxy::start(Speaks::Http, Some(("u", "p"))).await;
    let strict_socks = LittleProxy::start(Speaks::Socks5, Some(("u", "p"))).await;
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for address in [
        format!("http://u:secret@{}", strict.at),
        format!("socks5h://u:secret@{}", strict_socks.at),
        format!("socks5://u:secret@{dead}"),
        format!("http://u:secret@{dead}"),
    ] {
        let (url, asked) = server(answer("200 OK", "hello")).await;
        let client = http_through(Reach::LoopbackOnly, Some(&address));
        match client.execute(HttpRequest::get(url)).await {
            Ok(response) => assert_eq!(response.status_code, 407, "the proxy's own answer"),
            Err(error) => assert!(!format!("{error:?} {error:#}").contains("secret"), "{error:?}"),
        }
        assert!(!asked.is_finished(), "{address}: the server was asked");
        asked.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rule_holds_behind_a_proxy() {
    let proxy = LittleProxy::start_at("127.0.0.1:0".parse().unwrap(), Speaks::Http).await;
    let client = http_through(Reach::LoopbackOnly, Some(&format!("http://{}", proxy.at)));
    for url in ["http://192.0.2.1/", "http://mmg.whatsapp.net.invalid/"] {
        assert!(client.execute(HttpRequest::get(url)).await.is_err(), "{url}");
    }
    assert_eq!(proxy.tunnels(), 0);
    let away =
        "HTTP/1.1 302 Found\r\nLocation: http://elsewhere.invalid/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let (url, _) = server(away.into()).await;
    let refused = format!("{:?}", client.execute(HttpRequest::get(url)).await.unwrap_err());
    assert!(refused.contains("loopback addresses only"), "{refused}");
    assert_eq!(proxy.tunnels(), 1);
}
