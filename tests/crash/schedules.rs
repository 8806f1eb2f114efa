//! Schedules through SIGKILLs and a machine that stood still: each second of each of them has exactly one outcome, and phones show
//! what came of it once.
//!
//! `WASUP_SCHEDULE_ROUNDS` (kills) and `WASUP_SCHEDULE_COPIES` (schedules of a kind on each account) set its size: 3 and 1 here.
//! `WASUP_SEED` repeats a run's moments.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::from_env;
use crate::gateway::Gateway;
use crate::world::{KEY, World};

const PATIENCE: Duration = Duration::from_secs(120);

/// How late a time may come and still run: shorter than the machine stands still.
const GRACE: &str = "2s";
/// How long the machine stands still once.
const STILL: Duration = Duration::from_secs(4);

async fn ask(world: &World, method: Method, path: &str, body: Option<&Value>) -> Value {
    let client = Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
    let request = client.request(method, format!("http://{}{path}", world.address)).bearer_auth(KEY);
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    let answer = request.send().await.unwrap_or_else(|error| panic!("{path}: {error}\n{}", world.log()));
    answer.json().await.unwrap_or_default()
}

/// A schedule that was made.
struct Made {
    id: String,
    missed: &'static str,
    /// It starts jobs.
    job: bool,
    /// It runs once.
    once: bool,
}

