//! The history of a phone with very many messages: bounded, in little memory, and through a SIGKILL in the middle.
//!
//! `WASUP_HISTORY_CHATS`, `WASUP_HISTORY_MESSAGES` (of each chat) and `WASUP_HISTORY_PIECES` set its size: 100 chats of 100
//! in 5 pieces here. 1,000 of 100 take a minute or two, in 50 pieces or in a single one.
//!
//! What an import costs is told apart from what stored messages cost whoever brought them (the engine's table of pages): the
//! most there was during the import, less what the same gateway takes with the same store after a fresh start.

use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use serde_json::Value;
use wasup_sandbox::{HistoryChunk, HistoryPart, PastChat, PastMessage, Phone};

use crate::files::{forget_peak, memory};
use crate::from_env;
use crate::gateway::Gateway;
use crate::rows::verify;
use crate::world::{KEY, World};

/// Days that are kept. Each chat has one message that is older.
const DAYS: u64 = 30;

/// Longest time for an import.
const PATIENCE: Duration = Duration::from_secs(900);

/// The store's page cache: small, so that it is full from the beginning and what grows is something else.
const CACHE: &str = "8 MiB";

/// What an import may take beside what its messages cost at rest, however many there are.
const SHARE: u64 = 64_000_000;

struct Size {
    chats: u64,
    of_each: u64,
    pieces: u64,
}

impl Size {
    /// Chats beyond the bound, in the last piece.
    const TOO_MANY: u64 = 3;

    fn from_env() -> Self {
        let chats: u64 = from_env("WASUP_HISTORY_CHATS", 100);
        let pieces = from_env("WASUP_HISTORY_PIECES", chats.div_ceil(20));
        Self { chats, of_each: from_env("WASUP_HISTORY_MESSAGES", 100), pieces }
    }

    fn pieces(&self, now_s: u64) -> Vec<HistoryChunk> {
        let of_piece = self.chats.div_ceil(self.pieces);
        (0..self.pieces)
            .map(|n| {
                let last = if n + 1 == self.pieces { self.chats + Self::TOO_MANY } else { (n + 1) * of_piece };
                HistoryChunk {
                    part: if n == 0 { HistoryPart::InitialBootstrap } else { HistoryPart::Full },
                    order: u32::try_from(n + 1).unwrap(),
                    progress: u32::try_from((n + 1) * 100 / self.pieces).unwrap(),
                    chats: (n * of_piece..last).map(|chat| self.chat(chat, now_s)).collect(),
                    names: Vec::new(),
                }
            })
            .collect()
    }

    /// One message is too old, and two are more than a chat may have.
    fn chat(&self, chat: u64, now_s: u64) -> PastChat {
        let number = format!("62877{chat:08}");
        let begin = now_s - 86_400 * (DAYS - 2);
        let told = |n: u64| PastMessage {
            id: format!("H{chat:06}{n:08}"),
            from_me: n.is_multiple_of(4),
            text: format!(
                "message {n} of chat {chat}, as long as people write them on an ordinary day, {:x}",
                chat * 7_919 + n
            ),
            at_s: if n == 0 { now_s - 86_400 * (DAYS + 2) } else { begin + n * 60 },
            ..PastMessage::default()
        };
        let messages = (0..self.of_each + 3).map(told).collect();
        PastChat { jid: format!("{number}@s.whatsapp.net"), messages, ..PastChat::default() }
    }
}

async fn get(world: &World, path: &str) -> Option<Value> {
    let client = Client::builder().no_proxy().build().unwrap();
    let asked = client.request(Method::GET, format!("http://{}{path}", world.address)).bearer_auth(KEY).send().await;
    asked.ok()?.json().await.ok()
}

