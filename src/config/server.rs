//! `[server]`: the HTTP edge.

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::check::Checks;
use super::units::{Size, Span};

/// Shortest key that is accepted, in characters.
pub const API_KEY_MIN: usize = 16;

/// Keys that stand in guides and that somebody would try first. None of them may be the key.
const WELL_KNOWN: [&str; 12] = [
    "0123456789abcdef",
    "1234567890123456",
    "adminadminadmin",
    "changemechangeme",
    "changeme-changeme",
    "mysecretapikey",
    "my-secret-api-key",
    "secretsecretsecret",
    "supersecretapikey",
    "super-secret-api-key",
    "your-api-key-here",
    "your-secret-api-key",
];

/// The HTTP edge. Keys and limits: `config/default.toml`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where it is reached from outside; empty for `http://` and `listen`.
    pub public_url: String,
    /// The key, where it is given here or in the environment; empty otherwise.
    #[serde(serialize_with = "super::mask::secret")]
    pub api_key: SecretString,
    /// File with the key; empty for none.
    pub api_key_file: PathBuf,
    /// Longest request body.
    pub body_max_bytes: Size,
    /// Connections served at once.
    pub connections_max: usize,
    /// Longest time for the head of a request.
    pub header_timeout: Span,
    /// How long a client may leave an answer unread.
    pub write_timeout: Span,
    /// Live streams at once.
    pub streams_max: usize,
    /// Longest time a long poll is held.
    pub long_poll_max: Span,
    /// How long `/readyz` says no while all else is still served.
    pub drain_delay: Span,
    /// Longest time of the stop after that.
    pub shutdown_timeout: Span,
    /// Ranges that read `/metrics` without the key.
    pub metrics_allow: Vec<IpNet>,
}

impl ServerConfig {
    pub(super) fn check(&self, checks: &mut Checks) {
        checks.between("server.body_max_bytes", self.body_max_bytes, Size::kib(1), Size::mib(64));
        checks.between("server.connections_max", self.connections_max, 1, 65_536);
        checks.between("server.header_timeout", self.header_timeout, Span::millis(100), Span::secs(300));
        checks.between("server.write_timeout", self.write_timeout, Span::secs(1), Span::secs(600));
        checks.between("server.streams_max", self.streams_max, 0, 65_536);
        if self.streams_max >= self.connections_max {
            checks.warn("server.streams_max", "lets live streams take every connection there is");
        }
        checks.between("server.long_poll_max", self.long_poll_max, Span::secs(0), Span::secs(600));
        checks.between("server.drain_delay", self.drain_delay, Span::secs(0), Span::secs(300));
        checks.between("server.shutdown_timeout", self.shutdown_timeout, Span::secs(1), Span::secs(600));
        self.check_key(checks);
        let public = self.public_url.parse::<url::Url>();
        if !self.public_url.is_empty() && !public.is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
            checks
                .refuse("server.public_url", "must begin with http:// or https://, such as \"https://wa.example.com\"");
        }
        if !self.listen.ip().is_loopback() {
            checks.warn("server.listen", "is reachable from other machines without TLS: put a proxy with TLS in front");
        }
        for range in self.metrics_allow.iter().filter(|range| range.prefix_len() == 0) {
            checks.warn("server.metrics_allow", format!("{range} lets everybody read /metrics without the key"));
        }
    }

    fn check_key(&self, checks: &mut Checks) {
        let key = self.api_key.expose_secret();
        if key.is_empty() {
            return;
        }
        if !self.api_key_file.as_os_str().is_empty() {
            checks.refuse("server.api_key_file", "leave it empty when server.api_key is given: which one is meant?");
        }
        if let Some(wrong) = unfit_key(key) {
            checks.refuse("server.api_key", wrong);
        }
    }
}

/// What is wrong with a key, if anything. Never repeats the key.
#[must_use]
pub fn unfit_key(key: &str) -> Option<&'static str> {
    if key.chars().count() < API_KEY_MIN {
        return Some("must have at least 16 characters; `openssl rand -hex 32` makes a good one");
    }
    if !key.chars().all(|c| c.is_ascii_graphic()) {
        return Some("must be made of visible ASCII characters without spaces, as it travels in a header");
    }
    let lower = key.to_ascii_lowercase();
    let repeated = lower.chars().all(|c| lower.starts_with(c));
    if repeated || WELL_KNOWN.contains(&lower.as_str()) {
        return Some("is a well-known or trivial secret; `openssl rand -hex 32` makes a good one");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_known_and_unprintable_keys_are_unfit() {
        for bad in
            ["short", "changemechangeme", "aaaaaaaaaaaaaaaaaaaa", "with a space in the middle", "ünïcödeünïcödeü"]
        {
            assert!(unfit_key(bad).is_some(), "{bad}");
        }
        assert_eq!(unfit_key("b4c1f0a9d2e84477a1"), None);
    }
}
