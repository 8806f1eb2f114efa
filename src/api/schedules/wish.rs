//! What can be done to a schedule.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use wasup_actors::Schedules;
use wasup_store::id::ScheduleId;

use crate::api::extract::{Caller, Path};
use crate::api::idempotency::{IdempotencyKey, REPLAYED};
use crate::api::problem::{Problem, ProblemView};
use crate::api::view::{ScheduleRunView, ScheduleView};

/// Pauses a schedule: its times pass without it, and are not made up for.
#[utoipa::path(post, path = "/v1/schedules/{id}/pause", tag = "schedules", operation_id = "pauseSchedule",
    params(("id" = String, Path, description = "The schedule's id, `sch_…`")),
    responses((status = 200, body = ScheduleView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn pause(
    State(schedules): State<Schedules>,
    Caller(caller): Caller,
    Path(id): Path<ScheduleId>,
) -> Result<axum::Json<ScheduleView>, Problem> {
    Ok(axum::Json(ScheduleView::from(&schedules.pause(&caller, id).await?)))
}

/// Lets a paused schedule go on at its first time from now on.
#[utoipa::path(post, path = "/v1/schedules/{id}/resume", tag = "schedules", operation_id = "resumeSchedule",
    params(("id" = String, Path, description = "The schedule's id, `sch_…`")),
    responses((status = 200, body = ScheduleView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn resume(
    State(schedules): State<Schedules>,
    Caller(caller): Caller,
    Path(id): Path<ScheduleId>,
) -> Result<axum::Json<ScheduleView>, Problem> {
    Ok(axum::Json(ScheduleView::from(&schedules.resume(&caller, id).await?)))
}

/// Runs a schedule now, beside its times, which stay as they are. One that is paused or has ended runs, too.
#[utoipa::path(post, path = "/v1/schedules/{id}/run", tag = "schedules", operation_id = "runSchedule",
    params(("id" = String, Path, description = "The schedule's id, `sch_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible characters. A repeat with the same key gets the first run and `Idempotency-Replayed: true`.")),
    responses((status = 202, body = ScheduleRunView), (status = 429, description = "Too many messages of the account wait; see `Retry-After`.", body = ProblemView, content_type = "application/problem+json"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn run(
    State(schedules): State<Schedules>,
    Caller(caller): Caller,
    Path(id): Path<ScheduleId>,
    key: IdempotencyKey,
) -> Result<Response, Problem> {
    let ran = schedules.run_now(&caller, id, key.over(&["run", &id.to_string()])).await?;
    let mut response = (StatusCode::ACCEPTED, axum::Json(ScheduleRunView::from(&ran))).into_response();
    if ran.replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// Deletes a schedule with its history. What it made stays.
#[utoipa::path(delete, path = "/v1/schedules/{id}", tag = "schedules", operation_id = "deleteSchedule",
    params(("id" = String, Path, description = "The schedule's id, `sch_…`")),
    responses((status = 204, description = "It is gone."), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn delete(
    State(schedules): State<Schedules>,
    Caller(caller): Caller,
    Path(id): Path<ScheduleId>,
) -> Result<StatusCode, Problem> {
    schedules.delete(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
