//! The accounts of the accounts file: made when missing, their webhooks set.

use secrecy::ExposeSecret as _;
use wasup_actors::{AccountError, Accounts, EndpointError, EndpointSpec, Endpoints, NewAccount, Principal, Who};
use wasup_store::id::{AccountId, DEFAULT_TENANT};

use crate::api::{BAD_SECRET, secret_bytes};
use crate::config::{DeclaredAccount, DeclaredWebhook};
use crate::webhook_http::{BadUrl, Reach};

/// Why an account of the file could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DeclareError {
    /// Its webhook's address is refused.
    #[error("account {id} of the accounts file: webhook.url {why}")]
    Url {
        /// The account.
        id: AccountId,
        /// Why.
        why: BadUrl,
    },
    /// Its webhook's secret is none.
    #[error("account {id} of the accounts file: webhook.secret {BAD_SECRET}")]
    Secret {
        /// The account.
        id: AccountId,
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
    let mut specs = Vec::with_capacity(declared.len());
    for account in declared {
        let spec = account.webhook.as_ref().map(|webhook| spec(&account.id, webhook, reach)).transpose()?;
        specs.push((account, spec));
    }
    for (account, spec) in specs {
        let DeclaredAccount { id, name, default_region, autostart, .. } = account;
        let new = NewAccount { id: id.clone(), name, default_region, autostart, metadata: None, start: autostart };
        match accounts.create(&caller, new).await {
            Ok(_) | Err(AccountError::Exists) => {}
            Err(source) => return Err(DeclareError::Account { id, source }),
        }
        if let Some(spec) = spec {
            let set = endpoints.set(&caller, &id, spec).await;
            set.map_err(|source| DeclareError::Webhook { id, source })?;
        }
    }
    Ok(())
}

fn spec(id: &AccountId, webhook: &DeclaredWebhook, reach: Reach) -> Result<EndpointSpec, DeclareError> {
    reach.check(&webhook.url).map_err(|why| DeclareError::Url { id: id.clone(), why })?;
    let bytes = webhook.secret.as_ref().map(|secret| secret_bytes(secret.expose_secret()));
    if bytes == Some(None) {
        return Err(DeclareError::Secret { id: id.clone() });
    }
    Ok(EndpointSpec { url: webhook.url.clone(), secret: bytes.flatten(), events: webhook.events.clone() })
}
