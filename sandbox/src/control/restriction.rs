//! What a number may send, from outside.

use super::refusal::{Answer, Body, Refusal};
use crate::{Network, Restriction};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use std::time::Duration;

pub(super) fn routes() -> Router<Network> {
    Router::new().route("/v1/phones/{number}/restriction", get(read).put(restrict).delete(lift))
}

async fn read(State(network): State<Network>, Path(number): Path<String>) -> Answer<Option<Restriction>> {
    Ok(Json(network.restriction(&number)?))
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Restrict {
    code: u16,
    seconds: Option<u64>,
}

async fn restrict(
    State(network): State<Network>,
    Path(number): Path<String>,
    Body(request): Body<Restrict>,
) -> Result<StatusCode, Refusal> {
    network.restrict(&number, request.code, request.seconds.map(Duration::from_secs))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn lift(State(network): State<Network>, Path(number): Path<String>) -> Result<StatusCode, Refusal> {
    network.lift_restriction(&number)?;
    Ok(StatusCode::NO_CONTENT)
}
