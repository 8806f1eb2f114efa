//! Calls to an account.

use axum::extract::State;
use axum::http::StatusCode;
use wasup_actors::{People, PeopleError};
use wasup_store::id::AccountId;

use crate::api::extract::{Caller, Path};
use crate::api::problem::{Problem, ProblemView};

/// Refuses a call that rings: the caller hears that it was declined. wasup can't answer calls.
#[utoipa::path(post, path = "/v1/accounts/{id}/calls/{call}/reject", tag = "contacts", operation_id = "rejectCall",
    params(("id" = String, Path, description = "The account's id"), ("call" = String, Path, description = "`call` of the event `call.received`")),
    responses((status = 204), (status = 404, description = "No such call rings.", body = ProblemView, content_type = "application/problem+json"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn refuse(
    State(people): State<People>,
    Caller(caller): Caller,
    Path((id, call)): Path<(AccountId, String)>,
) -> Result<StatusCode, Problem> {
    match people.refuse_call(&caller, &id, &call).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(PeopleError::NotFound) => Err(Problem::not_found("ringing call")),
        Err(error) => Err(error.into()),
    }
}
