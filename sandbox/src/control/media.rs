//! Files, from outside.

use super::refusal::{Answer, Body, Params, Refusal, phone};
use crate::{FileToSend, Forgotten, MediaFault, Network};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};

/// Largest request with a file in it.
const LARGEST: usize = 256 * 1024 * 1024;

pub(super) fn routes() -> Router<Network> {
    Router::new()
        .route("/v1/media", get(about).delete(forget))
        .route("/v1/media/faults", post(break_media).delete(heal))
        .route("/v1/media/revoke", post(revoke))
        .route("/v1/phones/{number}/files", post(send).layer(DefaultBodyLimit::max(LARGEST)))
        .route("/v1/phones/{number}/files/{id}", get(open))
}

#[derive(serde::Serialize)]
struct About {
    url: String,
    certificate: String,
    files: usize,
}

async fn about(State(network): State<Network>) -> Json<About> {
    Json(About {
        url: format!("https://{}", network.media_address()),
        certificate: network.media_certificate(),
        files: network.media_count(),
    })
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct How {
    #[serde(default)]
    gone: bool,
}

#[derive(serde::Serialize)]
struct Files {
    files: usize,
}

async fn forget(State(network): State<Network>, Params(how): Params<How>) -> Json<Files> {
    let how = if how.gone { Forgotten::Gone } else { Forgotten::NotFound };
    Json(Files { files: network.forget_media(how) })
}

async fn revoke(State(network): State<Network>) -> StatusCode {
    network.revoke_media_auth();
    StatusCode::NO_CONTENT
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Break {
    count: u32,
    fault: MediaFault,
}

async fn break_media(State(network): State<Network>, Body(request): Body<Break>) -> StatusCode {
    network.break_media(request.fault, request.count);
    StatusCode::NO_CONTENT
}

async fn heal(State(network): State<Network>) -> StatusCode {
    network.heal_media();
    StatusCode::NO_CONTENT
}

#[derive(serde::Deserialize)]
struct Send {
    to: String,
    base64: String,
    #[serde(flatten)]
    file: serde_json::Map<String, serde_json::Value>,
}

#[derive(serde::Serialize)]
struct Sent {
    id: String,
}

async fn send(State(network): State<Network>, Path(number): Path<String>, Body(request): Body<Send>) -> Answer<Sent> {
    let phone = phone(&network, &number)?;
    let file: FileToSend = serde_json::from_value(request.file.into()).map_err(|error| Refusal::bad_body(&error))?;
    let bytes = data_encoding::BASE64.decode(request.base64.as_bytes()).map_err(|error| Refusal::bad_body(&error))?;
    let id = phone.send_file(&request.to, &file, &bytes).await?;
    Ok(Json(Sent { id }))
}

async fn open(State(network): State<Network>, Path((number, id)): Path<(String, String)>) -> Result<Vec<u8>, Refusal> {
    Ok(phone(&network, &number)?.open_file(&id)?)
}
