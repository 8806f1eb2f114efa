//! How a child stands with its supervisor, for whoever looks at the tree.

use std::time::Duration;

use super::RestartPolicy;

/// What a supervisor is doing with a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChildPhase {
    /// Nothing: it was never started, was stopped, or ended as it should.
    Idle,
    /// It runs.
    Running,
    /// It broke and is started again at a known time.
    Waiting,
    /// It was asked to stop.
    Stopping,
    /// It broke too often and is left alone.
    Quarantined,
}

impl ChildPhase {
    /// The word used in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Stopping => "stopping",
            Self::Quarantined => "quarantined",
        }
    }
}

/// How a child stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What its supervisor is doing with it.
    pub phase: ChildPhase,
    /// How often it was started in this life of the supervisor.
    pub generation: u64,
    /// Restarts that count against its budget at present.
    pub restarts: u32,
    /// How many more there may be.
    pub budget_left: u32,
    /// When it is started again, while it waits for that.
    pub restart_in: Option<Duration>,
    /// Pings in a row that it has left unanswered.
    pub misses: u32,
    /// How long it has been running.
    pub up: Option<Duration>,
}

impl Standing {
    /// Of a child that its supervisor has not heard of yet.
    pub(crate) const fn never(policy: &RestartPolicy) -> Self {
        Self {
            phase: ChildPhase::Idle,
            generation: 0,
            restarts: 0,
            budget_left: policy.max_restarts,
            restart_in: None,
            misses: 0,
            up: None,
        }
    }
}
