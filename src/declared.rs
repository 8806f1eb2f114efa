//! The accounts of the accounts file: made when missing, their webhooks set.

use wasup_actors::{
    AccountError, Accounts, Declared, EndpointError, Endpoints, NewAccount, NewEndpoint, Principal, Who,
};
use wasup_store::id::{AccountId, DEFAULT_TENANT};
use wasup_store::records::{AccountSettings, AccountSource};

use crate::api::problem::FieldError;
use crate::config::{AccountsFile, DeclaredAccount};
use crate::endpoint_form::CreateEndpoint;
use crate::webhook_http::Reach;

/// Why what stands in the file could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DeclareError {
    /// A value of a webhook is refused.
    #[error("accounts file: {what}")]
    Wrong {
        /// Of which account which value and why; never the value of a secret.
        what: String,
    },
    /// The account can't be made.
    #[error("account {id} of the accounts file can't be made")]
    Account {
        /// The account.
        id: AccountId,
        /// The cause.
        #[source]
        source: AccountError,
    },
    /// Its webhook can't be set.
    #[error("the webhook {} of the accounts file can't be set", of(id.as_ref()))]
    Webhook {
        /// The account; `None` for one that is for every account.
        id: Option<AccountId>,
        /// The cause.
        #[source]
        source: EndpointError,
    },
}

/// Makes what is missing. All webhooks are checked before the first account is made; only chats in national form need
/// their account.
///
/// # Errors
/// [`DeclareError`].
pub(crate) async fn declare(
    accounts: &Accounts,
    endpoints: &Endpoints,
    reach: Reach,
    declared: AccountsFile,
) -> Result<(), DeclareError> {
    let caller = Principal { tenant: DEFAULT_TENANT, who: Who::Config, request_id: "accounts-file".to_owned() };
    let AccountsFile { accounts: all, webhooks: for_all } = declared;
    let for_all = check_all(None, for_all, reach)?;
    let mut checked = Vec::with_capacity(all.len());
    for mut account in all {
        let (one, several) = (account.webhook.take(), std::mem::take(&mut account.webhooks));
        let mut webhooks = check_all(Some(&account.id), several, reach)?;
        if let Some(webhook) = one {
            webhooks.push((Declared::First, check(Some(&account.id), webhook, reach)?));
        }
        checked.push((account, webhooks));
    }
    set_all(endpoints, &caller, None, for_all).await?;
    for (account, webhooks) in checked {
        let DeclaredAccount { id, name, default_region, autostart, .. } = account;
        let new = NewAccount {
            id: id.clone(),
            name,
            default_region,
            autostart,
            metadata: None,
            settings: AccountSettings::default(),
            source: AccountSource::File,
            start: autostart,
            default_webhook: webhooks.is_empty(),
        };
        match accounts.create(&caller, new).await {
            Ok(_) | Err(AccountError::Exists) => {}
            Err(source) => return Err(DeclareError::Account { id, source }),
        }
        set_all(endpoints, &caller, Some(&id), webhooks).await?;
    }
    Ok(())
}

type Checked = Vec<(Declared, NewEndpoint)>;

async fn set_all(
    endpoints: &Endpoints,
    caller: &Principal,
    id: Option<&AccountId>,
    webhooks: Checked,
) -> Result<(), DeclareError> {
    for (which, new) in webhooks {
        let set = endpoints.declare(caller, which, new).await;
        set.map_err(|source| DeclareError::Webhook { id: id.cloned(), source })?;
    }
    Ok(())
}

fn check_all(id: Option<&AccountId>, webhooks: Vec<CreateEndpoint>, reach: Reach) -> Result<Checked, DeclareError> {
    let one = |webhook: CreateEndpoint| {
        let name = webhook.name.clone().unwrap_or_default();
        Ok((Declared::Named(name), check(id, webhook, reach)?))
    };
    webhooks.into_iter().map(one).collect()
}

fn check(id: Option<&AccountId>, webhook: CreateEndpoint, reach: Reach) -> Result<NewEndpoint, DeclareError> {
    let name = webhook.name.as_ref().map(|name| format!("{name:?} ")).unwrap_or_default();
    let new = webhook.check(reach).map_err(|errors| {
        let wrong = |error: &FieldError| format!("webhook {name}{}: {} {}", of(id), error.field, error.message);
        DeclareError::Wrong { what: errors.iter().map(wrong).collect::<Vec<_>>().join("; ") }
    })?;
    Ok(NewEndpoint { account: id.cloned(), ..new })
}

/// Whose a webhook is, in words.
fn of(id: Option<&AccountId>) -> String {
    id.map_or_else(|| "for every account".to_owned(), |id| format!("of account {id}"))
}
