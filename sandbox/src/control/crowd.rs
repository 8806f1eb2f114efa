//! Many phones at once: what a benchmark asks, in a few requests.

use super::refusal::{Answer, Body, Params, Refusal, phone};
use crate::Network;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use std::time::Duration;

/// The longest a request may wait.
const LONGEST_WAIT: u64 = 120_000;

/// Most texts of one burst.
const LONGEST_BURST: u32 = 100_000;

pub(super) fn routes() -> Router<Network> {
    Router::new()
        .route("/v1/live", get(live))
        .route("/v1/live/peak", delete(forget_peak))
        .route("/v1/tally", get(tally))
        .route("/v1/phones/{number}/burst", post(burst))
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct HowMany {
    devices: Option<usize>,
    wait_ms: Option<u64>,
}

#[derive(serde::Serialize)]
struct Live {
    devices: usize,
    connecting: u64,
    connecting_peak: u64,
}

/// Waits until exactly so many devices are live, where a number is asked for.
async fn live(State(network): State<Network>, Params(want): Params<HowMany>) -> Answer<Live> {
    if let Some(devices) = want.devices {
        let wait = want.wait_ms.unwrap_or_default().min(LONGEST_WAIT);
        network.wait_live(devices, Duration::from_millis(wait)).await?;
    }
    let connects = network.connects();
    let (connecting, connecting_peak) = (connects.in_flight, connects.peak_in_flight);
    Ok(Json(Live { devices: network.live(), connecting, connecting_peak }))
}

async fn forget_peak(State(network): State<Network>) -> StatusCode {
    network.forget_connects();
    StatusCode::NO_CONTENT
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Of {
    prefix: String,
}

#[derive(serde::Serialize)]
struct PhoneTally {
    number: String,
    shown: usize,
    distinct: usize,
    repeats: u64,
}

/// What each phone has shown of others' texts that begin so; phones that have shown none are left out.
async fn tally(State(network): State<Network>, Params(of): Params<Of>) -> Json<Vec<PhoneTally>> {
    let tally = |phone: crate::Phone| {
        let (shown, distinct) = phone.tally(&of.prefix);
        PhoneTally { number: phone.number().to_owned(), shown, distinct, repeats: phone.repeats() }
    };
    Json(network.phones().into_iter().map(tally).filter(|tally| tally.shown > 0).collect())
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Burst {
    to: String,
    prefix: String,
    count: u32,
}

#[derive(serde::Serialize)]
struct Typed {
    typed: u32,
}

/// A phone types as fast as it can: `count` texts, each the prefix and its number from 0.
async fn burst(
    State(network): State<Network>,
    Path(number): Path<String>,
    Body(burst): Body<Burst>,
) -> Result<Json<Typed>, Refusal> {
    let phone = phone(&network, &number)?;
    let count = burst.count.min(LONGEST_BURST);
    for n in 0..count {
        phone.send_text(&burst.to, &format!("{}{n}", burst.prefix)).await?;
        // Typing never waits by itself, and others want the thread, too.
        tokio::task::yield_now().await;
    }
    Ok(Json(Typed { typed: count }))
}
