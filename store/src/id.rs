//! Typed ids. Public ids are a prefix and base32hex, lower case, of a big-endian key, so that they sort like the rows.

mod part;

use std::fmt;
use std::str::FromStr;

use data_encoding::{Encoding, Specification};
use serde::{Deserialize, Serialize};

use crate::key::Parts;

pub use part::{ChatId, ContactId};

/// Milliseconds since 1970, UTC.
pub type Millis = u64;

/// base32hex, lower case, without padding.
pub(crate) fn base32() -> &'static Encoding {
    static ENCODING: std::sync::LazyLock<Encoding> = std::sync::LazyLock::new(|| {
        let mut spec = Specification::new();
        spec.symbols.push_str("0123456789abcdefghijklmnopqrstuv");
        spec.encoding().expect("the alphabet has 32 symbols")
    });
    &ENCODING
}

/// A text is not an id of the kind asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id of this kind")]
pub struct BadId;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number!(
    /// An account's number inside this store. Never reused, first in the keys of all its rows. 0 means "no account".
    AccountNo(u32)
);
number!(
    /// Which link of the account: bumped by a logout, so that a new pairing can't meet old keys.
    LinkNo(u32)
);
number!(
    /// Which incarnation owns the account. Every owner takes the next one; writes of an older one are refused.
    Epoch(u64)
);
number!(
    /// A tenant. 1 is the only one for now.
    TenantNo(u32)
);
number!(
    /// Place of an event in the store's one log. Starts at 1.
    Position(u64)
);
number!(
    /// Place of an event in its account's own order. Starts at 1, without gaps.
    Seq(u64)
);
number!(
    /// A chat's number inside its account.
    ChatNo(u32)
);
number!(
    /// A human's number inside an account, whatever phone number or LID names them.
    PersonNo(u32)
);

/// The tenant that everything belongs to while there is only one.
pub const DEFAULT_TENANT: TenantNo = TenantNo(1);

macro_rules! timed {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            /// When it was made, in milliseconds since 1970.
            pub ts_ms: Millis,
            /// Drawn at random by whoever made it.
            pub rand: u64,
        }

        impl $name {
            /// Prefix of the public form.
            pub const PREFIX: &'static str = $prefix;

            /// An id from a time and a random number.
            #[must_use]
            pub const fn new(ts_ms: Millis, rand: u64) -> Self {
                Self { ts_ms, rand }
            }

            /// The 16 bytes that stand in keys.
            #[must_use]
            pub fn to_bytes(self) -> [u8; 16] {
                let mut out = [0; 16];
                out[..8].copy_from_slice(&self.ts_ms.to_be_bytes());
                out[8..].copy_from_slice(&self.rand.to_be_bytes());
                out
            }

            /// The id from the 16 bytes that stand in keys.
            #[must_use]
            pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
                let mut parts = Parts(bytes);
                let id = Self { ts_ms: parts.u64()?, rand: parts.u64()? };
                parts.rest().is_empty().then_some(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", $prefix, base32().encode(&self.to_bytes()))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                let body = text.strip_prefix($prefix).ok_or(BadId)?;
                let bytes = base32().decode(body.as_bytes()).map_err(|_| BadId)?;
                Self::from_bytes(&bytes).ok_or(BadId)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

timed!(
    /// A message in its account: `msg_…`. With the account's number in front it is the row's key. The public form
    /// carries the account's number, see [`MessageId`].
    MessageKey,
    "msk_"
);
timed!(
    /// A webhook endpoint: `ep_…`.
    EndpointId,
    "ep_"
);
timed!(
    /// A file that is kept: `med_…`.
    MediaId,
    "med_"
);
timed!(
    /// Many messages of one account, sent one after the other: `job_…`.
    JobId,
    "job_"
);

timed!(
    /// What happens at a time, or again and again: `sch_…`.
    ScheduleId,
    "sch_"
);

timed!(
    /// One message for many recipients: `cmp_…`.
    CampaignId,
    "cmp_"
);

timed!(
    /// A list of contacts: `lst_…`.
    ListId,
    "lst_"
);
timed!(
    /// An import of a file into a list: `imp_…`.
    ImportId,
    "imp_"
);
timed!(
    /// A template: `tpl_…`.
    TemplateId,
    "tpl_"
);

/// Earliest message time that is believed: 2009-01-01, the year the network began.
const EARLIEST_MS: Millis = 1_230_768_000_000;
const DAY_MS: Millis = 86_400_000;

/// A message time fit for a key: one before 2009 or more than a day ahead becomes now.
#[must_use]
pub const fn believable_ms(ts_ms: Millis, now_ms: Millis) -> Millis {
    if ts_ms < EARLIEST_MS || ts_ms > now_ms.saturating_add(DAY_MS) { now_ms } else { ts_ms }
}

/// A message anywhere in the store: `msg_` and 32 characters. It *is* the key of the row: account number, time and
/// random part (20 bytes).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId {
    /// The account.
    pub account: AccountNo,
    /// The message in it.
    pub key: MessageKey,
}

impl MessageId {
    /// Prefix of the public form.
    pub const PREFIX: &'static str = "msg_";

    /// The 20 bytes of the row's key.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 20] {
        let mut out = [0; 20];
        out[..4].copy_from_slice(&self.account.0.to_be_bytes());
        out[4..].copy_from_slice(&self.key.to_bytes());
        out
    }

    /// The id from the 20 bytes of the row's key.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut parts = Parts(bytes);
        let account = AccountNo(parts.u32()?);
        Some(Self { account, key: MessageKey::from_bytes(parts.rest())? })
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", Self::PREFIX, base32().encode(&self.to_bytes()))
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for MessageId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let body = text.strip_prefix(Self::PREFIX).ok_or(BadId)?;
        Self::from_bytes(&base32().decode(body.as_bytes()).map_err(|_| BadId)?).ok_or(BadId)
    }
}

