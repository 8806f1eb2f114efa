//! Files of contacts come into a list: `/v1/lists/{id}/import` and `/v1/lists/{id}/imports`.

use std::time::Duration;

use axum::extract::{FromRequest as _, Multipart, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use wasup_store::id::{ImportId, ListId};
use wasup_store::records::{ImportRecord, TAG_CHARS, TAGS_MAX};

use super::put::KnownContacts;
use crate::api::accounts::{bad_cursor, limit};
use crate::api::extract::{Caller, Path, Query};
use crate::api::problem::{ErrorCode, FieldError, Problem, ProblemView};
use crate::api::state::Importing;
use crate::api::view::{Cursor, ImportView, Page, RowProblemView};
use crate::config::Span;
use crate::imports::{Arrived, ImportError, Imports, Wish};
use crate::media::unfit_name;

/// How long a caller waits for the end of an import where it does not say so.
const WAIT: Duration = Duration::from_secs(10);

/// What is said of a file.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct ImportQuery {
    /// The file's name.
    #[param(example = "customers.csv")]
    filename: Option<String>,
    /// The name of the column with numbers, as it stands in the first row. Without it: `number`, `phone`, `mobile`,
    /// `whatsapp` and alike.
    number: Option<String>,
    /// The name of the column with names. Without it: `name` and alike.
    name: Option<String>,
    /// The name of the column with tags, apart by comma, semicolon or bar. Without it: `tags`, `labels` and alike.
    tags: Option<String>,
    /// Tags that every contact of the file gets, apart by commas.
    #[param(example = "newsletter,2026")]
    add_tags: Option<String>,
    /// What becomes of contacts that are in the list already, and of rows whose number stood in an earlier row: `merge`
    /// (default), `keep` or `replace`.
    #[serde(default)]
    #[param(inline)]
    known: KnownContacts,
    /// The country of numbers in national form, as `ID`. Without it the installation's.
    region: Option<String>,
    /// How long to wait for the end, as `30s`; `0s` for not at all. 10 seconds where it is left out.
    #[param(value_type = Option<String>, example = "30s")]
    wait: Option<Span>,
}

/// A file as a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes the form, which is read piece by piece")]
pub(super) struct ImportForm {
    /// The file.
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    file: String,
}

fn invalid(field: &str, message: impl Into<String>) -> Problem {
    Problem::invalid(vec![FieldError::new(field, message)])
}

impl ImportQuery {
    fn wish(&self, default_region: Option<&str>) -> Result<Wish, Problem> {
        if let Some(unfit) = self.filename.as_deref().and_then(unfit_name) {
            return Err(invalid("filename", unfit));
        }
        let region = self.region.as_deref().or(default_region);
        // Any text tells whether the region is one.
        if let Err(wasup_sessions::number::NumberError::UnknownRegion) = wasup_sessions::number::digits("0", region) {
            return Err(invalid("region", "must be two letters, as ID or DE"));
        }
        let tags = self.add_tags.as_deref().unwrap_or_default().split(',').map(str::trim);
        let tags: Vec<String> = tags.filter(|tag| !tag.is_empty()).map(str::to_owned).collect();
        if tags.len() > TAGS_MAX || tags.iter().any(|tag| tag.chars().count() > TAG_CHARS || tag.contains([';', '|'])) {
            return Err(invalid("add_tags", "must be at most 32 tags of at most 64 characters"));
        }
        Ok(Wish {
            filename: self.filename.clone(),
            columns: [self.number.clone(), self.name.clone(), self.tags.clone()],
            tags,
            region: region.map(str::to_owned),
            twice: self.known.into(),
        })
    }
}

/// Takes contacts of a file into a list. The body is the file itself, or a form (`multipart/form-data`) with the field `file`:
/// CSV in UTF-8 (apart by comma, semicolon or tab), or XLSX (its first sheet), with the names of the columns in the first
/// row. Columns that are neither number, name nor tags become fields. Rows are put into the list by number, so the same file
/// again changes nothing. Once the file has arrived the import goes on when the caller leaves, also over a restart of the
/// server.
#[utoipa::path(post, path = "/v1/lists/{id}/import", tag = "lists", operation_id = "importContacts",
    params(("id" = String, Path, description = "The list's id, `lst_…`"), ImportQuery),
    request_body(content((String = "text/csv"), (ImportForm = "multipart/form-data"), (String = "application/octet-stream")), description = "The file"),
    responses((status = 200, description = "It has ended; `state` says how.", body = ImportView),
        (status = 202, description = "It runs.", body = ImportView),
        (status = 413, description = "It has more bytes than `lists.import_max` allows.", body = ProblemView, content_type = "application/problem+json"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn import(
    State((lists, imports, settings)): State<Importing>,
    Caller(caller): Caller,
    Path(id): Path<ListId>,
    Query(query): Query<ImportQuery>,
    request: Request,
) -> Result<Response, Problem> {
    let mut wish = query.wish(settings.region.as_deref())?;
    lists.get(&caller, id).await?;
    let arrived = arrive(&imports, &mut wish, request).await?;
    let (import, begun) = imports.begin(&caller, id, arrived, wish).await?;
    let patience = settings.patience(Some(query.wait.map_or(WAIT, |wait| wait.0)));
    let _ = settings.until_ending(imports.until_ended(import, patience)).await;
    // A list that was deleted meanwhile took it away.
    let record = lists.import(&caller, id, import).await.unwrap_or(begun);
    let status = if record.end.is_some() { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, axum::Json(view(&imports, import, &record))).into_response())
}

fn view(imports: &Imports, id: ImportId, record: &ImportRecord) -> ImportView {
    ImportView::new(id, record, imports.is_under_way(id))
}

async fn arrive(imports: &Imports, wish: &mut Wish, request: Request) -> Result<Arrived, Problem> {
    let declared = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !declared.starts_with("multipart/form-data") {
        return Ok(imports.receive(request.into_body().into_data_stream()).await?);
    }
    let malformed = |why: String| Problem::new(ErrorCode::Malformed, format!("the form can't be read: {why}"));
    let mut form = Multipart::from_request(request, &()).await.map_err(|error| malformed(error.body_text()))?;
    let field = form.next_field().await.map_err(|error| malformed(error.body_text()))?;
    let field = field.ok_or_else(|| invalid("file", "is missing"))?;
    let name = field.name().unwrap_or_default().to_owned();
    if name != "file" {
        return Err(invalid(&name, "is no field of this form; what is said of the file stands in the query"));
    }
    let named = field.file_name().filter(|name| unfit_name(name).is_none()).map(str::to_owned);
    wish.filename = wish.filename.take().or(named);
    Ok(imports.receive(field.map_err(|_| ImportError::Truncated).boxed()).await?)
}

/// Which imports.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct ImportsQuery {
    /// Most items in the answer, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<usize>,
    /// `next_cursor` of the piece before.
    cursor: Option<String>,
}

