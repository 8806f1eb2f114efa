//! What can be done to a campaign.

use axum::extract::State;
use axum::http::StatusCode;
use wasup_actors::{CampaignWish, Campaigns};
use wasup_store::id::CampaignId;

use super::form::{StartForm, start as when};
use crate::api::extract::{Caller, Json, Path};
use crate::api::problem::{Problem, ProblemView};
use crate::api::view::CampaignView;

/// Starts a campaign, now or at a time. It answers at once: who gets it is written down meanwhile.
#[utoipa::path(post, path = "/v1/campaigns/{id}/start", tag = "campaigns", operation_id = "startCampaign",
    params(("id" = String, Path, description = "The campaign's id, `cmp_…`")), request_body = StartForm,
    responses((status = 200, body = CampaignView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn start(
    State(campaigns): State<Campaigns>,
    Caller(caller): Caller,
    Path(id): Path<CampaignId>,
    Json(form): Json<StartForm>,
) -> Result<axum::Json<CampaignView>, Problem> {
    let wish = when("at", form.at.as_deref().unwrap_or("now"))?;
    Ok(axum::Json(CampaignView::from(&campaigns.wish(&caller, id, wish).await?)))
}

/// Makes a campaign that waits for its time a draft again.
#[utoipa::path(post, path = "/v1/campaigns/{id}/unschedule", tag = "campaigns", operation_id = "unscheduleCampaign",
    params(("id" = String, Path, description = "The campaign's id, `cmp_…`")),
    responses((status = 200, body = CampaignView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn unschedule(
    State(campaigns): State<Campaigns>,
    Caller(caller): Caller,
    Path(id): Path<CampaignId>,
) -> Result<axum::Json<CampaignView>, Problem> {
    Ok(axum::Json(CampaignView::from(&campaigns.wish(&caller, id, CampaignWish::Unschedule).await?)))
}

/// Pauses a campaign: nobody else gets it until it is resumed. What waits for the wire already (one message of each account, and
/// what is held) is sent all the same.
#[utoipa::path(post, path = "/v1/campaigns/{id}/pause", tag = "campaigns", operation_id = "pauseCampaign",
    params(("id" = String, Path, description = "The campaign's id, `cmp_…`")),
    responses((status = 200, body = CampaignView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn pause(
    State(campaigns): State<Campaigns>,
    Caller(caller): Caller,
    Path(id): Path<CampaignId>,
) -> Result<axum::Json<CampaignView>, Problem> {
    Ok(axum::Json(CampaignView::from(&campaigns.wish(&caller, id, CampaignWish::Pause).await?)))
}

/// Lets a paused campaign go on, whoever paused it.
#[utoipa::path(post, path = "/v1/campaigns/{id}/resume", tag = "campaigns", operation_id = "resumeCampaign",
    params(("id" = String, Path, description = "The campaign's id, `cmp_…`")),
    responses((status = 200, body = CampaignView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn resume(
    State(campaigns): State<Campaigns>,
    Caller(caller): Caller,
    Path(id): Path<CampaignId>,
) -> Result<axum::Json<CampaignView>, Problem> {
    Ok(axum::Json(CampaignView::from(&campaigns.wish(&caller, id, CampaignWish::Resume).await?)))
}

/// Stops a campaign for good: what waits for the wire is taken back, and who has not got it counts as cancelled. What is on the
/// wire gets its outcome all the same.
#[utoipa::path(post, path = "/v1/campaigns/{id}/stop", tag = "campaigns", operation_id = "stopCampaign",
    params(("id" = String, Path, description = "The campaign's id, `cmp_…`")),
    responses((status = 200, body = CampaignView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn stop(
    State(campaigns): State<Campaigns>,
    Caller(caller): Caller,
    Path(id): Path<CampaignId>,
) -> Result<axum::Json<CampaignView>, Problem> {
    Ok(axum::Json(CampaignView::from(&campaigns.wish(&caller, id, CampaignWish::Stop).await?)))
}

/// Forgets a campaign that has not begun or is over, with what is known of its recipients. Its messages stay as all others.
#[utoipa::path(delete, path = "/v1/campaigns/{id}", tag = "campaigns", operation_id = "deleteCampaign",
    params(("id" = String, Path, description = "The campaign's id, `cmp_…`")),
    responses((status = 204, description = "It is forgotten."), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn delete(
    State(campaigns): State<Campaigns>,
    Caller(caller): Caller,
    Path(id): Path<CampaignId>,
) -> Result<StatusCode, Problem> {
    campaigns.delete(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
