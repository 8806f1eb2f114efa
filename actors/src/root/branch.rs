//! The branches of the tree: what they are called, how each is treated when it breaks, and how each is asked for a sign
//! of life.

use std::time::Duration;

use ractor::{ActorCell, ActorRef};

use super::RootMsg;
use crate::accounts::SupervisorMsg;
use crate::campaigns::CampaignsMsg;
use crate::files::FetcherMsg;
use crate::importing::ImportsMsg;
use crate::indexing::IndexerMsg;
use crate::janitor::JanitorMsg;
use crate::scheduler::SchedulerMsg;
use crate::supervision::{Backoff, OnExceeded, RestartKind, RestartPolicy};
use crate::webhook::DispatcherMsg;

/// The links hang on the accounts' branch: when it keeps breaking, only a new process can help.
const ACCOUNTS: RestartPolicy = RestartPolicy {
    kind: RestartKind::Permanent,
    max_restarts: 3,
    within: Duration::from_secs(60),
    backoff: Backoff { base: Duration::from_secs(1), factor: 2.0, cap: Duration::from_secs(10), jitter: 0.0 },
    stable_after: Duration::from_secs(60),
    on_exceeded: OnExceeded::Escalate,
};
/// Nothing that the others do is lost when it is done later, and no connection is worth less because of them.
pub(super) const OTHERS: RestartPolicy = RestartPolicy {
    kind: RestartKind::Permanent,
    max_restarts: 5,
    within: Duration::from_secs(60),
    backoff: Backoff { base: Duration::from_millis(200), factor: 2.0, cap: Duration::from_secs(10), jitter: 0.0 },
    stable_after: Duration::from_secs(60),
    on_exceeded: OnExceeded::KeepTrying(Duration::from_secs(60)),
};

/// A branch, in the order in which they start. They stop in the opposite order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Branch {
    /// Keeps the store tidy.
    Janitor,
    /// Delivers events.
    Webhooks,
    /// The accounts and their supervisor.
    Accounts,
    /// Does what is due.
    Scheduler,
    /// The campaigns and their supervisor.
    Campaigns,
    /// Fetches received files before anybody asks.
    Files,
    /// Keeps the index of words up to date.
    Search,
    /// The imports of files into lists, and their supervisor.
    Imports,
}

impl Branch {
    /// Every branch, in the order in which they start.
    pub const ALL: [Self; 8] = [
        Self::Janitor,
        Self::Webhooks,
        Self::Accounts,
        Self::Scheduler,
        Self::Campaigns,
        Self::Files,
        Self::Search,
        Self::Imports,
    ];

    /// The word used in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Janitor => "janitor",
            Self::Webhooks => "webhooks",
            Self::Accounts => "accounts",
            Self::Scheduler => "scheduler",
            Self::Campaigns => "campaigns",
            Self::Files => "files",
            Self::Search => "search",
            Self::Imports => "imports",
        }
    }

    /// How it is treated when it breaks.
    pub(super) const fn policy(self) -> RestartPolicy {
        match self {
            Self::Accounts => ACCOUNTS,
            Self::Janitor
            | Self::Webhooks
            | Self::Scheduler
            | Self::Campaigns
            | Self::Files
            | Self::Search
            | Self::Imports => OTHERS,
        }
    }

    /// Pings that it may leave unanswered. To kill the accounts' branch closes every link, so it gets much longer: a
    /// slow disk must not do that.
    pub(super) const fn misses_allowed(self) -> u32 {
        match self {
            Self::Accounts => 20,
            Self::Janitor
            | Self::Webhooks
            | Self::Scheduler
            | Self::Campaigns
            | Self::Files
            | Self::Search
            | Self::Imports => 2,
        }
    }
}

/// A branch's sign of life, to be given back.
pub(crate) struct Beat {
    root: ActorRef<RootMsg>,
    branch: Branch,
    generation: u64,
}