/// Lists the imports into a list, the newest first: those that run, and the last 20 that have ended.
#[utoipa::path(get, path = "/v1/lists/{id}/imports", tag = "lists", operation_id = "listImports",
    params(("id" = String, Path, description = "The list's id, `lst_…`"), ImportsQuery),
    responses((status = 200, body = Page<ImportView>), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn list(
    State(state): State<Importing>,
    Caller(caller): Caller,
    Path(id): Path<ListId>,
    Query(query): Query<ImportsQuery>,
) -> Result<axum::Json<Page<ImportView>>, Problem> {
    let limit = limit(query.limit)?;
    let before = match query.cursor.as_deref().map(Cursor::read) {
        None => None,
        Some(Some(Cursor::Import(id))) => Some(id),
        Some(_) => return Err(bad_cursor()),
    };
    let found = state.0.imports(&caller, id, before, limit + 1).await?;
    Ok(axum::Json(Page::of(found, limit, |one| Cursor::Import(one.0), |(id, record)| view(&state.1, *id, record))))
}

/// Shows how far an import is, and what became of its rows.
#[utoipa::path(get, path = "/v1/lists/{id}/imports/{import}", tag = "lists", operation_id = "getImport",
    params(("id" = String, Path, description = "The list's id, `lst_…`"), ("import" = String, Path, description = "The import's id, `imp_…`")),
    responses((status = 200, body = ImportView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn show(
    State(state): State<Importing>,
    Caller(caller): Caller,
    Path((id, import)): Path<(ListId, ImportId)>,
) -> Result<axum::Json<ImportView>, Problem> {
    let record = state.0.import(&caller, id, import).await?;
    Ok(axum::Json(view(&state.1, import, &record)))
}

/// Forgets an import. One that runs ends with its next step; contacts that it brought stay.
#[utoipa::path(delete, path = "/v1/lists/{id}/imports/{import}", tag = "lists", operation_id = "deleteImport",
    params(("id" = String, Path, description = "The list's id, `lst_…`"), ("import" = String, Path, description = "The import's id, `imp_…`")),
    responses((status = 204), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn forget(
    State(state): State<Importing>,
    Caller(caller): Caller,
    Path((id, import)): Path<(ListId, ImportId)>,
) -> Result<StatusCode, Problem> {
    state.0.get(&caller, id).await?;
    state.0.forget_import(&caller, id, import).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the rows of an import's file that were not taken as they stand: first those that are no contacts, in the order of
/// the file, then those whose number stood in an earlier row. At most 100,000 are kept; `rows` of the import counts all.
#[utoipa::path(get, path = "/v1/lists/{id}/imports/{import}/problems", tag = "lists", operation_id = "listImportProblems",
    params(("id" = String, Path, description = "The list's id, `lst_…`"), ("import" = String, Path, description = "The import's id, `imp_…`"), ImportsQuery),
    responses((status = 200, body = Page<RowProblemView>), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn problems(
    State(state): State<Importing>,
    Caller(caller): Caller,
    Path((id, import)): Path<(ListId, ImportId)>,
    Query(query): Query<ImportsQuery>,
) -> Result<axum::Json<Page<RowProblemView>>, Problem> {
    let limit = limit(query.limit)?;
    let from = match query.cursor.as_deref().map(Cursor::read) {
        None => 0,
        Some(Some(Cursor::Problem(n))) => n,
        Some(_) => return Err(bad_cursor()),
    };
    let found = state.0.import_problems(&caller, (id, import), from, limit + 1).await?;
    let next = Cursor::Problem(from + limit as u64);
    Ok(axum::Json(Page::of(found, limit, |_| next.clone(), |one| one.into())))
}
