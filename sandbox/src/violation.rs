//! What clients did that a strict server refuses. Tests assert that the list is empty, or that it
//! holds exactly what they provoked.

use crate::lock::hold;
use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Most violations kept; the count goes on.
const KEPT: usize = 1_000;

/// The rule that was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A required attribute is missing or has no meaning.
    Attribute,
    /// A child is missing, is one too many, or has the wrong content.
    Child,
    /// An `<enc>` has a version, type or size that does not exist.
    Encryption,
    /// A stanza is addressed to a device that never existed.
    UnknownDevice,
    /// A message left out a device of which the sender had been told.
    MissingDevice,
    /// A message names the same device twice, or the device that sent it.
    RepeatedDevice,
    /// A first message of a session came without the proof of the sending device.
    MissingProof,
    /// A signature or key does not hold.
    Signature,
    /// The stanza is one this server does not know.
    Unknown,
    /// The stanza is real but not part of this network yet.
    Unsupported,
    /// The stanza is not allowed at this point of the session.
    OutOfOrder,
}

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Violation {
    /// The account's number, when the connection had logged in.
    pub number: Option<String>,
    /// The device, when the connection had logged in.
    pub device: Option<u16>,
    /// The rule.
    pub rule: Rule,
    /// What exactly is wrong.
    pub detail: String,
    /// The stanza's tags, attribute names and sizes; never values or contents.
    pub stanza: String,
}

/// The network's list of violations.
#[derive(Default)]
pub(crate) struct Violations {
    list: Mutex<VecDeque<Violation>>,
    count: AtomicU64,
}

impl Violations {
    pub(crate) fn record(&self, violation: Violation) {
        tracing::warn!(
            rule = ?violation.rule,
            detail = %violation.detail,
            stanza = %violation.stanza,
            "refused a stanza"
        );
        self.count.fetch_add(1, Ordering::Relaxed);
        let mut list = hold(&self.list);
        if list.len() == KEPT {
            list.pop_front();
        }
        list.push_back(violation);
    }

    pub(crate) fn all(&self) -> Vec<Violation> {
        hold(&self.list).iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        hold(&self.list).clear();
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

/// A refusal in the making: the rule and what is wrong, before it is known who did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) rule: Rule,
    pub(crate) detail: String,
}

impl Broken {
    pub(crate) fn new(rule: Rule, detail: impl Into<String>) -> Self {
        Self { rule, detail: detail.into() }
    }
}
