//! `wasup bench api`: how many sends the API accepts durably, with the wire out of the way.
//!
//! The accounts are linked and connected, and the network takes what they send without acknowledging or delivering it,
//! while the gateway's patience for acknowledgements is longer than the run: each account's few messages in flight
//! leave, and nothing more. What is measured is HTTP, checks, idempotency and the durable commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde::Serialize;
use tokio::task::JoinSet;
use wasup_store::StoreError;
use wasup_store::repo::{account, counters};

use super::effort::{Effort, Resident};
use super::figures::{Spread, Times, each};
use super::options::ApiOptions;
use super::report;
use super::sending::Plan;
use super::stage::{Setting, Stage};
use super::surroundings::Machine;

#[derive(Serialize)]
struct Figures {
    accounts: u16,
    concurrency: u16,
    accepted: u64,
    lost: u64,
    duplicated: u64,
    accepted_per_s: f64,
    request_ms: Spread,
    gateway_cpu_us_per_send: f64,
    load_cpu_us_per_send: f64,
    jobs_per_group: f64,
    disk_bytes_per_send: f64,
    rss_bytes: u64,
    idempotency_keys: bool,
    wire: &'static str,
}

pub(super) async fn run(options: &ApiOptions) -> anyhow::Result<bool> {
    let (seed, machine) = (options.common.seed(), Machine::here());
    let patience = vec![("SEND__ACK_TIMEOUT", "10m".to_owned())];
    let setting = Setting { accounts: options.accounts, webhook: None, keys: patience };
    let stage = Stage::set(setting, &options.common).await?;
    stage.sandbox.control().swallow_everything().await?;
    let plan = Plan::endless(&stage.players, seed);
    let bar = report::progress("accepted", options.seconds, &options.common);
    let (effort, before, begun) = (Effort::now(), stage.gateway.store().stats(), Instant::now());
    let times = call(&stage, &plan, options, &bar).await?;
    let (elapsed, effort) = (begun.elapsed(), Effort::now().since(effort));
    let after = stage.gateway.store().stats();
    bar.finish_and_clear();
    let request_ms = times.spread();
    let accepted = request_ms.count;
    let kept = kept(&stage).await?;
    let per_send = |time: Duration| each(time.as_secs_f64() * 1e6, accepted as f64);
    let figures = Figures {
        accounts: options.accounts,
        concurrency: options.concurrency,
        accepted,
        lost: accepted.saturating_sub(kept),
        duplicated: kept.saturating_sub(accepted),
        accepted_per_s: each(accepted as f64, elapsed.as_secs_f64()),
        request_ms,
        gateway_cpu_us_per_send: per_send(effort.gateway),
        load_cpu_us_per_send: per_send(effort.load),
        jobs_per_group: each((after.jobs - before.jobs) as f64, (after.groups - before.groups) as f64),
        disk_bytes_per_send: each(after.disk_bytes.saturating_sub(before.disk_bytes) as f64, accepted as f64),
        rss_bytes: Resident::of(std::process::id()).rss_bytes,
        idempotency_keys: true,
        wire: "connected, acknowledges nothing",
    };
    stage.strike().await?;
    report::print("api", &figures, seed, &machine, &options.common)?;
    Ok(figures.lost == 0 && figures.duplicated == 0)
}

async fn call(stage: &Stage, plan: &Plan, options: &ApiOptions, bar: &indicatif::ProgressBar) -> anyhow::Result<Times> {
    let (next, end) = (Arc::new(AtomicU64::new(0)), Instant::now() + Duration::from_secs(options.seconds));
    let mut callers = JoinSet::new();
    for _ in 0..options.concurrency {
        let (connections, plan, next) = (Arc::clone(&stage.callers), plan.clone(), Arc::clone(&next));
        callers.spawn(async move {
            let mut times = Times::default();
            while Instant::now() < end {
                let letter = plan.letter(next.fetch_add(1, Ordering::Relaxed));
                let begun = Instant::now();
                let status = connections.send_text(&letter.from, &letter.to, &letter.text, &letter.key).await?;
                times.note(begun.elapsed());
                ensure!(status == 202, "the API answers {status} to a send");
            }
            anyhow::Ok(times)
        });
    }
    for second in 0..options.seconds {
        bar.set_position(second);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let mut times = Times::default();
    while let Some(done) = callers.join_next().await {
        times.absorb(&done.context("a caller panicked")??);
    }
    Ok(times)
}

/// How many sends the store holds: none is settled, so all stand in the outbox.
async fn kept(stage: &Stage) -> anyhow::Result<u64> {
    let mut sum = 0;
    for player in &stage.players {
        let id = player.account.parse()?;
        let depth = stage.gateway.store().read(|tx| {
            let found = account::get(tx, &id)?;
            found.map_or(Ok(0), |record| Ok::<_, StoreError>(counters::account(tx, record.no)?.outbox_depth()))
        });
        sum += depth.await?;
    }
    Ok(sum)
}
