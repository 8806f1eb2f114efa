//! A list as a file: `GET /v1/lists/{id}/export`.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use wasup_actors::Lists;
use wasup_store::id::ListId;

use crate::api::extract::{Caller, Path, Query};
use crate::api::problem::{Problem, ProblemView};
use crate::imports::Exported;

/// What stands between values.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum Delimiter {
    /// A comma.
    #[default]
    Comma,
    /// A semicolon.
    Semicolon,
    /// A tab.
    Tab,
}

impl Delimiter {
    /// The character.
    pub(in crate::api) const fn character(self) -> char {
        match self {
            Self::Comma => ',',
            Self::Semicolon => ';',
            Self::Tab => '\t',
        }
    }
}

/// What is exported, and how.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct ExportQuery {
    /// Only contacts with this tag, in letters of any case.
    #[param(example = "vip")]
    tag: Option<String>,
    /// The columns of fields, apart by commas. Without it all that any contact has, at most 500.
    #[param(example = "city,birthday")]
    fields: Option<String>,
    /// What stands between values: `comma` (default), `semicolon` or `tab`.
    #[serde(default)]
    #[param(inline)]
    delimiter: Delimiter,
    /// Whether the file begins with the mark of UTF-8 (BOM), without which some spreadsheets show other letters.
    #[serde(default)]
    bom: bool,
}

/// A list as CSV, row by row: number, name, tags (apart by semicolons) and fields. Cells that a spreadsheet would run (those
/// that begin with `=`, `+`, `-`, `@`, a tab or an end of a line) begin with `'`; an import takes it away again.
#[utoipa::path(get, path = "/v1/lists/{id}/export", tag = "lists", operation_id = "exportContacts",
    params(("id" = String, Path, description = "The list's id, `lst_…`"), ExportQuery),
    responses((status = 200, description = "The file", body = String, content_type = "text/csv"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn export(
    State(lists): State<Lists>,
    Caller(caller): Caller,
    Path(list): Path<ListId>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Problem> {
    let fields = query.fields.map(|fields| {
        let names = fields.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.map(str::to_owned).collect()
    });
    let delimiter = query.delimiter.character();
    let exported = Exported { list, tag: query.tag, fields, delimiter, bom: query.bom };
    let pieces = exported.csv(lists, caller).await?;
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8; header=present".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{list}.csv\"")),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}
