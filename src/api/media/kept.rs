//! Files that are kept: `GET /v1/media` and `/v1/media/{id}`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;
use wasup_store::id::MediaId;
use wasup_store::records::MediaFileRecord;

use super::answer::answer;
use super::problems::of_shelf;
use crate::api::accounts::{bad_cursor, limit};
use crate::api::extract::{Path, Query};
use crate::api::problem::{Problem, ProblemView};
use crate::api::view::{Cursor, MediaFileView, Page};
use crate::media::Intake;

/// Which files.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct FilesQuery {
    /// Most items in the answer, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<usize>,
    /// `next_cursor` of the piece before.
    cursor: Option<String>,
}

/// Lists the files that are kept, the newest first: uploaded ones, and received ones that were fetched.
#[utoipa::path(get, path = "/v1/media", tag = "media", operation_id = "listMedia", params(FilesQuery),
    responses((status = 200, body = Page<MediaFileView>), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn list(
    State(intake): State<Intake>,
    Query(query): Query<FilesQuery>,
) -> Result<axum::Json<Page<MediaFileView>>, Problem> {
    let limit = limit(query.limit)?;
    let before = match query.cursor.as_deref().map(Cursor::read) {
        None => None,
        Some(Some(Cursor::Media(id))) => Some(id),
        Some(_) => return Err(bad_cursor()),
    };
    let found = intake.shelf().list(before, limit + 1).await.map_err(of_shelf)?;
    Ok(axum::Json(Page::of(found, limit, |file: &MediaFileRecord| Cursor::Media(file.id), |file| file.into())))
}

/// Shows what is known of a file.
#[utoipa::path(get, path = "/v1/media/{id}", tag = "media", operation_id = "getMedia",
    params(("id" = String, Path, description = "The file's id, `med_…`")),
    responses((status = 200, body = MediaFileView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn show(
    State(intake): State<Intake>,
    Path(id): Path<MediaId>,
) -> Result<axum::Json<MediaFileView>, Problem> {
    let file = intake.shelf().get(id).await.map_err(of_shelf)?;
    Ok(axum::Json(MediaFileView::from(&file)))
}

/// Takes a file away. Messages that wait to be sent with it fail, unless the network has it already.
#[utoipa::path(delete, path = "/v1/media/{id}", tag = "media", operation_id = "deleteMedia",
    params(("id" = String, Path, description = "The file's id, `med_…`")),
    responses((status = 204, description = "It is gone."), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn delete(State(intake): State<Intake>, Path(id): Path<MediaId>) -> Result<StatusCode, Problem> {
    if intake.shelf().remove(id).await.map_err(of_shelf)? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("file"))
    }
}

/// The bytes of a file. One range is answered with 206.
#[utoipa::path(get, path = "/v1/media/{id}/content", tag = "media", operation_id = "getMediaContent",
    params(("id" = String, Path, description = "The file's id, `med_…`"), ("Range" = Option<String>, Header, description = "One range of bytes")),
    responses((status = 200, description = "The file", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The range", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn content(
    State(intake): State<Intake>,
    Path(id): Path<MediaId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let file = intake.shelf().get(id).await.map_err(of_shelf)?;
    answer(intake.shelf(), &file, &headers).await
}
