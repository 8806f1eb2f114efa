//! A campaign through SIGKILLs and pauses: in the end each recipient has exactly one outcome, no phone shows a message twice, and
//! by the network's own clock no window of any account ever held more than its limit.
//!
//! `WASUP_CAMPAIGN_RECIPIENTS`, `WASUP_CAMPAIGN_SENDERS`, `WASUP_CAMPAIGN_ROUNDS` (kills, and as many pauses) and
//! `WASUP_CAMPAIGN_PER_MINUTE` set its size: 120, 3, 4 and 1000 here. `WASUP_SEED` repeats a run's moments.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::Method;
use serde_json::{Value, json};
use wasup_sandbox::Phone;

use crate::from_env;
use crate::gateway::Gateway;
use crate::jobs::ask;
use crate::world::World;

/// Every n-th recipient has no phone.
const FAIL_EVERY: usize = 17;
const MINUTE_MS: u64 = 60_000;

/// How large it is.
struct Size {
    recipients: usize,
    senders: usize,
    rounds: u32,
    per_minute: u32,
}

struct Crowd {
    phones: BTreeMap<String, Phone>,
    numbers: Vec<String>,
}

impl Crowd {
    fn of(world: &World, recipients: usize) -> Self {
        let numbers: Vec<String> = (0..recipients).map(|n| format!("62850{n:08}")).collect();
        let has_phone = |(n, _): &(usize, &String)| n % FAIL_EVERY != FAIL_EVERY - 1;
        let phone = |(_, number): (usize, &String)| (number.clone(), world.network.phone(number));
        Self { phones: numbers.iter().enumerate().filter(has_phone).map(phone).collect(), numbers }
    }

    async fn listed(&self, world: &World) -> String {
        let list = ask(world, Method::POST, "/v1/lists", Some(&json!({"name": "crowd"}))).await.unwrap();
        let id = list["id"].as_str().unwrap().to_owned();
        for some in self.numbers.chunks(1_000) {
            let contacts: Vec<_> =
                some.iter().map(|number| json!({"phone": number, "name": format!("N{number}")})).collect();
            let put =
                ask(world, Method::POST, &format!("/v1/lists/{id}/contacts"), Some(&json!({"contacts": contacts})))
                    .await;
            assert!(put.is_some());
        }
        id
    }
}

