//! `wasup bench accounts`: many linked accounts, a restart, what the fresh process takes, and what the others notice when
//! some of their actors break.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use secrecy::SecretString;
use serde::Serialize;
use tokio::net::TcpListener;

use super::child::Process;
use super::effort::Resident;
use super::figures::{each, rounded};
use super::kills::{Kills, kill};
use super::network::SandboxProcess;
use super::options::AccountsOptions;
use super::players::{Player, make_and_link_all, players};
use super::report;
use super::stage::Folder;
use super::surroundings::Machine;
use crate::demo::client::ApiClient;

/// Longest time for a gateway to be ready, or for its accounts to connect.
const PATIENCE: Duration = Duration::from_secs(300);

/// Longest time for all to be connected after a restart.
const IN_TIME_MS: f64 = 30_000.0;

/// Most memory of one account, in bytes.
const MEMORY_MAX: f64 = 500_000.0;

/// Accounts from which on the memory of one can be told from that of the process.
const MANY: u16 = 100;

/// One wait at the network.
const ONE_WAIT: Duration = Duration::from_secs(60);

/// Time between two questions to a gateway that starts.
const LOOK: Duration = Duration::from_millis(20);

/// The gateway's key: the run is on loopback and ends with its folder.
const KEY: &str = "bench-key-of-loopback-only";

/// Connects at once: the default, said here because it is judged.
const CONNECTS: u64 = 16;

/// Memory of the store's page cache in all runs.
const CACHE: &str = "16 MiB";

#[derive(Serialize)]
struct Figures {
    accounts: u16,
    /// Accounts that the gateway calls connected at the end.
    connected: u64,
    /// From the start of the process until all are connected.
    ready_ms: f64,
    /// Resident with all accounts connected.
    rss_bytes: u64,
    /// (resident with all - resident with none) / accounts.
    rss_per_account_bytes: f64,
    /// Resident with none, taken the same way.
    rss_base_bytes: u64,
    /// The same without the program's file.
    anonymous_per_account_bytes: f64,
    /// Most connections that were being made at once, as the network saw it: open, and not live yet.
    connects_in_flight_max: u64,
    /// The configured limit of it.
    connects_in_flight_limit: u64,
    /// From the first pairing to the last connection, before the restart.
    pairing_ms: f64,
    cache: &'static str,
    prekeys: &'static str,
    settle_s: u64,
    kills: Kills,
    promises: Promises,
}

/// What is promised, and whether it was kept.
#[derive(Serialize)]
struct Promises {
    /// All connected, within 30 s of the start of the process.
    all_connected_in_time: bool,
    /// Never more connects at once than configured.
    connects_within_limit: bool,
    /// At most 0.5 MB for each connected idle account; not judged with fewer than 100, where the process's own
    /// moods weigh more than the accounts.
    memory_within_limit: Option<bool>,
    /// Accounts whose actors broke came back, and no other one logged in again.
    others_noticed_nothing: bool,
}

impl Promises {
    fn kept(&self) -> bool {
        self.all_connected_in_time
            && self.connects_within_limit
            && self.memory_within_limit != Some(false)
            && self.others_noticed_nothing
    }
}

/// A gateway in a process of its own.
struct Gateway {
    process: Process,
    api: ApiClient,
    begun: Instant,
}

pub(super) async fn run(options: &AccountsOptions) -> anyhow::Result<bool> {
    let (seed, machine) = (options.common.seed(), Machine::here());
    let folder = Folder::of(&options.common)?;
    let sandbox = SandboxProcess::start().await?;
    let settle = Duration::from_secs(options.settle);
    let bar = report::progress("steps", 4, &options.common);
    let base = baseline(folder.path(), sandbox.url(), settle).await?;
    bar.inc(1);
    let players = players(options.accounts);
    let place = Place::make(folder.path(), "many", sandbox.url())?;
    let pairing_ms = link(&place, &sandbox, &players).await?;
    bar.inc(1);
    let again = place.start().await?;
    wait_connected(&sandbox, &again, options.accounts).await?;
    let ready_ms = ms(again.begun.elapsed());
    bar.inc(1);
    tokio::time::sleep(settle).await;
    let resident = Resident::of(again.process.number());
    let connected = again.api.connected().await?;
    let connects_in_flight_max = sandbox.control().live().await?.connecting_peak;
    let count = options.kill.unwrap_or(options.accounts.div_ceil(10)).min(options.accounts);
    let kills = kill(&again.api, sandbox.control(), &players, count.into(), seed).await?;
    again.process.end().await?;
    sandbox.end().await?;
    bar.finish_and_clear();

    let share = |with: u64, without: u64| each(with as f64 - without as f64, f64::from(options.accounts));
    let rss_per_account_bytes = share(resident.rss_bytes, base.rss_bytes);
    let promises = Promises {
        all_connected_in_time: connected == u64::from(options.accounts) && ready_ms <= IN_TIME_MS,
        connects_within_limit: connects_in_flight_max <= CONNECTS,
        memory_within_limit: (options.accounts >= MANY).then_some(rss_per_account_bytes <= MEMORY_MAX),
        others_noticed_nothing: kills.held(),
    };
    let kept = promises.kept();
    let figures = Figures {
        accounts: options.accounts,
        connected,
        ready_ms,
        rss_bytes: resident.rss_bytes,
        rss_per_account_bytes,
        rss_base_bytes: base.rss_bytes,
        anonymous_per_account_bytes: share(resident.anonymous_bytes, base.anonymous_bytes),
        connects_in_flight_max,
        connects_in_flight_limit: CONNECTS,
        pairing_ms,
        cache: CACHE,
        prekeys: "default",
        settle_s: options.settle,
        kills,
        promises,
    };
    report::print("accounts", &figures, seed, &machine, &options.common)?;
    Ok(kept)
}

