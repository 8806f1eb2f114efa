//! `wasup bench store`: the real commit of a received message, durable, on sled, by several writers at once.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde::Serialize;
use tokio::task::JoinSet;
use wasup_store::id::{AccountNo, DEFAULT_TENANT, EndpointId, Epoch, Millis};
use wasup_store::jid::Jid;
use wasup_store::records::{AccountSettings, AccountSource, Content, Desired, EndpointRecord, Participant};
use wasup_store::repo::account::{self, NewAccount};
use wasup_store::repo::inbound::{self, InboundBatch, InboundOutcome, NewInbound};
use wasup_store::repo::{counters, endpoint};
use wasup_store::{Durability, Store, StoreError};

use super::figures::{Spread, Times, each, rounded};
use super::options::StoreOptions;
use super::report;
use super::stage::Folder;
use super::surroundings::Machine;

/// The time in the messages; the store keeps its own.
const BEGINNING: Millis = 1_800_000_000_000;

/// Page cache, as `data.cache` has it.
const CACHE: u64 = 64 << 20;

/// What is written: an ordinary message.
const TEXT: &str = "a message of an ordinary length, as people write them all day";

#[derive(Serialize)]
struct Figures {
    runs: Vec<Run>,
    lost: u64,
    duplicated: u64,
}

#[derive(Serialize)]
struct Run {
    writers: u16,
    commits: u64,
    commits_per_s: f64,
    commit_ms: Spread,
    commits_per_group: f64,
    rows_per_commit: f64,
    disk_bytes_per_commit: f64,
    /// Commits that were answered and are not counted in the store.
    #[serde(skip)]
    lost: u64,
    #[serde(skip)]
    duplicated: u64,
}

pub(super) async fn run(options: &StoreOptions) -> anyhow::Result<bool> {
    let (seed, machine) = (options.common.seed(), Machine::here());
    let folder = Folder::of(&options.common)?;
    let bar = report::progress("store", options.writers.len() as u64, &options.common);
    let mut figures = Figures { runs: Vec::new(), lost: 0, duplicated: 0 };
    for (n, writers) in options.writers.iter().enumerate() {
        let path = folder.path().join(format!("{n}-writers-{writers}"));
        let run = measure(&path, *writers, Duration::from_secs(options.seconds), seed).await?;
        figures.lost += run.lost;
        figures.duplicated += run.duplicated;
        figures.runs.push(run);
        bar.inc(1);
    }
    bar.finish_and_clear();
    report::print("store", &figures, seed, &machine, &options.common)?;
    Ok(figures.lost == 0 && figures.duplicated == 0)
}

async fn measure(path: &Path, writers: u16, span: Duration, seed: u64) -> anyhow::Result<Run> {
    ensure!(writers > 0, "at least one writer");
    let store = Store::open(path, CACHE)?;
    let mut accounts = Vec::new();
    for n in 0..writers {
        accounts.push(prepare(&store, n).await?);
    }
    let (before, begun) = (store.stats(), Instant::now());
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for (n, (no, epoch)) in accounts.iter().copied().enumerate() {
        let writer = Writer { store: store.clone(), no, epoch, rng: StdRng::seed_from_u64(seed ^ n as u64) };
        tasks.spawn(writer.write_until(Arc::clone(&stop)));
    }
    tokio::time::sleep(span).await;
    stop.store(true, Ordering::Relaxed);
    let mut times = Times::default();
    while let Some(done) = tasks.join_next().await {
        times.absorb(&done.context("a writer panicked")??);
    }
    let (elapsed, after) = (begun.elapsed(), store.stats());
    let spread = times.spread();
    let commits = spread.count;
    let counted = received(&store, &accounts).await?;
    Ok(Run {
        writers,
        commits,
        commits_per_s: rounded(commits as f64 / elapsed.as_secs_f64()),
        commit_ms: spread,
        commits_per_group: each((after.jobs - before.jobs) as f64, (after.groups - before.groups) as f64),
        rows_per_commit: each((after.rows - before.rows) as f64, commits as f64),
        disk_bytes_per_commit: each((after.disk_bytes.saturating_sub(before.disk_bytes)) as f64, commits as f64),
        lost: commits.saturating_sub(counted),
        duplicated: counted.saturating_sub(commits),
    })
}

/// How many received messages the store counts: it must be as many as were answered.
async fn received(store: &Store, accounts: &[(AccountNo, Epoch)]) -> Result<u64, StoreError> {
    let mut sum = 0;
    for (no, _) in accounts {
        sum += store.read(|tx| counters::account(tx, *no)).await?.received;
    }
    Ok(sum)
}

/// An account with one webhook for everything.
async fn prepare(store: &Store, n: u16) -> anyhow::Result<(AccountNo, Epoch)> {
    let new = NewAccount {
        id: format!("bench-{n:04}").parse()?,
        tenant: DEFAULT_TENANT,
        name: String::new(),
        desired: Desired::Running,
        default_region: None,
        autostart: true,
        metadata: None,
        note: None,
        settings: AccountSettings::default(),
        source: AccountSource::Api,
        now_ms: BEGINNING,
    };
    let made = store.write(Durability::Relaxed, move |tx| account::create(tx, &new)).await?;
    let url = "http://127.0.0.1:8080/hooks/wasup".into();
    let record = EndpointRecord::new(EndpointId::new(BEGINNING, u64::from(n)), made.no, url, vec![7; 32], BEGINNING);
    store.write(Durability::Durable, move |tx| endpoint::put(tx, &record, BEGINNING)).await?;
    Ok((made.no, made.epoch))
}

struct Writer {
    store: Store,
    no: AccountNo,
    epoch: Epoch,
    rng: StdRng,
}

impl Writer {
    async fn write_until(mut self, stop: Arc<AtomicBool>) -> anyhow::Result<Times> {
        let mut times = Times::default();
        for n in 0.. {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let batch = self.batch(n)?;
            let begun = Instant::now();
            let kept = self.store.write(Durability::Durable, move |tx| inbound::commit(tx, &batch)).await?;
            times.note(begun.elapsed());
            ensure!(matches!(kept[..], [InboundOutcome::Stored(_)]), "a new message was taken for a known one");
        }
        Ok(times)
    }

    /// One message of one of twenty humans, known by both addresses.
    fn batch(&mut self, n: u64) -> anyhow::Result<InboundBatch> {
        let human = self.rng.random_range(0..20);
        let lid: Jid = format!("9000{human}@lid").parse()?;
        let from = Participant { jid: lid.clone(), phone: Some(format!("62812000{human}")), lid: Some(lid) };
        let message = NewInbound {
            provider_id: format!("3EB0{n:016X}"),
            chat: from.clone(),
            sender: Some(from),
            from_me: false,
            group: false,
            ts_ms: BEGINNING + n,
            rand: self.rng.random(),
            content: Content::text(TEXT),
            context: None,
            secret: None,
            push_name: Some("Someone".into()),
        };
        Ok(InboundBatch { no: self.no, epoch: self.epoch, now_ms: BEGINNING + n, messages: vec![message] })
    }
}
