//! What can be set about links.

use std::path::PathBuf;
use std::time::Duration;

use super::history::HistoryBounds;

/// Settings of all links of a process.
///
/// The library (0.7.0) fixes some times inside: it sends a keep-alive 15 to 30 s after the last traffic and gives up
/// 20 s later, waits 75 s for answers of its own and up to 10 s for the phone's keys after a fresh pairing. What a
/// setting here can and can't do about those stands beside it.
#[derive(Debug, Clone)]
pub struct LinkSettings {
    /// The network's socket, `ws://` or `wss://`; `None` is the network's own address.
    pub url: Option<String>,
    /// Longest a connect may take, from the look-up of the name to the upgrade of the socket. The library's own 20 s
    /// is the upper bound.
    pub connect_timeout: Duration,
    /// Longest that one send or the removal of a device may take. The library's own questions wait 75 s whatever is
    /// set.
    pub query_timeout: Duration,
    /// How often a standing connection is probed. The library's own keep-alive goes out every 15 to 30 s and can't be
    /// changed; a shorter interval here adds probes of ours, an unanswered one drops the connection. A longer one has
    /// no effect.
    pub keepalive_interval: Duration,
    /// Longest that `Connected` is held back, from the socket on, for the first exchange of app state after a login.
    /// The library's own wait goes on behind it.
    pub initial_sync_wait: Duration,
    /// Longest that a step of a login or of a pairing may take: the answer to the login, the first code, the device
    /// after a phone's answer. The library waits for ever for them. Then the connection is cut and made anew.
    pub login_step: Duration,
    /// How long the network may keep the socket of a stream that it ended. Then the connection is cut and made anew.
    pub stream_error_grace: Duration,
    /// Accounts that may be connecting at once, in the process. 0 counts as 1.
    pub connects_in_flight: usize,
    /// Connects that may begin in any 60 s, in the process; 0 for any number.
    pub connects_per_minute: usize,
    /// Each connect begins up to this long after its turn came, so that accounts do not move in step.
    pub connect_jitter: Duration,
    /// One-time prekeys offered at a time; `None` is the library's 812. Each costs about 180 bytes in the store and
    /// memory while it is uploaded. The library refuses less than 5.
    pub prekeys: Option<u32>,
    /// Whether each message's secret is kept, by which later votes, edits and encrypted reactions to it can be read. It
    /// costs every message a durable write and a row of its own, and nothing reads such contents yet; bots' messages
    /// have theirs kept always.
    pub message_secrets: bool,
    /// How much of the history that a phone sends is kept.
    pub history: HistoryBounds,
    /// Where uploads are kept while they go out; `None` is the system's folder for temporary files.
    pub spool: Option<PathBuf>,
    /// Between the decryption of a message and the row that keeps its copy.
    #[cfg(feature = "sandbox")]
    pub before_pending_row: Option<std::sync::Arc<crate::FailPoint>>,
}

impl Default for LinkSettings {
    fn default() -> Self {
        Self {
            url: None,
            connect_timeout: Duration::from_secs(20),
            query_timeout: Duration::from_secs(30),
            keepalive_interval: Duration::from_secs(30),
            initial_sync_wait: Duration::from_secs(5),
            login_step: Duration::from_secs(45),
            stream_error_grace: Duration::from_secs(5),
            connects_in_flight: 16,
            connects_per_minute: 3_000,
            connect_jitter: Duration::from_millis(100),
            prekeys: None,
            message_secrets: false,
            history: HistoryBounds::default(),
            spool: None,
            #[cfg(feature = "sandbox")]
            before_pending_row: None,
        }
    }
}
