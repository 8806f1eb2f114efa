//! Throughput of the real commits, on sled, durable: received messages with one endpoint an account, and accepted sends;
//! each over a plain and over an encrypted store, in turn, with what encryption leaves of the rate.
//!
//! `cargo run --release -p wasup-store --example inbound_throughput [seconds] [rounds]`: two lines a number of writers.
#![expect(clippy::print_stdout, reason = "its output is its purpose")]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use wasup_store::id::{AccountNo, DEFAULT_TENANT, EndpointId, Epoch};
use wasup_store::jid::Jid;
use wasup_store::records::{Content, Desired, EndpointRecord, Lane, Participant};
use wasup_store::repo::account::{self, NewAccount};
use wasup_store::repo::inbound::{self, InboundBatch, NewInbound};
use wasup_store::repo::send::{self, Idempotency, NewSend};
use wasup_store::repo::{counters, endpoint};
use wasup_store::{Durability, MasterKey, Store, StoreError};

const NOW: u64 = 1_800_000_000_000;

type Failed = Box<dyn Error + Send + Sync>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Failed> {
    let seconds = std::env::args().nth(1).map_or(Ok(4), |text| text.parse())?;
    let rounds = std::env::args().nth(2).map_or(Ok(1), |text| text.parse::<u32>())?;
    println!(
        "work     writers  encrypted  per second  p50 ms  p99 ms  cpu us each  rows each  jobs a group  bytes each"
    );
    for work in [Work::Receive, Work::Accept] {
        for writers in [1, 16, 256] {
            let (mut plain, mut encrypted) = (Cost::default(), Cost::default());
            // In turn, so that both meet the same moods of the disk.
            for _ in 0..rounds {
                plain.add(measure(work, writers, Duration::from_secs(seconds), None).await?);
                let key = MasterKey::new(rand::random());
                encrypted.add(measure(work, writers, Duration::from_secs(seconds), Some(&key)).await?);
            }
            println!(
                "{:8} {writers:7}  encrypted: {:.2} of the plain rate, {:.2} times the plain processor time",
                format!("{work:?}"),
                encrypted.rate() / plain.rate(),
                encrypted.cpu_each() / plain.cpu_each(),
            );
        }
    }
    Ok(())
}

#[derive(Debug, Clone, Copy)]
enum Work {
    Receive,
    Accept,
}

/// What some messages cost.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    count: u64,
    elapsed: Duration,
    /// Processor time of the whole process: other work on the machine hardly moves it.
    cpu: Duration,
}

impl Cost {
    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.elapsed += other.elapsed;
        self.cpu += other.cpu;
    }

    fn rate(self) -> f64 {
        self.count as f64 / self.elapsed.as_secs_f64()
    }

    fn cpu_each(self) -> f64 {
        self.cpu.as_secs_f64() / self.count as f64
    }
}

/// Processor time of this process so far, from the kernel's ticks of 10 ms.
fn cpu() -> Result<Duration, Failed> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    let ticks: Vec<u64> = fields.skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(Duration::from_millis(10 * ticks.iter().sum::<u64>()))
}

async fn measure(work: Work, writers: u64, span: Duration, key: Option<&MasterKey>) -> Result<Cost, Failed> {
    let folder = tempfile::tempdir()?;
    let store = Store::open_with(folder.path(), 64 << 20, key)?;
    let mut accounts = Vec::new();
    for n in 0..writers {
        accounts.push(prepare(&store, n).await?);
    }
    let (before, begun, cpu_before) = (store.stats(), Instant::now(), cpu()?);
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut tasks = tokio::task::JoinSet::new();
    for (no, epoch) in accounts.iter().copied() {
        let (store, stop, done) = (store.clone(), Arc::clone(&stop), Arc::clone(&done));
        tasks.spawn(async move {
            let mut took = Vec::new();
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) {
                n += 1;
                let begun = Instant::now();
                match work {
                    Work::Receive => receive(&store, no, epoch, n).await?,
                    Work::Accept => accept(&store, no, n).await?,
                }
                took.push(begun.elapsed());
                done.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<_, Failed>(took)
        });
    }
    tokio::time::sleep(span).await;
    stop.store(true, Ordering::Relaxed);
    let mut took = Vec::new();
    while let Some(task) = tasks.join_next().await {
        took.extend(task??);
    }
    let (elapsed, count, after) = (begun.elapsed(), done.load(Ordering::Relaxed), store.stats());
    let cost = Cost { count, elapsed, cpu: cpu()?.saturating_sub(cpu_before) };
    check(&store, work, &accounts, count).await?;
    took.sort_unstable();
    let at = |part: usize| took.get(took.len() * part / 100).copied().unwrap_or_default().as_secs_f64() * 1e3;
    println!(
        "{:8} {writers:7}  {:9}  {:10.0}  {:6.2}  {:6.2}  {:11.0}  {:9.2}  {:12.1}  {:10.0}",
        format!("{work:?}"),
        if key.is_some() { "yes" } else { "no" },
        cost.rate(),
        at(50),
        at(99),
        cost.cpu_each() * 1e6,
        (after.rows - before.rows) as f64 / count as f64,
        (after.jobs - before.jobs) as f64 / (after.groups - before.groups) as f64,
        (after.disk_bytes - before.disk_bytes) as f64 / count as f64,
    );
    Ok(cost)
}

