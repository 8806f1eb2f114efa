//! Making things go wrong, from outside.

use super::refusal::{Answer, Body, Refusal};
use crate::{Cut, Fault, Network, Scope};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};

pub(super) fn routes() -> Router<Network> {
    Router::new().route("/v1/faults", post(inject).delete(heal)).route("/v1/disconnect", post(disconnect))
}

/// A scope as requests write it.
#[derive(serde::Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Where {
    number: Option<String>,
    device: Option<u16>,
}

impl From<Where> for Scope {
    fn from(place: Where) -> Self {
        match (place.number, place.device) {
            (Some(number), Some(device)) => Self::Device(number, device),
            (Some(number), None) => Self::Account(number),
            (None, _) => Self::Network,
        }
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Inject {
    #[serde(default)]
    scope: Where,
    fault: Fault,
}

async fn inject(State(network): State<Network>, Body(request): Body<Inject>) -> Result<StatusCode, Refusal> {
    network.inject(&request.scope.into(), &request.fault)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Heal {
    #[serde(default)]
    scope: Where,
}

async fn heal(State(network): State<Network>, Body(request): Body<Heal>) -> Result<StatusCode, Refusal> {
    network.heal(&request.scope.into())?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Disconnect {
    #[serde(default)]
    scope: Where,
    cut: Cut,
}

#[derive(serde::Serialize)]
struct Ended {
    ended: usize,
}

async fn disconnect(State(network): State<Network>, Body(request): Body<Disconnect>) -> Answer<Ended> {
    let ended = network.disconnect(&request.scope.into(), request.cut)?;
    Ok(Json(Ended { ended }))
}
