//! SIGKILL while the index of words is built, follows what comes, and is cleared away and built anew: in the end every message
//! is found by its word, once.
//!
//! `WASUP_CRASH_INDEXING_ROUNDS` sets the number of kills (`scripts/crash-gone` runs 50), `WASUP_SEED` repeats a run's moments.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use wasup_sandbox::HistoryPart;

use crate::asked::until;
use crate::from_env;
use crate::gateway::Gateway;
use crate::past;
use crate::rows::{at_rest, verify, word};
use crate::world::World;

/// Kills of the short run that belongs to `scripts/test`.
const ROUNDS: u64 = 5;
/// Messages that are there before there is an index.
const BEFORE: u64 = 1_500;
/// Messages of the past that come with a round, and of now.
const PAST: u64 = 300;
const NOW: u64 = 16;
/// Longest time until an account is connected.
const CONNECTS: Duration = Duration::from_secs(60);

fn start(world: &World, index: bool) -> Gateway {
    Gateway::start_with(world, |command| {
        command.env("WASUP__SEARCH__INDEX", index.to_string());
        for bound in ["CHATS", "MESSAGES_PER_CHAT"] {
            command.env(format!("WASUP__HISTORY__{bound}"), "100000");
        }
    })
}

/// What the first account has: a past that comes piece by piece, and a present.
#[derive(Default)]
struct Written {
    next: u64,
    all: BTreeSet<u64>,
}

impl Written {
    async fn round(&mut self, world: &World, round: u64) {
        let (account, phone) = &world.accounts[0];
        let past = self.next..self.next + PAST;
        let order = u32::try_from(round).unwrap();
        let piece = || past::tell(phone, HistoryPart::Full, order, vec![past::chat(round, past.clone(), past.end)]);
        past::on_disk(world, account, (round, PAST), piece).await;
        for nth in 0..NOW {
            let stranger = &world.strangers[usize::try_from(nth).unwrap() % world.strangers.len()];
            stranger.send_text(phone.number(), &format!("{} of now", word(past.end + nth))).await.unwrap();
        }
        self.all.extend(past.start..past.end + NOW);
        self.next = past.end + NOW;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_message_is_found_once_whenever_the_index_was_killed() {
    let (rounds, seed) =
        (from_env("WASUP_CRASH_INDEXING_ROUNDS", ROUNDS), from_env("WASUP_SEED", rand::random::<u64>()));
    eprintln!("{rounds} rounds; WASUP_SEED={seed} repeats the moments");
    let (mut rng, world) = (StdRng::seed_from_u64(seed), World::without_webhooks().await);
    let mut gateway = start(&world, false);
    gateway.wait_ready(&world).await;
    world.link_all().await;
    let (early, phone) = &world.accounts[1];
    let before = 5_000_000..5_000_000 + BEFORE;
    past::tell(phone, HistoryPart::InitialBootstrap, 1, vec![past::chat(777, before.clone(), before.end)]);
    past::imported(&world, early, BEFORE).await;
    let mut written = Written::default();
    for round in 1..=rounds {
        // Every third time what was built is cleared away, as far as the kill lets it.
        gateway.kill();
        gateway = start(&world, round % 3 != 0);
        gateway.wait_ready(&world).await;
        world.network.wait_connected(world.accounts[0].1.number(), CONNECTS).await.unwrap();
        written.round(&world, round).await;
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..900))).await;
        gateway.kill();
        verify(&world);
        gateway = start(&world, true);
        // ... and it is killed while it goes on.
        tokio::time::sleep(Duration::from_millis(rng.random_range(100..900))).await;
    }
    gateway.wait_ready(&world).await;
    let (first, all) = (&world.accounts[0].0, written.next);
    past::imported(&world, first, rounds * PAST).await;
    let last = format!("/v1/accounts/{first}/messages?limit=1&q={}%20", word(all - 1));
    until(&world, &last, "the last message is here", |page| !page["data"].as_array().unwrap().is_empty()).await;
    let stay: BTreeSet<u64> = before.clone().chain(written.all.iter().copied()).collect();
    let rows = at_rest(&world, gateway, &|| start(&world, true), &stay).await;
    rows.hold(early, &before.collect()).await;
    rows.hold(first, &written.all).await;
    assert_eq!(world.network.violations(), []);
}
