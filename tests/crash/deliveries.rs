//! SIGKILL while deliveries are under way to several endpoints, whose receivers are slow, refuse and hang up.
//!
//! `WASUP_CRASH_DELIVERY_ROUNDS` sets the number of kills (`scripts/crash-deliveries` runs 100), `WASUP_SEED` repeats a
//! run's moments.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

use crate::from_env;
use crate::gateway::Gateway;
use crate::hooks::Hook;
use crate::load::{Load, Pauses};
use crate::told;
use crate::world::World;

/// Kills of the short run that belongs to `scripts/test`.
const ROUNDS: u32 = 4;
/// Longest wait for a delivery to be under way after a start.
const BUSY: Duration = Duration::from_secs(60);
/// What the endpoints listen to.
const EVENTS: [&str; 2] = ["message.received", "message.status"];
/// The order of 4 endpoints with a store of their own each takes its time: the load must leave room for it.
const PAUSES: Pauses = Pauses { send: (150, 400), write: (60, 200) };

/// An endpoint as it was made.
pub(crate) struct Subscribed {
    /// Whose events it gets; `None` for everybody's.
    pub(crate) account: Option<String>,
    /// Whether it keeps the order within a chat.
    pub(crate) ordered: bool,
    /// Its receiver.
    pub(crate) hook: Hook,
}

impl Subscribed {
    async fn make(world: &World, account: Option<&str>, ordered: bool) -> Self {
        let hook = Hook::start().await;
        // Far more attempts than kills and refusals can use up, all of them soon.
        let waits = [vec!["0s", "50ms", "100ms"], vec!["250ms"; 47]].concat();
        let endpoint = json!({
            "account": account, "url": hook.url(), "events": EVENTS, "order": if ordered { "chat" } else { "none" },
            "retry": {"timeout": "3s", "schedule": waits},
        });
        world.api.create_endpoint(&endpoint).await.unwrap();
        Self { account: account.map(str::to_owned), ordered, hook }
    }

    /// Two for each account, one of which keeps the order, and one for all of them that keeps it too.
    async fn all(world: &World) -> Vec<Self> {
        let mut all = vec![Self::make(world, None, true).await];
        for (account, _) in &world.accounts {
            for ordered in [true, false] {
                all.push(Self::make(world, Some(account), ordered).await);
            }
        }
        all
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_is_missing_at_a_receiver_after_sigkill_and_order_is_kept() {
    let rounds = from_env("WASUP_CRASH_DELIVERY_ROUNDS", ROUNDS);
    let seed = from_env("WASUP_SEED", rand::random::<u64>());
    eprintln!("{rounds} rounds; WASUP_SEED={seed} repeats the moments");
    let mut rng = StdRng::seed_from_u64(seed);
    let world = World::without_webhooks().await;
    let mut gateway = Gateway::start(&world);
    gateway.wait_ready(&world).await;
    world.link_all().await;
    let endpoints = Subscribed::all(&world).await;
    let (_, begin) = world.api.events(Some("latest"), &EVENTS).await.unwrap();

    let load = Load::begin_with(&world, PAUSES);
    for round in 1..=rounds {
        // Every fifth kill hits the start, when claims of the process before are taken back; the others a delivery.
        if round % 5 == 0 {
            tokio::time::sleep(Duration::from_millis(rng.random_range(5..250))).await;
        } else {
            tokio::time::sleep(Duration::from_millis(rng.random_range(200..1_500))).await;
            let hook = &endpoints[rng.random_range(0..endpoints.len())].hook;
            let busy = tokio::time::timeout(BUSY, hook.wait_busy()).await;
            assert!(busy.is_ok(), "nothing is delivered any more\n{}", world.log());
        }
        gateway.kill();
        gateway = Gateway::start(&world);
    }
    gateway.wait_ready(&world).await;
    let books = load.end().await;
    let verdict = told::reach(&world, &books, &endpoints, &begin, &EVENTS).await;
    eprintln!("{verdict:#?}");
    verdict.assert_clean();
}
