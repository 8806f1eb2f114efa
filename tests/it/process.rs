//! The process: what it prints once, how it takes signals, and `wasup healthcheck`.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::Client;
use rustix::process::{Pid, Signal, kill_process};

use crate::world::{PATIENCE, client, key_file};

/// A running `wasup serve`; killed when its test ends early.
struct Server {
    child: Child,
    address: SocketAddr,
    client: Client,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wasup(folder: &Path, extra: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wasup"));
    command.current_dir(folder).env_clear().env("WASUP__DATA__FREE_SPACE_FLOOR", "0 B");
    command.envs(extra.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Server {
    async fn start(folder: &Path, extra: &[(&str, &str)]) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = wasup(folder, extra);
        let child = command.arg("serve").env("WASUP__SERVER__LISTEN", address.to_string()).spawn().unwrap();
        let server = Self { child, address, client: client() };
        server.until("/readyz", 200).await;
        server
    }

    async fn until(&self, path: &str, status: u16) {
        let deadline = Instant::now() + PATIENCE;
        let url = format!("http://{}{path}", self.address);
        while self.client.get(&url).send().await.map_or(0, |answer| answer.status().as_u16()) != status {
            assert!(Instant::now() < deadline, "{path} does not answer {status}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Exit code, standard output and standard error.
    fn end(mut self) -> (Option<i32>, String, String) {
        let deadline = Instant::now() + PATIENCE;
        let code = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status.code(),
                None => assert!(Instant::now() < deadline, "the process does not end"),
            }
            std::thread::yield_now();
        };
        let (mut out, mut err) = (String::new(), String::new());
        self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        (code, out, err)
    }
}

#[tokio::test]
async fn the_key_is_printed_once_and_sigterm_ends_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let quick = [("WASUP__SERVER__DRAIN_DELAY", "0s")];
    let server = Server::start(folder.path(), &quick).await;
    let key = std::fs::read_to_string(folder.path().join("data/api_key")).unwrap();
    server.signal(Signal::TERM);
    let (code, out, err) = server.end();
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains(key.trim()), "{out}");
    assert!(!err.contains(key.trim()), "the key is in the log");
    let again = Server::start(folder.path(), &quick).await;
    again.signal(Signal::INT);
    let (code, out, err) = again.end();
    assert_eq!((code, out.as_str()), (Some(0), ""), "{err}");
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[("WASUP__SERVER__DRAIN_DELAY", "5m")]).await;
    server.signal(Signal::TERM);
    server.until("/readyz", 503).await;
    server.signal(Signal::TERM);
    assert_eq!(server.end().0, Some(130));
}

#[tokio::test]
async fn healthcheck_says_whether_it_is_ready() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[("WASUP__SERVER__DRAIN_DELAY", "5m")]).await;
    let listen = server.address.to_string();
    let healthcheck = || {
        let mut command = wasup(folder.path(), &[("WASUP__SERVER__LISTEN", &listen)]);
        command.arg("healthcheck").output().unwrap().status.code()
    };
    assert_eq!(healthcheck(), Some(0));
    server.signal(Signal::TERM);
    server.until("/readyz", 503).await;
    assert_eq!(healthcheck(), Some(1));
    server.signal(Signal::TERM);
    server.end();
    assert_eq!(healthcheck(), Some(1));
}

#[tokio::test]
async fn a_key_that_does_not_fit_the_store_is_a_wrong_config() {
    let folder = tempfile::tempdir().unwrap();
    let keys = ["ours", "other"].map(|name| key_file(folder.path(), name).display().to_string());
    let with = |data: &'static str, key: Option<usize>| {
        let mut extra = vec![("WASUP__DATA__DIR", data), ("WASUP__SERVER__DRAIN_DELAY", "0s")];
        extra.extend(key.map(|key| ("WASUP__DATA__ENCRYPTION_KEY_FILE", keys[key].as_str())));
        extra
    };
    for (data, key) in [("sealed", Some(0)), ("plain", None)] {
        let server = Server::start(folder.path(), &with(data, key)).await;
        server.signal(Signal::TERM);
        assert_eq!(server.end().0, Some(0));
    }
    let cases = [
        ("sealed", None, "no key is given"),
        ("sealed", Some(1), "another key"),
        ("plain", Some(0), "without encryption"),
    ];
    for (data, key, why) in cases {
        let refused = wasup(folder.path(), &with(data, key)).arg("serve").output().unwrap();
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(78), "{told}");
        assert!(told.contains(why) && told.contains("data.encryption_key_file"), "{told}");
        assert!(keys.iter().all(|path| !told.contains(std::fs::read_to_string(path).unwrap().trim())));
    }
    let verify = |key| wasup(folder.path(), &with("sealed", key)).arg("verify").output().unwrap().status.code();
    assert_eq!((verify(Some(0)), verify(Some(1)), verify(None)), (Some(0), Some(78), Some(78)));
    std::fs::set_permissions(&keys[0], std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let refused = wasup(folder.path(), &with("sealed", Some(0))).arg("serve").output().unwrap();
    assert_eq!(refused.status.code(), Some(78));
}

#[tokio::test]
async fn the_level_changes_while_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let set = |level: &str| {
        std::fs::write(folder.path().join("wasup.toml"), format!("[log]\nlevel = \"{level}\"\nformat = \"json\"\n"))
    };
    set("warn").unwrap();
    let extra = [("WASUP__SERVER__API_KEY", "90ab12cd34ef56ab"), ("WASUP__SERVER__DRAIN_DELAY", "0s")];
    let mut server = Server::start(folder.path(), &extra).await;
    let lines = BufReader::new(server.child.stderr.take().unwrap()).lines();
    let (told, hears) = std::sync::mpsc::channel();
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| drop(told.send(line))));
    let heard = |what: &str| {
        let deadline = Instant::now() + PATIENCE;
        while let Ok(line) = hears.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            if line.starts_with('{') && line.contains(what) {
                return serde_json::from_str::<serde_json::Value>(&line).unwrap();
            }
        }
        panic!("nothing about {what} was logged");
    };
    set("info").unwrap();
    server.signal(Signal::HUP);
    assert_eq!(heard("read again")["level"], "INFO");
    let url = format!("http://{}/v1/log", server.address);
    let put = |level: &'static str| {
        let request = server.client.put(&url).header("x-api-key", "90ab12cd34ef56ab");
        request.json(&serde_json::json!({"level": level})).send()
    };
    assert_eq!(put("loud").await.unwrap().status(), 400);
    assert_eq!(put("debug").await.unwrap().status(), 200);
    let request = heard("\"route\":\"/v1/log\"");
    assert_eq!((&request["level"], &request["message"]), (&"DEBUG".into(), &"request".into()));
    server.signal(Signal::TERM);
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}