async fn until(world: &World, path: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let found = get(world, path).await;
        if let Some(found) = found.as_ref().filter(|found| wanted(found)) {
            return found.clone();
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: {found:?}\n{}", world.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Every message of a chat, in order.
async fn texts(world: &World, account: &str, chat: u64) -> Vec<String> {
    let path = format!("/v1/accounts/{account}/chats/62877{chat:08}/messages?order=asc&limit=1000&source=store");
    let page = get(world, &path).await.unwrap();
    page["data"].as_array().unwrap().iter().map(|row| row["provider_message_id"].as_str().unwrap().to_owned()).collect()
}

fn send(phone: &Phone, pieces: &[HistoryChunk]) -> usize {
    let device = phone.devices()[0];
    pieces.iter().map(|piece| phone.host_history(device, piece).unwrap()).max().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_history_is_imported_once_in_little_memory_through_a_kill() {
    let size = Size::from_env();
    let (total, world) = (size.chats * size.of_each, World::without_webhooks().await);
    let bounds = [("DAYS", DAYS), ("CHATS", size.chats), ("MESSAGES_PER_CHAT", size.of_each)];
    let start = || {
        Gateway::start_with(&world, |command| {
            command.env("WASUP__DATA__CACHE", CACHE);
            for (name, value) in bounds {
                command.env(format!("WASUP__HISTORY__{name}"), value.to_string());
            }
        })
    };
    let mut gateway = start();
    gateway.wait_ready(&world).await;
    world.link_all().await;
    let (account, phone) = &world.accounts[0];
    let now_s = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let pieces = size.pieces(now_s);
    let path = format!("/v1/accounts/{account}/history");
    until(&world, &path, "the greeting is imported", |look| {
        look["announced"] == 0 && look["pieces"] == Value::Array(vec![])
    })
    .await;
    forget_peak(gateway.id());
    let begun = Instant::now();
    let largest = send(phone, &pieces);

    // All of it is here and a part of it is imported: killed, with pieces on disk.
    let middle = until(&world, &path, "the import gets on", |look| {
        look["announced"] == 0 && look["messages"].as_u64() > Some(total / 20)
    })
    .await;
    let (_, peak) = memory(gateway.id());
    gateway.kill();
    eprintln!(
        "killed after {:?} with {} messages, {} pieces on disk",
        begun.elapsed(),
        middle["messages"],
        middle["pieces"].as_array().unwrap().len()
    );
    assert!(!middle["pieces"].as_array().unwrap().is_empty(), "the import was through before the kill: {middle}");
    gateway = start();
    gateway.wait_ready(&world).await;
    forget_peak(gateway.id());
    let again = Instant::now();
    let done = until(&world, &path, "the import ends", |look| look["pieces"] == Value::Array(vec![])).await;
    let (took, (_, peak_again)) = (again.elapsed(), memory(gateway.id()));

    all_is_there(&world, account, &size, &done).await;
    told(&world, size.pieces).await;
    assert_eq!(world.network.violations(), []);
    gateway.kill();
    verify(&world);

    // The same store, and nothing to import.
    gateway = start();
    gateway.wait_ready(&world).await;
    world.network.wait_connected(phone.number(), PATIENCE).await.unwrap();
    let (at_rest, _) = memory(gateway.id());
    let [before, after] = [peak, peak_again].map(|peak| peak.saturating_sub(at_rest));
    eprintln!(
        "{total} messages in {} chats in {} pieces, the largest of {largest} bytes: {took:?} after the kill; {:.1} MB at \
         rest with all of them, at most {:.1} MB more before the kill and {:.1} MB more after it",
        size.chats,
        size.pieces,
        at_rest as f64 / 1e6,
        before as f64 / 1e6,
        after as f64 / 1e6
    );
    assert!(before.max(after) < SHARE, "the import took {before} bytes before the kill and {after} after it");
}

/// Each message once, and nothing beyond the bounds.
async fn all_is_there(world: &World, account: &str, size: &Size, done: &Value) {
    let left_out = size.chats * 3 + Size::TOO_MANY * (size.of_each + 3);
    let total = size.chats * size.of_each;
    for (name, expected) in [("chats", size.chats), ("messages", total), ("announced", 0), ("left_out", left_out)] {
        assert_eq!(done[name], expected, "{name} of {done}");
    }
    let chats = get(world, &format!("/v1/accounts/{account}/chats?limit=1")).await.unwrap();
    assert_eq!(chats["totals"], serde_json::json!({"chats": size.chats, "unread_messages": 0}));
    for chat in [0, size.chats / 2, size.chats - 1] {
        let kept: Vec<_> = (3..size.of_each + 3).map(|n| format!("H{chat:06}{n:08}")).collect();
        assert_eq!(texts(world, account, chat).await, kept, "chat {chat}");
    }
}

/// Each piece is told with how far the phone is, and none as lost.
async fn told(world: &World, pieces: u64) {
    let events = get(world, "/v1/events?limit=1000").await.unwrap();
    let synced = events["data"].as_array().unwrap().iter().filter(|event| event["type"] == "history.synced");
    let mut told: Vec<_> =
        synced.map(|event| (event["data"]["progress"].as_u64(), event["data"]["lost"] == true)).collect();
    told.sort_unstable();
    let expected: Vec<_> = (1..=pieces).map(|n| (Some(n * 100 / pieces), false)).collect();
    assert_eq!(told, expected);
}
