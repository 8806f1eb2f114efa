//! A server that says nothing, to those who are connected and to those who come.

use crate::client::{SOON, network, paired, start};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wacore::store::InMemoryBackend;
use wasup_sandbox::{Cut, Fault, Scope};

/// Long enough to see that nothing comes.
const A_WHILE: Duration = Duration::from_millis(300);

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_network_takes_sockets_and_says_nothing_until_it_is_healed() {
    let network = network().await;
    network.inject(&Scope::Network, &Fault::Silence).unwrap();
    let mut stream = TcpStream::connect(network.address()).await.unwrap();
    let upgrade = format!(
        "GET /ws/chat HTTP/1.1\r\nhost: {}\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        network.address()
    );
    stream.write_all(upgrade.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    assert!(tokio::time::timeout(A_WHILE, stream.read_exact(&mut answer)).await.is_err());
    let connects = network.connects();
    assert_eq!((connects.opened, connects.in_flight), (1, 1));
    // Another gives up, and the server lets go of it without having said a word.
    let other = TcpStream::connect(network.address()).await.unwrap();
    network.wait_for_connects(SOON, |connects| connects.in_flight == 2).await.unwrap();
    drop(other);
    network.wait_for_connects(SOON, |connects| connects.in_flight == 1).await.unwrap();
    network.heal(&Scope::Network).unwrap();
    tokio::time::timeout(SOON, stream.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_account_logs_in_once_it_is_healed() {
    let network = network().await;
    let own = network.phone("15550000001");
    let companion = paired(&network, &own).await;
    let scope = Scope::account(own.number());
    network.inject(&scope, &Fault::Silence).unwrap();
    network.disconnect(&scope, Cut::Drop).unwrap();
    let (attempts, logins) = network.logins_of(own.number()).map(|counts| (counts.attempts, counts.logins)).unwrap();
    network.wait_for_logins(own.number(), SOON, |counts| counts.attempts > attempts).await.unwrap();
    assert_eq!(network.logins_of(own.number()).unwrap().logins, logins, "a login without an answer is none");
    network.heal(&scope).unwrap();
    network.wait_connected(own.number(), SOON).await.unwrap();
    companion.connected().await;
    assert_eq!(network.violations(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_reachable_comes_back_at_its_address() {
    let network = network().await;
    let own = network.phone("15550000001");
    let companion = paired(&network, &own).await;
    network.set_reachable(false).await.unwrap();
    assert!(network.is_connected(own.number()), "open connections stay");
    let refused = TcpStream::connect(network.address()).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    network.mark_logins();
    network.disconnect(&Scope::Network, Cut::Drop).unwrap();
    network.wait_disconnected(own.number(), SOON).await.unwrap();
    network.set_reachable(true).await.unwrap();
    network.wait_connected(own.number(), SOON).await.unwrap();
    companion.connected().await;
    assert_eq!(network.logins_since_mark()[0].since_mark, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_waits_in_silence_shows_its_code_when_it_is_over() {
    let network = network().await;
    network.inject(&Scope::Network, &Fault::Silence).unwrap();
    let companion = start(&network, "15550000001", Arc::new(InMemoryBackend::new())).await;
    network.wait_for_connects(SOON, |connects| connects.in_flight == 1).await.unwrap();
    network.heal(&Scope::Network).unwrap();
    companion.qr().await;
}
