//! What a question to the index of words costs in a store of many messages: `cargo run --release -p wasup-store --example
//! search -- 1000000`. Prints milliseconds an answer of 50, the newest first.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program that prints figures, or fails")]

use std::time::Instant;

use wasup_store::id::{AccountNo, DEFAULT_TENANT, MessageKey};
use wasup_store::jid::Jid;
use wasup_store::records::{AccountSettings, AccountSource, Content, Desired, Participant};
use wasup_store::repo::account::{self, NewAccount};
use wasup_store::repo::inbound::{self, InboundBatch, MAX_BATCH, NewInbound};
use wasup_store::repo::message_list::{MessageFilter, MessagePlace, page};
use wasup_store::repo::search;
use wasup_store::repo::words::Words;
use wasup_store::{Direction, Durability, Store, StoreError};

const WORDS: u64 = 20_000;
const CHATS: u64 = 200;

fn chat(n: u64) -> Participant {
    let digits = (628_000_000_000 + n % CHATS).to_string();
    Participant { jid: Jid::phone(&digits), phone: Some(digits), lid: None }
}

/// Eight words: one in every tenth message, one in every seventh, one in every 100,000th, and others that are rarer and rarer.
fn says(n: u64) -> String {
    let mut text = String::new();
    let mut seed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for _ in 0..5 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let uniform = (seed >> 33) % (WORDS * WORDS);
        text.push_str(&format!("w{} ", uniform.isqrt()));
    }
    for (each, word) in [(10, "order"), (7, "thanks"), (100_000, "zebra")] {
        if n.is_multiple_of(each) {
            text.push_str(word);
            text.push(' ');
        }
    }
    text
}

async fn fill(store: &Store, no: AccountNo, epoch: wasup_store::id::Epoch, count: u64) {
    let now_ms = store.now_ms();
    for from in (0..count).step_by(MAX_BATCH) {
        let messages = (from..(from + MAX_BATCH as u64).min(count)).map(|n| NewInbound {
            provider_id: format!("3EB0{n:016X}"),
            chat: chat(n),
            sender: Some(chat(n)),
            from_me: false,
            group: false,
            ts_ms: now_ms - (count - n) * 50 - 1,
            rand: n,
            content: Content::text(says(n)),
            context: None,
            secret: None,
            push_name: None,
        });
        let batch = InboundBatch { no, epoch, now_ms, messages: messages.collect() };
        let commit = move |tx: &mut wasup_store::WriteTx<'_>| inbound::commit(tx, &batch);
        store.write::<_, StoreError, _>(Durability::Relaxed, commit).await.unwrap();
    }
}

async fn ask(store: &Store, no: AccountNo, question: &str, of: Option<u64>, pages: usize) {
    let filter = MessageFilter { words: Words::of(question), chat: of.map(chat), ..MessageFilter::default() };
    let (mut after, mut took, mut found): (Option<MessageKey>, Vec<f64>, usize) = (None, Vec::new(), 0);
    for _ in 0..pages {
        let began = Instant::now();
        let place = MessagePlace { order: Direction::Backward, after, limit: 50 };
        let page = store.read::<_, StoreError>(|tx| page(tx, no, &filter, place)).await.unwrap();
        took.push(began.elapsed().as_secs_f64() * 1_000.0);
        found += page.found.len();
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    took.sort_by(f64::total_cmp);
    let (answers, most) = (took.len(), took[took.len() - 1]);
    let whose = if of.is_some() { " of one chat" } else { "" };
    println!(
        "{question:?}{whose}: {found} found in {answers} answers, median {:.2} ms, worst {most:.2} ms",
        took[answers / 2]
    );
}

#[tokio::main]
async fn main() {
    let count: u64 = std::env::args().nth(1).map_or(100_000, |count| count.parse().unwrap());
    let folder = std::env::temp_dir().join(format!("wasup-search-{}", std::process::id()));
    let store = Store::open(&folder, 256 << 20).unwrap();
    let new = NewAccount {
        id: "bench".parse().unwrap(),
        tenant: DEFAULT_TENANT,
        name: String::new(),
        desired: Desired::Stopped,
        default_region: None,
        autostart: false,
        metadata: None,
        note: None,
        settings: AccountSettings::default(),
        source: AccountSource::Api,
        now_ms: store.now_ms(),
    };
    let made = store.write(Durability::Durable, move |tx| account::create(tx, &new)).await.unwrap();
    let began = Instant::now();
    fill(&store, made.no, made.epoch, count).await;
    println!("{count} messages written in {:.0} s", began.elapsed().as_secs_f64());
    let began = Instant::now();
    let step = |tx: &mut wasup_store::WriteTx<'_>| search::step(tx, true);
    while store.write::<_, StoreError, _>(Durability::Durable, step).await.unwrap().more {}
    let seconds = began.elapsed().as_secs_f64();
    println!("indexed in {seconds:.0} s, {:.0} messages/s", count as f64 / seconds);
    for (question, of) in [
        ("zebra ", None),
        ("order ", None),
        ("order thanks ", None),
        ("order zebra ", None),
        ("order thanks ", Some(70)),
        ("w19999 ", None),
        ("zeb", None),
        ("order w1", None),
        ("never ", None),
    ] {
        ask(&store, made.no, question, of, 40).await;
    }
    drop(store);
    std::fs::remove_dir_all(&folder).unwrap();
}
