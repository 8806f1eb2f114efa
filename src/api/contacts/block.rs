//! Whom an account keeps away.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use wasup_actors::People;
use wasup_store::id::AccountId;

use super::one;
use crate::api::extract::{Caller, Path};
use crate::api::problem::{Problem, ProblemView};
use crate::api::state::Knowing;
use crate::api::view::PersonView;

/// Whom an account keeps away.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Blocked {
    /// Each of them.
    data: Vec<PersonView>,
}

/// Keeps somebody away: what they write does not reach the account any more.
#[utoipa::path(post, path = "/v1/accounts/{id}/contacts/{contact}/block", tag = "contacts", operation_id = "blockContact",
    params(("id" = String, Path, description = "The account's id"), ("contact" = String, Path, description = "Our id, a number or an address")),
    responses((status = 204), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn block(
    State(state): State<Knowing>,
    Caller(caller): Caller,
    Path((id, contact)): Path<(AccountId, String)>,
) -> Result<StatusCode, Problem> {
    let who = one(&state, &caller, &id, contact).await?;
    state.1.block(&caller, &id, &who, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets somebody write again.
#[utoipa::path(post, path = "/v1/accounts/{id}/contacts/{contact}/unblock", tag = "contacts", operation_id = "unblockContact",
    params(("id" = String, Path, description = "The account's id"), ("contact" = String, Path, description = "Our id, a number or an address")),
    responses((status = 204), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn unblock(
    State(state): State<Knowing>,
    Caller(caller): Caller,
    Path((id, contact)): Path<(AccountId, String)>,
) -> Result<StatusCode, Problem> {
    let who = one(&state, &caller, &id, contact).await?;
    state.1.block(&caller, &id, &who, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists whom an account keeps away. The network keeps the list, so the account must be connected.
#[utoipa::path(get, path = "/v1/accounts/{id}/contacts/blocked", tag = "contacts", operation_id = "listBlocked",
    params(("id" = String, Path, description = "The account's id")),
    responses((status = 200, body = Blocked), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn blocked(
    State(people): State<People>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
) -> Result<axum::Json<Blocked>, Problem> {
    let found = people.blocked(&caller, &id).await?;
    Ok(axum::Json(Blocked { data: found.iter().map(PersonView::from).collect() }))
}
