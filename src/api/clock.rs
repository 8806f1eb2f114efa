//! The machine's clock, after it jumped.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use wasup_actors::{Clock, ClockStanding};

use super::extract::Caller;
use super::problem::{Problem, ProblemView};

/// How the server's clock stands.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ClockView {
    /// Whether rows are ended by it. After a jump of more than an hour, or a stop longer than rows live, nothing expires
    /// until the clock held for ten minutes.
    trusted: bool,
    /// While it is not trusted: by how many milliseconds it had jumped ahead, negative back; else 0.
    jump_ms: i64,
}

impl From<ClockStanding> for ClockView {
    fn from(ClockStanding { trusted, jump_ms }: ClockStanding) -> Self {
        Self { trusted, jump_ms }
    }
}

/// Shows whether the server trusts its machine's clock.
#[utoipa::path(get, path = "/v1/admin/clock", tag = "server", operation_id = "getClock",
    responses((status = 200, body = ClockView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn show(State(clock): State<Clock>) -> axum::Json<ClockView> {
    axum::Json(clock.standing().into())
}

/// Says that the clock is right after a jump: rows expire again at once. Changes nothing where it is trusted.
#[utoipa::path(post, path = "/v1/admin/clock/trust", tag = "server", operation_id = "trustClock",
    responses((status = 200, body = ClockView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn trust(
    State(clock): State<Clock>,
    Caller(caller): Caller,
) -> Result<axum::Json<ClockView>, Problem> {
    Ok(axum::Json(clock.trust(&caller).await?.into()))
}
