//! `wasup bench import`: a CSV file of a million contacts comes into a list over HTTP, as anybody sends it; how fast, in how
//! much memory, and how long the list's pages take afterwards.

mod campaign;
mod file;
mod looks;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use reqwest::Client;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde_json::Value;
use tokio_util::io::ReaderStream;

use super::effort::{Effort, Resident};
use super::figures::{each, rounded};
use super::house::House;
use super::options::ImportOptions;
use super::report;
use super::stage::Folder;
use super::surroundings::Machine;
use looks::Look;

/// Time between two looks at the memory.
const SAMPLE: Duration = Duration::from_millis(20);
/// Longest wait for an import.
const PATIENCE: Duration = Duration::from_secs(3_600);
/// What a look at the list may take at the 99th percentile, in milliseconds.
const LOOK_MS: f64 = 100.0;

#[derive(Serialize)]
struct Figures {
    contacts: u64,
    file_bytes: u64,
    /// The file into an empty list; the same file again.
    imports: Vec<Import>,
    idle_rss_bytes: u64,
    store_bytes: u64,
    open_s: f64,
    looks: Vec<Look>,
    export_rows_per_s: f64,
    export_peak_rss_bytes: u64,
    /// A campaign to the whole list.
    campaign: campaign::Gathered,
    /// Every look, and every start of a campaign, takes at most so long but one in a hundred.
    within_100_ms: bool,
    lost: u64,
}

#[derive(Serialize)]
struct Import {
    list: &'static str,
    /// From the first byte of the request to the end of the import.
    seconds: f64,
    rows_per_s: f64,
    upload_s: f64,
    processor_s: f64,
    peak_rss_bytes: u64,
    peak_above_idle_bytes: u64,
}

