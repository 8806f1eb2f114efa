//! What runs in processes of their own: to be killed, traced, or to fail at opening.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use wasup_store::id::{AccountNo, DEFAULT_TENANT, Epoch};
use wasup_store::key::{Key, Parts};
use wasup_store::records::{Attempt, AttemptOutcome, Content, DiscardReason};
use wasup_store::repo::delivery::{self, Finished, Verdict};
use wasup_store::repo::send::{self, Settlement};
use wasup_store::repo::{account, endpoint, inbound};
use wasup_store::{Direction, Durability, OpenError, Store, StoreError, Tree};

use crate::keys;
use crate::support::{NOW, arrived, hook, new_send, open, owned, phone, text, write};

const TASK: &str = "WASUP_STORE_CHILD";
const FOLDER: &str = "WASUP_STORE_CHILD_FOLDER";
const WRITERS: &str = "WASUP_STORE_CHILD_WRITERS";

/// Accounts that the writers share.
const ACCOUNTS: u64 = 4;

/// This test binary again, as a child with a task.
pub(crate) fn command(task: &str, folder: &Path, writers: u64) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child::child", "--nocapture", "--ignored"]);
    command.env(TASK, task).env(FOLDER, folder).env(WRITERS, writers.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

#[test]
#[ignore = "runs in the children of other tests"]
fn child() {
    let Ok(task) = std::env::var(TASK) else { return };
    let folder = PathBuf::from(std::env::var(FOLDER).unwrap());
    let writers = std::env::var(WRITERS).unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match task.as_str() {
        "load" => runtime.block_on(load(&folder, writers)),
        "open" => say(&opened(&folder)),
        "durable" => runtime.block_on(durable(&folder)),
        other => panic!("no task {other}"),
    }
}

/// One whole line at once, so that a kill leaves no half of it.
fn say(line: &str) {
    std::io::stdout().write_all(format!("{line}\n").as_bytes()).unwrap();
}

fn opened(folder: &Path) -> String {
    match open(folder, 8 << 20) {
        Ok(store) => {
            let rows: Result<_, StoreError> =
                futures(store.read(|tx| tx.range(Tree::Audit, &[], None, Direction::Forward, usize::MAX)));
            format!("\nresult open {}", rows.map_or_else(|error| error.to_string(), |rows| rows.len().to_string()))
        }
        Err(OpenError::Locked { .. }) => "\nresult locked".into(),
        Err(OpenError::Damaged { detail, .. }) => format!("\nresult damaged: {}", detail.replace('\n', " ")),
        Err(OpenError::NewerSchema { .. }) => "\nresult newer".into(),
        Err(OpenError::Engine { .. }) => "\nresult engine".into(),
        Err(OpenError::Absent { .. } | OpenError::Unfinished { .. }) => "\nresult absent".into(),
        Err(OpenError::Io { .. }) => "\nresult io".into(),
        Err(OpenError::KeyMissing { .. }) => "\nresult no key".into(),
        Err(OpenError::WrongKey { .. } | OpenError::NotEncrypted { .. }) => "\nresult another key".into(),
    }
}

fn futures<T>(f: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(f)
}

async fn durable(folder: &Path) {
    let store = open(folder, 8 << 20).unwrap();
    say("\nack 0");
    for n in 1..=40_u64 {
        // A relaxed write between them must not stand in for the sync.
        store.write(Durability::Relaxed, move |tx| tx.put_fixed(Tree::User, n.to_be_bytes(), &[])).await.unwrap();
        write(&store, move |tx| tx.put_fixed(Tree::Audit, n.to_be_bytes(), &[])).await;
        say(&format!("ack {n}"));
    }
}

async fn load(folder: &Path, writers: u64) {
    let store = open(folder, 16 << 20).unwrap();
    let mut accounts = Vec::new();
    for n in 0..ACCOUNTS {
        let id = format!("account-{n}").parse().unwrap();
        let known = store.write(Durability::Durable, move |tx| account::take_over(tx, &id)).await.unwrap();
        let account = match known {
            Some(known) => known,
            None => owned(&store, &format!("account-{n}")).await,
        };
        // The former life may have ended between the two.
        hook(&store, account.no, n).await;
        accounts.push(account);
    }
    say("\nready");
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..writers {
        let account = accounts[usize::try_from(writer % ACCOUNTS).unwrap()].clone();
        let store = store.clone();
        tasks.spawn(async move {
            let mut n = last_of(&store, writer).await;
            loop {
                n += 1;
                step(&store, account.no, account.epoch, writer, n).await.unwrap();
                say(&format!("ack {writer} {n}"));
            }
        });
    }
    // Whichever ends has failed.
    tasks.join_next().await;
}

fn mark(writer: u64, n: u64) -> Key {
    Key::new().u64(writer).u64(n)
}

/// The writer's newest mark.
pub(crate) async fn last_of(store: &Store, writer: u64) -> u64 {
    let last: Result<_, StoreError> =
        store.read(|tx| tx.first(Tree::Audit, writer.to_be_bytes(), Direction::Backward)).await;
    last.unwrap().map_or(0, |(key, _)| Parts(&key[8..]).u64().unwrap())
}

/// What an account of the gateway does all day, with a mark in the same commit as the received message.
async fn step(store: &Store, no: AccountNo, epoch: Epoch, writer: u64, n: u64) -> Result<(), StoreError> {
    let mut message = arrived(writer << 32 | n, &phone(62_000 + writer));
    message.content =
        if n.is_multiple_of(9) { Content::Unavailable } else { text("x".repeat(usize::try_from(n % 700).unwrap())) };
    message.ts_ms = NOW - 10_000 + (n * 7) % 900;
    let arrived = inbound::InboundBatch { no, epoch, now_ms: NOW, messages: vec![message] };
    keys::decrypted(store, no, epoch, writer, n).await?;
    store
        .write(Durability::Durable, move |tx| {
            inbound::commit(tx, &arrived)?;
            keys::committed(tx, no, epoch, writer, n)?;
            tx.put_fixed(Tree::Audit, mark(writer, n), &[])
        })
        .await?;
    store.write(Durability::Relaxed, move |tx| tx.put_fixed(Tree::User, mark(writer, n), &[])).await?;
    match n % 4 {
        0 => {
            let send =
                send::NewSend { content: text("out"), ..new_send(no, writer << 32 | n, &phone(62_000 + writer)) };
            let send = send::NewSend { outbox_max: u64::MAX, now_ms: NOW, ..send };
            let accepted = store.write(Durability::Durable, move |tx| send::accept(tx, &send)).await;
            accepted.map(drop).map_err(|error| match error {
                send::AcceptError::Store(error) => error,
                other => panic!("{other}"),
            })
        }
        1 => {
            keys::encrypted(store, no, epoch, writer, n).await?;
            pump(store, no, epoch, n).await
        }
        2 => deliver(store, no, n).await,
        _ => Ok(()),
    }
}

async fn pump(store: &Store, no: AccountNo, epoch: Epoch, n: u64) -> Result<(), StoreError> {
    let taken = store.write(Durability::Durable, move |tx| send::take(tx, no, epoch, NOW, 3)).await?;
    let outcome = match n % 5 {
        0 => Settlement::Requeue,
        1 => Settlement::Rejected(400),
        2 => Settlement::Held(463),
        _ => Settlement::Sent,
    };
    let settled: Vec<_> = taken.iter().map(|(id, _)| (*id, outcome)).collect();
    store.write(Durability::Durable, move |tx| send::settle(tx, no, epoch, &settled, NOW)).await
}

async fn deliver(store: &Store, no: AccountNo, n: u64) -> Result<(), StoreError> {
    let endpoint = store.read(|tx| endpoint::for_account(tx, no, DEFAULT_TENANT)).await?[0].id;
    let now = NOW + n;
    let claimed = store.write(Durability::Relaxed, move |tx| delivery::claim(tx, endpoint, now, now + 50, 8)).await?;
    let attempt = Attempt::new(now, 1, AttemptOutcome::Answered { status: 200 });
    let verdict = match n % 6 {
        0 => Verdict::RetryAt(now + 9),
        1 => Verdict::Discarded(DiscardReason::Refused),
        _ => Verdict::Completed,
    };
    let finished: Vec<_> = claimed.iter().map(|(id, _)| Finished::new(*id, attempt.clone(), verdict)).collect();
    store.write(Durability::Durable, move |tx| delivery::finish(tx, &finished, now).map(|_| ())).await
}

/// Runs a child to its end, at most this long; its answer is the line that begins with `result `.
pub(crate) fn result(task: &str, folder: &Path) -> String {
    // A damaged store panics on purpose; only the answer counts.
    let mut child = command(task, folder, 0).stderr(Stdio::null()).spawn().unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while child.try_wait().unwrap().is_none() {
        assert!(std::time::Instant::now() < deadline, "the child hangs");
        std::thread::park_timeout(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let found = text.lines().find_map(|line| line.strip_prefix("result "));
    found.unwrap_or_else(|| panic!("the child died with {}: {text}", output.status)).to_owned()
}
