//! The composition root: opens the store, starts the tree over it, serves the API, and stops all of it in order.

use std::fs::DirBuilder;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use wasup_actors::{Nudges, Ports, Prepared, QrListener, Tree};
use wasup_sessions::link::WhatsAppLinks;
use wasup_sessions::ports::LinkError;
use wasup_store::repo::media::link_key;
use wasup_store::repo::persistence;
use wasup_store::shelf::{Shelf, ShelfError, ShelfLimits, Tidied};
use wasup_store::{Durability, EngineError, SpaceFloor, Store};

use crate::api::view::EventBody;
use crate::api::{ApiState, Backups, Door, Settings as ApiSettings, StreamSettings, Streams, router};
use crate::api_key::{ApiKey, ApiKeyError, obtain};
use crate::config::{Config, ConfigError, read_accounts};
use crate::declared::{Checked, Committed, DeclareError, Reloader, commit, in_the_files_name};
use crate::encryption_key::EncryptionKeyError;
use crate::health::{Health, Parts};
use crate::imports::{ImportFolder, Imports, Limits as ImportLimits};
use crate::media::{FileFetcher, Intake, MediaLinks, Scanner};
use crate::metrics::{HttpMeters, Metrics, ScanMeters};
use crate::serving::{Limits as ServingLimits, serve};
use crate::telemetry::Logs;
use crate::webhook_http::{Reach, WebhookHttp};
use crate::wiring::{file_ports, limits, link_settings, tree_settings};

/// Time that is left to running requests once long polls were ended.
const LAST_REQUESTS: Duration = Duration::from_secs(5);

/// Time that is left to live streams once connections were ended: they were told when those were.
const FAREWELL: Duration = Duration::from_secs(3);

/// The request id of what the accounts file does when the process starts.
const AT_START: &str = "accounts-file";

/// What is left to the tree in any case.
const LEAST: Duration = Duration::from_millis(500);

/// What a gateway is given beside its config.
#[derive(Default)]
pub struct Extras {
    /// Told of every QR code, for a terminal.
    pub qr_shown: Option<QrListener>,
    /// The log, where the process logs through us.
    pub logs: Option<Logs>,
}

