//! How a process ends that can't do its work: a message that says what to do, a code of its own, and nothing
//! acknowledged lost.

use std::io::Read as _;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use secrecy::SecretString;
use wasup::demo::client::ApiClient;

use crate::disk::SmallDisk;
use crate::gateway::command;
use crate::world::KEY;

/// Longest time for a start that is going to fail.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Kills what it holds when a test ends early.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn client(address: SocketAddr) -> ApiClient {
    let _ = rustls::crypto::ring::default_provider().install_default();
    ApiClient::new(format!("http://{address}"), SecretString::from(KEY)).unwrap()
}

pub(crate) async fn serve(folder: &Path, address: SocketAddr) -> Running {
    let log = std::fs::File::create(folder.join("log")).unwrap();
    let mut command = command(folder, address);
    command.env("WASUP__ACCOUNTS__FILE", lone_account(folder)).stdout(log.try_clone().unwrap()).stderr(log);
    let running = Running(command.spawn().unwrap());
    let (api, begun) = (client(address), Instant::now());
    while !api.is_ready().await {
        let log = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        assert!(begun.elapsed() < PATIENCE, "not ready in time: {}", log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    running
}

/// Runs a process that has to end by itself.
fn ends(folder: &Path, address: SocketAddr, env: &[(&str, &str)]) -> (i32, String) {
    let mut running = Running(command(folder, address).envs(env.iter().copied()).spawn().unwrap());
    let begun = Instant::now();
    while running.0.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < PATIENCE, "it goes on instead of ending");
        std::thread::yield_now();
    }
    let mut text = String::new();
    running.0.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    let status = running.0.wait().unwrap();
    (status.code().unwrap_or_else(|| panic!("ended by a signal: {status}\n{text}")), text)
}

/// An accounts file with one account that nobody links: it takes sends and keeps them.
fn lone_account(folder: &Path) -> String {
    let file = folder.join("accounts.toml");
    std::fs::write(&file, "[[account]]\nid = \"shop\"\nautostart = false\n").unwrap();
    file.display().to_string()
}

#[test]
fn a_taken_port_has_code_69() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let (code, text) = ends(folder.path(), address, &[]);
    assert_eq!(code, 69, "{text}");
    assert!(text.contains(&address.to_string()), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_in_use_has_code_72_and_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let first = free_address();
    let _running = serve(folder.path(), first).await;
    let (code, text) = ends(folder.path(), free_address(), &[]);
    assert_eq!(code, 72, "{text}");
    assert!(text.contains("in use"), "{text}");
    assert!(client(first).is_ready().await, "the first one goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_store_has_code_73_at_every_start() {
    let folder = tempfile::tempdir().unwrap();
    let address = free_address();
    let running = serve(folder.path(), address).await;
    for n in 0..20 {
        client(address).send("shop", "+62 812 3456 7890", "hello", &n.to_string()).await.unwrap();
    }
    drop(running);
    let file = folder.path().join("data/db");
    let mut bytes = std::fs::read(&file).unwrap();
    let length = bytes.len();
    bytes[64..length.min(1 << 20)].fill(0xa5);
    std::fs::write(&file, &bytes).unwrap();
    let (code, text) = ends(folder.path(), address, &[]);
    assert_eq!(code, 73, "{text}");
    assert!(text.contains("damaged"), "{text}");
    // The engine may cut its log where the damage begins; the next start must not take the rest for a whole store.
    let (code, text) = ends(folder.path(), address, &[]);
    assert_eq!(code, 73, "{text}");
    assert!(file.exists());
}

#[test]
fn a_bad_config_has_code_78_and_names_the_key() {
    let folder = tempfile::tempdir().unwrap();
    for (name, value, expected) in [
        ("WASUP__SERVER__LISTNE", "127.0.0.1:1", "server.listen"),
        ("WASUP__SEND__ACK_TIMEOUT", "soon", "send.ack_timeout"),
        ("WASUP__SERVER__API_KEY", "changemechangeme", "server.api_key"),
    ] {
        let (code, text) = ends(folder.path(), free_address(), &[(name, value)]);
        assert_eq!(code, 78, "{text}");
        assert!(text.contains(expected) && text.contains(name), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_has_code_74_and_loses_nothing_acknowledged() {
    let Some(disk) = SmallDisk::mount("48m") else {
        eprintln!("SKIPPED: this user may not mount a tmpfs");
        return;
    };
    let (outside, address) = (tempfile::tempdir().unwrap(), free_address());
    let file = lone_account(outside.path());
    let data = disk.path().join("data").display().to_string();
    let start = || {
        let log = std::fs::File::create(outside.path().join("log")).unwrap();
        let mut command = command(outside.path(), address);
        command.env("WASUP__DATA__DIR", &data).env("WASUP__ACCOUNTS__FILE", &file);
        command.env("WASUP__DATA__FREE_SPACE_FLOOR", "0 B").env("WASUP__SEND__OUTBOX_MAX", "1000000");
        command.env("WASUP__SEND__TEXT_MAX", "65536");
        Running(command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap())
    };
    let (mut first, api) = (start(), client(address));
    let ready = || async {
        let begun = Instant::now();
        while !api.is_ready().await {
            assert!(begun.elapsed() < PATIENCE, "not ready in time");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    ready().await;

    let long = "x".repeat(30_000);
    let mut accepted = Vec::new();
    for n in 0..5_000 {
        match api.send("shop", "+62 812 3456 7890", &format!("{n} {long}"), &n.to_string()).await {
            Ok(message) => accepted.push(message.id),
            Err(_) => break,
        }
    }
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = first.0.try_wait().unwrap() {
            break status;
        }
        assert!(begun.elapsed() < PATIENCE, "the process goes on over a store that can't write");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let log = std::fs::read_to_string(outside.path().join("log")).unwrap();
    assert_eq!(status.code(), Some(74), "{log}");
    assert!(log.contains("disk is full"), "{log}");
    assert!(accepted.len() > 100, "{} accepted", accepted.len());

    disk.grow("400m");
    let _second = start();
    ready().await;
    let stored = api.messages("shop").await.unwrap();
    for id in &accepted {
        assert!(stored.iter().any(|message| message.id == *id), "{id} was acknowledged and is gone");
    }
}
