//! Counters that change in the transaction that causes the change, so that gauges need no scan.

use serde::{Deserialize, Serialize};

use super::Lane;
use crate::id::{ChatNo, Millis, PersonNo, Seq};

/// Row of `meta`, one an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AccountCounters {
    /// Newest event of the account.
    pub seq: Seq,
    /// Newest chat number given out.
    pub last_chat: ChatNo,
    /// Newest person number given out.
    pub last_person: PersonNo,
    /// Messages kept.
    pub messages: u64,
    /// Bytes of their contents.
    pub message_bytes: u64,
    /// Messages received.
    pub received: u64,
    /// Messages that arrived again and were skipped.
    pub repeats: u64,
    /// Messages that arrived but can't be read, unless the phone sent them again.
    pub unavailable: u64,
    /// Sends acknowledged by the server.
    pub sent: u64,
    /// Sends that ended in rejected, failed or cancelled.
    pub unsent: u64,
    /// Rows of the outbox by lane.
    pub outbox: [u64; 3],
}

impl AccountCounters {
    /// Rows of the outbox in a lane.
    pub const fn lane(&mut self, lane: Lane) -> &mut u64 {
        &mut self.outbox[lane as usize]
    }

    /// Rows of the outbox in all lanes.
    #[must_use]
    pub fn outbox_depth(&self) -> u64 {
        self.outbox.iter().sum()
    }
}

/// Row of `meta`, one an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EndpointCounters {
    /// Deliveries that are not final.
    pub pending: u64,
    /// Deliveries accepted by the receiver.
    pub completed: u64,
    /// Deliveries given up.
    pub discarded: u64,
    /// Attempts that failed.
    pub failed_attempts: u64,
    /// When the endpoint's row in `due` wakes the dispatcher, where it has one.
    pub wake_ms: Option<Millis>,
}
