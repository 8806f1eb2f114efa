//! What is set for an account is changed.

use std::collections::BTreeMap;

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use wasup_actors::{Accounts, Effect};
use wasup_store::id::AccountId;

use crate::account_form::ChangeAccount;
use crate::api::extract::{Caller, Json, Path};
use crate::api::problem::{Problem, ProblemView};
use crate::api::view::AccountView;

/// An account that was changed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChangedAccountView {
    /// The account.
    #[serde(flatten)]
    account: AccountView,
    /// What was changed, by the name of the setting, and when it takes effect. Empty where all was so already.
    changed: BTreeMap<&'static str, EffectWord>,
}

/// When a setting takes effect.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum EffectWord {
    /// It has.
    Now,
    /// The running account connects anew for it.
    Reconnecting,
    /// When the account connects the next time.
    NextConnect,
    /// When the account is linked to a phone the next time.
    NextPairing,
    /// When the server starts the next time.
    NextStart,
}

impl From<Effect> for EffectWord {
    fn from(effect: Effect) -> Self {
        match effect {
            Effect::Now => Self::Now,
            Effect::Reconnecting => Self::Reconnecting,
            Effect::NextConnect => Self::NextConnect,
            Effect::NextPairing => Self::NextPairing,
            Effect::NextStart => Self::NextStart,
        }
    }
}

/// Changes what is set for an account. An account of the accounts file can be changed, too, until that is read again.
#[utoipa::path(patch, path = "/v1/accounts/{id}", tag = "accounts", operation_id = "changeAccount",
    params(("id" = String, Path, description = "The account's id, percent-encoded")), request_body = ChangeAccount,
    responses((status = 200, body = ChangedAccountView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn change(
    State(accounts): State<Accounts>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
    Json(body): Json<ChangeAccount>,
) -> Result<axum::Json<ChangedAccountView>, Problem> {
    let patch = body.check().map_err(Problem::invalid)?;
    let (record, effects) = accounts.change(&caller, &id, patch).await?;
    let changed = effects.into_iter().map(|(setting, effect)| (setting.as_str(), effect.into())).collect();
    Ok(axum::Json(ChangedAccountView { account: AccountView::from(&record), changed }))
}
