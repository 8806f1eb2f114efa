//! `/v1/accounts`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use wasup_actors::{AccountError, Accounts, NewAccount};
use wasup_store::id::AccountId;
use wasup_store::records::{AccountSettings, AccountSource};

use super::extract::{Caller, Json, Path, Query};
use super::problem::{ErrorCode, FieldError, Problem, ProblemView};
use super::view::{AccountView, Cursor, Page};
use crate::config::is_region;

/// Items of a page, when the caller does not say.
const LIMIT: usize = 50;
/// Most items of a page.
const LIMIT_MAX: usize = 1_000;
/// Longest name of an account, in characters.
const NAME_MAX: usize = 200;
/// Largest metadata, in bytes of JSON.
const METADATA_MAX: usize = 16 * 1_024;

/// A new account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateAccount {
    /// Your own id for it: 1 to 100 visible characters without `/`. Never changes.
    #[schema(value_type = String, min_length = 1, max_length = 100, examples("shop"))]
    id: AccountId,
    /// A name for humans; it is also what the phone shows. At most 200 characters.
    #[schema(max_length = 200)]
    name: Option<String>,
    /// Region for numbers in national form: two capital letters, such as `ID`.
    #[schema(examples("ID"))]
    default_region: Option<String>,
    /// Whether it starts with the server.
    #[serde(default = "yes")]
    #[schema(default = true)]
    autostart: bool,
    /// Your own notes: a JSON object of at most 16 KiB.
    #[schema(value_type = Option<Object>)]
    metadata: Option<serde_json::Map<String, serde_json::Value>>,
    /// Whether it starts at once.
    #[serde(default = "yes")]
    #[schema(default = true)]
    start: bool,
}

const fn yes() -> bool {
    true
}

/// Which piece of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    /// Most items in the answer, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<usize>,
    /// `next_cursor` of the piece before.
    cursor: Option<String>,
}

/// The limit, where it is one.
pub(super) fn limit(asked: Option<usize>) -> Result<usize, Problem> {
    match asked.unwrap_or(LIMIT) {
        limit @ 1..=LIMIT_MAX => Ok(limit),
        _ => Err(Problem::invalid(vec![FieldError::new("limit", "must be from 1 to 1000")])),
    }
}

/// A cursor that this list did not make.
pub(super) fn bad_cursor() -> Problem {
    Problem::invalid(vec![FieldError::new("cursor", "is not a next_cursor of this list")])
}

impl CreateAccount {
    fn check(self) -> Result<NewAccount, Problem> {
        let mut errors = Vec::new();
        if self.name.as_ref().is_some_and(|name| name.chars().count() > NAME_MAX) {
            errors.push(FieldError::new("name", "must not be longer than 200 characters"));
        }
        if self.default_region.as_deref().is_some_and(|region| !is_region(region)) {
            errors.push(FieldError::new("default_region", "must be two capital letters, such as ID"));
        }
        let metadata = self.metadata.map(serde_json::Value::Object);
        if metadata.as_ref().is_some_and(|notes| notes.to_string().len() > METADATA_MAX) {
            errors.push(FieldError::new("metadata", "must not be longer than 16 KiB"));
        }
        if !errors.is_empty() {
            return Err(Problem::invalid(errors));
        }
        let Self { id, name, default_region, autostart, start, .. } = self;
        let (settings, source) = (AccountSettings::default(), AccountSource::Api);
        Ok(NewAccount { id, name, default_region, autostart, metadata, settings, source, start, default_webhook: true })
    }
}

/// Creates an account, and starts it unless told otherwise.
#[utoipa::path(post, path = "/v1/accounts", tag = "accounts", operation_id = "createAccount",
    request_body = CreateAccount,
    responses((status = 201, body = AccountView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn create(
    State(accounts): State<Accounts>,
    Caller(caller): Caller,
    Json(body): Json<CreateAccount>,
) -> Result<impl IntoResponse, Problem> {
    let record = accounts.create(&caller, body.check()?).await?;
    Ok((StatusCode::CREATED, axum::Json(AccountView::from(&record))))
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

/// Makes an account run. One in quarantine has to be released instead.
#[utoipa::path(post, path = "/v1/accounts/{id}/start", tag = "accounts", operation_id = "startAccount",
    params(("id" = String, Path, description = "The account's id, percent-encoded")),
    responses((status = 200, body = AccountView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn start(
    State(accounts): State<Accounts>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
) -> Result<axum::Json<AccountView>, Problem> {
    Ok(axum::Json(AccountView::from(&accounts.start(&caller, &id).await?)))
}

/// Stops an account and keeps its link to the phone.
#[utoipa::path(post, path = "/v1/accounts/{id}/stop", tag = "accounts", operation_id = "stopAccount",
    params(("id" = String, Path, description = "The account's id, percent-encoded")),
    responses((status = 200, body = AccountView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn stop(
    State(accounts): State<Accounts>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
) -> Result<axum::Json<AccountView>, Problem> {
    Ok(axum::Json(AccountView::from(&accounts.stop(&caller, &id).await?)))
}

/// Lets an account leave quarantine, with a clean history of restarts.
#[utoipa::path(post, path = "/v1/accounts/{id}/release", tag = "accounts", operation_id = "releaseAccount",
    params(("id" = String, Path, description = "The account's id, percent-encoded")),
    responses((status = 200, body = AccountView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn release(
    State(accounts): State<Accounts>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
) -> Result<axum::Json<AccountView>, Problem> {
    Ok(axum::Json(AccountView::from(&accounts.release(&caller, &id).await?)))
}

/// Deletes an account with its messages, and removes its device at the network as far as that works.
#[utoipa::path(delete, path = "/v1/accounts/{id}", tag = "accounts", operation_id = "deleteAccount",
    params(("id" = String, Path, description = "The account's id, percent-encoded")),
    responses((status = 204), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn delete(
    State(accounts): State<Accounts>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
) -> Result<StatusCode, Problem> {
    accounts.delete(&caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::NotFound => Self::not_found("account"),
            AccountError::Exists => Self::new(ErrorCode::AccountExists, "an account with this id exists already"),
            AccountError::Busy { retry_after } => {
                Self::new(ErrorCode::Busy, "the account is busy with something else").after(retry_after)
            }
            AccountError::Store(error) => error.into(),
        }
    }
}
