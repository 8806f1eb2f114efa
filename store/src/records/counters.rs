//! Counters that change in the transaction that causes the change, so that gauges need no scan.

use serde::{Deserialize, Serialize};

use super::{HourCounts, Lane};
use crate::id::{ChatNo, Millis, PersonNo, Position, Seq};

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
    /// Sends that are held.
    #[serde(skip_serializing_if = "is_zero")]
    pub held: u64,
    /// Chats that have messages, the union of merged ones counted once, the status feed not at all.
    #[serde(skip_serializing_if = "is_zero")]
    pub chats: u64,
    /// Messages in them that are not read.
    #[serde(skip_serializing_if = "is_zero")]
    pub unread: u64,
    /// Messages that are not kept and whose rows are still there, so that a repeat is one.
    #[serde(skip_serializing_if = "is_zero")]
    pub fleeting: u64,
    /// What the counters above hold of messages that are not kept any more.
    #[serde(skip_serializing_if = "GoneCounters::is_none")]
    pub gone: GoneCounters,
    /// Messages of the running hour.
    #[serde(skip_serializing_if = "HourCounts::is_empty")]
    pub this_hour: HourCounts,
}

/// What counters that only grow hold of messages that are not kept any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GoneCounters {
    /// Of [`AccountCounters::received`].
    pub received: u64,
    /// Of [`AccountCounters::unavailable`].
    pub unavailable: u64,
    /// Of [`AccountCounters::sent`].
    pub sent: u64,
    /// Of [`AccountCounters::unsent`].
    pub unsent: u64,
}

impl GoneCounters {
    /// Whether every message is kept.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
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

    /// Sends that have no outcome yet.
    #[must_use]
    pub fn unsettled(&self) -> u64 {
        self.outbox_depth() + self.held
    }
}

/// Row of `meta`, one a tenant: the sums over its accounts. Every group of commits that moves one writes it once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TenantCounters {
    /// Accounts.
    pub accounts: u64,
    /// Messages kept.
    pub messages: u64,
    /// Bytes of their contents.
    pub message_bytes: u64,
    /// Messages received.
    pub received: u64,
    /// Messages that arrived again and were skipped.
    pub repeats: u64,
    /// Messages that arrived but can't be read.
    pub unavailable: u64,
    /// Sends acknowledged by the server.
    pub sent: u64,
    /// Sends that ended in rejected, failed or cancelled.
    pub unsent: u64,
    /// Rows of the outboxes by lane.
    pub outbox: [u64; 3],
    /// Sends that are held.
    #[serde(skip_serializing_if = "is_zero")]
    pub held: u64,
}

impl TenantCounters {
    /// After one of its accounts moved from `before` to `after`.
    #[must_use]
    pub const fn moved(self, before: &AccountCounters, after: &AccountCounters) -> Self {
        Self {
            accounts: self.accounts,
            messages: step(self.messages, before.messages, after.messages),
            message_bytes: step(self.message_bytes, before.message_bytes, after.message_bytes),
            received: step(self.received, before.received, after.received),
            repeats: step(self.repeats, before.repeats, after.repeats),
            unavailable: step(self.unavailable, before.unavailable, after.unavailable),
            sent: step(self.sent, before.sent, after.sent),
            unsent: step(self.unsent, before.unsent, after.unsent),
            outbox: [
                step(self.outbox[0], before.outbox[0], after.outbox[0]),
                step(self.outbox[1], before.outbox[1], after.outbox[1]),
                step(self.outbox[2], before.outbox[2], after.outbox[2]),
            ],
            held: step(self.held, before.held, after.held),
        }
    }
}

/// A sum after one of its parts changed; never below nothing.
const fn step(sum: u64, before: u64, after: u64) -> u64 {
    sum.saturating_add(after).saturating_sub(before)
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
    /// Since when attempts do nothing but fail: the first failure after the newest success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing_since_ms: Option<Millis>,
    /// No delivery before this place waits. It lags behind; whoever wants the oldest one walks on from here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Position>,
}
