//! Looking at groups.

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use wasup_actors::Groups;
use wasup_store::id::AccountId;

use super::super::accounts::{bad_cursor, limit};
use super::super::extract::{Caller, Path, Query};
use super::super::problem::{Problem, ProblemView};
use super::super::view::{Cursor, GroupView, Page};
use super::{SourceParam, group_of, source};

/// Which groups.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct GroupsQuery {
    /// Most items in the answer, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<usize>,
    /// `next_cursor` of the piece before.
    cursor: Option<String>,
    /// With everybody who is in them.
    #[serde(default)]
    participants: bool,
    /// `server` asks the network anew; `auto` asks it only where the account's groups were never told.
    #[param(inline)]
    source: Option<SourceParam>,
}

/// Where a group's picture of itself comes from.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct GroupQuery {
    /// `server` asks the network anew; `auto` asks it only for a group that is not known.
    #[param(inline)]
    source: Option<SourceParam>,
}

/// Lists the groups that an account is in, or was.
#[utoipa::path(get, path = "/v1/accounts/{id}/groups", tag = "groups", operation_id = "listGroups",
    params(("id" = String, Path, description = "The account's id"), GroupsQuery),
    responses((status = 200, body = Page<GroupView>), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn list(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
    Query(query): Query<GroupsQuery>,
) -> Result<axum::Json<Page<GroupView>>, Problem> {
    let limit = limit(query.limit)?;
    let after = match query.cursor.as_deref().map(Cursor::read) {
        None => None,
        Some(Some(Cursor::Group(chat))) => Some(chat),
        Some(_) => return Err(bad_cursor()),
    };
    let found = groups.list(&caller, &id, source(query.source), after, limit + 1).await?;
    let page = Page::of(
        found,
        limit,
        |(chat, _)| Cursor::Group(*chat),
        |(_, group)| GroupView::new(group, query.participants),
    );
    Ok(axum::Json(page))
}

/// Shows a group with everybody in it.
#[utoipa::path(get, path = "/v1/accounts/{id}/groups/{group}", tag = "groups", operation_id = "getGroup",
    params(("id" = String, Path, description = "The account's id"), ("group" = String, Path, description = "The group's id, `…@g.us`"), GroupQuery),
    responses((status = 200, body = GroupView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn show(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Path((id, group)): Path<(AccountId, String)>,
    Query(query): Query<GroupQuery>,
) -> Result<axum::Json<GroupView>, Problem> {
    let found = groups.get(&caller, &id, &group_of(&group)?, source(query.source)).await?;
    Ok(axum::Json(GroupView::new(&found, true)))
}
