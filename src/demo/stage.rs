//! Everything a run of the demo needs, started and stopped together: sandbox, receiver and server in one process.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;
use tokio::net::TcpListener;
use wasup_sandbox::{Network, RunningSandbox, SandboxConfig};

use super::cast::{self, Player};
use super::client::ApiClient;
use super::confidential::Codes;
use super::options::Options;
use super::receiver::Receiver;
use crate::config::{Config, Sources};
use crate::gateway::{Extras, Gateway};

/// A run's parts.
pub(super) struct Stage {
    /// The network and its phones.
    pub network: Network,
    /// The network's control API.
    pub sandbox: RunningSandbox,
    /// Where webhooks go.
    pub receiver: Receiver,
    /// The server.
    pub gateway: Gateway,
    /// A caller of its API.
    pub api: ApiClient,
    /// The accounts.
    pub players: Vec<Player>,
    /// The codes they were shown.
    pub codes: Codes,
    /// The store; removed at the end.
    _folder: tempfile::TempDir,
}

impl Stage {
    /// Starts all parts over a store in a temporary folder.
    ///
    /// # Errors
    /// When a part can't start.
    pub(super) async fn set(options: &Options) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("no temporary folder for the store")?;
        let sandbox = wasup_sandbox::serve(SandboxConfig::default()).await.context("the sandbox does not start")?;
        let network = sandbox.network().clone();
        let receiver = Receiver::start().await.context("the webhook receiver does not start")?;
        let (file, accounts) = cast::accounts(folder.path(), options.accounts, &receiver.url())?;
        let players = cast::players(&network, &accounts);
        let config = config(folder.path(), &file, &network.url(), accounts.len())?;
        let address = SocketAddr::from(([127, 0, 0, 1], options.port));
        let listener = TcpListener::bind(address).await.context("the API's port can't be taken")?;
        let codes = Codes::default();
        let extras = Extras { qr_shown: Some(codes.listener()), ..Extras::default() };
        let gateway = Gateway::start(&config, listener, extras).await.context("the server does not start")?;
        let api = ApiClient::new(format!("http://{}", gateway.address), gateway.api_key.key.clone())?;
        Ok(Self { network, sandbox, receiver, gateway, api, players, codes, _folder: folder })
    }

    /// Stops the server in order, then the rest.
    pub(super) async fn strike(self) {
        self.gateway.stop().await;
        self.sandbox.shutdown().await;
    }
}

/// The default config over the sandbox. Nobody else may set anything here: a demo that depends on the environment
/// would show something else to each newcomer.
fn config(folder: &Path, file: &Path, url: &str, accounts: usize) -> anyhow::Result<Config> {
    let set = |name: &str, value: String| (name.to_owned(), value);
    let env = vec![
        set("WASUP__DATA__DIR", folder.join("data").display().to_string()),
        set("WASUP__DATA__CACHE", "16 MiB".into()),
        set("WASUP__DATA__FREE_SPACE_FLOOR", "16 MiB".into()),
        set("WASUP__ACCOUNTS__FILE", file.display().to_string()),
        set("WASUP__LINK__URL", url.to_owned()),
        set("WASUP__SERVER__DRAIN_DELAY", "0s".into()),
        set("WASUP__QR__PRINT_IN_TERMINAL", "false".into()),
        // A network on loopback has no reason to be spared.
        set("WASUP__LINK__CONNECTS_IN_FLIGHT", accounts.clamp(1, 64).to_string()),
    ];
    Ok(Config::load(&Sources { file: None, env })?.config)
}
