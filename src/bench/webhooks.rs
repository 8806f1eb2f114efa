//! `wasup bench webhooks`: how the time from commit to receiver, and its cost, grow with the number of endpoints, and what
//! an endpoint that never answers does to the others.

use std::time::Duration;

use anyhow::ensure;
use indicatif::ProgressBar;
use serde::Serialize;
use wasup_store::repo::endpoint::MAX_PER_OWNER;
use wasup_store::repo::event;

use super::effort::Effort;
use super::figures::{Spread, Times, each};
use super::options::WebhooksOptions;
use super::pace::Pace;
use super::received::{Received, received};
use super::report;
use super::settling::all_told;
use super::stage::{Setting, Stage};
use super::subscribers::{self, Subscribers};
use super::surroundings::Machine;
use super::typing::Typists;

/// Messages to each account before a run, which are not measured: they make sessions and connections.
const WARM: u64 = 2;

/// The answer.
#[derive(Serialize)]
struct Figures {
    accounts: u16,
    rate: u32,
    seconds: u64,
    lost: u64,
    duplicated: u64,
    redelivered: u64,
    runs: Vec<Run>,
    dead: Option<Beside>,
}

/// One run with so many endpoints.
#[derive(Debug, Clone, Serialize)]
struct Run {
    endpoints: u16,
    messages: u64,
    deliveries: u64,
    lost: u64,
    /// From the commit of the event to the first byte at each receiver.
    commit_to_webhook_ms: Spread,
    /// The gateway's processor time by message: receiving it, storing it, and all its deliveries.
    cpu_us_per_message: f64,
    /// ... less what a message costs without endpoints, by delivery.
    cpu_us_per_delivery: f64,
}

/// The last run again, beside endpoints that never answer.
#[derive(Serialize)]
struct Beside {
    dead: u16,
    timeout_s: u8,
    /// The endpoints that answer.
    healthy: Run,
    /// Their 99th percentile by what it was without the dead ones, in the run before.
    p99_ratio: f64,
}

/// What all runs share.
struct Bench<'a> {
    options: &'a WebhooksOptions,
    stage: Stage,
    subscribers: Subscribers,
    typists: Typists,
    seed: u64,
    /// Runs so far: their texts differ.
    runs: u32,
    /// Processor time of a message without endpoints.
    bare: Duration,
}

pub(super) async fn run(options: &WebhooksOptions) -> anyhow::Result<bool> {
    let most = usize::from(options.counts().last().copied().unwrap_or(0) + options.dead);
    let room = usize::from(options.accounts) * MAX_PER_OWNER;
    ensure!(most <= room, "{most} endpoints need more accounts: one can have {MAX_PER_OWNER}");
    let (seed, machine) = (options.common.seed(), Machine::here());
    let setting = Setting { accounts: options.accounts, webhook: None, keys: Vec::new() };
    let stage = Stage::set(setting, &options.common).await?;
    let (subscribers, typists) = (Subscribers::of(options.accounts), Typists::make(&stage).await?);
    let mut bench = Bench { options, stage, subscribers, typists, seed, runs: 0, bare: Duration::ZERO };
    let counts = options.counts();
    let bar = report::progress("endpoints", counts.len() as u64 + 1, &options.common);
    let mut runs = vec![bench.measure(&bar).await?];
    for count in counts {
        bench.subscribers.grow(&bench.stage, count).await?;
        runs.push(bench.measure(&bar).await?);
    }
    let dead = match options.dead {
        0 => None,
        dead => Some(bench.beside(dead, runs.last(), &bar).await?),
    };
    bar.finish_and_clear();
    let all = || runs.iter().chain(dead.iter().map(|beside| &beside.healthy));
    let lost = all().map(|run| run.lost).sum();
    let (duplicated, redelivered) = bench.stage.receiver.duplicates_and_repeats();
    let figures = Figures {
        accounts: options.accounts,
        rate: options.rate,
        seconds: options.seconds,
        lost,
        duplicated,
        redelivered,
        runs,
        dead,
    };
    bench.stage.strike().await?;
    report::print("webhooks", &figures, seed, &machine, &options.common)?;
    Ok(figures.lost == 0 && figures.duplicated == 0)
}

impl Bench<'_> {
    async fn beside(&mut self, dead: u16, before: Option<&Run>, bar: &ProgressBar) -> anyhow::Result<Beside> {
        subscribers::dead(&self.stage, dead, self.options.dead_timeout).await?;
        let healthy = self.measure(bar).await?;
        let without = before.map_or(0.0, |run| run.commit_to_webhook_ms.p99);
        let p99_ratio = each(healthy.commit_to_webhook_ms.p99, without);
        Ok(Beside { dead, timeout_s: self.options.dead_timeout, healthy, p99_ratio })
    }

    /// A run with the endpoints that there are.
    async fn measure(&mut self, bar: &ProgressBar) -> anyhow::Result<Run> {
        self.typed(WARM * u64::from(self.options.accounts)).await?;
        let effort = Effort::now();
        let messages = u64::from(self.options.rate) * self.options.seconds;
        let received = self.typed(messages).await?;
        let spent = Effort::now().since(effort).gateway;
        ensure!(received.len() as u64 == messages, "{} of {messages} messages were received", received.len());
        bar.inc(1);
        if self.subscribers.count() == 0 {
            self.bare = spent;
        }
        let (times, lost) = self.lags(&received);
        let deliveries = times.spread().count;
        let us = |time: Duration| time.as_secs_f64() * 1e6;
        Ok(Run {
            endpoints: self.subscribers.count(),
            messages,
            deliveries,
            lost,
            commit_to_webhook_ms: times.spread(),
            cpu_us_per_message: each(us(spent), messages as f64),
            cpu_us_per_delivery: each(us(spent.saturating_sub(self.bare)), deliveries as f64),
        })
    }

    /// Lets the phones type so many messages, and waits until they are received and told.
    async fn typed(&mut self, messages: u64) -> anyhow::Result<Vec<Received>> {
        self.runs += 1;
        let prefix = format!("run-{:x}-{}-", self.seed, self.runs);
        let told = self.stage.receiver.received() as u64;
        let after = self.stage.gateway.store().read(event::last).await?;
        self.typists.write(&self.stage, &prefix, messages, Pace::per_second(self.options.rate)).await?;
        let received = received(&self.stage, after, &prefix, messages).await?;
        let deliveries: usize = received.values().map(|one| self.subscribers.of_account(one.place).count()).sum();
        all_told(&self.stage, told + deliveries as u64, &ProgressBar::hidden()).await;
        Ok(received.into_values().collect())
    }

    /// From commit to first byte, of each message to each endpoint of its account; and how many were not told.
    fn lags(&self, received: &[Received]) -> (Times, u64) {
        let (mut times, mut lost) = (Times::default(), 0);
        for one in received {
            // Everything that is waited for is on disk.
            let Some(committed) = self.stage.commits.at(one.position) else { continue };
            for endpoint in self.subscribers.of_account(one.place) {
                match self.stage.receiver.told_to(endpoint, &one.message) {
                    Some(told) => times.note(told.at.saturating_duration_since(committed)),
                    None => lost += 1,
                }
            }
        }
        (times, lost)
    }
}
