//! Endpoints are shown.

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use wasup_actors::{EndpointQuery, Endpoints};
use wasup_store::id::{AccountId, EndpointId};

use crate::api::accounts::{bad_cursor, limit};
use crate::api::extract::{Caller, Path, Query};
use crate::api::problem::{Problem, ProblemView};
use crate::api::view::{Cursor, EndpointView, Page};

/// Which endpoints.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct EndpointsQuery {
    /// Most items in the answer, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<usize>,
    /// `next_cursor` of the piece before.
    cursor: Option<String>,
    /// Only those of this account; those for every account are not among them.
    #[param(value_type = Option<String>)]
    account: Option<AccountId>,
}

/// Lists endpoints, the oldest first.
#[utoipa::path(get, path = "/v1/endpoints", tag = "webhooks", operation_id = "listEndpoints", params(EndpointsQuery),
    responses((status = 200, body = Page<EndpointView>), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn list(
    State(endpoints): State<Endpoints>,
    Caller(caller): Caller,
    Query(query): Query<EndpointsQuery>,
) -> Result<axum::Json<Page<EndpointView>>, Problem> {
    let limit = limit(query.limit)?;
    let after = match query.cursor.as_deref().map(Cursor::read) {
        None => None,
        Some(Some(Cursor::Endpoint(id))) => Some(id),
        Some(_) => return Err(bad_cursor()),
    };
    let query = EndpointQuery { account: query.account, after, limit: limit + 1 };
    let found = endpoints.list(&caller, &query).await?;
    let page = Page::of(
        found,
        limit,
        |endpoint| Cursor::Endpoint(endpoint.record.id),
        |endpoint| EndpointView::from(endpoint),
    );
    Ok(axum::Json(page))
}

/// Shows an endpoint, without its secrets.
#[utoipa::path(get, path = "/v1/endpoints/{id}", tag = "webhooks", operation_id = "getEndpoint",
    params(("id" = String, Path, description = "The endpoint's id, `ep_…`")),
    responses((status = 200, body = EndpointView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn show(
    State(endpoints): State<Endpoints>,
    Caller(caller): Caller,
    Path(id): Path<EndpointId>,
) -> Result<axum::Json<EndpointView>, Problem> {
    Ok(axum::Json(EndpointView::from(&endpoints.get(&caller, id).await?)))
}