impl Beat {
    /// Gives it back.
    pub(crate) fn answer(self) {
        // A root that is gone takes its branches with it.
        let _ = self.root.cast(RootMsg::Pong { branch: self.branch, generation: self.generation });
    }
}

/// A branch that runs.
#[derive(Clone)]
pub(super) enum Running {
    Janitor(ActorRef<JanitorMsg>),
    Webhooks(ActorRef<DispatcherMsg>),
    Accounts(ActorRef<SupervisorMsg>),
    Scheduler(ActorRef<SchedulerMsg>),
    Campaigns(ActorRef<CampaignsMsg>),
    Files(ActorRef<FetcherMsg>),
    Search(ActorRef<IndexerMsg>),
    Imports(ActorRef<ImportsMsg>),
}

impl Running {
    pub(super) fn cell(&self) -> ActorCell {
        match self {
            Self::Janitor(actor) => actor.get_cell(),
            Self::Webhooks(actor) => actor.get_cell(),
            Self::Accounts(actor) => actor.get_cell(),
            Self::Scheduler(actor) => actor.get_cell(),
            Self::Campaigns(actor) => actor.get_cell(),
            Self::Files(actor) => actor.get_cell(),
            Self::Search(actor) => actor.get_cell(),
            Self::Imports(actor) => actor.get_cell(),
        }
    }

    const fn branch(&self) -> Branch {
        match self {
            Self::Janitor(_) => Branch::Janitor,
            Self::Webhooks(_) => Branch::Webhooks,
            Self::Accounts(_) => Branch::Accounts,
            Self::Scheduler(_) => Branch::Scheduler,
            Self::Campaigns(_) => Branch::Campaigns,
            Self::Files(_) => Branch::Files,
            Self::Search(_) => Branch::Search,
            Self::Imports(_) => Branch::Imports,
        }
    }

    /// Asks for a sign of life.
    pub(super) fn ping(&self, root: &ActorRef<RootMsg>, generation: u64) {
        let beat = Beat { root: root.clone(), branch: self.branch(), generation };
        let _ = match self {
            Self::Janitor(actor) => actor.cast(JanitorMsg::Ping(beat)).is_ok(),
            Self::Webhooks(actor) => actor.cast(DispatcherMsg::Ping(beat)).is_ok(),
            Self::Accounts(actor) => actor.cast(SupervisorMsg::Ping(beat)).is_ok(),
            Self::Scheduler(actor) => actor.cast(SchedulerMsg::Ping(beat)).is_ok(),
            Self::Campaigns(actor) => actor.cast(CampaignsMsg::Ping(beat)).is_ok(),
            Self::Files(actor) => actor.cast(FetcherMsg::Ping(beat)).is_ok(),
            Self::Search(actor) => actor.cast(IndexerMsg::Ping(beat)).is_ok(),
            Self::Imports(actor) => actor.cast(ImportsMsg::Ping(beat)).is_ok(),
        };
    }

    /// Breaks it.
    #[cfg(test)]
    pub(super) fn strike(&self, fault: crate::accounts::Fault) {
        match self {
            Self::Janitor(actor) => actor.cast(JanitorMsg::Fault(fault)).unwrap(),
            Self::Webhooks(actor) => actor.cast(DispatcherMsg::Fault(fault)).unwrap(),
            Self::Scheduler(actor) => actor.cast(SchedulerMsg::Fault(fault)).unwrap(),
            Self::Campaigns(actor) => actor.cast(CampaignsMsg::Fault(fault)).unwrap(),
            Self::Files(actor) => actor.cast(FetcherMsg::Fault(fault)).unwrap(),
            Self::Search(actor) => actor.cast(IndexerMsg::Fault(fault)).unwrap(),
            Self::Imports(actor) => actor.cast(ImportsMsg::Fault(fault)).unwrap(),
            Self::Accounts(actor) => actor.kill(),
        }
    }
}
