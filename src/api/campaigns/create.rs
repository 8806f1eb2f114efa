//! `POST /v1/campaigns`, changes, copies, and campaigns to those of an earlier one.

use axum::body::Body;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;
use wasup_actors::{CampaignCommand, CampaignSeen, CampaignWish, Principal};
use wasup_store::id::CampaignId;
use wasup_store::records::{CampaignPlan, CampaignTo, OnRestriction, ReplyRules, Rotation};

use super::form::{CampaignForm, CopyForm, RetryForm, named, one, start};
use super::message::made;
use crate::api::extract::{Caller, Json, Path};
use crate::api::idempotency::{IdempotencyKey, REPLAYED};
use crate::api::messages::canonical;
use crate::api::problem::{Problem, ProblemView};
use crate::api::state::ApiState;
use crate::api::view::CampaignView;

fn answer(status: StatusCode, seen: &CampaignSeen) -> Response {
    let mut response = (status, axum::Json(CampaignView::from(seen))).into_response();
    if seen.replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// Makes a campaign: a draft, or one that starts now or at a time.
#[utoipa::path(post, path = "/v1/campaigns", tag = "campaigns", operation_id = "createCampaign",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible characters. A repeat with the same key and body gets the first campaign and `Idempotency-Replayed: true`; with another body 422.")),
    request_body = CampaignForm,
    responses((status = 201, body = CampaignView), (status = 422, description = "The key was used with another body.", body = ProblemView, content_type = "application/problem+json"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn create(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    key: IdempotencyKey,
    request: Request,
) -> Result<Response, Problem> {
    let Json(asked): Json<Value> = Json::from_request(request.map(Body::new), &state).await?;
    let idempotency = key.over(&["campaign", &canonical(&asked)]);
    if let Some(key) = &idempotency
        && let Some(first) = state.campaigns.replayed(&caller, key).await?
    {
        return Ok(answer(StatusCode::CREATED, &first));
    }
    let Json(form): Json<CampaignForm> = Json::of(asked)?;
    form.fit()?;
    let name = form.name.clone().ok_or_else(|| one("name", "missing field `name`"))?;
    let senders = form.senders.clone().ok_or_else(|| one("senders", "missing field `senders`"))?;
    let to = form.to(None)?.ok_or_else(|| one("lists", "must be named, or earlier"))?;
    let begin = form.start.as_deref().map(|text| start("start", text)).transpose()?;
    // An account that is not there is told before a file is fetched.
    for sender in &senders {
        state
            .accounts
            .get(&caller, sender)
            .await
            .map_err(|_| one("senders", format!("there is no account {sender}")))?;
    }
    let (load, text) = made(&form, (&state, &caller), &senders[0])
        .await?
        .ok_or_else(|| one("message", "must be given, or template"))?;
    let plan = CampaignPlan {
        load,
        text,
        template: form.template,
        to,
        senders: Vec::new(),
        rotation: form.rotation(Rotation::default()),
        pace: form
            .pace
            .unwrap_or_default()
            .over(state.settings.campaign_pace)
            .map_err(|error| Problem::invalid(vec![error]))?,
        quiet: None,
        replies: ReplyRules::default(),
        on_restriction: form.on_restriction(OnRestriction::default()),
    };
    let plan = rules(form, plan)?;
    let command = CampaignCommand { name, plan, senders, start: begin, idempotency };
    Ok(answer(StatusCode::CREATED, &state.campaigns.create(&caller, command).await?))
}

/// Quiet hours and what is done about answers, where they are said.
fn rules(form: CampaignForm, plan: CampaignPlan) -> Result<CampaignPlan, Problem> {
    let invalid = |error| Problem::invalid(vec![error]);
    let quiet = match form.quiet_hours {
        None => plan.quiet,
        Some(hours) => hours.map(super::pace::QuietForm::check).transpose().map_err(invalid)?,
    };
    let replies = match form.replies {
        None => plan.replies,
        Some(replies) => replies.check().map_err(invalid)?,
    };
    Ok(CampaignPlan { quiet, replies, ..plan })
}

/// Changes a campaign that has not begun. What is left out stays.
#[utoipa::path(patch, path = "/v1/campaigns/{id}", tag = "campaigns", operation_id = "changeCampaign",
    params(("id" = String, Path, description = "The campaign's id, `cmp_…`")), request_body = CampaignForm,
    responses((status = 200, body = CampaignView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn change(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    Path(id): Path<CampaignId>,
    Json(form): Json<CampaignForm>,
) -> Result<axum::Json<CampaignView>, Problem> {
    form.fit()?;
    if form.start.is_some() {
        return Err(one("start", "is of a new one; see /v1/campaigns/{id}/start"));
    }
    let before = state.campaigns.get(&caller, id).await?;
    if !before.record.state.is_before() {
        return Err(wasup_actors::CampaignError::Stands(before.record.state).into());
    }
    let sender =
        form.senders.iter().flatten().next().cloned().or_else(|| before.senders.iter().flatten().next().cloned());
    let sender = sender.ok_or_else(|| one("senders", "none of its accounts is there any more"))?;
    let former = before.record.plan;
    let (load, text, template) = match made(&form, (&state, &caller), &sender).await? {
        Some((load, text)) => (load, text, form.template),
        None => (former.load, former.text, former.template),
    };
    let plan = CampaignPlan {
        load,
        text,
        template,
        to: form.to(Some(&former.to))?.unwrap_or(former.to),
        senders: former.senders,
        rotation: form.rotation(former.rotation),
        pace: form.pace.unwrap_or_default().over(former.pace).map_err(|error| Problem::invalid(vec![error]))?,
        quiet: former.quiet,
        replies: former.replies,
        on_restriction: form.on_restriction(former.on_restriction),
    };
    let (name, senders) = (form.name.clone(), form.senders.clone());
    let plan = rules(form, plan)?;
    let after = state.campaigns.change(&caller, id, name, (plan, senders)).await?;
    Ok(axum::Json(CampaignView::from(&after)))
}

/// A new one that does what a campaign does.
async fn again(
    (state, caller): (&ApiState, &Principal),
    id: CampaignId,
    (name, begin): (Option<String>, Option<&str>),
    to: Option<CampaignTo>,
) -> Result<Response, Problem> {
    named(name.as_ref())?;
    let begin: Option<CampaignWish> = begin.map(|text| start("start", text)).transpose()?;
    let made = state.campaigns.copy(caller, id, (name, begin), to).await?;
    Ok(answer(StatusCode::CREATED, &made))
}

/// Copies a campaign, wherever it stands: the same message, accounts, pace and rules, to whoever is in its lists now.
#[utoipa::path(post, path = "/v1/campaigns/{id}/clone", tag = "campaigns", operation_id = "cloneCampaign",
    params(("id" = String, Path, description = "The campaign's id, `cmp_…`")), request_body = CopyForm,
    responses((status = 201, body = CampaignView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn copy(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    Path(id): Path<CampaignId>,
    Json(form): Json<CopyForm>,
) -> Result<Response, Problem> {
    again((&state, &caller), id, (form.name, form.start.as_deref()), None).await
}

/// Makes a campaign of the same message to some of those who were to get this one: those whose message failed, those who did
/// not answer, or those who did.
#[utoipa::path(post, path = "/v1/campaigns/{id}/retry", tag = "campaigns", operation_id = "retryCampaign",
    params(("id" = String, Path, description = "The campaign's id, `cmp_…`")), request_body = RetryForm,
    responses((status = 201, body = CampaignView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn retry(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    Path(id): Path<CampaignId>,
    Json(form): Json<RetryForm>,
) -> Result<Response, Problem> {
    let who = form.who.unwrap_or(super::form::WhoForm::Failed).into();
    let to = CampaignTo::Earlier { campaign: id, who };
    again((&state, &caller), id, (form.name, form.start.as_deref()), Some(to)).await
}
