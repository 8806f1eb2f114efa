//! A campaign's report as a file: `GET /v1/campaigns/{id}/export`.

use std::io;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::try_unfold;
use serde::Deserialize;
use utoipa::IntoParams;
use wasup_actors::{CampaignError, Campaigns, Principal, RecipientSeen, RecipientsOf};
use wasup_store::id::{CampaignId, Millis};

use super::recipients::of;
use crate::api::extract::{Caller, Path, Query};
use crate::api::lists::Delimiter;
use crate::api::problem::{Problem, ProblemView};
use crate::api::view::{RecipientView, Time};
use crate::imports::csv_row;

/// Recipients of a piece.
const PIECE: usize = 500;
const COLUMNS: [&str; 13] = [
    "number",
    "name",
    "state",
    "reason",
    "detail",
    "account",
    "message",
    "queued_at",
    "sent_at",
    "delivered_at",
    "read_at",
    "replied_at",
    "ended_at",
];

/// What is exported, and how.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct ReportQuery {
    /// Only recipients in this state, as in the list of them.
    state: Option<String>,
    /// More columns: fields of the contacts, apart by commas.
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

/// How far the report is.
struct Walk {
    campaigns: Campaigns,
    caller: Principal,
    id: CampaignId,
    of: RecipientsOf,
    fields: Vec<String>,
    delimiter: char,
    /// What the file begins with.
    head: Option<String>,
    next: Option<u32>,
}

impl Walk {
    async fn piece(mut self) -> Result<Option<(Bytes, Self)>, CampaignError> {
        let Some(from) = self.next else { return Ok(None) };
        let mut out = self.head.take().unwrap_or_default();
        let found = self.campaigns.recipients(&self.caller, self.id, self.of, (from, PIECE)).await?;
        found.iter().for_each(|seen| self.row(&mut out, seen));
        self.next = found.last().map(|last| last.seq + 1).filter(|_| found.len() == PIECE);
        Ok(Some((out.into(), self)))
    }

    fn row(&self, out: &mut String, seen: &RecipientSeen) {
        let view = RecipientView::from(seen);
        let time = |at: Option<Millis>| at.map(Time::from_ms).map_or_else(String::new, |at| at.to_string());
        let times = &seen.item.times;
        let cells = [
            seen.contact.number.clone(),
            seen.contact.name.clone().unwrap_or_default(),
            view.word().to_owned(),
            view.why().unwrap_or_default(),
            view.detail().unwrap_or_default().to_owned(),
            seen.sender.as_ref().map_or_else(String::new, ToString::to_string),
            seen.item.message.map_or_else(String::new, |id| id.to_string()),
            time(times.queued_ms),
            time(times.sent_ms),
            time(times.delivered_ms),
            time(times.read_ms),
            time(seen.item.replied_ms),
            time(times.ended_ms),
        ];
        let fields = self.fields.iter().map(|name| seen.contact.fields.get(name).map_or("", String::as_str));
        csv_row(out, self.delimiter, cells.iter().map(String::as_str).chain(fields));
    }
}

/// A campaign's report as CSV, row by row: who got it, what became of it and when. Cells that a spreadsheet would run begin with
/// `'`.
#[utoipa::path(get, path = "/v1/campaigns/{id}/export", tag = "campaigns", operation_id = "exportCampaign",
    params(("id" = String, Path, description = "The campaign's id, `cmp_…`"), ReportQuery),
    responses((status = 200, description = "The file", body = String, content_type = "text/csv"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn export(
    State(campaigns): State<Campaigns>,
    Caller(caller): Caller,
    Path(id): Path<CampaignId>,
    Query(query): Query<ReportQuery>,
) -> Result<Response, Problem> {
    campaigns.get(&caller, id).await?;
    let fields = query.fields.unwrap_or_default();
    let fields: Vec<String> =
        fields.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let delimiter = query.delimiter.character();
    let mut head = String::from(if query.bom { "\u{feff}" } else { "" });
    csv_row(&mut head, delimiter, COLUMNS.into_iter().chain(fields.iter().map(String::as_str)));
    let of = of(query.state.as_deref())?;
    let walk = Walk { campaigns, caller, id, of, fields, delimiter, head: Some(head), next: Some(0) };
    let pieces = try_unfold(walk, |walk| async { walk.piece().await.map_err(io::Error::other) });
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8; header=present".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{id}.csv\"")),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}
