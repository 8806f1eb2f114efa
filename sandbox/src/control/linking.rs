//! Linking companions, from outside.

use super::refusal::{Answer, Body, Refusal, phone};
use crate::Network;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{post, put};
use axum::{Json, Router};

pub(super) fn routes() -> Router<Network> {
    Router::new()
        .route("/v1/phones/{number}/scan", post(scan))
        .route("/v1/phones/{number}/code", post(enter_code))
        .route("/v1/phones/{number}/code/refresh", post(refresh_code))
        .route("/v1/phones/{number}/passkey", put(passkey))
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Scan {
    qr: String,
}

#[derive(serde::Serialize)]
struct Linked {
    device: u16,
}

async fn scan(State(network): State<Network>, Path(number): Path<String>, Body(request): Body<Scan>) -> Answer<Linked> {
    let device = phone(&network, &number)?.scan(&request.qr).await?;
    Ok(Json(Linked { device }))
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Enter {
    code: String,
}

async fn enter_code(
    State(network): State<Network>,
    Path(number): Path<String>,
    Body(request): Body<Enter>,
) -> Answer<Linked> {
    let device = phone(&network, &number)?.enter_code(&request.code).await?;
    Ok(Json(Linked { device }))
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Refresh {
    by_hand: bool,
}

async fn refresh_code(
    State(network): State<Network>,
    Path(number): Path<String>,
    Body(request): Body<Refresh>,
) -> Result<StatusCode, Refusal> {
    phone(&network, &number)?.refresh_code(request.by_hand)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Passkey {
    demanded: bool,
}

async fn passkey(
    State(network): State<Network>,
    Path(number): Path<String>,
    Body(request): Body<Passkey>,
) -> Result<StatusCode, Refusal> {
    phone(&network, &number)?.demand_passkey(request.demanded);
    Ok(StatusCode::NO_CONTENT)
}
