//! SIGKILL while what is not kept is told, delivered and erased: in the end it was told, and nothing of it is left; what is
//! kept is there and found.
//!
//! `WASUP_CRASH_ERASING_ROUNDS` sets the number of kills (`scripts/crash-gone` runs 50), `WASUP_SEED` repeats a run's moments.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::Method;
use serde_json::{Value, json};
use wasup_store::Tree;

use crate::asked::{ask, put, until};
use crate::from_env;
use crate::gateway::Gateway;
use crate::rows::{at_rest, number, verify, word};
use crate::world::World;

/// Kills of the short run that belongs to `scripts/test`.
const ROUNDS: u64 = 4;
/// Messages that each account gets in a round, and sends.
const RECEIVED: u64 = 12;
const SENT: u64 = 3;
/// How long the receiver may take to get everything, with an answer of 500 now and then.
const PATIENCE: Duration = Duration::from_secs(120);

/// The policies of the accounts. The last one keeps what it gets.
const POLICIES: [&str; 3] = ["none", "allowed", "all"];
const KEEPER: usize = 2;

fn start(world: &World) -> Gateway {
    Gateway::start_with(world, |command| {
        command.env("WASUP__SEARCH__INDEX", "true").env("WASUP__PERSISTENCE__ERASE_AFTER", "300ms");
    })
}

/// What was written to each account, and what was sent by it: whether or not the answer came.
#[derive(Default)]
struct Written {
    next: u64,
    received: [BTreeSet<u64>; 3],
    sent: [BTreeSet<u64>; 3],
}

