//! What outlives the kills: the network with its phones, the webhook receiver, the folder.

use std::net::SocketAddr;
use std::time::Duration;

use secrecy::SecretString;
use tempfile::TempDir;
use wasup::demo::client::ApiClient;
use wasup::demo::receiver::Receiver;
use wasup_sandbox::{Config, Network, Phone};

/// The gateway's key.
pub(crate) const KEY: &str = "d3b07384d113edec49eaa6238ad5ff00";

/// Accounts of the gateway.
const ACCOUNTS: usize = 3;
/// Phones that no account of the gateway belongs to.
const STRANGERS: usize = 2;
/// Every n-th webhook is answered with 500.
const FAIL_EVERY: u64 = 23;

/// See the module.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) network: Network,
    pub(crate) receiver: Receiver,
    pub(crate) api: ApiClient,
    pub(crate) address: SocketAddr,
    /// Account ids and the phones behind them.
    pub(crate) accounts: Vec<(String, Phone)>,
    pub(crate) strangers: Vec<Phone>,
}

impl World {
    /// With a webhook for each account that tells the receiver everything.
    pub(crate) async fn build() -> Self {
        Self::with(ACCOUNTS, |receiver| format!("webhook = {{ url = \"{}\" }}\n", receiver.url())).await
    }

    pub(crate) async fn without_webhooks() -> Self {
        Self::with(ACCOUNTS, |_| String::new()).await
    }

    /// With so many accounts, and without webhooks.
    pub(crate) async fn of_accounts(accounts: usize) -> Self {
        Self::with(accounts, |_| String::new()).await
    }

    async fn with(accounts: usize, webhook: impl Fn(&Receiver) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let network = Network::start(Config::default()).await.unwrap();
        let receiver = Receiver::start().await.unwrap();
        receiver.fail_every(FAIL_EVERY);
        // Taken and given back: the port stays the same through all restarts.
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let phone = |n: usize| network.phone(&format!("62811{n:07}"));
        let accounts: Vec<_> = (1..=accounts).map(|n| (format!("account-{n}"), phone(2_000_000 + n))).collect();
        let strangers = (1..=STRANGERS).map(|n| phone(3_000_000 + n)).collect();
        let file: String =
            accounts.iter().map(|(id, _)| format!("[[account]]\nid = \"{id}\"\n{}", webhook(&receiver))).collect();
        std::fs::write(folder.path().join("accounts.toml"), file).unwrap();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let api = ApiClient::new(format!("http://{address}"), SecretString::from(KEY)).unwrap();
        Self { folder, network, receiver, api, address, accounts, strangers }
    }

    pub(crate) async fn link_all(&self) {
        for (id, phone) in &self.accounts {
            let code = self.api.qr(id, Duration::from_secs(30)).await.unwrap().expect("a code is shown");
            phone.scan(&code).await.unwrap();
            self.network.wait_connected(phone.number(), Duration::from_secs(60)).await.unwrap();
        }
    }

    /// The end of the gateway's log, for failures.
    pub(crate) fn log(&self) -> String {
        let text = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let from = text.len().saturating_sub(6_000);
        text.get(from..).unwrap_or(&text).to_owned()
    }
}
