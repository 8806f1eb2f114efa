//! A webhook subscription.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{DeliveryPolicy, EventData, EventFilter, EventKind};
use crate::id::{AccountNo, DEFAULT_TENANT, EndpointId, Millis, TenantNo};

/// Row of `endpoint`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointRecord {
    /// Its id.
    pub id: EndpointId,
    /// Whose it is.
    #[serde(default = "default_tenant")]
    pub tenant: TenantNo,
    /// The account whose events it gets; `AccountNo(0)` for every account of its tenant.
    pub account: AccountNo,
    /// What its owner calls it.
    #[serde(default)]
    pub name: Option<String>,
    /// Where deliveries go.
    pub url: String,
    /// Signing secret: the 24 to 64 raw bytes.
    pub secret: Vec<u8>,
    /// Secrets that were replaced and still sign beside the new one.
    #[serde(default)]
    pub retired: Vec<RetiredSecret>,
    /// Kinds of events it gets; empty for all.
    #[serde(default)]
    pub events: Vec<EventKind>,
    /// Headers that go with every delivery, names in lower case.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// Which of those events it gets, by chat and by what a message holds.
    #[serde(default)]
    pub filter: EventFilter,
    /// How its deliveries are tried.
    #[serde(default)]
    pub policy: DeliveryPolicy,
    /// Whether deliveries wait for one another.
    #[serde(default)]
    pub order: DeliveryOrder,
    /// Whether the receiver's answer may be a message to the chat.
    #[serde(default)]
    pub reply: ReplyMode,
    /// How files stand in events.
    #[serde(default, skip_serializing_if = "FilesAs::is_default")]
    pub media: FilesAs,
    /// What the body looks like.
    #[serde(default)]
    pub format: PayloadFormat,
    /// It is the account's chatbot: it gets only what humans write for whom that is switched on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub chatbot: bool,
    /// Why deliveries are not tried, where they are not. New events still queue.
    #[serde(default, alias = "disabled_reason")]
    pub off: Option<Off>,
    /// When it was created.
    #[serde(default)]
    pub created_ms: Millis,
}

/// A secret that was replaced.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetiredSecret {
    /// Its raw bytes.
    pub secret: Vec<u8>,
    /// Until then deliveries are signed with it, too.
    pub until_ms: Millis,
}

/// Leaves the secret out.
impl fmt::Debug for RetiredSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetiredSecret").field("until_ms", &self.until_ms).finish_non_exhaustive()
    }
}

/// Whether deliveries wait for one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryOrder {
    /// They do not: one that fails holds nobody up.
    #[default]
    None,
    /// Within a chat each waits for the one before it.
    Chat,
}

/// Whether the receiver's answer may be a message to the chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyMode {
    /// Answers are only kept.
    #[default]
    Off,
    /// An answer to a received message is sent to its chat.
    Answer,
}

/// How the files of messages stand in events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FilesAs {
    /// As a link that works without a key, for a time.
    #[default]
    Link,
    /// As their bytes in base64, where they are not too large; else as a link.
    Base64,
    /// Not at all: their type and size only.
    None,
}

impl FilesAs {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What the body of a delivery looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayloadFormat {
    /// The envelope of the event log.
    #[default]
    Envelope,
}

/// Why an endpoint's deliveries are not tried. The words are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Off {
    /// Somebody paused it.
    Paused,
    /// The receiver answered that it is gone for good.
    Gone,
    /// Nothing but failures for too long.
    Failing,
}

impl Off {
    /// Every one of them.
    pub const ALL: [Self; 3] = [Self::Paused, Self::Gone, Self::Failing];

    /// The word used in the API and in events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Gone => "gone",
            Self::Failing => "failing",
        }
    }
}

impl EndpointRecord {
    /// An endpoint of one account (or of every one) with nothing set but where it is and what it signs with.
    #[must_use]
    pub fn new(id: EndpointId, account: AccountNo, url: String, secret: Vec<u8>, created_ms: Millis) -> Self {
        Self {
            id,
            tenant: DEFAULT_TENANT,
            account,
            name: None,
            url,
            secret,
            retired: Vec::new(),
            events: Vec::new(),
            headers: Vec::new(),
            filter: EventFilter::default(),
            policy: DeliveryPolicy::default(),
            order: DeliveryOrder::default(),
            reply: ReplyMode::default(),
            media: FilesAs::default(),
            format: PayloadFormat::default(),
            chatbot: false,
            off: None,
            created_ms,
        }
    }

    /// Whether deliveries are tried.
    #[must_use]
    pub const fn enabled(&self) -> bool {
        self.off.is_none()
    }

    /// Whether it gets this event of an account (or of the server) that it hears of.
    #[must_use]
    pub fn wants(&self, kind: EventKind, data: &EventData) -> bool {
        (self.events.is_empty() || self.events.contains(&kind)) && self.filter.passes(data)
    }
}

/// Leaves the secret and the address out: debug output ends in logs.
impl fmt::Debug for EndpointRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointRecord").field("id", &self.id).field("off", &self.off).finish_non_exhaustive()
    }
}

const fn default_tenant() -> TenantNo {
    DEFAULT_TENANT
}
