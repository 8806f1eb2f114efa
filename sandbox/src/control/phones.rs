//! Phones: create, link, write, set rules.

use super::refusal::{Answer, Body, Params, Refusal, phone};
use crate::{Accepted, Around, Network, Phone, PhoneCounts, Rules, Said};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use axum::{Json, Router};

pub(super) fn routes() -> Router<Network> {
    Router::new()
        .route("/v1/phones", get(list).post(create))
        .route("/v1/phones/{number}", get(one))
        .route("/v1/phones/{number}/messages", post(write))
        .route("/v1/phones/{number}/read", post(read))
        .route("/v1/phones/{number}/rules", get(rules).put(set_rules))
        .route("/v1/phones/{number}/online", put(set_online))
        .route("/v1/phones/{number}/acked", get(acked))
        .route("/v1/phones/{number}/accepted", get(accepted))
}

#[derive(serde::Serialize)]
struct PhoneView {
    number: String,
    jid: String,
    lid: String,
    devices: Vec<u16>,
    online: bool,
    waiting: usize,
    counts: PhoneCounts,
}

fn view(phone: &Phone) -> PhoneView {
    PhoneView {
        number: phone.number().to_owned(),
        jid: phone.jid(),
        lid: phone.lid(),
        devices: phone.devices(),
        online: phone.is_online(),
        waiting: phone.waiting(),
        counts: phone.counts(),
    }
}

async fn list(State(network): State<Network>) -> Json<Vec<PhoneView>> {
    Json(network.phones().iter().map(view).collect())
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    number: String,
    lid_migrated: Option<bool>,
    push_name: Option<String>,
}

async fn create(State(network): State<Network>, Body(request): Body<Create>) -> Answer<PhoneView> {
    let phone = network.try_phone(&request.number)?;
    if let Some(migrated) = request.lid_migrated {
        phone.set_lid_migrated(migrated);
    }
    if let Some(name) = &request.push_name {
        phone.set_push_name(name);
    }
    Ok(Json(view(&phone)))
}

async fn one(State(network): State<Network>, Path(number): Path<String>) -> Answer<PhoneView> {
    Ok(Json(view(&phone(&network, &number)?)))
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Write {
    to: String,
    /// A plain text, in the place of `message`.
    text: Option<String>,
    /// What is said, by its `type`.
    message: Option<Said>,
    #[serde(default)]
    around: Around,
}

#[derive(serde::Serialize)]
struct Written {
    id: String,
}

async fn write(
    State(network): State<Network>,
    Path(number): Path<String>,
    Body(request): Body<Write>,
) -> Answer<Written> {
    let phone = phone(&network, &number)?;
    let id = match (&request.text, &request.message) {
        (Some(text), None) => phone.send_text(&request.to, text).await?,
        (None, Some(said)) => phone.say(&request.to, said, &request.around).await?,
        _ => return Err(Refusal::bad_body(&"give either text or message")),
    };
    Ok(Json(Written { id }))
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    id: String,
}

async fn read(
    State(network): State<Network>,
    Path(number): Path<String>,
    Body(request): Body<Read>,
) -> Result<StatusCode, Refusal> {
    phone(&network, &number)?.read(&request.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn rules(State(network): State<Network>, Path(number): Path<String>) -> Answer<Rules> {
    Ok(Json(phone(&network, &number)?.rules()))
}

async fn set_rules(
    State(network): State<Network>,
    Path(number): Path<String>,
    Body(rules): Body<Rules>,
) -> Result<StatusCode, Refusal> {
    phone(&network, &number)?.set_rules(rules);
    Ok(StatusCode::NO_CONTENT)
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Online {
    online: bool,
}

async fn set_online(
    State(network): State<Network>,
    Path(number): Path<String>,
    Body(request): Body<Online>,
) -> Result<StatusCode, Refusal> {
    let phone = phone(&network, &number)?;
    if request.online {
        phone.go_online();
    } else {
        phone.go_offline();
    }
    Ok(StatusCode::NO_CONTENT)
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct OfDevice {
    device: u16,
}

async fn acked(
    State(network): State<Network>,
    Path(number): Path<String>,
    Params(of): Params<OfDevice>,
) -> Answer<Vec<String>> {
    Ok(Json(network.acked_by(&number, of.device)?))
}

async fn accepted(State(network): State<Network>, Path(number): Path<String>) -> Answer<Vec<Accepted>> {
    Ok(Json(network.accepted_from(&number)?))
}
