//! What the tree counts. The handles are given to it, so that two trees in one process never count into each other;
//! by default they lead nowhere.

mod per_account;
mod words;

use metrics::{Counter, Gauge, Histogram};
use wasup_sessions::meters::Counters;
use wasup_sessions::ports::DisconnectReason;
use wasup_store::records::{ImportEnd, Phase};
use wasup_store::repo::account::Outlived;

use crate::root::Branch;
use crate::supervision::CrashKind;

pub use per_account::{AccountCounts, PerAccount};
pub use words::{
    AttemptResult, DeliveryOutcome, PairingOutcome, PairingWay, PrunedRows, Refusal, ReplyOutcome, RestrictionChange,
    RowOutcome, ScheduleOutcome, SendOutcome,
};

/// The handles that the tree counts with. Times are seconds.
#[derive(Clone)]
pub struct Meters {
    /// Restarts of accounts' actors.
    pub restarts: Counters<CrashKind>,
    /// Restarts of branches of the tree.
    pub branch_restarts: Counters<Branch>,
    /// Accounts that the supervisor holds in quarantine.
    pub quarantined: Gauge,
    /// Changes of accounts' states, by the phase that began.
    pub state_changes: Counters<Phase>,
    /// What came of pairings.
    pub pairings: Counters<(PairingWay, PairingOutcome)>,
    /// Accounts that were removed because their time was over.
    pub expired: Counters<Outlived>,
    /// Connections that were lost and made again.
    pub reconnects: Counters<DisconnectReason>,
    /// Sends that were accepted, by the kind of their content.
    pub accepted: Counters<&'static str>,
    /// Tries to send.
    pub sends: Counters<SendOutcome>,
    /// Changes of what the network forbids accounts to send.
    pub restrictions: Counters<RestrictionChange>,
    /// From a send's acceptance to the acknowledgement of the network's server.
    pub send_seconds: Histogram,
    /// Requests that a limit refused.
    pub refusals: Counters<Refusal>,
    /// Requests that wait for the supervisor.
    pub asks: Gauge,
    /// Batches of links' events that wait for their actors, over all accounts.
    pub batches: Gauge,
    /// Attempts to deliver a webhook.
    pub attempts: Counters<AttemptResult>,
    /// How long attempts took.
    pub attempt_seconds: Histogram,
    /// Attempts on their way.
    pub attempts_in_flight: Gauge,
    /// Deliveries that ended.
    pub deliveries: Counters<DeliveryOutcome>,
    /// Answers that were meant for a chat.
    pub replies: Counters<ReplyOutcome>,
    /// From an event to its accepted delivery.
    pub lag_seconds: Histogram,
    /// From an event to the begin of its first attempt.
    pub first_attempt_seconds: Histogram,
    /// Endpoints that are only probed, after too many failures in a row.
    pub endpoints_probed: Gauge,
    /// What times of schedules came to.
    pub schedules: Counters<ScheduleOutcome>,
    /// Rows whose time was over.
    pub pruned: Counters<PrunedRows>,
    /// Messages that the index of words looked at.
    pub indexed: Counter,
    /// Events that the index of words has not looked at.
    pub index_lag: Gauge,
    /// Tries to send items of jobs.
    pub job_items: Counters<SendOutcome>,
    /// Tries to send messages of campaigns.
    pub campaign_messages: Counters<SendOutcome>,
    /// Rows of files that came into lists, or did not.
    pub import_rows: Counters<RowOutcome>,
    /// Imports that ended.
    pub imports_ended: Counters<ImportEnd>,
    /// From an import's begin to its end.
    pub import_seconds: Histogram,
    /// Imports that run.
    pub imports_running: Gauge,
    /// Imports that wait for their turn.
    pub imports_waiting: Gauge,
    /// What is counted for each account by itself.
    pub per_account: PerAccount,
}

impl Default for Meters {
    fn default() -> Self {
        Self {
            restarts: Counters::default(),
            branch_restarts: Counters::default(),
            quarantined: Gauge::noop(),
            state_changes: Counters::default(),
            pairings: Counters::default(),
            expired: Counters::default(),
            reconnects: Counters::default(),
            accepted: Counters::default(),
            sends: Counters::default(),
            restrictions: Counters::default(),
            send_seconds: Histogram::noop(),
            refusals: Counters::default(),
            asks: Gauge::noop(),
            batches: Gauge::noop(),
            attempts: Counters::default(),
            attempt_seconds: Histogram::noop(),
            attempts_in_flight: Gauge::noop(),
            deliveries: Counters::default(),
            replies: Counters::default(),
            lag_seconds: Histogram::noop(),
            first_attempt_seconds: Histogram::noop(),
            endpoints_probed: Gauge::noop(),
            schedules: Counters::default(),
            pruned: Counters::default(),
            indexed: Counter::noop(),
            index_lag: Gauge::noop(),
            job_items: Counters::default(),
            campaign_messages: Counters::default(),
            import_rows: Counters::default(),
            imports_ended: Counters::default(),
            import_seconds: Histogram::noop(),
            imports_running: Gauge::noop(),
            imports_waiting: Gauge::noop(),
            per_account: PerAccount::default(),
        }
    }
}

impl std::fmt::Debug for Meters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meters").finish_non_exhaustive()
    }
}

/// Counts as one in a gauge for as long as it lives.
pub(crate) struct InUse(Gauge);

impl InUse {
    pub(crate) fn of(gauge: &Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge.clone())
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
