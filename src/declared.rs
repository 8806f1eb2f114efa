//! The accounts of the accounts file: made when missing, their webhooks set.

use wasup_actors::{
    AccountError, Accounts, Declared, EndpointError, Endpoints, NewAccount, NewEndpoint, Principal, Who,
};
use wasup_store::id::{AccountId, DEFAULT_TENANT};

use crate::config::DeclaredAccount;
use crate::endpoint_form::CreateEndpoint;
use crate::webhook_http::Reach;

/// Why an account of the file could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DeclareError {
    /// A value of a webhook is refused.
    #[error("account {id} of the accounts file: {what}")]
    Wrong {
        /// The account.
        id: AccountId,
        /// Which value and why; never the value of a secret.
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
    #[error("the webhook of account {id} of the accounts file can't be set")]
    Webhook {
        /// The account.
        id: AccountId,
        /// The cause.
        #[source]
        source: EndpointError,
    },
}

/// Makes what is missing. All webhooks are checked before the first account is made.
///
/// # Errors
/// [`DeclareError`].
pub(crate) async fn declare(
    accounts: &Accounts,
    endpoints: &Endpoints,
    reach: Reach,
    declared: Vec<DeclaredAccount>,
) -> Result<(), DeclareError> {
    let caller = Principal { tenant: DEFAULT_TENANT, who: Who::Config, request_id: "accounts-file".to_owned() };
    let mut checked = Vec::with_capacity(declared.len());
    for mut account in declared {
        let (one, several) = (account.webhook.take(), std::mem::take(&mut account.webhooks));
        let mut webhooks = Vec::new();
        if let Some(webhook) = one {
            webhooks.push((Declared::First, check(&account.id, "webhook", webhook, reach)?));
        }
        for webhook in several {
            let name = webhook.name.clone().unwrap_or_default();
            let new = check(&account.id, &format!("webhook {name:?}"), webhook, reach)?;
            webhooks.push((Declared::Named(name), new));
        }
        checked.push((account, webhooks));
    }
    for (account, webhooks) in checked {
        let DeclaredAccount { id, name, default_region, autostart, .. } = account;
        let new = NewAccount {
            id: id.clone(),
            name,
            default_region,
            autostart,
            metadata: None,
            start: autostart,
            default_webhook: webhooks.is_empty(),
        };
        match accounts.create(&caller, new).await {
            Ok(_) | Err(AccountError::Exists) => {}
            Err(source) => return Err(DeclareError::Account { id, source }),
        }
        for (which, new) in webhooks {
            let set = endpoints.declare(&caller, which, new).await;
            set.map_err(|source| DeclareError::Webhook { id: id.clone(), source })?;
        }
    }
    Ok(())
}

fn check(id: &AccountId, which: &str, webhook: CreateEndpoint, reach: Reach) -> Result<NewEndpoint, DeclareError> {
    let new = webhook.check(reach).map_err(|errors| {
        let all: Vec<String> =
            errors.iter().map(|error| format!("{which}: {} {}", error.field, error.message)).collect();
        DeclareError::Wrong { id: id.clone(), what: all.join("; ") }
    })?;
    Ok(NewEndpoint { account: Some(id.clone()), ..new })
}
