//! Probes, the state of the server, and its metrics.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use super::problem::{ErrorCode, Problem, ProblemView};
use crate::health::{Health, HealthView};

/// Whether the process still answers. Says nothing about WhatsApp or the store.
#[utoipa::path(get, path = "/livez", tag = "server", operation_id = "getLivez", security(()),
    responses((status = 200, body = String, content_type = "text/plain")))]
pub(super) async fn livez() -> &'static str {
    "ok\n"
}

/// Whether requests should come here: the store writes and the server does not stop. An account that is logged out
/// changes nothing about it.
#[utoipa::path(get, path = "/readyz", tag = "server", operation_id = "getReadyz", security(()),
    responses((status = 200, body = String, content_type = "text/plain"),
        (status = 503, description = "Not ready.", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn readyz(State(health): State<Health>) -> Result<&'static str, Problem> {
    match health.not_ready() {
        None => Ok("ready\n"),
        Some(crate::health::NotReady::Stopping) => Err(Problem::new(ErrorCode::ShuttingDown, "the server is stopping")),
        Some(crate::health::NotReady::StoreStopped) => {
            Err(Problem::new(ErrorCode::StoreUnavailable, "the store stopped after a failed write"))
        }
    }
}

/// Shows how the server is: its services, memory, uptime, store and accounts. 503 when it is not ready.
#[utoipa::path(get, path = "/health", tag = "server", operation_id = "getHealth",
    responses((status = 200, body = HealthView), (status = 503, body = HealthView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn health(State(health): State<Health>) -> Result<impl IntoResponse, Problem> {
    let view = health.view().await?;
    let status = if health.not_ready().is_none() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok((status, axum::Json(view)))
}

/// Shows metrics in the text format of Prometheus. Addresses in `server.metrics_allow` need no key.
#[utoipa::path(get, path = "/metrics", tag = "server", operation_id = "getMetrics",
    responses((status = 200, body = String, content_type = "text/plain"), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn metrics(State(health): State<Health>) -> Result<impl IntoResponse, Problem> {
    let text = health.metrics().await?;
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}
