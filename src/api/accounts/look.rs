//! Accounts are shown.

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use wasup_actors::Accounts;
use wasup_store::id::AccountId;

use super::{bad_cursor, limit};
use crate::api::extract::{Caller, Path, Query};
use crate::api::problem::{Problem, ProblemView};
use crate::api::view::{AccountView, Cursor, Page};

/// Which piece of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct PageQuery {
    /// Most items in the answer, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    pub(in crate::api) limit: Option<usize>,
    /// `next_cursor` of the piece before.
    pub(in crate::api) cursor: Option<String>,
}

/// Lists accounts in the order of their ids.
#[utoipa::path(get, path = "/v1/accounts", tag = "accounts", operation_id = "listAccounts", params(PageQuery),
    responses((status = 200, body = Page<AccountView>), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn list(
    State(accounts): State<Accounts>,
    Caller(caller): Caller,
    Query(query): Query<PageQuery>,
) -> Result<axum::Json<Page<AccountView>>, Problem> {
    let limit = limit(query.limit)?;
    let after = match query.cursor.as_deref().map(Cursor::read) {
        None => None,
        Some(Some(Cursor::Account(id))) => Some(id),
        Some(_) => return Err(bad_cursor()),
    };
    let records = accounts.list(&caller, after.as_ref(), limit + 1).await?;
    let page =
        Page::of(records, limit, |record| Cursor::Account(record.id.clone()), |record| AccountView::from(record));
    Ok(axum::Json(page))
}

/// Shows an account.
#[utoipa::path(get, path = "/v1/accounts/{id}", tag = "accounts", operation_id = "getAccount",
    params(("id" = String, Path, description = "The account's id, percent-encoded")),
    responses((status = 200, body = AccountView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn show(
    State(accounts): State<Accounts>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
) -> Result<axum::Json<AccountView>, Problem> {
    Ok(axum::Json(AccountView::from(&accounts.get(&caller, &id).await?)))
}
