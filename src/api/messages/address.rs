//! Whom a text means, by the account's region, else by the installation's.

use tokio::sync::OnceCell;
use wasup_actors::{Accounts, Principal};
use wasup_sessions::number::participant;
use wasup_store::id::AccountId;
use wasup_store::records::Participant;

use crate::api::problem::{FieldError, Problem};
use crate::api::state::Settings;

/// Reads addresses for one account.
pub(super) struct Addresses<'a> {
    accounts: &'a Accounts,
    settings: &'a Settings,
    caller: &'a Principal,
    account: &'a AccountId,
    known: OnceCell<Option<String>>,
}

impl<'a> Addresses<'a> {
    /// ... as this account means them.
    pub(super) fn new(
        accounts: &'a Accounts,
        settings: &'a Settings,
        caller: &'a Principal,
        account: &'a AccountId,
    ) -> Self {
        Self { accounts, settings, caller, account, known: OnceCell::new() }
    }

    /// The region that numbers in national form are of.
    ///
    /// # Errors
    /// The problem that there is no such account.
    pub(super) async fn region(&self) -> Result<Option<&str>, Problem> {
        let known = self.known.get_or_try_init(|| async {
            let account = self.accounts.get(self.caller, self.account).await?;
            Ok::<_, Problem>(account.default_region.or_else(|| self.settings.region.clone()))
        });
        Ok(known.await?.as_deref())
    }

    /// Whom a text in a field means.
    ///
    /// # Errors
    /// The problem with it.
    pub(super) async fn one(&self, field: &str, text: &str) -> Result<Participant, Problem> {
        let region = self.region().await?;
        participant(text, region).map_err(|error| Problem::invalid(vec![FieldError::new(field, error.to_string())]))
    }
}