/// Why a gateway did not start. Nothing is left running.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store can't be opened.
    #[error(transparent)]
    Store(#[from] wasup_store::OpenError),
    /// The key of the store can't be used.
    #[error(transparent)]
    EncryptionKey(#[from] EncryptionKeyError),
    /// There is no API key.
    #[error(transparent)]
    ApiKey(#[from] ApiKeyError),
    /// The accounts file is wrong.
    #[error(transparent)]
    Accounts(#[from] ConfigError),
    /// The accounts of the file could not be made.
    #[error(transparent)]
    Declare(#[from] DeclareError),
    /// The links can't be set up.
    #[error("links can't be set up")]
    Link(#[from] LinkError),
    /// No HTTP client for webhooks.
    #[error("no HTTP client for webhooks: are the system's CA certificates installed?")]
    Webhooks(#[from] reqwest::Error),
    /// Metrics can't be recorded.
    #[error("metrics can't be recorded")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
    /// What of messages is kept can't be set.
    #[error("the store can't be written")]
    Persistence(#[source] wasup_store::StoreError),
    /// Files of contacts can't be kept.
    #[error("the folder of imports can't be used")]
    Imports(#[source] io::Error),
    /// The files can't be kept.
    #[error("the folder of files can't be used")]
    Files(#[from] ShelfError),
    /// The supervision tree did not start.
    #[error("the supervision tree did not start")]
    Tree(#[from] wasup_actors::StartError),
    /// The listener is broken.
    #[error("the listener has no address")]
    Listener(#[from] std::io::Error),
}

/// Why a gateway can't go on.
#[derive(Debug)]
pub enum Breakdown {
    /// The store could not write and stopped.
    StorePoisoned(EngineError),
    /// The root supervisor spent its restarts.
    SupervisorGaveUp,
}

/// Who did not stop in time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StopReport {
    /// Names, outermost first. Empty when all went well.
    pub late: Vec<String>,
}

/// A running gateway.
pub struct Gateway {
    /// Where it listens.
    pub address: SocketAddr,
    /// The key that opens the API.
    pub api_key: ApiKey,
    tree: Tree,
    store: Store,
    streams: Streams,
    reloader: Reloader,
    serving: JoinHandle<()>,
    stopping: CancellationToken,
    ending: CancellationToken,
    drain_delay: Duration,
    shutdown_timeout: Duration,
}

/// What handlers reach beside the tree.
struct Edge {
    streams: Streams,
    imports: Imports,
    health: Health,
    backups: Backups,
    intake: Intake,
    links: MediaLinks,
    reloader: Reloader,
    settings: ApiSettings,
    logs: Option<Logs>,
    http: HttpMeters,
}

impl Edge {
    /// Everything that handlers reach.
    fn over(self, tree: &Tree) -> ApiState {
        ApiState {
            accounts: tree.accounts.clone(),
            people: tree.people.clone(),
            groups: tree.groups.clone(),
            messages: tree.messages.clone(),
            jobs: tree.jobs.clone(),
            schedules: tree.schedules.clone(),
            campaigns: tree.campaigns.clone(),
            chats: tree.chats.clone(),
            endpoints: tree.endpoints.clone(),
            lists: tree.lists.clone(),
            imports: self.imports,
            templates: tree.templates.clone(),
            streams: self.streams,
            audit: tree.audit.clone(),
            deliveries: tree.deliveries.clone(),
            clock: tree.clock.clone(),
            stats: tree.stats.clone(),
            look: tree.look.clone(),
            files: tree.files.clone(),
            intake: self.intake,
            links: self.links,
            health: self.health,
            backups: self.backups,
            reloader: self.reloader,
            settings: Arc::new(self.settings),
            logs: self.logs,
            http: self.http,
        }
    }
}

/// Sets the links up; each is opened when its account starts.
fn open_links(
    config: &Config,
    store: &Store,
    nudges: &Nudges,
    metrics: &Metrics,
    shelf: &Shelf,
) -> Result<Arc<WhatsAppLinks>, LinkError> {
    let delivering = nudges.clone();
    let committed = Arc::new(move |no| delivering.received(no));
    let links = WhatsAppLinks::new(store.clone(), link_settings(config), committed)?.with_shelf(shelf.clone());
    Ok(Arc::new(links.counting(metrics.links())))
}

/// Reads the accounts file, where there is one: a wrong file is told before a large store is opened.
fn look_at_accounts(config: &Config) -> Result<(), ConfigError> {
    if !config.accounts.file.as_os_str().is_empty() {
        read_accounts(&config.accounts.file)?;
    }
    Ok(())
}

/// Reads the accounts file again when it is told to.
fn reloader(config: &Config, reach: Reach, tree: &Tree, metrics: &Metrics) -> Reloader {
    let (accounts, endpoints) = (tree.accounts.clone(), tree.endpoints.clone());
    Reloader::new(config.accounts.file.clone(), reach, accounts, endpoints, metrics.reloads())
}

/// What keeps files, and makes links to them.
struct Files {
    intake: Intake,
    links: MediaLinks,
}

/// Opens the shelf of files, and takes away what an earlier process left there.
async fn open_files(
    config: &Config,
    store: &Store,
    space: &SpaceFloor,
    address: SocketAddr,
    scans: ScanMeters,
) -> Result<Files, StartError> {
    let media = &config.media;
    let limits = ShelfLimits { keep: media.keep.0, max_bytes: media.max_bytes.0 };
    let shelf = Shelf::open(store.clone(), &config.data.dir, limits).map_err(ShelfError::Io)?;
    let tidied = shelf.tidy().await?;
    if tidied != Tidied::default() {
        let Tidied { unfinished, stray, missing } = tidied;
        tracing::info!(unfinished, stray, missing, "put the folder of files in order");
    }
    let fetcher = FileFetcher::new(Reach::from(&config.webhooks), media.fetch_timeout.0)?;
    let fresh = rand::random();
    let key = store.write(Durability::Durable, move |tx| link_key(tx, fresh)).await.map_err(ShelfError::Store)?;
    let base = match config.server.public_url.as_str() {
        "" => format!("http://{address}"),
        given => given.to_owned(),
    };
    let life_ms = u64::try_from(media.link_life.0.as_millis()).unwrap_or(u64::MAX / 4);
    let links = MediaLinks::new(key, &base, life_ms);
    // What is no address was refused with the config.
    let scanner = media.clamd_address().ok().flatten();
    let scanner = scanner.map(|clamd| Scanner::new(clamd, media.clamd_timeout.0, media.clamd_down.into(), scans));
    Ok(Files { intake: Intake::new(shelf, media.rules(), fetcher, space.clone(), scanner), links })
}

/// Opens the folder of files of contacts. The tree goes on with those that an earlier process left.
fn open_imports(config: &Config) -> Result<Arc<ImportFolder>, StartError> {
    let limits = ImportLimits { file: config.lists.import_max.0, unpacked: config.lists.import_unpacked_max.0 };
    ImportFolder::open(&config.data.dir, limits).map(Arc::new).map_err(StartError::Imports)
}

/// Brings the store to what the config says of messages that are kept, before the first one comes.
async fn set_persistence(config: &Config, store: &Store) -> Result<(), wasup_store::StoreError> {
    let record = config.persistence.record(store.now_ms());
    let set = move |tx: &mut wasup_store::WriteTx<'_>| persistence::set_installation(tx, &record);
    store.write(Durability::Durable, set).await
}

/// Brings the store to what the accounts file says, where there is one, before any account connects by yesterday's
/// settings.
async fn declare(config: &Config, reach: Reach, tree: &Prepared) -> Result<Committed, DeclareError> {
    let path = &config.accounts.file;
    if path.as_os_str().is_empty() {
        return Ok(Committed::default());
    }
    let (accounts, endpoints) = (tree.accounts(), tree.endpoints());
    let checked = Checked::read(path, reach, &endpoints)?;
    let committed = commit(&accounts, &endpoints, &in_the_files_name(AT_START), checked).await?;
    let failures = committed.report.failures();
    if failures.is_empty() { Ok(committed) } else { Err(DeclareError::Partly(failures)) }
}

impl Gateway {
    /// Starts a gateway behind a listener, in this order: key, store, tree, accounts of the file, API.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(config: &Config, listener: TcpListener, extras: Extras) -> Result<Self, StartError> {
        let (address, metrics) = (listener.local_addr()?, Metrics::new()?);
        let meters = metrics.tree();
        look_at_accounts(config)?;
        let (store, api_key, import_files) = (open_store(config).await?, obtain(config)?, open_imports(config)?);
        let (stopping, ending, nudges) = (CancellationToken::new(), CancellationToken::new(), Nudges::new());
        set_persistence(config, &store).await.map_err(StartError::Persistence)?;
        let space = SpaceFloor::new(&config.data.dir, config.data.free_space_floor.0);
        let Files { intake, links: media_links } = open_files(config, &store, &space, address, metrics.scans()).await?;
        let links = open_links(config, &store, &nudges, &metrics, intake.shelf())?;
        let counted = Arc::clone(&links);
        let health = Health::new(Parts {
            store: store.clone(),
            space: space.clone(),
            stopping: stopping.clone(),
            began: Instant::now(),
            metrics: metrics.clone(),
            per_account: meters.per_account.clone(),
            per_account_max: config.metrics.per_account_max,
            limits: limits(config),
            logs: extras.logs.clone(),
            links: Arc::new(move || counted.stats()),
        });
        let prepared = Prepared::new(Ports {
            store: store.clone(),
            links,
            webhooks: Arc::new(WebhookHttp::new(&config.webhooks)?),
            encoder: Arc::new(EventBody::linking(media_links.clone())),
            settings: tree_settings(config, space),
            nudges,
            qr_shown: extras.qr_shown,
            meters,
            files: Some(file_ports(config, &intake)),
            imports: Some(Arc::clone(&import_files) as _),
        });
        let reach = Reach::from(&config.webhooks);
        let mut declared = declare(config, reach, &prepared).await?;
        let tree = prepared.start().await?;
        declared.stop(&tree.accounts, &in_the_files_name(AT_START)).await;
        let (reloader, imports) = (reloader(config, reach, &tree, &metrics), Imports::new(import_files, &tree));
        let streams = Streams::new(tree.events.clone(), stream_settings(config, ending.clone()), metrics.streams());
        let edge = Edge {
            streams: streams.clone(),
            imports,
            health,
            intake,
            links: media_links,
            backups: Backups::new(store.clone(), config.data.backups.clone()),
            reloader: reloader.clone(),
            settings: api_settings(config, reach, ending.clone()),
            logs: extras.logs,
            http: metrics.http(),
        };
        tokio::spawn(metrics.upkeep(ending.clone()));
        let serving = start_serving(config, listener, edge.over(&tree), &api_key.key, ending.clone());
        tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "serving");
        Ok(Self {
            address,
            api_key,
            tree,
            store,
            streams,
            reloader,
            serving,
            stopping,
            ending,
            drain_delay: config.server.drain_delay.0,
            shutdown_timeout: config.server.shutdown_timeout.0,
        })
    }

    /// Reads the accounts file again.
    #[must_use]
    pub const fn reloader(&self) -> &Reloader {
        &self.reloader
    }

    /// The supervision tree, for whoever drives the gateway from inside its process.
    #[must_use]
    pub const fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The store, for whoever measures the gateway from inside its process.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Resolves when the gateway can't go on.
    pub async fn broken(&self) -> Breakdown {
        tokio::select! {
            cause = self.store.poisoned() => Breakdown::StorePoisoned(cause),
            () = self.tree.gave_up() => Breakdown::SupervisorGaveUp,
        }
    }

    /// Stops in order: not ready but still serving; no new connections and long polls ended; accounts and webhooks
    /// drained; store closed. Each step has a deadline, so it ends even while clients keep their connections open.
    pub async fn stop(self) -> StopReport {
        self.stopping.cancel();
        tracing::info!(serving_on_ms = self.drain_delay.as_millis(), "stopping");
        tokio::time::sleep(self.drain_delay).await;
        self.ending.cancel();
        let deadline = tokio::time::Instant::now() + self.shutdown_timeout;
        let mut late = end_serving(self.serving, LAST_REQUESTS.min(self.shutdown_timeout)).await;
        if timeout(FAREWELL, self.streams.ended()).await.is_err() {
            late.push("streams".to_owned());
        }
        drop(self.streams);
        let left = deadline.saturating_duration_since(tokio::time::Instant::now()).max(LEAST);
        late.extend(self.tree.shutdown(left).await.late.iter().map(ToString::to_string));
        close_store(self.store).await;
        tell(&late);
        StopReport { late }
    }
}

fn tell(late: &[String]) {
    for what in late {
        tracing::warn!(what, "did not end in time");
    }
    tracing::info!(late = late.len(), "stopped");
}

/// Lets running requests end; who did not within `patience`.
async fn end_serving(mut serving: JoinHandle<()>, patience: Duration) -> Vec<String> {
    if timeout(patience, &mut serving).await.is_ok() {
        return Vec::new();
    }
    // The connections are tasks of this one's set and end with it.
    serving.abort();
    // It was aborted: that is its end.
    let _ = serving.await;
    vec!["requests".to_owned()]
}

/// Opening reads and may replay a log: not on a thread that serves.
async fn open_store(config: &Config) -> Result<Store, StartError> {
    let key = crate::encryption_key::obtain(config)?;
    let (dir, cache) = (config.data.dir.clone(), config.data.cache.0);
    let opened = tokio::task::spawn_blocking({
        let dir = dir.clone();
        move || {
            // Messages and keys are nobody else's business. A folder that is there keeps its owner's choice, and what
            // goes wrong here the store reports.
            let _ = DirBuilder::new().recursive(true).mode(0o700).create(&dir);
            Store::open_with(&dir, cache, key.as_ref())
        }
    });
    let opened = opened.await.unwrap_or_else(|_| {
        Err(wasup_store::OpenError::Damaged { path: dir, detail: "opening it panicked".to_owned() })
    });
    Ok(opened?)
}

/// The last handle syncs and gives the lock back: that blocks.
async fn close_store(store: Store) {
    let _ = tokio::task::spawn_blocking(move || drop(store)).await;
}

fn api_settings(config: &Config, reach: Reach, ending: CancellationToken) -> ApiSettings {
    ApiSettings {
        body_max: config.server.body_max_bytes.as_usize(),
        long_poll_max: config.server.long_poll_max.0,
        region: config.region().map(str::to_owned),
        text_max: config.send.text_max,
        // Four characters for three bytes.
        message_body_max: config.server.body_max_bytes.as_usize() + config.media.base64_max.as_usize() / 3 * 4,
        job_body_max: config.jobs.body_max.as_usize(),
        job_items_max: config.jobs.items_max,
        job_delay: config.jobs.delay(),
        campaign_pace: config.campaigns.pace(),
        reach,
        ending,
    }
}

fn stream_settings(config: &Config, ending: CancellationToken) -> StreamSettings {
    StreamSettings {
        max: config.server.streams_max,
        heartbeat: config.events.heartbeat.0,
        patience: config.events.stream_patience.0,
        ending,
    }
}

fn start_serving(
    config: &Config,
    listener: TcpListener,
    state: ApiState,
    key: &SecretString,
    ending: CancellationToken,
) -> JoinHandle<()> {
    let door = Door::new(key, &config.server.metrics_allow);
    let limits = ServingLimits {
        connections: config.server.connections_max,
        header_timeout: config.server.header_timeout.0,
        write_timeout: config.server.write_timeout.0,
    };
    let meters = state.http.clone();
    tokio::spawn(serve(listener, router(state, &door), limits, meters, ending))
}