impl Written {
    fn next(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    async fn round(&mut self, world: &World) {
        for nth in 0..RECEIVED {
            for (at, (_, phone)) in world.accounts.iter().enumerate() {
                let (n, stranger) =
                    (self.next(), &world.strangers[usize::try_from(nth).unwrap() % world.strangers.len()]);
                stranger.send_text(phone.number(), &format!("{} between us", word(n))).await.unwrap();
                self.received[at].insert(n);
            }
        }
    }

    async fn send(&mut self, world: &World) {
        for _ in 0..SENT {
            for (at, (account, _)) in world.accounts.iter().enumerate() {
                let n = self.next();
                let body =
                    json!({"to": world.strangers[0].number(), "type": "text", "text": format!("{} for you", word(n))});
                // A message without an answer may be there or not: the keeper must not have it in its books.
                let answer = ask(world, Method::POST, &format!("/v1/accounts/{account}/messages"), Some(&body)).await;
                if at != KEEPER || matches!(answer, Some((202, _))) {
                    self.sent[at].insert(n);
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_kept_is_gone_after_any_kill_and_what_is_kept_stays() {
    let (rounds, seed) =
        (from_env("WASUP_CRASH_ERASING_ROUNDS", ROUNDS), from_env("WASUP_SEED", rand::random::<u64>()));
    eprintln!("{rounds} rounds; WASUP_SEED={seed} repeats the moments");
    let (mut rng, world) = (StdRng::seed_from_u64(seed), World::build().await);
    let mut gateway = start(&world);
    gateway.wait_ready(&world).await;
    world.link_all().await;
    for ((account, _), policy) in world.accounts.iter().zip(POLICIES) {
        put(&world, &format!("/v1/accounts/{account}/persistence"), &json!({"policy": policy})).await;
    }
    let mut written = Written::default();
    for round in 1..=rounds {
        // Every third time the messages wait at the network for the start that is killed.
        if round % 3 == 0 {
            gateway.kill();
            written.round(&world).await;
            gateway = start(&world);
        } else {
            written.send(&world).await;
            written.round(&world).await;
        }
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..1_200))).await;
        gateway.kill();
        verify(&world);
        gateway = start(&world);
        gateway.wait_ready(&world).await;
    }
    all_was_told(&world, &written).await;
    nothing_is_told_any_more(&world).await;
    let stay = kept(&world, &written).await;
    let rows = at_rest(&world, gateway, &|| start(&world), &stay).await;
    let found = rows.words().await;
    nothing_is_left(&found, &written);
    let (keeper, _) = &world.accounts[KEEPER];
    rows.hold(keeper, &stay).await;
    for (account, _) in &world.accounts[..KEEPER] {
        rows.hold(account, &BTreeSet::new()).await;
    }
    assert_eq!(world.network.violations(), []);
}

/// Not to be kept never means not to be delivered: each message came whole to the receiver.
async fn all_was_told(world: &World, written: &Written) {
    let expected: BTreeSet<u64> = written.received.iter().flatten().copied().collect();
    let told = |events: &dyn Fn(&str) -> Vec<Value>| -> BTreeMap<u64, usize> {
        let mut told = BTreeMap::new();
        for data in events("message.received") {
            if let Some(n) = data["text"].as_str().and_then(|text| number(text.as_bytes())) {
                *told.entry(n).or_default() += 1;
            }
        }
        told
    };
    let of_receiver = |kind: &str| -> Vec<Value> {
        world.receiver.events().into_values().filter(|event| event.kind == kind).map(|event| event.data).collect()
    };
    let came =
        world.receiver.wait_until(PATIENCE, |_| expected.iter().all(|n| told(&of_receiver).contains_key(n))).await;
    let told = told(&of_receiver);
    let missing: Vec<_> = expected.iter().filter(|n| !told.contains_key(n)).collect();
    assert!(came, "never told: {missing:?}\n{}", world.log());
    assert!(told.values().all(|ids| *ids == 1), "told under several ids: {told:?}");
}

/// Waits until the event log says no word of the accounts that keep nothing.
async fn nothing_is_told_any_more(world: &World) {
    let begun = Instant::now();
    let keeper = &world.accounts[KEEPER].0;
    loop {
        let (events, _) = world.api.events(None, &["message.received", "message.sent"]).await.unwrap();
        let says =
            |event: &&Value| event["account"] != keeper.as_str() && number(event.to_string().as_bytes()).is_some();
        let Some(event) = events.iter().find(says) else { return };
        assert!(begun.elapsed() < PATIENCE, "not erased: {event}\n{}", world.log());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// What the keeper has: all that it got, and what it sent with an answer. One without may be there, too.
async fn kept(world: &World, written: &Written) -> BTreeSet<u64> {
    let (keeper, _) = &world.accounts[KEEPER];
    let (mut kept, mut cursor) = (BTreeSet::new(), String::new());
    loop {
        let path = format!("/v1/accounts/{keeper}/messages?limit=1000{cursor}");
        let page = until(world, &path, "the keeper's messages", |_| true).await;
        let texts = page["data"].as_array().unwrap().iter().filter_map(|message| message["text"].as_str());
        kept.extend(texts.filter_map(|text| number(text.as_bytes())));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let promised: BTreeSet<u64> = written.received[KEEPER].union(&written.sent[KEEPER]).copied().collect();
    assert!(promised.is_subset(&kept), "lost: {:?}", promised.difference(&kept).collect::<Vec<_>>());
    kept
}

/// Of what was received nothing stands anywhere. What was sent the protocol library keeps for a while, for receivers who ask
/// for it again.
fn nothing_is_left(found: &BTreeMap<u64, BTreeSet<Tree>>, written: &Written) {
    let written = written.received.iter().zip(&written.sent);
    for (policy, (received, sent)) in POLICIES.iter().zip(written).take(KEEPER) {
        for (messages, lawful) in [(received, None), (sent, Some(Tree::Wa))] {
            let left: Vec<_> = messages
                .iter()
                .filter_map(|n| Some((n, found.get(n)?)))
                .filter(|(_, trees)| trees.iter().any(|tree| Some(*tree) != lawful))
                .collect();
            assert!(left.is_empty(), "left of policy {policy}: {left:?}");
        }
    }
}
