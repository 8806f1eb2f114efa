//! Endpoints are paused, go on, and are tested.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use wasup_actors::Endpoints;
use wasup_store::id::EndpointId;

use crate::api::extract::{Caller, Path};
use crate::api::problem::{Problem, ProblemView};
use crate::api::view::{EndpointView, TestView};

/// Pauses an endpoint: its events queue, and nothing is delivered until it is resumed.
#[utoipa::path(post, path = "/v1/endpoints/{id}/pause", tag = "webhooks", operation_id = "pauseEndpoint",
    params(("id" = String, Path, description = "The endpoint's id, `ep_…`")),
    responses((status = 200, body = EndpointView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn pause(
    State(endpoints): State<Endpoints>,
    Caller(caller): Caller,
    Path(id): Path<EndpointId>,
) -> Result<axum::Json<EndpointView>, Problem> {
    Ok(axum::Json(EndpointView::from(&endpoints.pause(&caller, id).await?)))
}

/// Lets an endpoint go on that was paused or switched off; what queued is delivered.
#[utoipa::path(post, path = "/v1/endpoints/{id}/resume", tag = "webhooks", operation_id = "resumeEndpoint",
    params(("id" = String, Path, description = "The endpoint's id, `ep_…`")),
    responses((status = 200, body = EndpointView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn resume(
    State(endpoints): State<Endpoints>,
    Caller(caller): Caller,
    Path(id): Path<EndpointId>,
) -> Result<axum::Json<EndpointView>, Problem> {
    Ok(axum::Json(EndpointView::from(&endpoints.resume(&caller, id).await?)))
}

/// Sends an endpoint an event `endpoint.test`, whatever it listens to. It goes the way of every delivery: signed, tried
/// again, kept with its attempts under the id in this answer.
#[utoipa::path(post, path = "/v1/endpoints/{id}/test", tag = "webhooks", operation_id = "testEndpoint",
    params(("id" = String, Path, description = "The endpoint's id, `ep_…`")),
    responses((status = 202, body = TestView), (status = 409, description = "The endpoint is paused or switched off.", body = ProblemView, content_type = "application/problem+json"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn test(
    State(endpoints): State<Endpoints>,
    Caller(caller): Caller,
    Path(id): Path<EndpointId>,
) -> Result<impl IntoResponse, Problem> {
    let tested = endpoints.test(&caller, id).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(TestView::from(tested))))
}
