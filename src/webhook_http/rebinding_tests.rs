//! A name that changes its answer gets nobody to a place that is not called.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use wasup_actors::webhook::{WebhookAnswer, WebhookRequest, WebhookTransport as _};

use super::WebhookHttp;
use super::resolver::Lookup;
use crate::config::{Config, Sources};

/// A receiver that closes after every answer, so that each request needs a connection of its own. Counts them.
async fn receiver() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, heard) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let _ = socket.read(&mut [0; 4_096]).await;
            let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
        }
    });
    (port, heard)
}

fn transport(env: &[(&str, &str)], lookup: Lookup) -> WebhookHttp {
    // Another test of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let config = Config::load(&Sources { file: None, env }).unwrap().config;
    WebhookHttp::resolving(&config.webhooks, lookup).unwrap()
}

/// Answers these addresses, one after the other, and counts how often it is asked.
fn in_turn(answers: &[&[&str]]) -> (Lookup, Arc<AtomicUsize>) {
    let answers: Vec<Vec<SocketAddr>> = answers
        .iter()
        .map(|answer| answer.iter().map(|address| SocketAddr::new(address.parse().unwrap(), 0)).collect())
        .collect();
    let (asked, answers) = (Arc::new(AtomicUsize::new(0)), Mutex::new(answers.into_iter()));
    let count = Arc::clone(&asked);
    let lookup = move |_: String| {
        count.fetch_add(1, Ordering::SeqCst);
        let next = answers.lock().unwrap().next().unwrap_or_default();
        Box::pin(async move { Ok(next) }) as futures_util::future::BoxFuture<'static, _>
    };
    (Arc::new(lookup), asked)
}

async fn post(transport: &WebhookHttp, port: u16) -> WebhookAnswer {
    let url = format!("http://turncoat.example:{port}/hook");
    let timeout = Duration::from_millis(500);
    transport.post(WebhookRequest { url, headers: Vec::new(), body: "{}".into(), timeout, answer_max: None }).await
}

#[tokio::test]
async fn what_is_checked_is_what_is_called() {
    let (port, heard) = receiver().await;
    let (lookup, asked) = in_turn(&[
        &["127.0.0.1"],
        &["169.254.169.254"],
        &["169.254.169.254", "127.0.0.1"],
        &["fe80::1", "::ffff:169.254.169.254", "0.0.0.0"],
        &["127.0.0.1"],
    ]);
    let transport = transport(&[], lookup);
    let mut reached = 0;
    for (n, allowed) in [true, false, true, false, true].into_iter().enumerate() {
        let answer = post(&transport, port).await;
        match answer {
            WebhookAnswer::Answered(answered) if allowed => assert_eq!(answered.status, 200),
            WebhookAnswer::Forbidden if !allowed => {}
            other => panic!("{n}: {other:?}"),
        }
        reached += usize::from(allowed);
        // Asked once for each attempt: there is no second answer that could differ from the one that was checked.
        assert_eq!((asked.load(Ordering::SeqCst), heard.load(Ordering::SeqCst)), (n + 1, reached), "{n}");
    }
}

#[tokio::test]
async fn a_name_that_turns_to_this_machine_is_refused_where_that_is_not_called() {
    let (port, heard) = receiver().await;
    let (lookup, _) = in_turn(&[&["127.0.0.1"], &["::1"], &["::ffff:127.0.0.1"], &["10.0.0.1"]]);
    let strict = [("WASUP__WEBHOOKS__ALLOW_LOOPBACK", "false"), ("WASUP__WEBHOOKS__ALLOW_PRIVATE", "false")];
    let transport = transport(&strict, lookup);
    for n in 0..4 {
        assert_eq!(post(&transport, port).await, WebhookAnswer::Forbidden, "{n}");
    }
    assert_eq!(heard.load(Ordering::SeqCst), 0);
}
