//! What the use cases around accounts take and answer.

use std::time::Duration;

use wasup_sessions::ports::{CodeRefusal, PairingCode, QrCode};
use wasup_store::Principal;
use wasup_store::StoreError;
use wasup_store::id::{AccountId, Millis};
use wasup_store::records::{AccountSettings, AccountSource, AccountState, Desired, Phase};
use wasup_store::repo::account::{self, CreateError};
use wasup_store::repo::account_settings::Conflict;

/// What a refused caller should wait.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What an account is created with.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// The user's own id.
    pub id: AccountId,
    /// A name for humans; also what the phone shows of it.
    pub name: Option<String>,
    /// Region for numbers in national form.
    pub default_region: Option<String>,
    /// Whether it starts with the process.
    pub autostart: bool,
    /// The user's own notes, a JSON object.
    pub metadata: Option<serde_json::Value>,
    /// A remark of the user's for people to read.
    pub note: Option<String>,
    /// What is set for this account alone.
    pub settings: AccountSettings,
    /// Who makes it.
    pub source: AccountSource,
    /// Whether it starts at once.
    pub start: bool,
    /// Whether it gets the endpoint that is configured for new accounts.
    pub default_webhook: bool,
}

impl NewAccount {
    /// The row that is meant, and whether the configured endpoint goes with it.
    pub(super) fn row(self, principal: &Principal, now_ms: Millis) -> (account::NewAccount, bool) {
        let row = account::NewAccount {
            id: self.id,
            tenant: principal.tenant,
            name: self.name.unwrap_or_default(),
            desired: if self.start { Desired::Running } else { Desired::Stopped },
            default_region: self.default_region,
            autostart: self.autostart,
            metadata: self.metadata.map(|notes| notes.to_string()),
            note: self.note,
            settings: self.settings,
            source: self.source,
            now_ms,
        };
        (row, self.default_webhook)
    }
}

/// Why a use case around accounts was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// There is no such account.
    #[error("no such account")]
    NotFound,
    /// The id is taken.
    #[error("an account with this id exists")]
    Exists,
    /// What it would have set does not go together; nothing was changed.
    #[error("settings that do not go together")]
    Conflicts(Vec<Conflict>),
    /// Too much is being asked for at the moment, or the supervisor is being restarted.
    #[error("too busy at the moment")]
    Busy {
        /// When to ask again.
        retry_after: Duration,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CreateError> for AccountError {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::Exists => Self::Exists,
            CreateError::Store(error) => Self::Store(error),
        }
    }
}

pub(crate) const BUSY: AccountError = AccountError::Busy { retry_after: RETRY_AFTER };

/// The answer to somebody who wants a QR code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QrAnswer {
    /// A code that can be scanned.
    Code {
        /// The code.
        code: QrCode,
        /// Until when.
        expires_ms: Millis,
    },
    /// One is coming, but not within the wait.
    NotYet(AccountState),
    /// None is needed, or the account is not wanted to run.
    NotNeeded(AccountState),
}

/// The answer to somebody who wants a pairing code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PairingCodeAnswer {
    /// A code that can be entered on the phone.
    Code {
        /// The code.
        code: PairingCode,
        /// Until when.
        expires_ms: Millis,
    },
    /// The network gives none.
    Refused {
        /// Why.
        reason: CodeRefusal,
        /// When to ask again, where the network says so.
        retry_after: Option<Duration>,
    },
    /// One is coming, but not within the wait.
    NotYet(AccountState),
    /// The account is linked, or can't have one in this state.
    NotNeeded(AccountState),
}

/// How many accounts are in each phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PhaseCounts([u64; Phase::ALL.len()]);

impl PhaseCounts {
    pub(super) fn count(&mut self, phase: Phase) {
        if let Some(place) = Phase::ALL.iter().position(|known| *known == phase) {
            self.0[place] += 1;
        }
    }

    /// Every phase with its number of accounts, zeroes too.
    pub fn iter(&self) -> impl Iterator<Item = (Phase, u64)> + '_ {
        Phase::ALL.into_iter().zip(self.0)
    }

    /// Accounts in a phase.
    #[must_use]
    pub fn of(&self, phase: Phase) -> u64 {
        self.iter().find(|(known, _)| *known == phase).map_or(0, |(_, count)| count)
    }

    /// All accounts.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}
