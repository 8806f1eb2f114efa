//! Endpoints come, change and go.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use wasup_actors::Endpoints;
use wasup_store::id::EndpointId;

use crate::api::extract::{Caller, Json, Path};
use crate::api::problem::{Problem, ProblemView};
use crate::api::state::Settings;
use crate::api::view::EndpointView;
use crate::endpoint_form::{ChangeEndpoint, CreateEndpoint};

/// Creates an endpoint, for one account or for every one.
#[utoipa::path(post, path = "/v1/endpoints", tag = "webhooks", operation_id = "createEndpoint",
    request_body = CreateEndpoint,
    responses((status = 201, body = EndpointView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn create(
    State(endpoints): State<Endpoints>,
    State(settings): State<Arc<Settings>>,
    Caller(caller): Caller,
    Json(body): Json<CreateEndpoint>,
) -> Result<impl IntoResponse, Problem> {
    let new = body.check(settings.reach).map_err(Problem::invalid)?;
    let (endpoint, made) = endpoints.create(&caller, new).await?;
    Ok((StatusCode::CREATED, axum::Json(EndpointView::with_secret(&endpoint, made))))
}

/// Changes an endpoint, by a JSON merge patch.
#[utoipa::path(patch, path = "/v1/endpoints/{id}", tag = "webhooks", operation_id = "changeEndpoint",
    params(("id" = String, Path, description = "The endpoint's id, `ep_…`")), request_body = ChangeEndpoint,
    responses((status = 200, body = EndpointView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn change(
    State(endpoints): State<Endpoints>,
    State(settings): State<Arc<Settings>>,
    Caller(caller): Caller,
    Path(id): Path<EndpointId>,
    Json(body): Json<ChangeEndpoint>,
) -> Result<axum::Json<EndpointView>, Problem> {
    let change = body.check(settings.reach).map_err(Problem::invalid)?;
    Ok(axum::Json(EndpointView::from(&endpoints.change(&caller, id, change).await?)))
}

/// Removes an endpoint, with what was still to be delivered.
#[utoipa::path(delete, path = "/v1/endpoints/{id}", tag = "webhooks", operation_id = "deleteEndpoint",
    params(("id" = String, Path, description = "The endpoint's id, `ep_…`")),
    responses((status = 204), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn delete(
    State(endpoints): State<Endpoints>,
    Caller(caller): Caller,
    Path(id): Path<EndpointId>,
) -> Result<StatusCode, Problem> {
    endpoints.remove(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
