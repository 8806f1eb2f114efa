//! `/v1/log`: what the server logs, while it runs.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::extract::Json;
use super::problem::{FieldError, Problem, ProblemView};
use crate::telemetry::Logs;

/// What is logged.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LogLevel {
    /// A level (`off`, `error`, `warn`, `info`, `debug`, `trace`) or a filter such as `info,wasup_actors=debug`.
    #[schema(examples("info"))]
    level: String,
}

fn none() -> Problem {
    Problem::not_found("log: this process logs by other means")
}

/// Shows what is logged.
#[utoipa::path(get, path = "/v1/log", tag = "server", operation_id = "getLog",
    responses((status = 200, body = LogLevel), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn show(State(logs): State<Option<Logs>>) -> Result<axum::Json<LogLevel>, Problem> {
    let level = logs.ok_or_else(none)?.level();
    Ok(axum::Json(LogLevel { level }))
}

/// Changes what is logged, until the next start.
#[utoipa::path(put, path = "/v1/log", tag = "server", operation_id = "setLog", request_body = LogLevel,
    responses((status = 200, body = LogLevel), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn put(
    State(logs): State<Option<Logs>>,
    Json(wanted): Json<LogLevel>,
) -> Result<axum::Json<LogLevel>, Problem> {
    let logs = logs.ok_or_else(none)?;
    logs.set_level(&wanted.level)
        .map_err(|error| Problem::invalid(vec![FieldError::new("level", error.to_string())]))?;
    Ok(axum::Json(wanted))
}