/// The counters must say what the writers were told.
async fn check(store: &Store, work: Work, accounts: &[(AccountNo, Epoch)], count: u64) -> Result<(), Failed> {
    let mut counted = 0;
    for (no, _) in accounts {
        let counters = store.read(|tx| counters::account(tx, *no)).await?;
        counted += match work {
            Work::Receive => counters.received,
            Work::Accept => counters.outbox_depth(),
        };
    }
    if counted == count { Ok(()) } else { Err(format!("{count} answers, but {counted} counted").into()) }
}

async fn prepare(store: &Store, n: u64) -> Result<(AccountNo, Epoch), Failed> {
    let new = NewAccount {
        id: format!("account-{n}").parse()?,
        tenant: DEFAULT_TENANT,
        name: String::new(),
        desired: Desired::Running,
        default_region: None,
        autostart: true,
        metadata: None,
        now_ms: NOW,
    };
    let made = store.write(Durability::Relaxed, move |tx| account::create(tx, &new)).await?;
    let url = "http://127.0.0.1:8080/hooks/wasup".into();
    let record = EndpointRecord::new(EndpointId::new(NOW, n), made.no, url, vec![7; 32], NOW);
    store.write(Durability::Relaxed, move |tx| endpoint::put(tx, &record, NOW)).await?;
    Ok((made.no, made.epoch))
}

/// One of twenty humans, known by both addresses.
fn human(n: u64) -> Result<Participant, Failed> {
    let lid: Jid = format!("9000{}@lid", n % 20).parse()?;
    Ok(Participant { jid: lid.clone(), phone: Some(format!("62812000{}", n % 20)), lid: Some(lid) })
}

async fn receive(store: &Store, no: AccountNo, epoch: Epoch, n: u64) -> Result<(), Failed> {
    let from = human(n)?;
    let message = NewInbound {
        provider_id: format!("3EB0{n:016X}"),
        chat: from.clone(),
        sender: Some(from),
        from_me: false,
        group: false,
        ts_ms: NOW + n,
        rand: rand::random(),
        content: Content::Text { body: "a message of an ordinary length, as people write them all day".into() },
        push_name: Some("Someone".into()),
    };
    let batch = InboundBatch { no, epoch, now_ms: NOW + n, messages: vec![message] };
    let kept = store.write(Durability::Durable, move |tx| inbound::commit(tx, &batch)).await?;
    if kept.len() == 1 { Ok(()) } else { Err(StoreError::Closed.into()) }
}

async fn accept(store: &Store, no: AccountNo, n: u64) -> Result<(), Failed> {
    let new = NewSend {
        no,
        chat: human(n)?,
        content: Content::Text { body: "a message of an ordinary length, as people write them all day".into() },
        lane: Lane::Interactive,
        provider_id: format!("3EB0{n:016X}"),
        rand: rand::random(),
        now_ms: NOW + n,
        client_message_id: None,
        idempotency: Some(Idempotency::new(&format!("key {n}"), [1; 32], NOW + 86_400_000)),
        outbox_max: u64::MAX,
    };
    store.write(Durability::Durable, move |tx| send::accept(tx, &new)).await?;
    Ok(())
}
