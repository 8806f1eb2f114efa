//! Jobs through SIGKILLs and pauses: in the end each item has exactly one outcome, and no phone shows a message twice.
//!
//! `WASUP_JOB_ITEMS` (of each account) and `WASUP_JOB_ROUNDS` (kills, and as many pauses) set its size: 60 and 4 here.
//! `WASUP_SEED` repeats a run's moments.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::from_env;
use crate::gateway::Gateway;
use crate::world::{KEY, World};

/// Longest time for all items to get their outcome after the last kill.
const PATIENCE: Duration = Duration::from_secs(300);

/// What the network does not know: an item that goes there fails.
const NOBODY: &str = "6289999999999";

/// Every n-th item goes to nobody.
const FAIL_EVERY: usize = 17;

pub(crate) async fn ask(world: &World, method: Method, path: &str, body: Option<&Value>) -> Option<Value> {
    let client = Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap();
    let request = client.request(method, format!("http://{}{path}", world.address)).bearer_auth(KEY);
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    request.send().await.ok()?.json().await.ok()
}

fn to_nobody(n: usize) -> bool {
    n % FAIL_EVERY == FAIL_EVERY - 1
}

/// A job of an account: item `n` says so, and goes to one of the strangers, or to nobody.
fn job(world: &World, account: &str, items: usize) -> Value {
    let item = |n: usize| {
        let stranger = world.strangers[n % world.strangers.len()].number();
        json!({"to": if to_nobody(n) { NOBODY } else { stranger }, "type": "text", "text": format!("{account} {n}")})
    };
    json!({"items": (0..items).map(item).collect::<Vec<_>>(), "delay": {"min": "0ms", "max": "10ms"}})
}

async fn connected(world: &World) {
    for (_, phone) in &world.accounts {
        world.network.wait_connected(phone.number(), Duration::from_secs(60)).await.unwrap();
    }
}

async fn accepted(world: &World, items: usize) -> Vec<String> {
    let mut jobs = Vec::new();
    for (account, _) in &world.accounts {
        let path = format!("/v1/accounts/{account}/jobs");
        let job = ask(world, Method::POST, &path, Some(&job(world, account, items))).await.unwrap();
        jobs.push(job["id"].as_str().unwrap_or_else(|| panic!("{job}")).to_owned());
    }
    jobs
}

/// Waits until a job is over.
async fn over(world: &World, id: &str) -> Value {
    let begun = Instant::now();
    loop {
        let found = ask(world, Method::GET, &format!("/v1/jobs/{id}"), None).await.unwrap_or_default();
        if found["ended_at"].is_string() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{found}\n{}", world.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_item_of_a_job_has_one_outcome_through_kills_and_pauses() {
    let (items, rounds): (usize, u32) = (from_env("WASUP_JOB_ITEMS", 60), from_env("WASUP_JOB_ROUNDS", 4));
    let seed: u64 = from_env("WASUP_SEED", rand::random());
    eprintln!("WASUP_SEED={seed} WASUP_JOB_ITEMS={items} WASUP_JOB_ROUNDS={rounds}");
    let (mut rng, world) = (StdRng::seed_from_u64(seed), World::without_webhooks().await);
    let mut gateway = Gateway::start(&world);
    gateway.wait_ready(&world).await;
    world.link_all().await;
    let jobs = accepted(&world, items).await;
    for round in 0..rounds {
        let pause = |rng: &mut StdRng| Duration::from_millis(rng.random_range(20..400));
        tokio::time::sleep(pause(&mut rng)).await;
        // A pause that the kill interrupts, or that lies between two kills; a job that is over already says so.
        let id = &jobs[rng.random_range(0..jobs.len())];
        ask(&world, Method::POST, &format!("/v1/jobs/{id}/pause"), None).await.unwrap();
        tokio::time::sleep(pause(&mut rng)).await;
        if round % 2 == 0 {
            ask(&world, Method::POST, &format!("/v1/jobs/{id}/resume"), None).await.unwrap();
            tokio::time::sleep(pause(&mut rng)).await;
        }
        gateway.kill();
        gateway = Gateway::start(&world);
        gateway.wait_ready(&world).await;
        let seen = ask(&world, Method::GET, &format!("/v1/jobs/{id}"), None).await.unwrap();
        assert!(round % 2 == 0 || seen["state"] == "paused" || seen["ended_at"].is_string(), "{seen}");
        ask(&world, Method::POST, &format!("/v1/jobs/{id}/resume"), None).await.unwrap();
        connected(&world).await;
    }
    verdict(&world, &jobs, items).await;
    gateway.kill();
    let output = crate::gateway::wasup(world.folder.path(), world.address).arg("verify").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

async fn verdict(world: &World, jobs: &[String], items: usize) {
    let mut expected: BTreeMap<String, usize> = BTreeMap::new();
    for (id, (account, _)) in jobs.iter().zip(&world.accounts) {
        let job = over(world, id).await;
        let failed = (0..items).filter(|n| to_nobody(*n)).count();
        let (progress, total) = (&job["progress"], items);
        assert_eq!(job["state"], "completed", "{job}");
        for (what, count) in [("total", total), ("current", total), ("success", total - failed), ("error", failed)] {
            assert_eq!(progress[what], count, "{what} of {job}");
        }
        let mut from = String::new();
        let mut seen = 0;
        loop {
            let page = ask(world, Method::GET, &format!("/v1/jobs/{id}/items?limit=1000{from}"), None).await.unwrap();
            for item in page["data"].as_array().unwrap() {
                assert_eq!(item["index"], seen, "{item}");
                assert_eq!(item["state"] == "failed", to_nobody(seen), "{item}");
                seen += 1;
            }
            let Some(next) = page["next_cursor"].as_str() else { break };
            from = format!("&cursor={next}");
        }
        assert_eq!(seen, items);
        expected.extend((0..items).filter(|n| !to_nobody(*n)).map(|n| (format!("{account} {n}"), 1)));
    }
    // What was sent is shown once, and nothing else is.
    let begun = Instant::now();
    loop {
        let mut shown: BTreeMap<String, usize> = BTreeMap::new();
        for text in world.strangers.iter().flat_map(|phone| phone.inbox()).filter_map(|shown| shown.text) {
            *shown.entry(text).or_default() += 1;
        }
        if shown == expected {
            break;
        }
        assert!(shown.values().all(|times| *times == 1), "shown twice: {shown:?}");
        assert!(begun.elapsed() < PATIENCE, "{} of {} are shown", shown.len(), expected.len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(world.network.violations(), []);
}
