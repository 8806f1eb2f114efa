//! The bytes of pictures, of people and of groups, as they come from the network.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;
use wasup_actors::PictureStream;
use wasup_store::id::AccountId;

use super::one;
use crate::api::extract::{Caller, Path, Query};
use crate::api::problem::{Problem, ProblemView};
use crate::api::state::Knowing;

/// Types that a picture is passed on as; anything else is bytes.
const TYPES: [&str; 3] = ["image/jpeg", "image/png", "image/webp"];

/// Which picture.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct PictureQuery {
    /// A small one.
    #[serde(default)]
    #[param(default = false)]
    pub(in crate::api) preview: bool,
}

/// The bytes of somebody's picture, fetched from the network over the account's own way and passed on piece by piece.
#[utoipa::path(get, path = "/v1/accounts/{id}/contacts/{contact}/picture", tag = "contacts", operation_id = "getContactPicture",
    params(("id" = String, Path, description = "The account's id"),
        ("contact" = String, Path, description = "Our id, a number or an address"), PictureQuery),
    responses((status = 200, description = "The picture", body = Vec<u8>, content_type = "image/jpeg"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn show(
    State(state): State<Knowing>,
    Caller(caller): Caller,
    Path((id, contact)): Path<(AccountId, String)>,
    Query(query): Query<PictureQuery>,
) -> Result<Response, Problem> {
    let name = one(&state, &caller, &id, contact).await?;
    Ok(answer(state.1.picture(&caller, &id, &name, query.preview).await?))
}

/// Answers with a picture.
pub(in crate::api) fn answer(picture: PictureStream) -> Response {
    let essence = picture.mimetype.as_deref().and_then(|text| text.split(';').next()).unwrap_or_default().trim();
    let kind = TYPES.into_iter().find(|known| *known == essence).unwrap_or("application/octet-stream");
    let mut response = Response::new(Body::from_stream(picture.bytes));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Some(size) = picture.size {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(size));
    }
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", picture.id)) {
        headers.insert(ETAG, tag);
    }
    // Whoever made it must not be able to run it in a browser in this server's name.
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, max-age=3600"));
    response
}
