//! The accounts file as it is to be: everything that can be wrong with it is found before the first account is touched.

use std::collections::HashSet;
use std::path::Path;

use wasup_actors::{Declared, EndpointError, Endpoints, NewAccount, NewEndpoint};
use wasup_store::id::AccountId;
use wasup_store::records::AccountSource;

use crate::api::problem::FieldError;
use crate::config::{AccountsFile, ConfigError, DeclaredAccount, read_accounts};
use crate::endpoint_form::CreateEndpoint;
use crate::webhook_http::Reach;

/// Something wrong in an accounts file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line it stands in, the first is 1.
    pub line: usize,
    /// Of what which key, and what is wrong with it; never the value of a secret.
    pub what: String,
}

/// Why what stands in the file could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DeclareError {
    /// The file can't be read, or is wrong by itself.
    #[error(transparent)]
    File(#[from] ConfigError),
    /// Values of webhooks are refused.
    #[error("accounts file: {}", .0.iter().map(|fault| format!("line {}: {}", fault.line, fault.what)).collect::<Vec<_>>().join("; "))]
    Wrong(Vec<Fault>),
    /// Some of it could not be made.
    #[error("the accounts file could not be carried out: {}", .0.join("; "))]
    Partly(Vec<String>),
    /// The store failed.
    #[error("the accounts of the file can't be looked up")]
    Accounts(#[from] wasup_actors::AccountError),
}

/// The webhooks of an owner, each with the way in which it is found again.
pub(crate) type Webhooks = Vec<(Declared, NewEndpoint)>;

/// An accounts file without faults.
pub(crate) struct Checked {
    /// Webhooks for every account.
    pub(super) for_all: Webhooks,
    /// Accounts with their webhooks.
    pub(super) accounts: Vec<(NewAccount, Webhooks)>,
}

impl Checked {
    /// Reads a file.
    ///
    /// # Errors
    /// [`DeclareError::File`], [`DeclareError::Wrong`].
    pub(crate) fn read(path: &Path, reach: Reach, endpoints: &Endpoints) -> Result<Self, DeclareError> {
        Self::of(read_accounts(path)?, reach, endpoints)
    }

    /// Checks what was read. Webhooks go through the rules of the API.
    ///
    /// # Errors
    /// [`DeclareError::Wrong`] with everything that is wrong.
    pub(crate) fn of(file: AccountsFile, reach: Reach, endpoints: &Endpoints) -> Result<Self, DeclareError> {
        let AccountsFile { accounts, webhooks, places } = file;
        let mut faults = Vec::new();
        let one = |owner: Owner<'_>, which: Declared, webhook: CreateEndpoint, faults: &mut Vec<Fault>| {
            let name = webhook.name.clone();
            match owner.check(webhook, reach, endpoints) {
                Ok(new) => Some((which, new)),
                Err(wrong) => {
                    let line = match (&name, owner.nth) {
                        (Some(name), nth) => places.of_webhook(Some((nth, name.as_str()))),
                        (None, Some(nth)) => places.of_account(nth, "webhook"),
                        (None, None) => places.of_webhook(None),
                    };
                    faults.push(Fault { line, what: format!("webhook {}{}: {wrong}", shown(name), owner.words()) });
                    None
                }
            }
        };
        let named = |webhook: &CreateEndpoint| Declared::Named(webhook.name.clone().unwrap_or_default());
        let nobody = Owner { nth: None, id: None, region: None };
        let for_all = webhooks.into_iter().filter_map(|hook| one(nobody, named(&hook), hook, &mut faults)).collect();
        let mut checked = Vec::with_capacity(accounts.len());
        for (nth, mut account) in accounts.into_iter().enumerate() {
            let (first, several) = (account.webhook.take(), std::mem::take(&mut account.webhooks));
            let (id, region) = (account.id.clone(), account.default_region.clone());
            let owner = Owner { nth: Some(nth), id: Some(&id), region: region.as_deref() };
            let all = several.into_iter().map(|hook| (named(&hook), hook));
            let all = all.chain(first.map(|hook| (Declared::First, hook)));
            let hooks: Webhooks = all.filter_map(|(which, hook)| one(owner, which, hook, &mut faults)).collect();
            match new_account(account, hooks.is_empty()) {
                Ok(new) => checked.push((new, hooks)),
                Err(errors) => {
                    let line = errors.first().map_or(1, |error| places.of_account(nth, &error.field));
                    faults.push(Fault { line, what: format!("account {id}: {}", words(&errors)) });
                }
            }
        }
        if faults.is_empty() { Ok(Self { for_all, accounts: checked }) } else { Err(DeclareError::Wrong(faults)) }
    }

    /// The ids that the file holds.
    pub(super) fn ids(&self) -> HashSet<AccountId> {
        self.accounts.iter().map(|(account, _)| account.id.clone()).collect()
    }
}

fn new_account(declared: DeclaredAccount, default_webhook: bool) -> Result<NewAccount, Vec<FieldError>> {
    let settings = declared.settings()?;
    let DeclaredAccount { id, name, default_region, autostart, .. } = declared;
    let (source, start) = (AccountSource::File, autostart);
    Ok(NewAccount {
        id,
        name,
        default_region,
        autostart,
        metadata: None,
        note: None,
        settings,
        source,
        start,
        default_webhook,
    })
}

/// Whose webhooks are checked.
#[derive(Clone, Copy)]
struct Owner<'a> {
    nth: Option<usize>,
    id: Option<&'a AccountId>,
    region: Option<&'a str>,
}

impl Owner<'_> {
    fn check(self, webhook: CreateEndpoint, reach: Reach, endpoints: &Endpoints) -> Result<NewEndpoint, String> {
        let new = webhook.check(reach).map_err(|errors| words(&errors))?;
        endpoints.fits(&new, self.region).map_err(|error| match error {
            EndpointError::BadChat { at, source } => format!("filter.chats[{at}]: {source}"),
            other => other.to_string(),
        })?;
        Ok(NewEndpoint { account: self.id.cloned(), ..new })
    }

    fn words(self) -> String {
        self.id.map_or_else(|| "for every account".to_owned(), |id| format!("of account {id}"))
    }
}

fn shown(name: Option<String>) -> String {
    name.map(|name| format!("{name:?} ")).unwrap_or_default()
}

fn words(errors: &[FieldError]) -> String {
    errors.iter().map(|error| format!("{} {}", error.field, error.message)).collect::<Vec<_>>().join("; ")
}
