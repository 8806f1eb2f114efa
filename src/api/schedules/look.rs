//! Schedules as they stand, and their history.

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use wasup_actors::{ScheduleSeen, Schedules};
use wasup_store::id::{AccountId, ScheduleId};

use crate::api::accounts::{bad_cursor, limit};
use crate::api::extract::{Caller, Path, Query};
use crate::api::problem::{FieldError, Problem, ProblemView};
use crate::api::view::{Cursor, Page, ScheduleRunView, ScheduleView};

/// Most times that are shown of what is to come.
const UPCOMING_MAX: usize = 100;

/// Which schedules.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct SchedulesQuery {
    /// Most items in the answer, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<usize>,
    /// `next_cursor` of the piece before.
    cursor: Option<String>,
}

impl SchedulesQuery {
    fn place(&self) -> Result<(usize, Option<ScheduleId>), Problem> {
        let before = match self.cursor.as_deref().map(Cursor::read) {
            None => None,
            Some(Some(Cursor::Schedule(id))) => Some(id),
            Some(_) => return Err(bad_cursor()),
        };
        Ok((limit(self.limit)?, before))
    }
}

fn page(found: Vec<ScheduleSeen>, limit: usize) -> axum::Json<Page<ScheduleView>> {
    axum::Json(Page::of(found, limit, |seen| Cursor::Schedule(seen.id), |seen| ScheduleView::from(seen)))
}

/// Lists an account's schedules, the newest first.
#[utoipa::path(get, path = "/v1/accounts/{id}/schedules", tag = "schedules", operation_id = "listSchedulesOfAccount",
    params(("id" = String, Path, description = "The account's id, percent-encoded"), SchedulesQuery),
    responses((status = 200, body = Page<ScheduleView>), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn of_account(
    State(schedules): State<Schedules>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
    Query(query): Query<SchedulesQuery>,
) -> Result<axum::Json<Page<ScheduleView>>, Problem> {
    let (limit, before) = query.place()?;
    Ok(page(schedules.list(&caller, Some(&id), before, limit + 1).await?, limit))
}

/// Lists the schedules of all accounts, the newest first.
#[utoipa::path(get, path = "/v1/schedules", tag = "schedules", operation_id = "listSchedules", params(SchedulesQuery),
    responses((status = 200, body = Page<ScheduleView>), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn list(
    State(schedules): State<Schedules>,
    Caller(caller): Caller,
    Query(query): Query<SchedulesQuery>,
) -> Result<axum::Json<Page<ScheduleView>>, Problem> {
    let (limit, before) = query.place()?;
    Ok(page(schedules.list(&caller, None, before, limit + 1).await?, limit))
}

/// How much of what is to come is shown.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct UpcomingQuery {
    /// How many of its next times are shown, 0 to 100.
    #[param(minimum = 0, maximum = 100, default = 5)]
    upcoming: Option<usize>,
}

/// Shows a schedule and its next times.
#[utoipa::path(get, path = "/v1/schedules/{id}", tag = "schedules", operation_id = "getSchedule",
    params(("id" = String, Path, description = "The schedule's id, `sch_…`"), UpcomingQuery),
    responses((status = 200, body = ScheduleView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn show(
    State(schedules): State<Schedules>,
    Caller(caller): Caller,
    Path(id): Path<ScheduleId>,
    Query(query): Query<UpcomingQuery>,
) -> Result<axum::Json<ScheduleView>, Problem> {
    if query.upcoming.is_some_and(|count| count > UPCOMING_MAX) {
        return Err(Problem::invalid(vec![FieldError::new("upcoming", format!("must be 0 to {UPCOMING_MAX}"))]));
    }
    Ok(axum::Json(ScheduleView::from(&schedules.get(&caller, id, query.upcoming).await?)))
}

/// Lists what the runs of a schedule came to, the newest first: as many as `schedules.history` keeps.
#[utoipa::path(get, path = "/v1/schedules/{id}/runs", tag = "schedules", operation_id = "listScheduleRuns",
    params(("id" = String, Path, description = "The schedule's id, `sch_…`"), SchedulesQuery),
    responses((status = 200, body = Page<ScheduleRunView>), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn runs(
    State(schedules): State<Schedules>,
    Caller(caller): Caller,
    Path(id): Path<ScheduleId>,
    Query(query): Query<SchedulesQuery>,
) -> Result<axum::Json<Page<ScheduleRunView>>, Problem> {
    let limit = limit(query.limit)?;
    let before = match query.cursor.as_deref().map(Cursor::read) {
        None => None,
        Some(Some(Cursor::Item(no))) => Some(no),
        Some(_) => return Err(bad_cursor()),
    };
    let found = schedules.runs(&caller, id, before, limit + 1).await?;
    Ok(axum::Json(Page::of(found, limit, |run| Cursor::Item(run.no), |run| ScheduleRunView::from(run))))
}