/// All schedules of an account: every second, with each policy; a job every two seconds; some moments that come by and by.
async fn made(world: &World, account: &str, (copies, rng): (usize, &mut StdRng)) -> Vec<Made> {
    let mut all = Vec::new();
    let to = |n: usize| world.strangers[n % world.strangers.len()].number().to_owned();
    let path = format!("/v1/accounts/{account}/schedules");
    for copy in 0..copies {
        let text = |what: &str| json!({"to": to(copy), "type": "text", "text": format!("{account} {what} {copy}")});
        for missed in ["run_all", "run_once", "skip"] {
            let mut body = json!({"cron": "* * * * * *", "missed": missed, "message": text(missed)});
            if missed == "run_all" {
                body["missed_max"] = json!(100);
            }
            all.push((body, missed, false, false));
        }
        let job = json!({"items": [text("one"), text("two")], "delay": {"min": "0ms", "max": "5ms"}});
        all.push((
            json!({"cron": "*/2 * * * * *", "missed": "run_all", "missed_max": 100, "job": job}),
            "run_all",
            true,
            false,
        ));
        for n in 0..4 {
            let at =
                Timestamp::now().checked_add(SignedDuration::from_millis(rng.random_range(1_500..12_000))).unwrap();
            all.push((json!({"at": at.to_string(), "message": text(&format!("once {n}"))}), "run_once", false, true));
        }
    }
    let mut made = Vec::new();
    for (body, missed, job, once) in all {
        let answer = ask(world, Method::POST, &path, Some(&body)).await;
        let id = answer["id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
        made.push(Made { id, missed, job, once });
    }
    made
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_time_of_a_schedule_has_one_outcome_through_kills_and_a_stop() {
    let (rounds, copies): (u32, usize) = (from_env("WASUP_SCHEDULE_ROUNDS", 3), from_env("WASUP_SCHEDULE_COPIES", 1));
    let seed: u64 = from_env("WASUP_SEED", rand::random());
    eprintln!("WASUP_SEED={seed} WASUP_SCHEDULE_ROUNDS={rounds} WASUP_SCHEDULE_COPIES={copies}");
    let (mut rng, world) = (StdRng::seed_from_u64(seed), World::without_webhooks().await);
    let start = || {
        Gateway::start_with(&world, |command| {
            command.env("WASUP__SCHEDULES__GRACE", GRACE).env("WASUP__SCHEDULES__HISTORY", "10000");
        })
    };
    let mut gateway = start();
    gateway.wait_ready(&world).await;
    world.link_all().await;
    let mut schedules = Vec::new();
    for (account, _) in &world.accounts {
        schedules.extend(made(&world, account, (copies, &mut rng)).await);
    }
    for round in 0..rounds {
        // The last kill is followed by a machine that stands still.
        tokio::time::sleep(Duration::from_millis(rng.random_range(600..2_200))).await;
        gateway.kill();
        if round + 1 == rounds {
            tokio::time::sleep(STILL).await;
        }
        gateway = start();
        gateway.wait_ready(&world).await;
    }
    // Until what was missed has been dealt with.
    for made in &schedules {
        settled(&world, made).await;
    }
    for made in schedules.iter().filter(|made| !made.once) {
        let paused = ask(&world, Method::POST, &format!("/v1/schedules/{}/pause", made.id), None).await;
        assert_eq!(paused["state"], "paused", "{paused}");
    }
    verdict(&world, &schedules).await;
    gateway.kill();
    let output = crate::gateway::wasup(world.folder.path(), world.address).arg("verify").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// Waits until a schedule is up to date, or over.
async fn settled(world: &World, made: &Made) {
    let begun = Instant::now();
    loop {
        let seen = ask(world, Method::GET, &format!("/v1/schedules/{}", made.id), None).await;
        let now = Timestamp::now();
        let next: Option<Timestamp> = seen["next_at"].as_str().map(|at| at.parse().unwrap());
        let up_to_date = next.is_some_and(|next| next.duration_until(now) < SignedDuration::from_secs(1));
        if if made.once { seen["state"] == "ended" } else { up_to_date } {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{seen}\n{}", world.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn all(world: &World, path: &str) -> Vec<Value> {
    let (mut found, mut from) = (Vec::new(), String::new());
    loop {
        let page = ask(world, Method::GET, &format!("{path}?limit=1000{from}"), None).await;
        found.extend(page["data"].as_array().unwrap_or_else(|| panic!("{page}")).iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { return found };
        from = format!("&cursor={next}");
    }
}

fn second(run: &Value, field: &str) -> i64 {
    run[field].as_str().unwrap().parse::<Timestamp>().unwrap().as_second()
}

/// What a schedule's history tells: what it made, and how many of its times were missed.
fn outcomes(made: &Made, runs: &[Value]) -> (Vec<(String, bool)>, usize) {
    let (mut times, mut things, mut missed) = (Vec::new(), Vec::new(), 0);
    let step = if made.job { 2 } else { 1 };
    for run in runs.iter().rev() {
        match run["outcome"].as_str().unwrap() {
            "missed" => {
                let these = second(run, "scheduled_at")..=second(run, "missed_until");
                let these: Vec<_> = these.step_by(step).collect();
                assert_eq!(run["missed"], these.len(), "{run}");
                missed += these.len();
                times.extend(these);
            }
            kind => {
                assert_eq!(kind, if made.job { "job" } else { "message" }, "{run}");
                times.push(second(run, "scheduled_at"));
                things.push((run[kind].as_str().unwrap().to_owned(), made.job));
            }
        }
    }
    // Each time from the first to the last has one outcome.
    let step = i64::try_from(step).unwrap();
    let gapless = times.windows(2).all(|pair| pair[1] - pair[0] == step);
    assert!(gapless, "{} {}: {times:?}", made.id, made.missed);
    assert!(!made.once || (times.len(), missed) == (1, 0), "{runs:?}");
    (things, missed)
}

async fn verdict(world: &World, schedules: &[Made]) {
    let mut messages = BTreeSet::new();
    let mut missed: BTreeMap<&str, usize> = BTreeMap::new();
    let mut ran: BTreeMap<&str, usize> = BTreeMap::new();
    for made in schedules {
        let runs = all(world, &format!("/v1/schedules/{}/runs", made.id)).await;
        let (things, gone) = outcomes(made, &runs);
        *missed.entry(made.missed).or_default() += gone;
        *ran.entry(made.missed).or_default() += things.len();
        for (thing, job) in things {
            let fresh = if job { of_job(world, &thing).await } else { vec![thing] };
            for message in fresh {
                assert!(messages.insert(message), "a message of two runs");
            }
        }
    }
    eprintln!("ran {ran:?}, missed {missed:?}, {} messages", messages.len());
    assert!(missed["run_all"] == 0 && missed["run_once"] >= 3 && missed["skip"] >= 3, "{missed:?}");
    let mut expected = BTreeSet::new();
    for id in &messages {
        expected.insert(sent(world, id).await);
    }
    assert_eq!(expected.len(), messages.len());
    // Every message is shown once, and nothing else is.
    let begun = Instant::now();
    loop {
        let shown: Vec<_> = world.strangers.iter().flat_map(|phone| phone.inbox()).map(|shown| shown.id).collect();
        let distinct: BTreeSet<_> = shown.iter().cloned().collect();
        assert_eq!(distinct.len(), shown.len(), "shown twice");
        if distinct == expected {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{} of {} are shown", shown.len(), expected.len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(world.network.violations(), []);
}

/// The messages of a job, once it is over.
async fn of_job(world: &World, id: &str) -> Vec<String> {
    let begun = Instant::now();
    loop {
        let job = ask(world, Method::GET, &format!("/v1/jobs/{id}"), None).await;
        if job["state"] == "completed" {
            assert_eq!(job["progress"]["success"], 2, "{job}");
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{job}\n{}", world.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let items = all(world, &format!("/v1/jobs/{id}/items")).await;
    items.iter().map(|item| item["message"].as_str().unwrap().to_owned()).collect()
}

/// The network's id of a message, once its server has it.
async fn sent(world: &World, id: &str) -> String {
    let begun = Instant::now();
    loop {
        let message = ask(world, Method::GET, &format!("/v1/messages/{id}"), None).await;
        if ["sent", "delivered", "read"].contains(&message["state"].as_str().unwrap_or_default()) {
            return message["provider_message_id"].as_str().unwrap().to_owned();
        }
        assert!(begun.elapsed() < PATIENCE, "{message}\n{}", world.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
