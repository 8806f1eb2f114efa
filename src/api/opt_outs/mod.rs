//! `/v1/opt-outs`: people whom no campaign reaches.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wasup_actors::Lists;

use super::accounts::{bad_cursor, limit};
use super::extract::{Caller, Json, Path, Query};
use super::lists::number;
use super::problem::{FieldError, Problem, ProblemView};
use super::state::{ApiState, Listing};
use super::view::{Cursor, OptOutView, Page};

/// Longest note, in characters.
const NOTE_MAX: usize = 500;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(show, delete))
}

/// Which people.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct OptOutsQuery {
    /// Most items in the answer, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<usize>,
    /// `next_cursor` of the piece before.
    cursor: Option<String>,
}

/// Somebody who wants no campaigns.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OptOutForm {
    /// The phone number, in any usual form.
    #[schema(examples("+62 812-3456-7890"))]
    phone: String,
    /// How it became known, at most 500 characters.
    #[schema(max_length = 500, examples("wrote STOP"))]
    note: Option<String>,
}

/// Lists who wants no campaigns.
#[utoipa::path(get, path = "/v1/opt-outs", tag = "lists", operation_id = "listOptOuts", params(OptOutsQuery),
    responses((status = 200, body = Page<OptOutView>), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
async fn list(
    State(lists): State<Lists>,
    Caller(caller): Caller,
    Query(query): Query<OptOutsQuery>,
) -> Result<axum::Json<Page<OptOutView>>, Problem> {
    let limit = limit(query.limit)?;
    let after = match query.cursor.as_deref().map(Cursor::read) {
        None => None,
        Some(Some(Cursor::Number(number))) => Some(number),
        Some(_) => return Err(bad_cursor()),
    };
    let found = lists.opt_outs(&caller, after.as_deref(), limit + 1).await?;
    Ok(axum::Json(Page::of(found, limit, |one| Cursor::Number(one.number.clone()), |one| one.into())))
}

/// Notes that somebody wants no campaigns. No list and no campaign overrides it; messages by the API still go. What was noted
/// first stays.
#[utoipa::path(post, path = "/v1/opt-outs", tag = "lists", operation_id = "addOptOut", request_body = OptOutForm,
    responses((status = 201, body = OptOutView), (status = 200, description = "It was known.", body = OptOutView),
        (status = "default", body = ProblemView, content_type = "application/problem+json")))]
async fn add(
    State((lists, settings)): State<Listing>,
    Caller(caller): Caller,
    Json(body): Json<OptOutForm>,
) -> Result<Response, Problem> {
    let number = number("phone", &body.phone, &settings).map_err(|error| Problem::invalid(vec![error]))?;
    if body.note.as_ref().is_some_and(|note| note.chars().count() > NOTE_MAX) {
        return Err(Problem::invalid(vec![FieldError::new("note", "must have at most 500 characters")]));
    }
    let (out, new) = lists.opt_out(&caller, number, body.note).await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, axum::Json(OptOutView::from(&out))).into_response())
}

/// Shows since when somebody wants no campaigns.
#[utoipa::path(get, path = "/v1/opt-outs/{phone}", tag = "lists", operation_id = "getOptOut",
    params(("phone" = String, Path, description = "The number, in any usual form")),
    responses((status = 200, body = OptOutView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
async fn show(
    State((lists, settings)): State<Listing>,
    Caller(caller): Caller,
    Path(phone): Path<String>,
) -> Result<axum::Json<OptOutView>, Problem> {
    let number = number("phone", &phone, &settings).map_err(|error| Problem::invalid(vec![error]))?;
    Ok(axum::Json(OptOutView::from(&lists.opted_out(&caller, &number).await?)))
}

/// Somebody wants campaigns again.
#[utoipa::path(delete, path = "/v1/opt-outs/{phone}", tag = "lists", operation_id = "deleteOptOut",
    params(("phone" = String, Path, description = "The number, in any usual form")),
    responses((status = 204), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
async fn delete(
    State((lists, settings)): State<Listing>,
    Caller(caller): Caller,
    Path(phone): Path<String>,
) -> Result<StatusCode, Problem> {
    let number = number("phone", &phone, &settings).map_err(|error| Problem::invalid(vec![error]))?;
    lists.opt_in(&caller, number).await?;
    Ok(StatusCode::NO_CONTENT)
}
