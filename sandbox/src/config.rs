//! What a network is started with.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// How one network behaves. The defaults suit tests: a free loopback port, every limit wide.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the websocket listens. Only loopback addresses are accepted; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the media host listens, with TLS and without. Loopback only; port 0 takes a free one.
    pub media_listen: SocketAddr,
    /// Bytes of files that the media host keeps; the oldest go first.
    pub media_bytes: u64,
    /// New accounts are told that their chat database has moved to hidden ids (LID), so clients
    /// address direct messages by LID instead of by phone number. Each phone may differ.
    pub lid_migrated: bool,
    /// Most messages a phone keeps in its inbox, and most receipts it remembers; the oldest go
    /// first. `None` keeps all. Counters always go on.
    pub inbox_limit: Option<usize>,
    /// Most message ids kept per device and account for the ledger of acknowledged and accepted
    /// ids; the oldest go first. `None` keeps all. Counters always go on.
    pub ledger_limit: Option<usize>,
    /// How long the server waits for `<offline_batch>` before it sends the next batch unasked.
    /// Baileys asks only once, so without this it would stall.
    pub offline_patience: Duration,
    /// Keeps a summary of the last so many stanzas for [`crate::Network::trace`]; 0 keeps none.
    /// A summary has tags, attributes and sizes, never contents.
    pub trace_limit: usize,
    /// How long a client may still send to the device list it had when it was told of a new one.
    pub device_list_grace: Duration,
    /// How long a phone waits for the companion's answer after it scanned a QR code or took a pairing code.
    pub pairing_patience: Duration,
    /// How long a pairing code can be entered.
    pub code_validity: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            media_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            media_bytes: 4 * 1024 * 1024 * 1024,
            lid_migrated: false,
            inbox_limit: None,
            ledger_limit: None,
            offline_patience: Duration::from_millis(300),
            trace_limit: 0,
            device_list_grace: Duration::from_secs(2),
            pairing_patience: Duration::from_secs(15),
            code_validity: Duration::from_secs(180),
        }
    }
}

/// What [`crate::serve`] is started with: a network and its HTTP control API.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// The network itself; its `listen` is the websocket address.
    pub network: Config,
    /// Where the control API listens; loopback only, port 0 takes a free one.
    pub control_listen: SocketAddr,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self { network: Config::default(), control_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)) }
    }
}
