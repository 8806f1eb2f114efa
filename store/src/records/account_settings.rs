//! What can be set for one account apart from the installation's own settings. Everything left out is the installation's.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::Millis;

/// Settings of one account.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountSettings {
    /// How often it is started again when it breaks.
    pub restart: RestartSettings,
    /// How fast it sends.
    pub pacing: PacingSettings,
    /// The way to the network; nothing of the account takes another.
    pub proxy: Option<ProxyAddress>,
    /// What the phone's list of devices calls it; the account's name where it is left out.
    pub device_name: Option<String>,
    /// What a fresh link asks the phone for.
    pub history: HistorySettings,
}

/// How often a broken account is started again.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RestartSettings {
    /// Restarts ...
    pub max_restarts: Option<u32>,
    /// ... within this time; then it is quarantined.
    pub within_ms: Option<Millis>,
    /// The first wait.
    pub backoff_base_ms: Option<Millis>,
    /// The longest wait.
    pub backoff_cap_ms: Option<Millis>,
    /// Up this long, its history is forgotten.
    pub stable_after_ms: Option<Millis>,
}

/// How fast an account sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PacingSettings {
    /// The shortest time between two messages.
    pub gap_min_ms: Option<Millis>,
    /// The longest time that is drawn between two messages.
    pub gap_max_ms: Option<Millis>,
    /// Most messages in a minute; 0 for any number.
    pub per_minute: Option<u32>,
    /// Most chats in 24 hours that it may write to without ever having heard from them; 0 for any number.
    pub cold_per_day: Option<u32>,
}

/// What a fresh link asks the phone for. A phone may send less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HistorySettings {
    /// Days back.
    pub days: Option<u32>,
    /// Megabytes.
    pub megabytes: Option<u32>,
    /// Everything that the phone has, within the bounds above.
    pub full: Option<bool>,
}

/// `http://`, `https://`, `socks5://` or `socks5h://` with a host, a port and perhaps a user and a password. It can hold a
/// password, so it is never shown in full.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProxyAddress(pub String);

impl ProxyAddress {
    /// The address without user and password, for people.
    #[must_use]
    pub fn shown(&self) -> String {
        match (self.0.split_once("://"), self.0.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, host))) => format!("{scheme}://***@{host}"),
            _ => self.0.clone(),
        }
    }
}

impl fmt::Debug for ProxyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProxyAddress(…)")
    }
}

/// Who made an account, and so who may take it away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountSource {
    /// Somebody by the API.
    #[default]
    Api,
    /// The accounts file. It is stopped, and kept, when it is there no more.
    File,
    /// The accounts file, which holds it no more.
    Undeclared {
        /// Whether it was wanted to run until then.
        running: bool,
    },
}

impl AccountSource {
    /// The word used in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::File => "file",
            Self::Undeclared { .. } => "undeclared",
        }
    }
}

/// The network lets the account write only to those who wrote to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restriction {
    /// The code by which it became known: 463, 475.
    pub code: u16,
    /// Since when.
    pub since_ms: Millis,
    /// When it is tried whether it still holds; the network's own term where it told one.
    pub until_ms: Millis,
    /// Whether the network itself told of it, and of its term where it named one, not only by a refusal.
    #[serde(default)]
    pub told: bool,
    /// How often in a row it was found to hold: each time makes the next term longer.
    #[serde(default)]
    pub refusals: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxys_password_is_not_shown() {
        let proxy = ProxyAddress("socks5://user:p@ss@proxy.test:1080".into());
        assert_eq!(proxy.shown(), "socks5://***@proxy.test:1080");
        assert!(!format!("{proxy:?}").contains("p@ss"));
        assert_eq!(ProxyAddress("http://proxy.test:3128".into()).shown(), "http://proxy.test:3128");
    }
}
