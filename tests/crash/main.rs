//! SIGKILL of the whole gateway, again and again, at random moments under load in both directions; then every promise is
//! checked against the books of the parties outside: the network, its phones and the webhook receiver.
//!
//! `WASUP_CRASH_ROUNDS` sets the number of kills (`scripts/crash` runs 50), `WASUP_SEED` repeats a run's moments.
#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, reason = "what a test can not get, fails it")]

mod asked;
mod campaigns;
mod contact_files;
mod deliveries;
mod demo;
mod disk;
mod erasing;
mod exits;
mod files;
mod forgetting;
mod gateway;
mod history;
mod hooks;
mod imports;
mod indexing;
mod insurance;
mod jobs;
mod load;
mod log_disk;
mod logs;
mod past;
mod reloads;
mod rows;
mod schedules;
mod told;
mod verdict;
mod world;

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use gateway::Gateway;
use load::Load;
use world::World;

/// Kills of the short run that belongs to `scripts/test`.
const ROUNDS: u32 = 6;

fn from_env<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_by_sigkill() {
    let (rounds, seed) = (from_env("WASUP_CRASH_ROUNDS", ROUNDS), from_env("WASUP_SEED", rand::random::<u64>()));
    eprintln!("{rounds} rounds; WASUP_SEED={seed} repeats the moments");
    let mut rng = StdRng::seed_from_u64(seed);
    let world = World::build().await;
    let mut gateway = Gateway::start(&world);
    gateway.wait_ready(&world).await;
    world.link_all().await;

    let load = Load::begin(&world);
    for round in 1..=rounds {
        // Every fifth kill hits the start: the store is being opened, links are being made, leases rescued.
        let span = if round % 5 == 0 { 5..250 } else { 300..2_000 };
        tokio::time::sleep(Duration::from_millis(rng.random_range(span))).await;
        gateway.kill();
        gateway = Gateway::start(&world);
    }
    gateway.wait_ready(&world).await;
    let books = load.end().await;
    let verdict = verdict::reach(&world, &books).await;
    eprintln!("{verdict:#?}");
    verdict.assert_clean();
}
