//! A webhook subscription.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::EventKind;
use crate::id::{AccountNo, DEFAULT_TENANT, EndpointId, Millis, TenantNo};

/// Row of `endpoint`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointRecord {
    /// Its id.
    pub id: EndpointId,
    /// Whose it is.
    #[serde(default = "default_tenant")]
    pub tenant: TenantNo,
    /// The account whose events it gets; `AccountNo(0)` for every account.
    pub account: AccountNo,
    /// Where deliveries go.
    pub url: String,
    /// Signing secret: the 24 to 64 raw bytes.
    pub secret: Vec<u8>,
    /// Kinds of events it gets; empty for all.
    #[serde(default)]
    pub events: Vec<EventKind>,
    /// Whether deliveries are tried. New events still queue while it is off.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Why it is off, a stable code.
    #[serde(default)]
    pub disabled_reason: Option<String>,
    /// When it was created.
    #[serde(default)]
    pub created_ms: Millis,
}

impl EndpointRecord {
    /// Whether it gets events of this kind.
    #[must_use]
    pub fn wants(&self, kind: EventKind) -> bool {
        self.events.is_empty() || self.events.contains(&kind)
    }
}

/// Leaves the secret and the address out: debug output ends in logs.
impl fmt::Debug for EndpointRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointRecord").field("id", &self.id).field("enabled", &self.enabled).finish_non_exhaustive()
    }
}

const fn default_tenant() -> TenantNo {
    DEFAULT_TENANT
}

const fn yes() -> bool {
    true
}
