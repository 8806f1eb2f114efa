//! How the use cases around schedules say no.

use std::time::Duration;

use wasup_store::StoreError;

use super::made;
use super::times::BadTimes;

/// Why something about schedules can't be done.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// There is no such account.
    #[error("no such account")]
    AccountNotFound,
    /// There is no such schedule.
    #[error("no such schedule")]
    NotFound,
    /// Its times can't be read.
    #[error(transparent)]
    Times(#[from] BadTimes),
    /// None of its times is to come.
    #[error("no time is left")]
    NoTimeLeft,
    /// It has ended.
    #[error("the schedule has ended")]
    Over,
    /// Its account is gone.
    #[error("the schedule's account is gone")]
    AccountGone,
    /// The campaign that it is to make others of is not there.
    #[error("no such campaign")]
    NoCampaign,
    /// It names more files than it may.
    #[error("a schedule names at most {} different files", made::FILES_MAX)]
    TooManyFiles,
    /// It ran or was changed at the same moment, again and again.
    #[error("the schedule changes all the time")]
    Busy,
    /// The key was used with another body.
    #[error("the idempotency key was used with another request")]
    IdempotencyKeyReused,
    /// Too many messages wait already.
    #[error("the account's outbox is full")]
    OutboxFull {
        /// When to ask again.
        retry_after: Duration,
    },
    /// The disk is nearly full.
    #[error("free space is below the floor")]
    SpaceLow,
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for ScheduleError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::SpaceLow { .. } => Self::SpaceLow,
            other => Self::Store(other),
        }
    }
}
