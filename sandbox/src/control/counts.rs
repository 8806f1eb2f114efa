//! Connections and logins, counted.

use super::refusal::Answer;
use crate::{Connects, DeviceLogins, Network, NumberCounts};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};

pub(super) fn routes() -> Router<Network> {
    Router::new()
        .route("/v1/connects", get(connects).delete(forget))
        .route("/v1/logins", get(since_mark))
        .route("/v1/logins/mark", post(mark))
        .route("/v1/phones/{number}/logins", get(of_number))
}

async fn connects(State(network): State<Network>) -> Json<Connects> {
    Json(network.connects())
}

async fn forget(State(network): State<Network>) -> StatusCode {
    network.forget_connects();
    StatusCode::NO_CONTENT
}

async fn since_mark(State(network): State<Network>) -> Json<Vec<DeviceLogins>> {
    Json(network.logins_since_mark())
}

async fn mark(State(network): State<Network>) -> StatusCode {
    network.mark_logins();
    StatusCode::NO_CONTENT
}

async fn of_number(State(network): State<Network>, Path(number): Path<String>) -> Answer<NumberCounts> {
    Ok(Json(network.logins_of(&number)?))
}
