//! What can be asked of an account. Each may be asked at any moment and again: asked twice, it is done once.

use axum::extract::State;
use axum::http::StatusCode;
use wasup_actors::Accounts;
use wasup_store::id::AccountId;

use crate::api::extract::{Caller, Path};
use crate::api::problem::{Problem, ProblemView};
use crate::api::view::AccountView;

/// Makes an account run. One in quarantine has to be released instead.
#[utoipa::path(post, path = "/v1/accounts/{id}/start", tag = "accounts", operation_id = "startAccount",
    params(("id" = String, Path, description = "The account's id, percent-encoded")),
    responses((status = 200, body = AccountView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn start(
    State(accounts): State<Accounts>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
) -> Result<axum::Json<AccountView>, Problem> {
    Ok(axum::Json(AccountView::from(&accounts.start(&caller, &id).await?)))
}

/// Stops an account and keeps its link to the phone.
#[utoipa::path(post, path = "/v1/accounts/{id}/stop", tag = "accounts", operation_id = "stopAccount",
    params(("id" = String, Path, description = "The account's id, percent-encoded")),
    responses((status = 200, body = AccountView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn stop(
    State(accounts): State<Accounts>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
) -> Result<axum::Json<AccountView>, Problem> {
    Ok(axum::Json(AccountView::from(&accounts.stop(&caller, &id).await?)))
}

/// Starts an account anew, with an actor and a connection of its own, whether or not it runs. One in quarantine has to be
/// released instead.
#[utoipa::path(post, path = "/v1/accounts/{id}/restart", tag = "accounts", operation_id = "restartAccount",
    params(("id" = String, Path, description = "The account's id, percent-encoded")),
    responses((status = 200, body = AccountView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn restart(
    State(accounts): State<Accounts>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
) -> Result<axum::Json<AccountView>, Problem> {
    Ok(axum::Json(AccountView::from(&accounts.restart(&caller, &id).await?)))
}

/// Unlinks an account: its device is removed at the network as far as that works, its keys are wiped, what waits to be sent is
/// rejected, and it stands still. Where the network could not be told, `user_action` says that the device has to be removed
/// on the phone. Messages, settings and webhooks stay.
#[utoipa::path(post, path = "/v1/accounts/{id}/logout", tag = "accounts", operation_id = "logoutAccount",
    params(("id" = String, Path, description = "The account's id, percent-encoded")),
    responses((status = 200, body = AccountView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn logout(
    State(accounts): State<Accounts>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
) -> Result<axum::Json<AccountView>, Problem> {
    Ok(axum::Json(AccountView::from(&accounts.log_out(&caller, &id).await?)))
}

/// Lets an account leave quarantine, with a clean history of restarts.
#[utoipa::path(post, path = "/v1/accounts/{id}/release", tag = "accounts", operation_id = "releaseAccount",
    params(("id" = String, Path, description = "The account's id, percent-encoded")),
    responses((status = 200, body = AccountView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn release(
    State(accounts): State<Accounts>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
) -> Result<axum::Json<AccountView>, Problem> {
    Ok(axum::Json(AccountView::from(&accounts.release(&caller, &id).await?)))
}

/// Deletes an account with its messages, and removes its device at the network as far as that works.
#[utoipa::path(delete, path = "/v1/accounts/{id}", tag = "accounts", operation_id = "deleteAccount",
    params(("id" = String, Path, description = "The account's id, percent-encoded")),
    responses((status = 204), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn delete(
    State(accounts): State<Accounts>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
) -> Result<StatusCode, Problem> {
    accounts.delete(&caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
