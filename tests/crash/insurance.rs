//! `wasup backup`, `verify`, `restore` and `compact` as an operator calls them: their answers, their exit codes, and what
//! they leave alone.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::Value;

use crate::exits::{Running, client, free_address, serve};
use crate::gateway::wasup;

/// Messages that the account has when the story begins.
const SENT: usize = 12;

/// Runs a command to its end: its code, and its answer or what it complains of.
fn run(folder: &Path, address: SocketAddr, args: &[&str]) -> (i32, Value, String) {
    let done = wasup(folder, address).args(args).arg("--json").output().unwrap();
    let (answer, complaint) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    let code = done.status.code().unwrap_or_else(|| panic!("ended by a signal: {complaint}"));
    (code, serde_json::from_str(&answer).unwrap_or_default(), complaint.into_owned())
}

/// ... that has to succeed.
fn works(folder: &Path, address: SocketAddr, args: &[&str]) -> Value {
    let (code, answer, complaint) = run(folder, address, args);
    assert_eq!(code, 0, "{args:?}: {complaint}");
    answer
}

/// ... that has to be refused with this code.
fn refused(folder: &Path, address: SocketAddr, args: &[&str], expected: i32, word: &str) {
    let (code, _, complaint) = run(folder, address, args);
    assert_eq!(code, expected, "{args:?}: {complaint}");
    assert!(complaint.contains(word), "{args:?}: {complaint}");
}

async fn begin(folder: &Path, address: SocketAddr) -> Running {
    let running = serve(folder, address).await;
    for n in 0..SENT {
        client(address).send("shop", "+62 812 3456 7890", &format!("message {n}"), &n.to_string()).await.unwrap();
    }
    running
}

/// Ends it in order, so that the store is sealed.
fn stop(mut running: Running) {
    let pid = rustix::process::Pid::from_child(&running.0);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(running.0.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_made_of_a_running_and_of_a_stopped_server_and_restores() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, address) = (folder.path(), free_address());
    refused(folder, address, &["backup"], 77, "no store");
    let running = begin(folder, address).await;
    let live = works(folder, address, &["backup", "--name", "live.wasup"]);
    assert!(live["rows"].as_u64().unwrap() > SENT as u64, "{live}");
    refused(folder, address, &["backup", "--name", "live.wasup"], 77, "another name");
    // The server holds the store; nothing may look at it from the side.
    refused(folder, address, &["verify"], 72, "in use");
    stop(running);
    let still = works(folder, address, &["backup", "--name", "still.wasup"]);
    assert!(still["commit"].as_u64() >= live["commit"].as_u64(), "{still} {live}");
    refused(folder, address, &["backup", "--name", "../out.wasup"], 2, "--name");
    assert_eq!(works(folder, address, &["verify"])["sound"], true);

    for name in ["live.wasup", "still.wasup"] {
        let (file, into) = (folder.join("backups").join(name), folder.join(format!("of-{name}")));
        let (file, into) = (file.to_str().unwrap(), into.to_str().unwrap());
        let report = works(folder, address, &["restore", file, "--into", into]);
        assert_eq!((&report["accounts"], &report["paused"]), (&1.into(), &1.into()), "{report}");
        assert_eq!(works(folder, address, &["verify", "--data", into])["sound"], true);
        refused(folder, address, &["restore", file, "--into", into], 77, "exists already");
        restored_account_waits(folder, into).await;
    }
}

/// The account is there with everything it had, and stopped until somebody looks at it.
async fn restored_account_waits(folder: &Path, data: &str) {
    let address = free_address();
    let mut command = wasup(folder, address);
    let log = std::fs::File::create(folder.join("restored.log")).unwrap();
    command.arg("serve").env("WASUP__DATA__DIR", data).stdout(log.try_clone().unwrap()).stderr(log);
    let running = Running(command.spawn().unwrap());
    let api = client(address);
    let begun = std::time::Instant::now();
    while !api.is_ready().await {
        assert!(begun.elapsed() < std::time::Duration::from_secs(60), "not ready in time");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(api.phase("shop").await.unwrap(), "stopped");
    let messages = api.messages("shop").await.unwrap();
    assert_eq!(messages.len(), SENT);
    stop(running);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bent_backup_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, address) = (folder.path(), free_address());
    stop(begin(folder, address).await);
    works(folder, address, &["backup", "--name", "good.wasup"]);
    let bytes = std::fs::read(folder.join("backups/good.wasup")).unwrap();
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    for (name, bent) in [("flipped", &flipped[..]), ("cut", &bytes[..bytes.len() - 40]), ("empty", &[])] {
        let file = folder.join(name);
        std::fs::write(&file, bent).unwrap();
        let into = folder.join(format!("of-{name}"));
        let args = ["restore", file.to_str().unwrap(), "--into", into.to_str().unwrap()];
        let (code, _, complaint) = run(folder, address, &args);
        assert_eq!(code, 73, "{name}: {complaint}");
        assert!(!into.join("db").exists(), "{name}: something was made");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn compact_keeps_every_row_and_the_old_store() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, address) = (folder.path(), free_address());
    let running = begin(folder, address).await;
    refused(folder, address, &["compact"], 72, "in use");
    stop(running);
    let before = works(folder, address, &["verify"]);
    let report = works(folder, address, &["compact"]);
    assert!(Path::new(report["kept"].as_str().unwrap()).join("db").is_file(), "{report}");
    let after = works(folder, address, &["verify"]);
    assert_eq!((&after["sound"], &after["rows"]), (&true.into(), &before["rows"]), "{before} {after}");
    let again = serve(folder, address).await;
    assert_eq!(client(address).messages("shop").await.unwrap().len(), SENT);
    stop(again);
}
