//! What became of each item of a job.

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use wasup_actors::Jobs;
use wasup_store::id::JobId;
use wasup_store::records::ItemState;

use crate::api::accounts::{bad_cursor, limit};
use crate::api::extract::{Caller, Path, Query};
use crate::api::problem::{FieldError, Problem, ProblemView};
use crate::api::view::{Cursor, JobItemView, Page};

/// Which items.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct ItemsQuery {
    /// Most items in the answer, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<usize>,
    /// `next_cursor` of the piece before.
    cursor: Option<String>,
    /// Only items in this state: `pending`, `queued`, `sent`, `delivered`, `read`, `failed` or `cancelled`.
    state: Option<String>,
}

fn state(word: &str) -> Result<ItemState, Problem> {
    let found = ItemState::OF_JOBS.into_iter().find(|state| state.as_str() == word);
    found.ok_or_else(|| {
        let words = ItemState::OF_JOBS.map(ItemState::as_str).join(", ");
        Problem::invalid(vec![FieldError::new("state", format!("must be one of {words}"))])
    })
}

/// Lists the items of a job in their order, with what became of each.
#[utoipa::path(get, path = "/v1/jobs/{id}/items", tag = "jobs", operation_id = "listJobItems",
    params(("id" = String, Path, description = "The job's id, `job_…`"), ItemsQuery),
    responses((status = 200, body = Page<JobItemView>), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn list(
    State(jobs): State<Jobs>,
    Caller(caller): Caller,
    Path(id): Path<JobId>,
    Query(query): Query<ItemsQuery>,
) -> Result<axum::Json<Page<JobItemView>>, Problem> {
    let limit = limit(query.limit)?;
    let from = match query.cursor.as_deref().map(Cursor::read) {
        None => 0,
        Some(Some(Cursor::Item(last))) => last.saturating_add(1),
        Some(_) => return Err(bad_cursor()),
    };
    let state = query.state.as_deref().map(state).transpose()?;
    let found = jobs.items(&caller, id, state, (from, limit + 1)).await?;
    Ok(axum::Json(Page::of(found, limit, |(seq, _)| Cursor::Item(*seq), |(seq, item)| JobItemView::new(*seq, item))))
}
