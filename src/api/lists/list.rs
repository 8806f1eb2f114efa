//! Lists come, are shown, change and go.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Deserialize;
use utoipa::IntoParams;
use wasup_actors::Lists;
use wasup_store::id::ListId;

use super::form::{ChangeList, CreateList};
use crate::api::accounts::{bad_cursor, limit};
use crate::api::extract::{Caller, Json, Path, Query};
use crate::api::problem::{Problem, ProblemView};
use crate::api::view::{ContactListView, Cursor, Page};

/// Which lists.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct ListsQuery {
    /// Most items in the answer, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<usize>,
    /// `next_cursor` of the piece before.
    cursor: Option<String>,
}

/// Makes an empty list of contacts. There may be 1000.
#[utoipa::path(post, path = "/v1/lists", tag = "lists", operation_id = "createList", request_body = CreateList,
    responses((status = 201, body = ContactListView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn create(
    State(lists): State<Lists>,
    Caller(caller): Caller,
    Json(body): Json<CreateList>,
) -> Result<impl IntoResponse, Problem> {
    let (name, description) = body.check()?;
    let made = lists.create(&caller, name, description).await?;
    Ok((StatusCode::CREATED, axum::Json(ContactListView::from(&made))))
}

/// Lists the lists, the oldest first.
#[utoipa::path(get, path = "/v1/lists", tag = "lists", operation_id = "listLists", params(ListsQuery),
    responses((status = 200, body = Page<ContactListView>), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn list(
    State(lists): State<Lists>,
    Caller(caller): Caller,
    Query(query): Query<ListsQuery>,
) -> Result<axum::Json<Page<ContactListView>>, Problem> {
    let limit = limit(query.limit)?;
    let after = match query.cursor.as_deref().map(Cursor::read) {
        None => None,
        Some(Some(Cursor::List(id))) => Some(id),
        Some(_) => return Err(bad_cursor()),
    };
    let found = lists.page(&caller, after, limit + 1).await?;
    Ok(axum::Json(Page::of(found, limit, |one| Cursor::List(one.0), |one| one.into())))
}

/// Shows a list.
#[utoipa::path(get, path = "/v1/lists/{id}", tag = "lists", operation_id = "getList",
    params(("id" = String, Path, description = "The list's id, `lst_…`")),
    responses((status = 200, body = ContactListView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn show(
    State(lists): State<Lists>,
    Caller(caller): Caller,
    Path(id): Path<ListId>,
) -> Result<axum::Json<ContactListView>, Problem> {
    let list = lists.get(&caller, id).await?;
    Ok(axum::Json(ContactListView::from(&(id, list))))
}

/// Changes what a list is called.
#[utoipa::path(patch, path = "/v1/lists/{id}", tag = "lists", operation_id = "changeList",
    params(("id" = String, Path, description = "The list's id, `lst_…`")), request_body = ChangeList,
    responses((status = 200, body = ContactListView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn change(
    State(lists): State<Lists>,
    Caller(caller): Caller,
    Path(id): Path<ListId>,
    Json(body): Json<ChangeList>,
) -> Result<axum::Json<ContactListView>, Problem> {
    let list = lists.change(&caller, id, body.check()?).await?;
    Ok(axum::Json(ContactListView::from(&(id, list))))
}

/// Deletes a list with its contacts. People who opted out stay so.
#[utoipa::path(delete, path = "/v1/lists/{id}", tag = "lists", operation_id = "deleteList",
    params(("id" = String, Path, description = "The list's id, `lst_…`")),
    responses((status = 204), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn delete(
    State(lists): State<Lists>,
    Caller(caller): Caller,
    Path(id): Path<ListId>,
) -> Result<StatusCode, Problem> {
    lists.delete(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
