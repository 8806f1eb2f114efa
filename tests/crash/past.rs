//! A phone's past, of which every message has a word of its own.

use std::ops::Range;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use reqwest::Method;
use wasup_sandbox::{HistoryChunk, HistoryPart, PastChat, PastMessage, Phone};

use crate::asked::{ask, until};
use crate::rows::word;
use crate::world::World;

/// Seconds between two messages, the newest of which is a day old.
const APART: u64 = 60;
const DAY: u64 = 86_400;
/// How long a piece is waited for before it is told again.
const AGAIN: Duration = Duration::from_secs(10);

pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A chat with messages of these numbers, the newest of which is a day old. All chats together have one message a minute,
/// where their numbers do not overlap and `newest` is the last number of all.
pub(crate) fn chat(number: u64, messages: Range<u64>, newest: u64) -> PastChat {
    let begin = now_s() - DAY - newest * APART;
    let told = |n: u64| PastMessage {
        id: format!("H{n:015}"),
        from_me: n.is_multiple_of(4),
        text: format!("{} of long ago", word(n)),
        at_s: begin + n * APART,
        ..PastMessage::default()
    };
    PastChat {
        jid: format!("{}@s.whatsapp.net", phone_of(number)),
        messages: messages.map(told).collect(),
        ..PastChat::default()
    }
}

/// The number of whom a chat is with.
pub(crate) fn phone_of(chat: u64) -> String {
    format!("62877{chat:08}")
}

/// Has a phone tell its past to the account's device.
pub(crate) fn tell(phone: &Phone, part: HistoryPart, order: u32, chats: Vec<PastChat>) {
    let piece = HistoryChunk { part, order, progress: order.min(100), chats, names: Vec::new() };
    phone.host_history(phone.devices()[0], &piece).unwrap();
}

/// Waits until an account has taken in so many messages of the past.
pub(crate) async fn imported(world: &World, account: &str, messages: u64) {
    let path = format!("/v1/accounts/{account}/history");
    until(world, &path, "the past is imported", |look| {
        look["pieces"].as_array().is_some_and(Vec::is_empty) && look["messages"].as_u64() >= Some(messages)
    })
    .await;
}

/// Tells an account's past in pieces of `of_each` messages, the nth of which this is, until it is on disk: what is announced in
/// the first moments of a login the protocol library may never fetch, and what is killed before it is on disk neither.
pub(crate) async fn on_disk(world: &World, account: &str, (nth, of_each): (u64, u64), tell: impl Fn()) {
    let path = format!("/v1/accounts/{account}/history");
    let begun = Instant::now();
    loop {
        tell();
        let told = Instant::now();
        while told.elapsed() < AGAIN {
            if let Some((200, look)) = ask(world, Method::GET, &path, None).await {
                let waiting = look["pieces"].as_array().map_or(0, Vec::len) as u64;
                if look["messages"].as_u64().unwrap_or(0) / of_each + waiting >= nth {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        assert!(begun.elapsed() < 8 * AGAIN, "a piece of the past does not come\n{}", world.log());
    }
}
