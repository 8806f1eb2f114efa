//! What came of reading the accounts file.

use std::collections::BTreeMap;

use wasup_actors::Effect;
use wasup_store::id::AccountId;

/// What came of reading the accounts file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Accounts that were made.
    pub created: Vec<AccountId>,
    /// Accounts that are now as the file says.
    pub changed: Vec<ChangedAccount>,
    /// Accounts that the file holds no more: stopped, and kept.
    pub stopped: Vec<AccountId>,
    /// Accounts that were as the file says; nothing was done about them.
    pub unchanged: usize,
    /// Webhooks for every account that were made or changed, by name.
    pub webhooks: Vec<String>,
    /// What could not be done.
    pub errors: Vec<ReportedError>,
}

/// An account that was not as the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedAccount {
    /// Which.
    pub id: AccountId,
    /// What was changed, by the name of the setting, and when it takes effect.
    pub settings: BTreeMap<&'static str, Effect>,
}

/// Something that could not be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedError {
    /// About which account; `None` where it is for all of them.
    pub account: Option<AccountId>,
    /// What; never with a secret.
    pub message: String,
}

impl Report {
    /// Whether anything was done or failed.
    #[must_use]
    pub const fn is_quiet(&self) -> bool {
        let done = self.created.len() + self.changed.len() + self.stopped.len() + self.webhooks.len();
        done + self.errors.len() == 0
    }

    pub(super) fn failed(&mut self, account: Option<&AccountId>, message: impl Into<String>) {
        self.errors.push(ReportedError { account: account.cloned(), message: message.into() });
    }

    /// The errors in words.
    #[must_use]
    pub(crate) fn failures(&self) -> Vec<String> {
        let words = |error: &ReportedError| match &error.account {
            Some(id) => format!("account {id}: {}", error.message),
            None => error.message.clone(),
        };
        self.errors.iter().map(words).collect()
    }
}
