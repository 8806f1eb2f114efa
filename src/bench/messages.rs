//! `wasup bench messages`: each account sends to the next one, through the real wire, both ends durable.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::Serialize;
use wasup_store::id::Position;
use wasup_store::repo::event;
use wasup_store::{StoreError, StoreStats};

use super::effort::{Effort, Resident};
use super::figures::{Spread, each};
use super::options::{MessagesOptions, Told, Writers};
use super::report;
use super::sending::{self, Plan, Sent};
use super::settling::{self, Outcome};
use super::stage::{Setting, Stage};
use super::surroundings::Machine;
use super::trail::Trail;

/// The answer.
#[derive(Serialize)]
struct Figures {
    accounts: u16,
    messages: u32,
    rate: Option<u32>,
    by: &'static str,
    webhook: &'static str,
    /// Messages that were accepted with 202, or typed by phones.
    sent: u64,
    /// Different messages that the gateway's hook committed.
    received: u64,
    lost: u64,
    duplicated: u64,
    outcome: Outcome,
    /// Received messages by the time from the first acceptance to the last commit of the hook.
    throughput_per_s: f64,
    /// Accepted sends by the time it took to hand them all over.
    accepted_per_s: f64,
    /// From the commit of the 202 to the end of the receiver's hook commit.
    send_to_decrypt_ms: Spread,
    /// From the commit of `message.received` to the first byte at the receiver.
    commit_to_webhook_ms: Spread,
    /// From when a request was due to its answer.
    request_ms: Spread,
    gateway: Cost,
    store: Work,
}

/// What the gateway took.
#[derive(Serialize)]
struct Cost {
    /// Processor time by received message: API, link, store, webhooks.
    cpu_us_per_message: f64,
    /// Of what drives it in the same process: callers and webhook receiver.
    load_cpu_us_per_message: f64,
    rss_bytes: u64,
}

/// What the store did.
#[derive(Serialize)]
struct Work {
    jobs_per_group: f64,
    rows_per_message: f64,
    syncs_per_message: f64,
    disk_bytes_per_message: f64,
}

/// Where everything stood at a moment.
struct Mark {
    effort: Effort,
    store: StoreStats,
    position: Position,
    at: Instant,
}

impl Mark {
    async fn of(stage: &Stage) -> Result<Self, StoreError> {
        let position = stage.gateway.store().read(event::last).await?;
        Ok(Self { effort: Effort::now(), store: stage.gateway.store().stats(), position, at: Instant::now() })
    }
}

pub(super) async fn run(options: &MessagesOptions) -> anyhow::Result<bool> {
    let (seed, machine) = (options.common.seed(), Machine::here());
    let setting = Setting { accounts: options.accounts, webhook: Some(options.webhook), keys: Vec::new() };
    let stage = Stage::set(setting, &options.common).await?;
    let plan = Plan::new(options, &stage.players, seed);
    // One message each way is not measured: it makes the sessions.
    sending::warm_up(&stage, &plan).await.context("the first message of each account does not arrive")?;
    let before = Mark::of(&stage).await?;
    let bar = report::progress("messages", plan.total(), &options.common);
    let sent = sending::send(&stage, &plan, options, &bar).await?;
    let outcome = settling::settle(&stage, &plan, &sent, &bar).await?;
    let after = Mark::of(&stage).await?;
    bar.finish_and_clear();
    let trail = Trail::read(&stage, before.position, plan.prefix()).await?;
    let figures = figures(options, sent, outcome, &trail, (&before, &after));
    stage.strike().await?;
    report::print("messages", &figures, seed, &machine, &options.common)?;
    Ok(figures.lost == 0 && figures.duplicated == 0)
}

fn figures(
    options: &MessagesOptions,
    sent: Sent,
    outcome: Outcome,
    trail: &Trail,
    (before, after): (&Mark, &Mark),
) -> Figures {
    let received = trail.received;
    let effort = after.effort.since(before.effort);
    // Phones are not accepted by anybody: their time runs from the first key.
    let took = trail.took.unwrap_or_else(|| trail.last.map_or(Duration::ZERO, |last| last.duration_since(before.at)));
    let us = |time: Duration| each(time.as_secs_f64() * 1e6, received as f64);
    let per_message = |now: u64, then: u64| each(now.saturating_sub(then) as f64, received as f64);
    let (now, then) = (after.store, before.store);
    Figures {
        accounts: options.accounts,
        messages: options.messages,
        rate: options.rate,
        by: if options.by == Writers::Api { "api" } else { "phones" },
        webhook: if options.webhook == Told::All { "all" } else { "received" },
        sent: sent.accepted,
        received,
        lost: outcome.lost(),
        duplicated: outcome.duplicated(),
        outcome,
        throughput_per_s: each(received as f64, took.as_secs_f64()),
        accepted_per_s: each(sent.accepted as f64, sent.took.as_secs_f64()),
        send_to_decrypt_ms: trail.send_to_decrypt.spread(),
        commit_to_webhook_ms: trail.commit_to_webhook.spread(),
        request_ms: sent.requests.spread(),
        gateway: Cost {
            cpu_us_per_message: us(effort.gateway),
            load_cpu_us_per_message: us(effort.load),
            rss_bytes: Resident::of(std::process::id()).rss_bytes,
        },
        store: Work {
            jobs_per_group: each((now.jobs - then.jobs) as f64, (now.groups - then.groups) as f64),
            rows_per_message: per_message(now.rows, then.rows),
            syncs_per_message: per_message(now.syncs, then.syncs),
            disk_bytes_per_message: per_message(now.disk_bytes, then.disk_bytes),
        },
    }
}
