//! What the benches over the wire stand on: a sandbox in its own process, and in this one a gateway on threads of its
//! own, a webhook receiver and callers.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::commits::Commits;
use super::network::SandboxProcess;
use super::options::{Common, Told};
use super::players::{Player, declare, link_all, players};
use super::receiver::Receiver;
use super::wire::Callers;
use crate::config::{Config, Sources};
use crate::demo::client::ApiClient;
use crate::gateway::{Extras, Gateway};

/// Longest time for all accounts to connect after they were linked.
const CONNECTING: Duration = Duration::from_secs(120);

/// Where a run keeps its files: a folder that was named, or a temporary one that goes with the run.
pub(super) enum Folder {
    /// Named, and kept.
    Named(PathBuf),
    /// Temporary.
    Temporary(tempfile::TempDir),
}

impl Folder {
    /// The folder of a run.
    ///
    /// # Errors
    /// When it can't be made, or is not empty: an older store's rows would be measured with it.
    pub(super) fn of(common: &Common) -> anyhow::Result<Self> {
        let Some(named) = &common.data else {
            return Ok(Self::Temporary(tempfile::tempdir().context("no temporary folder for the store")?));
        };
        std::fs::create_dir_all(named).with_context(|| format!("can't make {}", named.display()))?;
        if std::fs::read_dir(named)?.next().is_some() {
            bail!("{} is not empty; a run wants a folder of its own", named.display());
        }
        Ok(Self::Named(named.clone()))
    }

    /// Where it is.
    #[must_use]
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Named(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}

/// How a stage is set.
pub(super) struct Setting {
    /// How many accounts.
    pub accounts: u16,
    /// Which events go to the webhook; none for no webhook.
    pub webhook: Option<Told>,
    /// Config keys that differ from the defaults.
    pub keys: Vec<(&'static str, String)>,
}

/// The parts of a run.
pub(super) struct Stage {
    /// The network.
    pub sandbox: SandboxProcess,
    /// Where webhooks go.
    pub receiver: Receiver,
    /// The gateway.
    pub gateway: Gateway,
    /// When its commits reached the disk.
    pub commits: Commits,
    /// Its API for what is not measured.
    pub api: ApiClient,
    /// Callers of its API.
    pub callers: Arc<Callers>,
    /// The accounts, linked and connected.
    pub players: Vec<Player>,
    threads: Threads,
    _folder: Folder,
}

/// The gateway's threads. A run that fails drops them where nobody may block, and its error must be seen.
pub(super) struct Threads(Option<Runtime>);

impl Threads {
    /// Starts them.
    ///
    /// # Errors
    /// When the system can't.
    pub(super) fn start() -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("gateway").build()?;
        Ok(Self(Some(runtime)))
    }

    /// Runs a step on them; `None` when it panicked.
    pub(super) async fn run<T: Send + 'static>(&self, step: impl Future<Output = T> + Send + 'static) -> Option<T> {
        self.0.as_ref()?.spawn(step).await.ok()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Stage {
    /// Starts all parts and links the accounts.
    ///
    /// # Errors
    /// When a part can't start or an account can't be linked.
    pub(super) async fn set(setting: Setting, common: &Common) -> anyhow::Result<Self> {
        let folder = Folder::of(common)?;
        let sandbox = SandboxProcess::start().await?;
        let receiver = Receiver::start().await.context("the webhook receiver does not start")?;
        let players = players(setting.accounts);
        let file = folder.path().join("accounts.toml");
        let webhook = setting.webhook.map(|told| (receiver.url(), told));
        declare(&file, &players, webhook.as_ref().map(|(url, told)| (url.as_str(), *told)))?;
        let config = config(folder.path(), &file, sandbox.url(), &setting)?;
        let threads = Threads::start()?;
        let started = threads.run(async move {
            let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
            anyhow::Ok(Gateway::start(&config, listener, Extras::default()).await?)
        });
        let gateway = started.await.context("the gateway's start panicked")?.context("the gateway does not start")?;
        let commits = Commits::of(gateway.store());
        let key = gateway.api_key.key.clone();
        let api = ApiClient::new(format!("http://{}", gateway.address), key.clone())?;
        link_all(&api, sandbox.control(), &players).await?;
        sandbox.control().wait_live(players.len(), CONNECTING).await.context("not all accounts connect")?;
        let callers = Arc::new(Callers::new(gateway.address, key));
        Ok(Self { sandbox, receiver, gateway, commits, api, callers, players, threads, _folder: folder })
    }

    /// Stops the gateway in order, then the rest.
    ///
    /// # Errors
    /// When the sandbox does not end well.
    pub(super) async fn strike(self) -> anyhow::Result<()> {
        let Self { gateway, sandbox, threads, .. } = self;
        // What did not end in time was logged.
        let _ = threads.run(gateway.stop()).await;
        drop(threads);
        sandbox.end().await
    }
}

/// The defaults over the sandbox, and nothing of the environment: figures must not depend on who asks.
fn config(folder: &Path, file: &Path, url: &str, setting: &Setting) -> anyhow::Result<Config> {
    let set = |name: &str, value: String| (format!("WASUP__{name}"), value);
    let mut env = vec![
        set("DATA__DIR", folder.join("data").display().to_string()),
        set("DATA__FREE_SPACE_FLOOR", "16 MiB".into()),
        set("ACCOUNTS__FILE", file.display().to_string()),
        set("LINK__URL", url.to_owned()),
        set("SERVER__DRAIN_DELAY", "0s".into()),
        set("QR__PRINT_IN_TERMINAL", "false".into()),
        // A run as fast as possible is ahead of the wire by as much as it likes.
        set("SEND__OUTBOX_MAX", "1000000".into()),
    ];
    env.extend(setting.keys.iter().map(|(name, value)| set(name, value.clone())));
    Ok(Config::load(&Sources { file: None, env })?.config)
}
