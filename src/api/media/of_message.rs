//! The file of a message: `GET /v1/messages/{id}/media`, and by a signed link.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;
use wasup_actors::MessageFiles;
use wasup_store::id::MessageId;

use super::answer::answer;
use crate::api::extract::{Caller, Path, Query};
use crate::api::problem::{ErrorCode, Problem, ProblemView};
use crate::media::{Intake, MediaLinks};

/// The file of a message: from here, or fetched from the network now, decrypted and verified. One range is answered with
/// 206. A file that the network has forgotten is asked of the phone, which takes up to half a minute; 410 `media_gone`
/// where the phone has it no more.
#[utoipa::path(get, path = "/v1/messages/{id}/media", tag = "media", operation_id = "getMessageMedia",
    params(("id" = String, Path, description = "The message's id, `msg_…`"), ("Range" = Option<String>, Header, description = "One range of bytes")),
    responses((status = 200, description = "The file", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The range", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 410, description = "`media_gone`: neither the network nor the phone has it.", body = ProblemView, content_type = "application/problem+json"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn show(
    State(files): State<MessageFiles>,
    State(intake): State<Intake>,
    Caller(caller): Caller,
    Path(id): Path<MessageId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let file = files.get(&caller, id).await?;
    answer(intake.shelf(), &file, &headers).await
}

/// What makes a link good.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct LinkQuery {
    /// When it ends, in seconds since 1970.
    exp: u64,
    /// Its signature.
    sig: String,
}

/// The file of a message, by the link that an event holds. It wants no API key, and works until its end.
#[utoipa::path(get, path = "/v1/media/of/{message}", tag = "media", operation_id = "getMediaByLink",
    params(("message" = String, Path, description = "The message's id, `msg_…`"), LinkQuery),
    security(()),
    responses((status = 200, description = "The file", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The range", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 403, description = "`link_invalid`: it was not made here, or its time is over.", body = ProblemView, content_type = "application/problem+json"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn by_link(
    State(files): State<MessageFiles>,
    State(intake): State<Intake>,
    State(links): State<MediaLinks>,
    Path(message): Path<MessageId>,
    Query(query): Query<LinkQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if !links.holds(message, query.exp, &query.sig, intake.shelf().store().wall_ms()) {
        return Err(Problem::new(ErrorCode::LinkInvalid, "the link was not made here, or its time is over"));
    }
    let file = files.by_link(message).await?;
    answer(intake.shelf(), &file, &headers).await
}
