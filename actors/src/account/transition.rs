//! The one line that the log gets for a change of an account's state. Restart, quarantine and release are such changes.

use wasup_store::id::{AccountId, Epoch};
use wasup_store::records::{AccountRecord, AccountState, Phase};

use crate::principal::RequestId;

/// A change of an account's state that was committed.
pub(crate) struct Transition<'a> {
    pub(crate) account: &'a AccountId,
    pub(crate) from: &'a AccountState,
    pub(crate) to: &'a AccountState,
    /// The incarnation that made it, or the last one where nobody's incarnation did.
    pub(crate) epoch: Epoch,
    /// The request that asked for it, where one did.
    pub(crate) request_id: Option<&'a RequestId>,
    /// What broke, where the actor says so.
    pub(crate) cause: Option<&'a str>,
}

impl<'a> Transition<'a> {
    /// A change that nobody's incarnation made.
    pub(crate) const fn of(record: &'a AccountRecord, to: &'a AccountState) -> Self {
        Self { account: &record.id, from: &record.state, to, epoch: record.epoch, request_id: None, cause: None }
    }

    /// Writes the line, as grave as what the account came to.
    pub(crate) fn log(&self) {
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    account = %self.account,
                    from = self.from.phase.as_str(),
                    to = self.to.phase.as_str(),
                    reason = self.to.reason.as_str(),
                    epoch = self.epoch.0,
                    retry_at_ms = self.to.retry_at_ms,
                    request_id = self.request_id.map(|id| &**id),
                    cause = self.cause,
                    "{}",
                    self.sentence()
                )
            };
        }
        match self.to.phase {
            Phase::Quarantined => line!(error),
            Phase::BackingOff | Phase::LoggedOut | Phase::Replaced | Phase::Banned | Phase::Outdated => line!(warn),
            _ => line!(info),
        }
    }

    const fn sentence(&self) -> &'static str {
        match (self.from.phase, self.to.phase) {
            (_, Phase::BackingOff) => "the account's actor broke and is started again",
            (_, Phase::Quarantined) => "the account's actor broke too often and is quarantined",
            (Phase::Quarantined, _) => "the account is released from quarantine",
            _ => "the account's state changed",
        }
    }
}
