//! A network: the listener, and what tests, the demo and the control API see of it.

mod books;
mod breaking;
mod counts;
mod listening;
mod media;
mod restricting;
mod waiting;

pub use counts::{DeviceLogins, NumberCounts};

pub(crate) use breaking::unlink;

use crate::Config;
use crate::account::Account;
use crate::ledger::Stats;
use crate::media::{Certificate, MediaHost, MediaListener};
use crate::phone::Phone;
use crate::registry::Registry;
use crate::trace::TraceLine;
use crate::violation::Violation;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::DropGuard;

/// Why a network could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The sandbox is for this machine only.
    #[error("{0} is not a loopback address: the sandbox never listens elsewhere")]
    NotLoopback(SocketAddr),
    /// The media host has no certificate.
    #[error("no certificate for the media host: {0}")]
    Certificate(anyhow::Error),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Nothing on this network has the given name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotFound {
    /// No account has this number.
    #[error("there is no account with the number {0}")]
    Account(String),
    /// The account has no such device linked.
    #[error("the account {0} has no device {1}")]
    Device(String, u16),
}

/// What a phone number may look like: 5 to 15 digits, without a plus sign, not starting with 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a phone number: 5 to 15 digits, the first not 0, no plus sign")]
pub struct BadNumber(pub String);

/// A device with a live connection.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Connected {
    /// The account's number.
    pub number: String,
    /// The device.
    pub device: u16,
    /// Whether it has taken over everything that waited while it was away.
    pub live: bool,
    /// Stanzas it has not acknowledged.
    pub waiting: usize,
}

/// A running network. Its state lives as long as this handle or a clone of it; the listener and
/// all connections end with the last one.
#[derive(Clone)]
pub struct Network {
    registry: Arc<Registry>,
    address: SocketAddr,
    _running: Arc<DropGuard>,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("address", &self.address).finish_non_exhaustive()
    }
}

pub(crate) async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    if !address.ip().is_loopback() {
        return Err(StartError::NotLoopback(address));
    }
    let failed = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

impl Network {
    /// Starts listening. Cheap: a test may have a network of its own.
    ///
    /// # Errors
    /// When the address is not a loopback address or is in use.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let (listener, address) = listen(config.listen).await?;
        let (media_listener, media_address) = listen(config.media_listen).await?;
        let certificate = Certificate::generate().map_err(StartError::Certificate)?;
        let media = Arc::new(MediaHost::new(media_address, certificate, config.media_bytes));
        let registry = Arc::new(Registry::new(config, media.clone()));
        let media_listener = MediaListener::new(media_listener, media_address, &registry, &media);
        tokio::spawn(crate::media::serve(registry.clone(), media, media_listener));
        tokio::spawn(listening::accept(registry.clone(), listener, address));
        let running = Arc::new(registry.shutdown.clone().drop_guard());
        Ok(Self { registry, address, _running: running })
    }

    /// Where clients connect: `ws://127.0.0.1:PORT/ws/chat`.
    pub fn url(&self) -> String {
        format!("ws://{}/ws/chat", self.address)
    }

    /// The address that is listened on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The root public key of the server's certificate chain, 32 raw bytes. A client that trusts it
    /// can keep its verification on.
    pub fn root_key(&self) -> [u8; 32] {
        self.registry.identity().root_key()
    }

    /// Gives the server another Noise key under the same root: clients that try to resume fall
    /// back to the full handshake.
    pub fn rotate_server_key(&self) {
        self.registry.rotate_identity();
    }

    /// The phone of a number, created with its account when it is new.
    ///
    /// # Panics
    /// When the number is not one; see [`Self::try_phone`].
    pub fn phone(&self, number: &str) -> Phone {
        self.try_phone(number).expect("a phone's number must be a phone number")
    }

    /// The phone of a number, created with its account when it is new.
    ///
    /// # Errors
    /// When the number is not a phone number.
    pub fn try_phone(&self, number: &str) -> Result<Phone, BadNumber> {
        let digits = number.bytes().all(|byte| byte.is_ascii_digit());
        if !digits || !(5..=15).contains(&number.len()) || number.starts_with('0') {
            return Err(BadNumber(number.to_owned()));
        }
        let account = self.registry.ensure(number);
        Ok(Phone::new(self.registry.clone(), account))
    }

    /// The phone of an existing account.
    pub fn find_phone(&self, number: &str) -> Option<Phone> {
        let account = self.registry.by_number(number)?;
        Some(Phone::new(self.registry.clone(), account))
    }

    /// All phones, by number.
    pub fn phones(&self) -> Vec<Phone> {
        let accounts = self.registry.accounts();
        let phone = |account| Phone::new(self.registry.clone(), account);
        accounts.into_iter().map(phone).collect()
    }

    /// What happened so far.
    pub fn stats(&self) -> Stats {
        self.registry.counters.snapshot()
    }

    /// What clients did that a strict server refuses. The last thousand.
    pub fn violations(&self) -> Vec<Violation> {
        self.registry.violations.all()
    }

    /// How many violations there were since the start, whether or not they were cleared.
    pub fn violation_count(&self) -> u64 {
        self.registry.violations.count()
    }

    /// Forgets the violations so far.
    pub fn clear_violations(&self) {
        self.registry.violations.clear();
    }

    /// The last stanzas, when [`Config::trace_limit`] keeps any.
    pub fn trace(&self) -> Vec<TraceLine> {
        self.registry.trace.all()
    }

    /// Devices with a connection.
    pub fn connections(&self) -> Vec<Connected> {
        let of_account = |account: Arc<Account>| {
            account.devices().into_iter().filter_map(move |device| {
                let mailbox = device.mailbox();
                mailbox.link()?;
                Some(Connected {
                    number: account.number.clone(),
                    device: device.id,
                    live: mailbox.is_live(),
                    waiting: mailbox.waiting(),
                })
            })
        };
        self.registry.accounts().into_iter().flat_map(of_account).collect()
    }

    /// How many devices are connected and have taken over what waited.
    pub fn live(&self) -> usize {
        let of_account =
            |account: &Arc<Account>| account.devices().iter().filter(|one| one.mailbox().is_live()).count();
        self.registry.accounts().iter().map(of_account).sum()
    }

    /// Whether any companion of the account is connected and has taken over what waited.
    pub fn is_connected(&self, number: &str) -> bool {
        let devices = self.registry.by_number(number).map(|account| account.devices());
        devices.is_some_and(|devices| devices.iter().any(|device| device.mailbox().is_live()))
    }

    fn account(&self, number: &str) -> Result<Arc<Account>, NotFound> {
        let found = self.registry.by_number(number);
        found.ok_or_else(|| NotFound::Account(number.to_owned()))
    }

    fn device(&self, number: &str, id: u16) -> Result<Arc<crate::device::Device>, NotFound> {
        let found = self.account(number)?.device(id);
        found.ok_or_else(|| NotFound::Device(number.to_owned(), id))
    }
}
