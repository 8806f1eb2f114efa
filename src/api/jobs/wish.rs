//! What can be done to a job.

use axum::extract::State;
use axum::http::StatusCode;
use wasup_actors::{JobWish, Jobs};
use wasup_store::id::JobId;

use crate::api::extract::{Caller, Path};
use crate::api::problem::{Problem, ProblemView};
use crate::api::view::JobView;

/// Pauses a job: no further item is sent, others in its account's line go on. What waits for the wire already (one item, and
/// what is held) is sent all the same.
#[utoipa::path(post, path = "/v1/jobs/{id}/pause", tag = "jobs", operation_id = "pauseJob",
    params(("id" = String, Path, description = "The job's id, `job_…`")),
    responses((status = 200, body = JobView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn pause(
    State(jobs): State<Jobs>,
    Caller(caller): Caller,
    Path(id): Path<JobId>,
) -> Result<axum::Json<JobView>, Problem> {
    Ok(axum::Json(JobView::from(&jobs.wish(&caller, id, JobWish::Pause).await?)))
}

/// Lets a paused job go on, at its old place in its account's line.
#[utoipa::path(post, path = "/v1/jobs/{id}/resume", tag = "jobs", operation_id = "resumeJob",
    params(("id" = String, Path, description = "The job's id, `job_…`")),
    responses((status = 200, body = JobView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn resume(
    State(jobs): State<Jobs>,
    Caller(caller): Caller,
    Path(id): Path<JobId>,
) -> Result<axum::Json<JobView>, Problem> {
    Ok(axum::Json(JobView::from(&jobs.wish(&caller, id, JobWish::Resume).await?)))
}

/// Gives a job up: what waits for the wire is taken back, and items whose turn has not come count as cancelled. What is on the
/// wire gets its outcome all the same.
#[utoipa::path(post, path = "/v1/jobs/{id}/cancel", tag = "jobs", operation_id = "cancelJob",
    params(("id" = String, Path, description = "The job's id, `job_…`")),
    responses((status = 200, body = JobView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn cancel(
    State(jobs): State<Jobs>,
    Caller(caller): Caller,
    Path(id): Path<JobId>,
) -> Result<axum::Json<JobView>, Problem> {
    Ok(axum::Json(JobView::from(&jobs.wish(&caller, id, JobWish::Cancel).await?)))
}

/// Forgets a job that is over. Its messages stay as all others.
#[utoipa::path(delete, path = "/v1/jobs/{id}", tag = "jobs", operation_id = "deleteJob",
    params(("id" = String, Path, description = "The job's id, `job_…`")),
    responses((status = 204, description = "It is forgotten."), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn delete(
    State(jobs): State<Jobs>,
    Caller(caller): Caller,
    Path(id): Path<JobId>,
) -> Result<StatusCode, Problem> {
    jobs.delete(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
