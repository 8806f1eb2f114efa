//! What the network says about itself.

use super::refusal::{Body, Refusal};
use crate::{Connected, Network, Stats, TraceLine, Violation};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use axum::{Json, Router};

pub(super) fn routes() -> Router<Network> {
    Router::new()
        .route("/v1/network", get(network))
        .route("/v1/network/rotate-key", post(rotate_key))
        .route("/v1/network/reachable", put(set_reachable))
        .route("/v1/connections", get(connections))
        .route("/v1/stats", get(stats))
        .route("/v1/violations", get(violations).delete(forget))
        .route("/v1/trace", get(trace))
}

#[derive(serde::Serialize)]
struct About {
    url: String,
    root_key: String,
}

async fn network(State(network): State<Network>) -> Json<About> {
    Json(About { url: network.url(), root_key: data_encoding::HEXLOWER.encode(&network.root_key()) })
}

async fn rotate_key(State(network): State<Network>) -> StatusCode {
    network.rotate_server_key();
    StatusCode::NO_CONTENT
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Reachable {
    reachable: bool,
}

async fn set_reachable(State(network): State<Network>, Body(request): Body<Reachable>) -> Result<StatusCode, Refusal> {
    network.set_reachable(request.reachable).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn connections(State(network): State<Network>) -> Json<Vec<Connected>> {
    Json(network.connections())
}

async fn stats(State(network): State<Network>) -> Json<Stats> {
    Json(network.stats())
}

async fn violations(State(network): State<Network>) -> Json<Vec<Violation>> {
    Json(network.violations())
}

async fn forget(State(network): State<Network>) -> StatusCode {
    network.clear_violations();
    StatusCode::NO_CONTENT
}

async fn trace(State(network): State<Network>) -> Json<Vec<TraceLine>> {
    Json(network.trace())
}
