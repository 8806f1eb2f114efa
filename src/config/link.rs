//! `[link]`: the connection to the network.

use serde::{Deserialize, Serialize};

use super::check::Checks;
use super::units::Span;

/// The connection to the network. Keys and limits: `config/default.toml`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LinkConfig {
    /// Where it connects; empty for WhatsApp.
    pub url: String,
    /// Longest time for one connection attempt.
    pub connect_timeout: Span,
    /// Longest wait for one answer.
    pub query_timeout: Span,
    /// Time between keep-alive pings.
    pub keepalive_interval: Span,
    /// Longest wait for what was missed while offline.
    pub initial_sync_wait: Span,
    /// Connection attempts at the same time.
    pub connects_in_flight: usize,
    /// Connection attempts that may begin in any 60 s; 0 for any number.
    pub connects_per_minute: usize,
    /// Longest random wait of a connection attempt after its turn came.
    pub connect_jitter: Span,
    /// One-time keys made at the first connection.
    pub prekeys: u32,
}

impl LinkConfig {
    pub(super) fn check(&self, checks: &mut Checks) {
        checks.between("link.connect_timeout", self.connect_timeout, Span::secs(1), Span::secs(20));
        checks.between("link.query_timeout", self.query_timeout, Span::secs(1), Span::secs(600));
        checks.between("link.keepalive_interval", self.keepalive_interval, Span::secs(5), Span::secs(30));
        checks.between("link.initial_sync_wait", self.initial_sync_wait, Span::secs(0), Span::secs(300));
        checks.between("link.connects_in_flight", self.connects_in_flight, 1, 1_000);
        checks.between("link.connects_per_minute", self.connects_per_minute, 0, 1_000_000);
        checks.between("link.connect_jitter", self.connect_jitter, Span::secs(0), Span::secs(2));
        checks.between("link.prekeys", self.prekeys, 5, 812);
        if self.url.is_empty() {
            return;
        }
        if !cfg!(feature = "sandbox") {
            checks.refuse("link.url", "leave it empty: only a build with the feature `sandbox` can connect elsewhere");
        } else if !["ws://", "wss://"].iter().any(|scheme| self.url.starts_with(scheme)) {
            checks.refuse("link.url", "must begin with ws:// or wss://");
        }
    }
}
