//! How the gateway is: for probes, for `/health`, and the gauges of `/metrics`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;
use wasup_sessions::link::LinkStats;
use wasup_store::{SpaceFloor, Store, StoreError};

use crate::census::Census;
use crate::metrics::Gauges;

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
    /// The process's metrics.
    pub recorder: &'static PrometheusHandle,
    /// What the links counted.
    pub links: LinkCounts,
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
        let mut gauges = Gauges::default();
        Census::of(&self.0.store).await?.gauge(&mut gauges);
        self.gauge_store(&mut gauges);
        let links = (self.0.links)();
        gauges.counter(
            "wasup_link_events_dropped_total",
            "Receipts and acks that a slow listener missed.",
            links.notes_dropped,
        );
        gauges.counter(
            "wasup_inbound_copies_lost_total",
            "Received messages whose decrypted copy a crash took.",
            links.copies_lost,
        );
        gauges.one(
            "wasup_ready",
            "Whether the server is ready for requests: 1 or 0.",
            u8::from(self.not_ready().is_none()),
        );
        gauges.one("wasup_uptime_seconds", "Time since the start.", self.0.began.elapsed().as_secs());
        gauges.one("wasup_resident_memory_bytes", "Memory of the process.", resident_bytes().unwrap_or(0));
        let build = [(env!("CARGO_PKG_VERSION"), 1)];
        gauges.each("wasup_build_info", "Version of the server; always 1.", "version", build);
        self.0.recorder.run_upkeep();
        Ok(self.0.recorder.render() + &gauges.into_text())
    }

    fn gauge_store(&self, gauges: &mut Gauges) {
        let stats = self.0.store.stats();
        let writable = u8::from(self.0.store.is_writable());
        gauges.one("wasup_store_writable", "Whether the store writes: 1, or 0 after a failed write.", writable);
        gauges.one("wasup_store_disk_bytes", "Bytes of the store on disk.", stats.disk_bytes);
        gauges.one("wasup_store_free_bytes", "Bytes free on the store's disk.", self.0.space.free().unwrap_or(0));
        gauges.one("wasup_store_waiting_jobs", "Writes that wait for the store's writer.", stats.waiting);
        gauges.counter("wasup_store_commits_total", "Groups of writes committed.", stats.groups);
        gauges.counter("wasup_store_rows_total", "Rows changed.", stats.rows);
        gauges.counter("wasup_store_syncs_total", "Syncs to disk.", stats.syncs);
    }
}

impl Census {
    fn gauge(&self, gauges: &mut Gauges) {
        let phases = self.phases().map(|(phase, n)| (phase.as_str(), n));
        gauges.each("wasup_accounts", "Accounts by phase.", "phase", phases);
        let lanes = self.outbox().map(|(lane, n)| (lane.as_str(), n));
        gauges.each("wasup_outbox_messages", "Messages that wait to be sent or acknowledged, by lane.", "lane", lanes);
        gauges.one("wasup_deliveries_pending", "Webhook deliveries that are not decided.", self.deliveries_pending);
        gauges.one("wasup_endpoints", "Webhook endpoints.", self.endpoints);
        gauges.one("wasup_messages", "Messages kept.", self.messages);
        gauges.counter("wasup_inbound_messages_total", "Messages received and committed, each once.", self.received);
    }
}

/// Bytes of this process in memory.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1_024)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_system_tells_our_memory() {
        assert!(super::resident_bytes().is_some_and(|bytes| bytes > 1 << 20));
    }
}