/// Links every account, and ends the gateway that did; how long that took.
async fn link(place: &Place, sandbox: &SandboxProcess, players: &[Player]) -> anyhow::Result<f64> {
    let first = place.start().await?;
    make_and_link_all(&first.api, sandbox.control(), players).await?;
    wait_connected(sandbox, &first, u16::try_from(players.len())?).await?;
    let took = ms(first.begun.elapsed());
    first.process.end().await?;
    sandbox.control().wait_live(0, ONE_WAIT).await.context("connections outlive their gateway")?;
    sandbox.control().forget_peak().await?;
    Ok(took)
}

fn ms(time: Duration) -> f64 {
    rounded(time.as_secs_f64() * 1e3)
}

/// What a gateway without accounts takes, after a restart as well.
async fn baseline(folder: &Path, url: &str, settle: Duration) -> anyhow::Result<Resident> {
    let place = Place::make(folder, "none", url)?;
    place.start().await?.process.end().await?;
    let gateway = place.start().await?;
    tokio::time::sleep(settle).await;
    let resident = Resident::of(gateway.process.number());
    gateway.process.end().await?;
    Ok(resident)
}

/// Waits until the network and the gateway agree that all are connected. The network is asked first: its answer costs
/// the gateway nothing.
async fn wait_connected(sandbox: &SandboxProcess, gateway: &Gateway, accounts: u16) -> anyhow::Result<()> {
    let wanted = usize::from(accounts);
    while gateway.begun.elapsed() < PATIENCE {
        if sandbox.control().wait_live(wanted, ONE_WAIT).await.is_ok() {
            while gateway.api.connected().await? < u64::from(accounts) && gateway.begun.elapsed() < PATIENCE {
                tokio::time::sleep(LOOK).await;
            }
            return Ok(());
        }
    }
    let live = sandbox.control().live().await?;
    bail!("{} of {accounts} accounts are connected after {PATIENCE:?}", live.devices)
}

/// Where a gateway keeps its things.
struct Place {
    config: PathBuf,
}

impl Place {
    fn make(folder: &Path, name: &str, url: &str) -> anyhow::Result<Self> {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder)?;
        let quoted = |path: &Path| toml::Value::from(path.display().to_string()).to_string();
        let text = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\napi_key = \"{KEY}\"\ndrain_delay = \"0s\"\n\
             [data]\ndir = {}\ncache = \"{CACHE}\"\nfree_space_floor = \"16 MiB\"\n\
             [log]\nlevel = \"error\"\n[link]\nurl = \"{url}\"\nconnects_in_flight = {CONNECTS}\n\
             [qr]\nprint_in_terminal = false\n",
            quoted(&folder.join("data")),
        );
        let config = folder.join("wasup.toml");
        std::fs::write(&config, text)?;
        Ok(Self { config })
    }

    async fn start(&self) -> anyhow::Result<Gateway> {
        // Between this and the start somebody else may take the port; the start would then fail, and say so.
        let address = TcpListener::bind(("127.0.0.1", 0)).await?.local_addr()?;
        let text = std::fs::read_to_string(&self.config)?;
        let listen = text.lines().find(|line| line.starts_with("listen")).context("a config without an address")?;
        std::fs::write(&self.config, text.replacen(listen, &format!("listen = \"{address}\""), 1))?;
        let begun = Instant::now();
        let config = self.config.to_str().context("the folder's name is not UTF-8")?;
        let process = Process::start(&["serve", "--config", config])?;
        let api = ApiClient::new(format!("http://{address}"), SecretString::from(KEY))?;
        while !api.is_ready().await {
            if begun.elapsed() > PATIENCE || process.number() == 0 {
                bail!("the gateway does not start");
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(Gateway { process, api, begun })
    }
}
