//! Jobs as they stand.

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use wasup_actors::{JobSeen, Jobs};
use wasup_store::id::{AccountId, JobId};

use crate::api::accounts::{bad_cursor, limit};
use crate::api::extract::{Caller, Path, Query};
use crate::api::problem::{Problem, ProblemView};
use crate::api::view::{Cursor, JobView, Page};

/// Which jobs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct JobsQuery {
    /// Most items in the answer, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<usize>,
    /// `next_cursor` of the piece before.
    cursor: Option<String>,
}

impl JobsQuery {
    fn place(&self) -> Result<(usize, Option<JobId>), Problem> {
        let before = match self.cursor.as_deref().map(Cursor::read) {
            None => None,
            Some(Some(Cursor::Job(id))) => Some(id),
            Some(_) => return Err(bad_cursor()),
        };
        Ok((limit(self.limit)?, before))
    }
}

fn page(found: Vec<JobSeen>, limit: usize) -> axum::Json<Page<JobView>> {
    axum::Json(Page::of(found, limit, |seen| Cursor::Job(seen.id), |seen| JobView::from(seen)))
}

/// Lists an account's jobs, the newest first.
#[utoipa::path(get, path = "/v1/accounts/{id}/jobs", tag = "jobs", operation_id = "listJobsOfAccount",
    params(("id" = String, Path, description = "The account's id, percent-encoded"), JobsQuery),
    responses((status = 200, body = Page<JobView>), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn of_account(
    State(jobs): State<Jobs>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
    Query(query): Query<JobsQuery>,
) -> Result<axum::Json<Page<JobView>>, Problem> {
    let (limit, before) = query.place()?;
    Ok(page(jobs.list(&caller, Some(&id), before, limit + 1).await?, limit))
}

/// Lists the jobs of all accounts, the newest first.
#[utoipa::path(get, path = "/v1/jobs", tag = "jobs", operation_id = "listJobs", params(JobsQuery),
    responses((status = 200, body = Page<JobView>), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn list(
    State(jobs): State<Jobs>,
    Caller(caller): Caller,
    Query(query): Query<JobsQuery>,
) -> Result<axum::Json<Page<JobView>>, Problem> {
    let (limit, before) = query.place()?;
    Ok(page(jobs.list(&caller, None, before, limit + 1).await?, limit))
}

/// Shows a job and how far it is.
#[utoipa::path(get, path = "/v1/jobs/{id}", tag = "jobs", operation_id = "getJob",
    params(("id" = String, Path, description = "The job's id, `job_…`")),
    responses((status = 200, body = JobView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn show(
    State(jobs): State<Jobs>,
    Caller(caller): Caller,
    Path(id): Path<JobId>,
) -> Result<axum::Json<JobView>, Problem> {
    Ok(axum::Json(JobView::from(&jobs.get(&caller, id).await?)))
}