async fn connected(world: &World) {
    for (_, phone) in &world.accounts {
        world.network.wait_connected(phone.number(), Duration::from_secs(120)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_recipient_of_a_campaign_has_one_outcome_through_kills_and_pauses() {
    let size = Size {
        recipients: from_env("WASUP_CAMPAIGN_RECIPIENTS", 120),
        senders: from_env("WASUP_CAMPAIGN_SENDERS", 3),
        rounds: from_env("WASUP_CAMPAIGN_ROUNDS", 4),
        per_minute: from_env("WASUP_CAMPAIGN_PER_MINUTE", 1_000),
    };
    let seed: u64 = from_env("WASUP_SEED", rand::random());
    let Size { recipients, senders, rounds, per_minute } = size;
    eprintln!("WASUP_SEED={seed} recipients={recipients} senders={senders} rounds={rounds} per_minute={per_minute}");
    let (mut rng, world) = (StdRng::seed_from_u64(seed), World::of_accounts(senders).await);
    let crowd = Crowd::of(&world, recipients);
    let mut gateway = Gateway::start(&world);
    gateway.wait_ready(&world).await;
    world.link_all().await;
    let list = crowd.listed(&world).await;
    let accounts: Vec<_> = world.accounts.iter().map(|(id, _)| id).collect();
    let body = json!({"name": "crash", "senders": accounts, "lists": [list], "start": "now",
        "message": {"type": "text", "text": "For {{ name }}"},
        "pace": {"gap_min": "0ms", "gap_max": "5ms", "per_minute": per_minute, "per_hour": 0, "per_day": 0}});
    let made = ask(&world, Method::POST, "/v1/campaigns", Some(&body)).await.unwrap();
    let path = format!("/v1/campaigns/{}", made["id"].as_str().unwrap_or_else(|| panic!("{made}")));
    let begun = Instant::now();
    // Kills are spread over the time that the limits make it take, so that they do not all fall into its beginning.
    let shortest = recipients as u64 * MINUTE_MS / (u64::from(per_minute) * senders as u64);
    let longest = (shortest / u64::from(rounds.max(1)) / 2).clamp(400, 10_000);
    for round in 0..rounds {
        let pause = |rng: &mut StdRng| Duration::from_millis(rng.random_range(20..longest));
        tokio::time::sleep(pause(&mut rng)).await;
        ask(&world, Method::POST, &format!("{path}/pause"), None).await.unwrap();
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..300))).await;
        if round % 2 == 0 {
            ask(&world, Method::POST, &format!("{path}/resume"), None).await.unwrap();
            tokio::time::sleep(pause(&mut rng)).await;
        }
        gateway.kill();
        gateway = Gateway::start(&world);
        gateway.wait_ready(&world).await;
        let seen = ask(&world, Method::GET, &path, None).await.unwrap();
        assert!(round % 2 == 0 || seen["state"] == "paused" || seen["ended_at"].is_string(), "{seen}");
        ask(&world, Method::POST, &format!("{path}/resume"), None).await.unwrap();
        connected(&world).await;
    }
    let patience = Duration::from_secs(300) + Duration::from_millis(shortest * 3);
    let over = loop {
        let found = ask(&world, Method::GET, &path, None).await.unwrap_or_default();
        if found["ended_at"].is_string() {
            break found;
        }
        assert!(begun.elapsed() < patience, "{found}\n{}", world.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    eprintln!("over after {:.1} s", begun.elapsed().as_secs_f64());
    verdict(&world, &crowd, &path, &over).await;
    windows(&world, per_minute);
    gateway.kill();
    let output = crate::gateway::wasup(world.folder.path(), world.address).arg("verify").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// What the API says of each recipient is what their phones show.
async fn verdict(world: &World, crowd: &Crowd, path: &str, over: &Value) {
    let (all, with_phones) = (crowd.numbers.len(), crowd.phones.len());
    assert_eq!(over["state"], "completed", "{over}");
    for (what, count) in [("total", all), ("current", all), ("success", with_phones), ("error", all - with_phones)] {
        assert_eq!(over["progress"][what], count, "{what} of {over}");
    }
    let (mut from, mut seen) = (String::new(), BTreeMap::new());
    loop {
        let page = ask(world, Method::GET, &format!("{path}/recipients?limit=1000{from}"), None).await.unwrap();
        for one in page["data"].as_array().unwrap() {
            let number = one["phone"].as_str().unwrap().to_owned();
            assert_eq!(one["state"] == "failed", !crowd.phones.contains_key(&number), "{one}");
            assert_eq!(seen.insert(number, one["account"].clone()), None, "{one}");
        }
        let Some(next) = page["next_cursor"].as_str() else { break };
        from = format!("&cursor={next}");
    }
    assert_eq!(seen.len(), all);
    for (number, phone) in &crowd.phones {
        phone.wait_for_text(&format!("For N{number}"), Duration::from_secs(60)).await.unwrap();
        assert_eq!(phone.inbox().len(), 1, "{number}: {:?}", phone.inbox());
    }
    assert_eq!(world.network.violations(), []);
}

/// By the network's clock.
fn windows(world: &World, per_minute: u32) {
    for (id, phone) in &world.accounts {
        let mut first: BTreeMap<String, u64> = BTreeMap::new();
        for accepted in world.network.accepted_from(phone.number()).unwrap() {
            // What a kill made go twice goes under one id, and counts when the network first took it.
            let at_ms = first.entry(accepted.id).or_insert(accepted.at_ms);
            *at_ms = accepted.at_ms.min(*at_ms);
        }
        let mut times: Vec<u64> = first.into_values().collect();
        times.sort_unstable();
        let most = times
            .iter()
            .enumerate()
            .map(|(n, at)| times[n..].iter().take_while(|time| **time < at + MINUTE_MS).count())
            .max();
        eprintln!("{id}: {} sent, at most {} in a minute", times.len(), most.unwrap_or_default());
        assert!(most.unwrap_or_default() <= per_minute as usize, "{id}: {most:?} in a minute");
    }
}
