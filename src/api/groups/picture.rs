//! Pictures of groups.

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use wasup_actors::{ContactName, Groups, People};
use wasup_store::id::AccountId;
use wasup_store::records::Participant;

use super::group_of;
use crate::api::contacts::picture::{PictureQuery, answer};
use crate::api::extract::{Caller, Path, Query};
use crate::api::problem::{ErrorCode, Problem, ProblemView};
use crate::api::view::GroupView;
use crate::media::{MediaRefusal, square};

/// Largest picture that is taken, in bytes.
const PICTURE_MAX: usize = 10 * 1024 * 1024;

/// The bytes of a group's picture, fetched from the network and passed on piece by piece.
#[utoipa::path(get, path = "/v1/accounts/{id}/groups/{group}/picture", tag = "groups", operation_id = "getGroupPicture",
    params(("id" = String, Path, description = "The account's id"), ("group" = String, Path, description = "The group's id, `…@g.us`"), PictureQuery),
    responses((status = 200, description = "The picture", body = Vec<u8>, content_type = "image/jpeg"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn show(
    State(people): State<People>,
    Caller(caller): Caller,
    Path((id, group)): Path<(AccountId, String)>,
    Query(query): Query<PictureQuery>,
) -> Result<Response, Problem> {
    let name = ContactName::Address(Participant { jid: group_of(&group)?, phone: None, lid: None });
    Ok(answer(people.picture(&caller, &id, &name, query.preview).await.map_err(|error| match error {
        wasup_actors::PeopleError::NotFound => Problem::not_found("picture of the group"),
        other => other.into(),
    })?))
}

/// Gives a group another picture. The body is the picture: JPEG, PNG, WebP or GIF, at most 10 MiB. Its middle is cut out as
/// a square and made at most 640 pixels wide.
#[utoipa::path(put, path = "/v1/accounts/{id}/groups/{group}/picture", tag = "groups", operation_id = "setGroupPicture",
    params(("id" = String, Path, description = "The account's id"), ("group" = String, Path, description = "The group's id, `…@g.us`")),
    request_body(content((String = "image/jpeg"), (String = "image/png"), (String = "image/webp")), description = "The picture"),
    responses((status = 200, body = GroupView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn put(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Path((id, group)): Path<(AccountId, String)>,
    request: Request,
) -> Result<axum::Json<GroupView>, Problem> {
    let group = group_of(&group)?;
    let jpeg = picture(request.into_body()).await?;
    let changed = groups.set_picture(&caller, &id, &group, Some(jpeg)).await?;
    Ok(axum::Json(GroupView::new(&changed, true)))
}

/// Takes a group's picture away.
#[utoipa::path(delete, path = "/v1/accounts/{id}/groups/{group}/picture", tag = "groups", operation_id = "removeGroupPicture",
    params(("id" = String, Path, description = "The account's id"), ("group" = String, Path, description = "The group's id, `…@g.us`")),
    responses((status = 204), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn remove(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Path((id, group)): Path<(AccountId, String)>,
) -> Result<StatusCode, Problem> {
    groups.set_picture(&caller, &id, &group_of(&group)?, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn picture(body: Body) -> Result<Vec<u8>, Problem> {
    let bytes = to_bytes(body, PICTURE_MAX).await;
    let bytes = bytes.map_err(|_| MediaRefusal::TooLarge(PICTURE_MAX as u64))?;
    let made = tokio::task::spawn_blocking(move || square(&bytes)).await;
    let failed = |error| Problem::new(ErrorCode::Internal, "the picture could not be looked at").because(error);
    Ok(made.map_err(failed)??)
}
