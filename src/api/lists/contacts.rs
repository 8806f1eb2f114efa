//! Contacts of a list are shown, and go; and by which tags they are found.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;
use wasup_actors::Lists;
use wasup_store::id::ListId;

use super::form::number;
use crate::api::accounts::{bad_cursor, limit};
use crate::api::extract::{Caller, Path, Query};
use crate::api::problem::{Problem, ProblemView};
use crate::api::state::Listing;
use crate::api::view::{Cursor, ListedView, Page, TagView};

/// Which contacts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct ContactsQuery {
    /// Most items in the answer, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<usize>,
    /// `next_cursor` of the piece before.
    cursor: Option<String>,
    /// Only those with this tag, in letters of any case.
    #[param(example = "vip")]
    tag: Option<String>,
}

/// Which tags.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct TagsQuery {
    /// Most items in the answer, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<usize>,
    /// `next_cursor` of the piece before.
    cursor: Option<String>,
}

/// Lists who is in a list. The order lasts, but is that of nothing that you see.
#[utoipa::path(get, path = "/v1/lists/{id}/contacts", tag = "lists", operation_id = "listListContacts",
    params(("id" = String, Path, description = "The list's id, `lst_…`"), ContactsQuery),
    responses((status = 200, body = Page<ListedView>), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn list(
    State(lists): State<Lists>,
    Caller(caller): Caller,
    Path(id): Path<ListId>,
    Query(query): Query<ContactsQuery>,
) -> Result<axum::Json<Page<ListedView>>, Problem> {
    let limit = limit(query.limit)?;
    let after = match query.cursor.as_deref().map(Cursor::read) {
        None => None,
        Some(Some(Cursor::Number(number))) => Some(number),
        Some(_) => return Err(bad_cursor()),
    };
    let found = lists.contacts(&caller, id, query.tag.as_deref(), after.as_deref(), limit + 1).await?;
    Ok(axum::Json(Page::of(found, limit, |one| Cursor::Number(one.number.clone()), |one| one.into())))
}

/// Shows somebody in a list.
#[utoipa::path(get, path = "/v1/lists/{id}/contacts/{phone}", tag = "lists", operation_id = "getListContact",
    params(("id" = String, Path, description = "The list's id, `lst_…`"), ("phone" = String, Path, description = "The number, in any usual form")),
    responses((status = 200, body = ListedView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn show(
    State((lists, settings)): State<Listing>,
    Caller(caller): Caller,
    Path((id, phone)): Path<(ListId, String)>,
) -> Result<axum::Json<ListedView>, Problem> {
    let number = number("phone", &phone, &settings).map_err(|error| Problem::invalid(vec![error]))?;
    Ok(axum::Json(ListedView::from(&lists.contact(&caller, id, &number).await?)))
}

/// Takes somebody out of a list.
#[utoipa::path(delete, path = "/v1/lists/{id}/contacts/{phone}", tag = "lists", operation_id = "deleteListContact",
    params(("id" = String, Path, description = "The list's id, `lst_…`"), ("phone" = String, Path, description = "The number, in any usual form")),
    responses((status = 204), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn delete(
    State((lists, settings)): State<Listing>,
    Caller(caller): Caller,
    Path((id, phone)): Path<(ListId, String)>,
) -> Result<StatusCode, Problem> {
    let number = number("phone", &phone, &settings).map_err(|error| Problem::invalid(vec![error]))?;
    lists.remove_contact(&caller, id, number).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the tags of a list's contacts, with how many have each. In an encrypted store they come in no order.
#[utoipa::path(get, path = "/v1/lists/{id}/tags", tag = "lists", operation_id = "listListTags",
    params(("id" = String, Path, description = "The list's id, `lst_…`"), TagsQuery),
    responses((status = 200, body = Page<TagView>), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn tags(
    State(lists): State<Lists>,
    Caller(caller): Caller,
    Path(id): Path<ListId>,
    Query(query): Query<TagsQuery>,
) -> Result<axum::Json<Page<TagView>>, Problem> {
    let limit = limit(query.limit)?;
    let after = match query.cursor.as_deref().map(Cursor::read) {
        None => None,
        Some(Some(Cursor::Tag(tag))) => Some(tag),
        Some(_) => return Err(bad_cursor()),
    };
    let found = lists.tags(&caller, id, after.as_deref(), limit + 1).await?;
    Ok(axum::Json(Page::of(found, limit, |one| Cursor::Tag(one.tag.clone()), |one| one.into())))
}
