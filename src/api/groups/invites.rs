//! Invite links.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wasup_actors::Groups;
use wasup_store::id::AccountId;

use super::super::extract::{Caller, Json, Path, Query};
use super::super::problem::{Problem, ProblemView};
use super::super::view::GroupView;
use super::{code_of, group_of};

/// A group's invite link.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InviteLink)]
pub(in crate::api) struct InviteView {
    /// The code.
    code: String,
    /// The link with it.
    #[schema(examples("https://chat.whatsapp.com/AbCdEfGhIjKlMnOpQrStUv"))]
    link: String,
}

impl InviteView {
    fn new(code: String) -> Self {
        Self { link: format!("https://chat.whatsapp.com/{code}"), code }
    }
}

/// The invite links of an account's groups.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct InviteLinks {
    /// One for each group.
    data: Vec<GroupInvite>,
}

/// A group and its invite link.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct GroupInvite {
    /// The group.
    group: GroupView,
    /// Its link; `null` where the account may not see it.
    invite: Option<InviteView>,
}

/// What leads to a group.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct InviteQuery {
    /// An invite code, or a link with one.
    code: String,
}

/// What leads to a group.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct JoinGroup {
    /// An invite code, or a link with one.
    #[schema(examples("https://chat.whatsapp.com/AbCdEfGhIjKlMnOpQrStUv"))]
    code: String,
}

/// What came of joining.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct JoinedGroup {
    /// The group's address.
    id: String,
    /// An admin has to let the account in first.
    waiting: bool,
    /// The group, once the account is in it.
    group: Option<GroupView>,
}

/// Shows a group's invite link.
#[utoipa::path(get, path = "/v1/accounts/{id}/groups/{group}/invite-link", tag = "groups", operation_id = "getInviteLink",
    params(("id" = String, Path, description = "The account's id"), ("group" = String, Path, description = "The group's id, `…@g.us`")),
    responses((status = 200, body = InviteView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn show(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Path((id, group)): Path<(AccountId, String)>,
) -> Result<axum::Json<InviteView>, Problem> {
    let code = groups.invite_code(&caller, &id, &group_of(&group)?, false).await?;
    Ok(axum::Json(InviteView::new(code)))
}

/// Gives a group a new invite link; the old one is void.
#[utoipa::path(post, path = "/v1/accounts/{id}/groups/{group}/invite-link", tag = "groups", operation_id = "resetInviteLink",
    params(("id" = String, Path, description = "The account's id"), ("group" = String, Path, description = "The group's id, `…@g.us`")),
    responses((status = 200, body = InviteView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn renew(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Path((id, group)): Path<(AccountId, String)>,
) -> Result<axum::Json<InviteView>, Problem> {
    let code = groups.invite_code(&caller, &id, &group_of(&group)?, true).await?;
    Ok(axum::Json(InviteView::new(code)))
}

/// Lists the invite links of the groups that an account is in, of at most 100 groups.
#[utoipa::path(get, path = "/v1/accounts/{id}/groups/invite-links", tag = "groups", operation_id = "listInviteLinks",
    params(("id" = String, Path, description = "The account's id")),
    responses((status = 200, body = InviteLinks), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn links(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
) -> Result<axum::Json<InviteLinks>, Problem> {
    let found = groups.invite_links(&caller, &id).await?;
    let data = found
        .into_iter()
        .map(|one| GroupInvite { group: GroupView::new(&one.group, false), invite: one.code.map(InviteView::new) });
    Ok(axum::Json(InviteLinks { data: data.collect() }))
}

/// Shows the group that an invite code leads to, as an outsider sees it.
#[utoipa::path(get, path = "/v1/accounts/{id}/groups/invite-info", tag = "groups", operation_id = "getInviteInfo",
    params(("id" = String, Path, description = "The account's id"), InviteQuery),
    responses((status = 200, body = GroupView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn preview(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
    Query(query): Query<InviteQuery>,
) -> Result<axum::Json<GroupView>, Problem> {
    let found = groups.preview(&caller, &id, &code_of(&query.code)?).await?;
    Ok(axum::Json(GroupView { size: found.size, joined: false, ..GroupView::new(&found.group, false) }))
}

/// Joins a group by its invite code. 202 where an admin has to let the account in first.
#[utoipa::path(post, path = "/v1/accounts/{id}/groups/join", tag = "groups", operation_id = "joinGroup",
    params(("id" = String, Path, description = "The account's id")), request_body = JoinGroup,
    responses((status = 200, body = JoinedGroup), (status = 202, body = JoinedGroup),
        (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn join(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
    Json(body): Json<JoinGroup>,
) -> Result<Response, Problem> {
    let joined = groups.join(&caller, &id, &code_of(&body.code)?).await?;
    let status = if joined.joined.is_some() { StatusCode::OK } else { StatusCode::ACCEPTED };
    let view = JoinedGroup {
        id: joined.group.to_string(),
        waiting: joined.joined.is_none(),
        group: joined.joined.as_ref().map(|group| GroupView::new(group, true)),
    };
    Ok((status, axum::Json(view)).into_response())
}
