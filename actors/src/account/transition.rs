//! The one line that the log gets for a change of an account's state. Restart, quarantine and release are such changes.

use std::time::Duration;

use wasup_store::id::{AccountId, Epoch};
use wasup_store::records::{AccountRecord, AccountState, Author, Phase};
use wasup_store::repo::account::StateChange;

use crate::meters::Meters;
use crate::principal::Asker;

/// A change of an account's state that was committed.
pub(crate) struct Transition<'a> {
    pub(crate) account: &'a AccountId,
    pub(crate) from: &'a AccountState,
    pub(crate) to: &'a AccountState,
    /// The incarnation that made it, or the last one where nobody's incarnation did.
    pub(crate) epoch: Epoch,
    /// Who asked for it, where somebody did.
    pub(crate) by: Option<&'a Asker>,
    /// What broke, where the actor says so.
    pub(crate) cause: Option<&'a str>,
}

impl<'a> Transition<'a> {
    /// A change that nobody's incarnation made.
    pub(crate) const fn of(record: &'a AccountRecord, to: &'a AccountState) -> Self {
        Self { account: &record.id, from: &record.state, to, epoch: record.epoch, by: None, cause: None }
    }

    /// What is written of it.
    pub(crate) fn change(&self, every: Duration) -> StateChange {
        StateChange {
            state: self.to.clone(),
            every_ms: u64::try_from(every.as_millis()).unwrap_or(u64::MAX),
            cause: self.cause.map(str::to_owned),
            by: self.by.map(|by| Author::clone(by)),
        }
    }

    /// Writes the line, as grave as what the account came to, and counts it.
    pub(crate) fn log(&self, meters: &Meters) {
        meters.state_changes.count(self.to.phase);
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    account = %self.account,
                    from = self.from.phase.as_str(),
                    to = self.to.phase.as_str(),
                    reason = self.to.reason.as_str(),
                    epoch = self.epoch.0,
                    retry_at_ms = self.to.retry_at_ms,
                    who = self.by.map(|by| by.who.as_str()),
                    request_id = self.by.map(|by| by.request_id.as_str()),
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
