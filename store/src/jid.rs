//! Addresses of the network in canonical form, without device numbers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a [`Jid`] addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JidKind {
    /// A human by phone number, `…@s.whatsapp.net`.
    Phone,
    /// A human by the network's own stable number, `…@lid`.
    Lid,
    /// A group, `…@g.us`.
    Group,
    /// A channel, `…@newsletter`.
    Newsletter,
    /// A broadcast list or the status feed, `…@broadcast`.
    Broadcast,
    /// Anything else the network may invent.
    Other,
}

/// A user, group or feed: `user@server`, without device or agent. The network's identifiers are case sensitive.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Jid(String);

/// A text is not `user@server`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an address of the form user@server")]
pub struct BadJid;

impl Jid {
    /// A human by phone number: digits only, country code first.
    #[must_use]
    pub fn phone(digits: &str) -> Self {
        Self(format!("{digits}@s.whatsapp.net"))
    }

    /// The feed of everybody's statuses.
    #[must_use]
    pub fn status_feed() -> Self {
        Self("status@broadcast".to_owned())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the `@`.
    #[must_use]
    pub fn user(&self) -> &str {
        self.0.split_once('@').map_or("", |(user, _)| user)
    }

    /// What it addresses.
    #[must_use]
    pub fn kind(&self) -> JidKind {
        match self.0.split_once('@').map_or("", |(_, server)| server) {
            "s.whatsapp.net" => JidKind::Phone,
            "lid" => JidKind::Lid,
            "g.us" => JidKind::Group,
            "newsletter" => JidKind::Newsletter,
            "broadcast" => JidKind::Broadcast,
            _ => JidKind::Other,
        }
    }

    /// The phone number's digits, where it is one.
    #[must_use]
    pub fn phone_digits(&self) -> Option<&str> {
        (self.kind() == JidKind::Phone).then(|| self.user())
    }
}

impl fmt::Display for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Shows the server only: addresses hold phone numbers, and debug output ends in logs.
impl fmt::Debug for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jid(…@{})", self.0.split_once('@').map_or("", |(_, server)| server))
    }
}

impl FromStr for Jid {
    type Err = BadJid;

    /// Accepts `user@server`, and drops a device (`user:3@server`) or agent (`user.1:3@server`) on human servers.
    fn from_str(text: &str) -> Result<Self, BadJid> {
        let (user, server) = text.split_once('@').ok_or(BadJid)?;
        let human = matches!(server, "s.whatsapp.net" | "lid" | "c.us");
        let user = if human { user.split([':', '.']).next().unwrap_or_default() } else { user };
        let plain = |s: &str| s.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
        if user.is_empty() || server.is_empty() || !plain(user) || !plain(server) {
            return Err(BadJid);
        }
        // `c.us` is the older name of the same server.
        let server = if server == "c.us" { "s.whatsapp.net" } else { server };
        Ok(Self(format!("{user}@{server}")))
    }
}

impl<'de> Deserialize<'de> for Jid {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_and_old_servers_fall_away() {
        for (text, canonical, kind) in [
            ("628123:4@s.whatsapp.net", "628123@s.whatsapp.net", JidKind::Phone),
            ("628123@c.us", "628123@s.whatsapp.net", JidKind::Phone),
            ("999.1:2@lid", "999@lid", JidKind::Lid),
            ("123-456@g.us", "123-456@g.us", JidKind::Group),
            ("status@broadcast", "status@broadcast", JidKind::Broadcast),
        ] {
            let jid: Jid = text.parse().unwrap();
            assert_eq!((jid.as_str(), jid.kind()), (canonical, kind));
        }
        for bad in ["", "628123", "@lid", "a b@lid", "x@"] {
            assert!(bad.parse::<Jid>().is_err(), "{bad}");
        }
    }

    #[test]
    fn debug_output_hides_the_number() {
        assert_eq!(format!("{:?}", Jid::phone("628123")), "Jid(…@s.whatsapp.net)");
    }
}