pub(super) async fn run(options: &ImportOptions) -> anyhow::Result<bool> {
    let (seed, machine) = (options.common.seed(), Machine::here());
    let folder = Folder::of(&options.common)?;
    let path = folder.path().join("contacts.csv");
    let bar = report::progress("imported", 2, &options.common);
    let file_bytes = file::write(&path, options.contacts, seed)?;
    let house = House::open(folder.path()).await?;
    let caller = Caller::of(&house)?;
    let list = caller.list().await?;
    let idle_rss_bytes = Resident::of(std::process::id()).rss_bytes;
    let (mut imports, mut lost) = (Vec::new(), 0);
    for what in ["empty", "full"] {
        let (import, done) = caller.import(&list, &path, options.contacts, (what, idle_rss_bytes)).await?;
        let of = |word: &str| done["rows"][word].as_u64().unwrap_or(0);
        let taken = if what == "empty" { of("added") } else { of("known") };
        lost += options.contacts.abs_diff(taken);
        imports.push(import);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let store_bytes = house.gateway.store().stats().disk_bytes;
    house.close().await?;

    let begun = Instant::now();
    let house = House::open(folder.path()).await?;
    let open_s = rounded(begun.elapsed().as_secs_f64());
    let looks = looks::all(&house.callers, &list, options, seed).await?;
    let caller = Caller::of(&house)?;
    let peak = Peak::watch();
    let begun = Instant::now();
    let rows = caller.export(&list).await?;
    let export_rows_per_s = each(rows as f64, begun.elapsed().as_secs_f64());
    let export_peak_rss_bytes = peak.end();
    lost += options.contacts.abs_diff(rows);
    let campaign = campaign::gather(&house, &caller, &list, options.contacts).await?;
    house.close().await?;

    let within_100_ms =
        looks.iter().all(|look| look.ms.p99 <= LOOK_MS) && campaign.start_ms.p99.max(campaign.page_ms.p99) <= LOOK_MS;
    let figures = Figures {
        contacts: options.contacts,
        file_bytes,
        imports,
        idle_rss_bytes,
        store_bytes,
        open_s,
        looks,
        export_rows_per_s,
        export_peak_rss_bytes,
        campaign,
        within_100_ms,
        lost,
    };
    report::print("import", &figures, seed, &machine, &options.common)?;
    Ok(figures.lost == 0 && figures.within_100_ms)
}

/// The most memory that the process takes while it is watched.
struct Peak {
    most: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

impl Peak {
    fn watch() -> Self {
        let (most, ended) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (noting, ending) = (Arc::clone(&most), Arc::clone(&ended));
        let thread = std::thread::spawn(move || {
            while !ending.load(Ordering::Relaxed) {
                noting.fetch_max(Resident::of(std::process::id()).rss_bytes, Ordering::Relaxed);
                std::thread::park_timeout(SAMPLE);
            }
        });
        Self { most, ended, thread }
    }

    fn end(self) -> u64 {
        self.ended.store(true, Ordering::Relaxed);
        // It can't panic: it only reads a file.
        let _ = self.thread.join();
        self.most.load(Ordering::Relaxed)
    }
}

/// Whoever sends the file.
struct Caller {
    client: Client,
    base: String,
    key: String,
}

impl Caller {
    fn of(house: &House) -> anyhow::Result<Self> {
        let client = Client::builder().no_proxy().build()?;
        let base = format!("http://{}", house.gateway.address);
        Ok(Self { client, base, key: house.gateway.api_key.key.expose_secret().to_owned() })
    }

    async fn list(&self) -> anyhow::Result<String> {
        let body = serde_json::json!({"name": "bench"});
        let sent = self.client.post(format!("{}/v1/lists", self.base)).bearer_auth(&self.key).json(&body).send();
        let made: Value = sent.await?.error_for_status()?.json().await?;
        made["id"].as_str().map(str::to_owned).context("a list without an id")
    }

    async fn import(
        &self,
        list: &str,
        file: &Path,
        contacts: u64,
        (what, idle): (&'static str, u64),
    ) -> anyhow::Result<(Import, Value)> {
        let (peak, before, begun) = (Peak::watch(), Effort::now(), Instant::now());
        let file = tokio::fs::File::open(file).await?;
        let body = reqwest::Body::wrap_stream(ReaderStream::with_capacity(file, 64 * 1_024));
        let to = format!("{}/v1/lists/{list}/import?wait=0s", self.base);
        let sent = self.client.post(to).bearer_auth(&self.key).body(body).send();
        let sent: Value = sent.await?.error_for_status()?.json().await?;
        let upload_s = begun.elapsed().as_secs_f64();
        let id = sent["id"].as_str().context("an import without an id")?;
        let at = format!("{}/v1/lists/{list}/imports/{id}", self.base);
        let done = loop {
            let now: Value = self.client.get(&at).bearer_auth(&self.key).send().await?.json().await?;
            if now["state"] != "running" {
                break now;
            }
            ensure!(begun.elapsed() < PATIENCE, "the import does not end");
            tokio::time::sleep(SAMPLE).await;
        };
        let seconds = begun.elapsed().as_secs_f64();
        ensure!(done["state"] == "completed", "the import ends as {done}");
        let effort = Effort::now().since(before);
        let peak_rss_bytes = peak.end();
        let import = Import {
            list: what,
            seconds: rounded(seconds),
            rows_per_s: each(contacts as f64, seconds),
            upload_s: rounded(upload_s),
            processor_s: rounded((effort.gateway + effort.load).as_secs_f64()),
            peak_rss_bytes,
            peak_above_idle_bytes: peak_rss_bytes.saturating_sub(idle),
        };
        Ok((import, done))
    }

    /// Rows of the exported file.
    async fn export(&self, list: &str) -> anyhow::Result<u64> {
        let from = format!("{}/v1/lists/{list}/export", self.base);
        let mut answer = self.client.get(from).bearer_auth(&self.key).send().await?.error_for_status()?;
        let mut lines = 0;
        while let Some(piece) = answer.chunk().await? {
            lines += piece.iter().filter(|byte| **byte == b'\n').count() as u64;
        }
        Ok(lines.saturating_sub(1))
    }
}
