//! How the gateway is: for probes, for `/health`, and the gauges of `/metrics`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;
use wasup_actors::PerAccount;
use wasup_sessions::link::LinkStats;
use wasup_store::{SpaceFloor, Store, StoreError};

use crate::census::Census;
use crate::metrics::{Collected, Limits, Metrics, resident_bytes};
use crate::telemetry::Logs;

/// Asks the links what they counted.
pub type LinkCounts = Arc<dyn Fn() -> LinkStats + Send + Sync>;

/// How the gateway is. Clones are the same.
#[derive(Clone)]
pub struct Health(Arc<Parts>);

/// What the health of a gateway is made of.
pub struct Parts {
    /// The store.
    pub store: Store,
    /// The disk under it.
    pub space: SpaceFloor,
    /// Cancelled when the gateway begins to stop.
    pub stopping: CancellationToken,
    /// When it started.
    pub began: Instant,
    /// What the gateway records.
    pub metrics: Metrics,
    /// What the tree counts for each account by itself.
    pub per_account: PerAccount,
    /// How many accounts are shown by themselves.
    pub per_account_max: usize,
    /// What the links counted.
    pub links: LinkCounts,
    /// Limits in force.
    pub limits: Limits,
    /// The log, where the process keeps one.
    pub logs: Option<Logs>,
}

/// Why requests should go elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotReady {
    /// It stops.
    Stopping,
    /// The store stopped after a failed write.
    StoreStopped,
}

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthView {
    /// `ok`, `stopping` or `store_stopped`.
    #[schema(examples("ok"))]
    status: &'static str,
    /// Version of the server.
    version: &'static str,
    /// Whether this is a build for the sandbox, which connects to loopback addresses only.
    sandbox: bool,
    /// Seconds since the start.
    uptime_s: u64,
    /// What each service is doing.
    services: BTreeMap<&'static str, &'static str>,
    /// Memory of the process.
    memory: MemoryView,
    /// The store.
    store: StoreView,
    /// Accounts by phase; phases without one are left out.
    accounts: BTreeMap<&'static str, u64>,
    /// Messages that wait to be sent.
    outbox_messages: u64,
    /// Webhook deliveries that are not decided.
    deliveries_pending: u64,
}

/// Memory of the process.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemoryView {
    /// Bytes in memory, where the system tells.
    resident_bytes: Option<u64>,
}

/// The store.
#[derive(Debug, Serialize, ToSchema)]
pub struct StoreView {
    /// Whether it writes.
    writable: bool,
    /// Bytes on disk.
    disk_bytes: u64,
    /// Bytes free on its disk, where the system tells.
    free_bytes: Option<u64>,
    /// Writes that wait.
    waiting: u64,
    /// Number of the newest commit that is on disk.
    durable_commit: u64,
    /// Messages kept.
    messages: u64,
}

impl Health {
    /// The health of these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Why requests should go elsewhere, if they should.
    #[must_use]
    pub fn not_ready(&self) -> Option<NotReady> {
        if !self.0.store.is_writable() {
            Some(NotReady::StoreStopped)
        } else if self.0.stopping.is_cancelled() {
            Some(NotReady::Stopping)
        } else {
            None
        }
    }

    /// What `/health` shows.
    ///
    /// # Errors
    /// [`StoreError`] when the store can't be read.
    pub async fn view(&self) -> Result<HealthView, StoreError> {
        let census = Census::of(&self.0.store).await?;
        let stats = self.0.store.stats();
        let writable = self.0.store.is_writable();
        let stopping = self.0.stopping.is_cancelled();
        let status = match self.not_ready() {
            None => "ok",
            Some(NotReady::Stopping) => "stopping",
            Some(NotReady::StoreStopped) => "store_stopped",
        };
        let running = if stopping { "stopping" } else { "ok" };
        let store = StoreView {
            writable,
            disk_bytes: stats.disk_bytes,
            free_bytes: self.0.space.free(),
            waiting: stats.waiting,
            durable_commit: stats.durable_commit,
            messages: census.messages,
        };
        Ok(HealthView {
            status,
            version: env!("CARGO_PKG_VERSION"),
            sandbox: cfg!(feature = "sandbox"),
            uptime_s: self.0.began.elapsed().as_secs(),
            services: BTreeMap::from([
                ("store", if writable { "ok" } else { "stopped" }),
                ("accounts", running),
                ("webhooks", running),
                ("api", running),
            ]),
            memory: MemoryView { resident_bytes: resident_bytes() },
            store,
            accounts: census.phases().filter(|(_, n)| *n > 0).map(|(phase, n)| (phase.as_str(), n)).collect(),
            outbox_messages: census.outbox().map(|(_, n)| n).sum(),
            deliveries_pending: census.deliveries_pending,
        })
    }

    /// What `/metrics` shows.
    ///
    /// # Errors
    /// [`StoreError`] when the store can't be read.
    pub async fn metrics(&self) -> Result<String, StoreError> {
        let parts = &self.0;
        let census = Census::showing(&parts.store, parts.per_account_max).await?;
        let collected = Collected {
            census: &census,
            now_ms: parts.store.now_ms(),
            store: parts.store.stats(),
            writable: parts.store.is_writable(),
            ready: self.not_ready().is_none(),
            free_bytes: parts.space.free(),
            links: (parts.links)(),
            log_lines_lost: parts.logs.as_ref().map_or(0, Logs::lost),
            limits: parts.limits,
            per_account: &parts.per_account,
        };
        Ok(parts.metrics.render(collected.text()))
    }
}
