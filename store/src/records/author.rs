//! Who was behind something, as it is kept.

use serde::{Deserialize, Serialize};

use crate::id::{AccountId, CampaignId, EndpointId, JobId, ScheduleId};
use crate::principal::Principal;

/// In which capacity somebody asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// Holder of the installation's key.
    RootKey,
    /// The accounts file.
    Config,
    /// The product itself.
    System,
}

impl Who {
    /// The word used in logs and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RootKey => "root_key",
            Self::Config => "config",
            Self::System => "system",
        }
    }
}

/// Who asked for what a row tells, and under which request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// In which capacity.
    pub who: Who,
    /// The request's id, also in its answer and in the log.
    pub request_id: String,
}

impl From<&Principal> for Author {
    fn from(principal: &Principal) -> Self {
        Self { who: principal.who, request_id: principal.request_id.clone() }
    }
}

/// What somebody did that is no message: sends tell their author in their own event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Created an account.
    AccountCreated,
    /// Wants an account to run.
    AccountStarted,
    /// Wants an account to stand still.
    AccountStopped,
    /// Let an account leave quarantine.
    AccountReleased,
    /// Had an account's actor and link started anew.
    AccountRestarted,
    /// Ended an account's link for good.
    AccountLoggedOut,
    /// Gave up linking an account to a phone.
    AccountPairingCancelled,
    /// Asked for a code to link an account by.
    AccountPairingCode,
    /// Removed an account whose time was over.
    AccountExpired,
    /// Deleted an account.
    AccountDeleted,
    /// Changed what is set for an account.
    AccountChanged,
    /// Wrote an account into the accounts file, or something else about it.
    AccountDeclared,
    /// Took an account out of the accounts file.
    AccountUndeclared,
    /// Set what of an account's messages is kept.
    PersistenceSet,
    /// Set an endpoint.
    EndpointSet(EndpointId),
    /// Removed an endpoint.
    EndpointRemoved(EndpointId),
    /// Paused an endpoint.
    EndpointPaused(EndpointId),
    /// Let an endpoint go on that was paused or switched off.
    EndpointResumed(EndpointId),
    /// Gave an endpoint a new secret.
    EndpointSecretRotated(EndpointId),
    /// Sent an endpoint a test.
    EndpointTested(EndpointId),
    /// Has deliveries of an endpoint made again.
    EndpointReplayed(EndpointId),
    /// Paused a job.
    JobPaused(JobId),
    /// Let a paused job go on.
    JobResumed(JobId),
    /// Gave a job up.
    JobCancelled(JobId),
    /// Forgot a job that was over.
    JobDeleted(JobId),
    /// Made a schedule.
    ScheduleCreated(ScheduleId),
    /// Changed a schedule.
    ScheduleChanged(ScheduleId),
    /// Paused a schedule.
    SchedulePaused(ScheduleId),
    /// Let a paused schedule go on.
    ScheduleResumed(ScheduleId),
    /// Ran a schedule beside its times.
    ScheduleRun(ScheduleId),
    /// Deleted a schedule.
    ScheduleDeleted(ScheduleId),
    /// Made a campaign.
    CampaignCreated(CampaignId),
    /// Changed a campaign that had not begun.
    CampaignChanged(CampaignId),
    /// Let a campaign start, now or at its time.
    CampaignStarted(CampaignId),
    /// Paused a campaign.
    CampaignPaused(CampaignId),
    /// Let a paused campaign go on.
    CampaignResumed(CampaignId),
    /// Gave a campaign up.
    CampaignStopped(CampaignId),
    /// Forgot a campaign.
    CampaignDeleted(CampaignId),
    /// Believed the machine's clock after a jump.
    ClockTrusted,
}

/// Row of `audit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Who did it.
    pub by: Author,
    /// What they did.
    pub act: Act,
    /// To which account; `None` for the server itself.
    #[serde(default)]
    pub account: Option<AccountId>,
}
