//! Campaigns as they stand, and their numbers.

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use wasup_actors::Campaigns;
use wasup_store::id::{CampaignId, Millis};

use super::form::one;
use crate::api::accounts::{bad_cursor, limit};
use crate::api::extract::{Caller, Path, Query};
use crate::api::problem::{Problem, ProblemView};
use crate::api::view::{CampaignStatsView, CampaignView, CampaignsOverviewView, Cursor, Page};

/// Most hours in an answer: a quarter of a year.
const HOURS_MAX: usize = 2_208;

/// Which campaigns.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct CampaignsQuery {
    /// Most items in the answer, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<usize>,
    /// `next_cursor` of the piece before.
    cursor: Option<String>,
}

/// Lists campaigns, the newest first.
#[utoipa::path(get, path = "/v1/campaigns", tag = "campaigns", operation_id = "listCampaigns", params(CampaignsQuery),
    responses((status = 200, body = Page<CampaignView>), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn list(
    State(campaigns): State<Campaigns>,
    Caller(caller): Caller,
    Query(query): Query<CampaignsQuery>,
) -> Result<axum::Json<Page<CampaignView>>, Problem> {
    let limit = limit(query.limit)?;
    let before = match query.cursor.as_deref().map(Cursor::read) {
        None => None,
        Some(Some(Cursor::Campaign(id))) => Some(id),
        Some(_) => return Err(bad_cursor()),
    };
    let found = campaigns.list(&caller, before, limit + 1).await?;
    Ok(axum::Json(Page::of(found, limit, |seen| Cursor::Campaign(seen.id), |seen| CampaignView::from(seen))))
}

/// Shows a campaign and how far it is.
#[utoipa::path(get, path = "/v1/campaigns/{id}", tag = "campaigns", operation_id = "getCampaign",
    params(("id" = String, Path, description = "The campaign's id, `cmp_…`")),
    responses((status = 200, body = CampaignView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn show(
    State(campaigns): State<Campaigns>,
    Caller(caller): Caller,
    Path(id): Path<CampaignId>,
) -> Result<axum::Json<CampaignView>, Problem> {
    Ok(axum::Json(CampaignView::from(&campaigns.get(&caller, id).await?)))
}

/// Sums all campaigns up.
#[utoipa::path(get, path = "/v1/campaigns/stats", tag = "campaigns", operation_id = "getCampaignsStats",
    responses((status = 200, body = CampaignsOverviewView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn overview(
    State(campaigns): State<Campaigns>,
    Caller(caller): Caller,
) -> Result<axum::Json<CampaignsOverviewView>, Problem> {
    Ok(axum::Json(CampaignsOverviewView::from(&campaigns.overview(&caller).await?)))
}

/// Which hours.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct StatsQuery {
    /// Only hours from this time on (RFC 3339).
    #[param(example = "2026-12-01T00:00:00Z")]
    since: Option<String>,
    /// Most hours in the answer, 1 to 2208.
    #[param(minimum = 1, maximum = 2208, default = 744)]
    hours: Option<usize>,
}

/// Shows what happened in a campaign: in all, by the account that sent, and by the hour.
#[utoipa::path(get, path = "/v1/campaigns/{id}/stats", tag = "campaigns", operation_id = "getCampaignStats",
    params(("id" = String, Path, description = "The campaign's id, `cmp_…`"), StatsQuery),
    responses((status = 200, body = CampaignStatsView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn stats(
    State(campaigns): State<Campaigns>,
    Caller(caller): Caller,
    Path(id): Path<CampaignId>,
    Query(query): Query<StatsQuery>,
) -> Result<axum::Json<CampaignStatsView>, Problem> {
    let hours = query.hours.unwrap_or(744);
    if hours == 0 || hours > HOURS_MAX {
        return Err(one("hours", format!("must be 1 to {HOURS_MAX}")));
    }
    let since: Millis = match query.since.as_deref() {
        None => 0,
        Some(text) => text
            .parse::<jiff::Timestamp>()
            .ok()
            .and_then(|at| u64::try_from(at.as_millisecond()).ok())
            .ok_or_else(|| one("since", "must be a time as 2026-12-01T00:00:00Z"))?,
    };
    Ok(axum::Json(CampaignStatsView::from(&campaigns.stats(&caller, id, (since, hours)).await?)))
}