impl Serialize for MessageId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// An event in the store's one log: `evt_…`. Made of the store's incarnation and the position, so it never repeats,
/// also not after a restore. It is the `webhook-id` of every delivery of the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// Which life of the store.
    pub incarnation: u64,
    /// The event's position.
    pub position: Position,
}

/// A delivery of one event to one endpoint: `dlv_…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// The event's position.
    pub position: Position,
}

impl DeliveryId {
    /// The 24 bytes of the row's key.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 24] {
        let mut out = [0; 24];
        out[..16].copy_from_slice(&self.endpoint.to_bytes());
        out[16..].copy_from_slice(&self.position.0.to_be_bytes());
        out
    }

    /// The id from the 24 bytes of the row's key.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (endpoint, position) = bytes.split_at_checked(16)?;
        let endpoint = EndpointId::from_bytes(endpoint)?;
        Some(Self { endpoint, position: Position(u64::from_be_bytes(position.try_into().ok()?)) })
    }
}

impl EventId {
    /// Prefix of the public form.
    pub const PREFIX: &'static str = "evt_";
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.incarnation.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.position.0.to_be_bytes());
        write!(f, "{}{}", Self::PREFIX, base32().encode(&bytes))
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dlv_{}", base32().encode(&self.to_bytes()))
    }
}

impl FromStr for DeliveryId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let body = text.strip_prefix("dlv_").ok_or(BadId)?;
        Self::from_bytes(&base32().decode(body.as_bytes()).map_err(|_| BadId)?).ok_or(BadId)
    }
}

impl<'de> Deserialize<'de> for DeliveryId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The user's own name for an account: 1 to 100 visible characters without `/`. Never changed once given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct AccountId(String);

/// Longest account id, in characters.
pub const ACCOUNT_ID_MAX: usize = 100;

impl AccountId {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for AccountId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let visible = |c: char| !c.is_control() && !c.is_whitespace() && c != '/';
        let length = text.chars().count();
        if length == 0 || length > ACCOUNT_ID_MAX || !text.chars().all(visible) || text == "." || text == ".." {
            return Err(BadId);
        }
        Ok(Self(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for AccountId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_id_is_its_key_and_sorts_like_it() {
        let id = MessageId { account: AccountNo(7), key: MessageKey::new(1_700_000_000_000, 42) };
        let text = id.to_string();
        assert_eq!(text.len(), 4 + 32);
        assert_eq!(text.parse::<MessageId>().unwrap(), id);
        let later = MessageId { account: AccountNo(7), key: MessageKey::new(1_700_000_000_001, 0) };
        assert!(later.to_string() > text);
    }

    #[test]
    fn foreign_texts_are_no_ids() {
        for text in ["", "msg_", "ep_0", "msg_zzzz", "MSG_00000000000000000000000000000000"] {
            assert_eq!(text.parse::<MessageId>(), Err(BadId), "{text}");
        }
    }

    #[test]
    fn account_ids_are_visible_texts() {
        for good in ["shop-1", "ünï", "a b".replace(' ', "_").as_str(), "6281@x:1"] {
            assert!(good.parse::<AccountId>().is_ok(), "{good}");
        }
        for bad in ["", "a/b", "a b", "a\n", "..", "x".repeat(101).as_str()] {
            assert!(bad.parse::<AccountId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn odd_message_times_become_now() {
        let now = 1_800_000_000_000;
        for (ts, expected) in [(0, now), (now - 5, now - 5), (now + DAY_MS, now + DAY_MS), (now + DAY_MS + 1, now)] {
            assert_eq!(believable_ms(ts, now), expected);
        }
    }
}
