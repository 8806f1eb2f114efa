//! What happened to an account.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use wasup_actors::Accounts;
use wasup_store::id::AccountId;
use wasup_store::records::TimelineRecord;
use wasup_store::repo::timeline::TimelinePlace;

use super::look::PageQuery;
use super::{bad_cursor, limit};
use crate::api::extract::{Caller, Path, Query};
use crate::api::problem::{Problem, ProblemView};
use crate::api::view::{Cursor, Page, StateView, Time};

/// One change of an account's state.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HappenedView {
    /// When.
    at: Time,
    /// What it was doing before.
    #[schema(examples("connected"))]
    from: &'static str,
    /// What it did from then on, and why; `since` is when that began.
    state: StateView,
    /// The incarnation that owned the account: each start of its actor is the next one.
    epoch: u64,
    /// What broke, where something did.
    cause: Option<String>,
    /// Who asked for it, where somebody did.
    by: Option<AskedBy>,
}

/// Who asked for something.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AskedBy {
    /// `root_key` for the holder of the API key, `config` for the accounts file, `system` for the server itself.
    #[schema(examples("root_key"))]
    who: &'static str,
    /// The request, as in its answer's `X-Request-Id`.
    request_id: String,
}

impl HappenedView {
    fn new(((at_ms, _), row): &(TimelinePlace, TimelineRecord)) -> Self {
        let state = StateView {
            phase: row.to,
            reason: row.reason,
            since: Time::from_ms(*at_ms),
            retry_at: row.retry_at_ms.map(Time::from_ms),
            user_action: row.user_action,
        };
        let by = row.by.as_ref().map(|by| AskedBy { who: by.who.as_str(), request_id: by.request_id.clone() });
        Self { at: state.since, from: row.from.as_str(), state, epoch: row.epoch.0, cause: row.cause.clone(), by }
    }
}

/// Lists what happened to an account and why, the newest first. Kept as long as `accounts.timeline_keep` says.
#[utoipa::path(get, path = "/v1/accounts/{id}/timeline", tag = "accounts", operation_id = "listTimeline",
    params(("id" = String, Path, description = "The account's id, percent-encoded"), PageQuery),
    responses((status = 200, body = Page<HappenedView>), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn list(
    State(accounts): State<Accounts>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
    Query(query): Query<PageQuery>,
) -> Result<axum::Json<Page<HappenedView>>, Problem> {
    let limit = limit(query.limit)?;
    let before = match query.cursor.as_deref().map(Cursor::read) {
        None => None,
        Some(Some(Cursor::Timeline(place))) => Some(place),
        Some(_) => return Err(bad_cursor()),
    };
    let found = accounts.timeline(&caller, &id, before, limit + 1).await?;
    Ok(axum::Json(Page::of(found, limit, |(place, _)| Cursor::Timeline(*place), HappenedView::new)))
}
