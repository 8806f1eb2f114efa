//! `PATCH /v1/schedules/{id}`.

use axum::extract::{Request, State};
use wasup_actors::{ScheduleChange, Times};
use wasup_store::id::{Millis, ScheduleId};
use wasup_store::records::{SchedulePlan, ScheduleWhen};

use super::create::UTC;
use super::form::{ChangeSchedule, MissedWord, fit_name, missed, one, planned};
use super::moments::moment;
use crate::api::extract::{Caller, Json, Path};
use crate::api::jobs::read_long;
use crate::api::messages::Composer;
use crate::api::problem::{ErrorCode, Problem, ProblemView};
use crate::api::state::ApiState;
use crate::api::view::ScheduleView;

/// When it runs from now on; `None` where nothing is said of it.
fn when(body: &ChangeSchedule, plan: &SchedulePlan) -> Result<Option<ScheduleWhen>, Problem> {
    let (was_zone, was_at, was_cron) = match &plan.when {
        ScheduleWhen::Once { at_ms, zone } => (zone.clone(), Some(*at_ms), None),
        ScheduleWhen::Cron { pattern, zone } => (Some(zone.clone()), None, Some(pattern.clone())),
    };
    let zone = body.timezone.clone().or(was_zone);
    let pattern = match (&body.at, &body.cron, body.timezone.is_some()) {
        (Some(_), Some(_), _) => return Err(one("cron", "there is a time (at), too: a schedule has one of them")),
        (Some(at), None, _) => {
            let at_ms = moment("at", at, zone.as_deref())?;
            return Ok(Some(ScheduleWhen::Once { at_ms, zone }));
        }
        (None, Some(cron), _) => cron.clone(),
        (None, None, true) => match (was_cron, was_at) {
            (Some(cron), _) => cron,
            // The moment stays, shown in another zone.
            (None, at_ms) => return Ok(Some(ScheduleWhen::Once { at_ms: at_ms.unwrap_or_default(), zone })),
        },
        (None, None, false) => return Ok(None),
    };
    Ok(Some(ScheduleWhen::Cron { pattern, zone: zone.unwrap_or_else(|| UTC.to_owned()) }))
}

fn changed(body: &ChangeSchedule, plan: &SchedulePlan) -> Result<ScheduleChange, Problem> {
    fit_name(body.name.as_ref().and_then(Option::as_ref))?;
    let when = when(body, plan)?;
    let zone = match when.as_ref().unwrap_or(&plan.when) {
        ScheduleWhen::Once { zone, .. } => zone.as_deref().unwrap_or(UTC),
        ScheduleWhen::Cron { zone, .. } => zone,
    };
    wasup_actors::zone(zone)?;
    let time = |field: &str, text: &Option<Option<String>>| -> Result<Option<Option<Millis>>, Problem> {
        match text {
            None => Ok(None),
            Some(None) => Ok(Some(None)),
            Some(Some(text)) => Ok(Some(Some(moment(field, text, Some(zone))?))),
        }
    };
    let (start_ms, end_ms) = (time("start_at", &body.start_at)?, time("end_at", &body.end_at)?);
    let policy = match (body.missed, body.missed_max) {
        (None, None) => None,
        (word, most) => Some(missed(word.unwrap_or(MissedWord::RunAll), most)?),
    };
    let times = (start_ms.unwrap_or(plan.start_ms), end_ms.unwrap_or(plan.end_ms));
    Times::read(when.as_ref().unwrap_or(&plan.when), times.0, times.1)?;
    Ok(ScheduleChange { name: body.name.clone(), when, start_ms, end_ms, missed: policy, what: None })
}

/// Changes a schedule. With other times it goes on from now, also one that had ended.
#[utoipa::path(patch, path = "/v1/schedules/{id}", tag = "schedules", operation_id = "updateSchedule",
    params(("id" = String, Path, description = "The schedule's id, `sch_…`")),
    request_body = ChangeSchedule,
    responses((status = 200, body = ScheduleView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn change(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    Path(id): Path<ScheduleId>,
    request: Request,
) -> Result<axum::Json<ScheduleView>, Problem> {
    let Json(body): Json<ChangeSchedule> = Json::of(read_long(request, &state).await?)?;
    let seen = state.schedules.get(&caller, id, Some(0)).await?;
    let mut change = changed(&body, &seen.record.plan)?;
    if body.message.is_some() || body.job.is_some() || body.campaign.is_some() {
        let account = seen.account.ok_or_else(|| Problem::new(ErrorCode::Conflict, "the account is gone"))?;
        let composer = Composer::new(&state, &caller, &account).sharing_files();
        change.what = planned(&composer, &state.settings, (body.message, body.job, body.campaign)).await?;
    }
    Ok(axum::Json(ScheduleView::from(&state.schedules.change(&caller, id, change).await?)))
}
