//! `POST /v1/accounts/{id}/schedules`.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use wasup_actors::{ScheduleCommand, ScheduleSeen, ScheduleSpec, Times};
use wasup_store::id::AccountId;
use wasup_store::records::ScheduleWhen;

use super::form::{CreateSchedule, MissedWord, fit_name, missed, one, planned};
use super::moments::moment;
use crate::api::extract::{Caller, Json, Path};
use crate::api::idempotency::{IdempotencyKey, REPLAYED};
use crate::api::jobs::read_long;
use crate::api::messages::{Composer, canonical};
use crate::api::problem::{Problem, ProblemView};
use crate::api::state::ApiState;
use crate::api::view::ScheduleView;

/// The zone where none is named.
pub(super) const UTC: &str = "UTC";

fn when(body: &CreateSchedule) -> Result<ScheduleWhen, Problem> {
    let zone = body.timezone.as_deref();
    match (&body.at, &body.cron) {
        (Some(at), None) => {
            // A zone that is named is one, also where the time has an offset.
            zone.map(wasup_actors::zone).transpose()?;
            Ok(ScheduleWhen::Once { at_ms: moment("at", at, zone)?, zone: body.timezone.clone() })
        }
        (None, Some(cron)) => Ok(ScheduleWhen::Cron { pattern: cron.clone(), zone: zone.unwrap_or(UTC).to_owned() }),
        (Some(_), Some(_)) => Err(one("cron", "there is a time (at), too: a schedule has one of them")),
        (None, None) => Err(one("at", "missing field `at`, or `cron`")),
    }
}

/// Makes a schedule: 201 says that it is on disk, and each of its times will have one outcome: a message or a job, whatever is
/// killed in between, or a row that says that it was missed.
#[utoipa::path(post, path = "/v1/accounts/{id}/schedules", tag = "schedules", operation_id = "createSchedule",
    params(("id" = String, Path, description = "The account's id, percent-encoded"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible characters. A repeat with the same key and body gets the first schedule and `Idempotency-Replayed: true`; with another body 422.")),
    request_body = CreateSchedule,
    responses((status = 201, body = ScheduleView), (status = 422, description = "The key was used with another body.", body = ProblemView, content_type = "application/problem+json"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn create(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
    key: IdempotencyKey,
    request: Request,
) -> Result<Response, Problem> {
    let asked = read_long(request, &state).await?;
    let idempotency = key.over(&["schedule", &canonical(&asked)]);
    if let Some(key) = &idempotency
        && let Some(first) = state.schedules.replayed(&caller, &id, key).await?
    {
        return Ok(answer(&first));
    }
    let Json(body): Json<CreateSchedule> = Json::of(asked)?;
    fit_name(body.name.as_ref())?;
    let zone = Some(body.timezone.as_deref().unwrap_or(UTC));
    let time = |field: &str, text: &Option<String>| text.as_ref().map(|text| moment(field, text, zone)).transpose();
    let (when, start_ms, end_ms) = (when(&body)?, time("start_at", &body.start_at)?, time("end_at", &body.end_at)?);
    let missed = missed(body.missed.unwrap_or(MissedWord::RunOnce), body.missed_max)?;
    // What is wrong with its times, and an account that is not there, is told before files are fetched.
    Times::read(&when, start_ms, end_ms)?;
    state.accounts.get(&caller, &id).await?;
    let composer = Composer::new(&state, &caller, &id).sharing_files();
    let what = planned(&composer, &state.settings, (body.message, body.job, body.campaign)).await?;
    let what = what.ok_or_else(|| one("message", "missing field `message`, `job` or `campaign`"))?;
    let spec = ScheduleSpec { name: body.name, when, start_ms, end_ms, missed, what };
    let command = ScheduleCommand { account: id.clone(), spec, paused: body.paused, idempotency };
    Ok(answer(&state.schedules.create(&caller, command).await?))
}

fn answer(seen: &ScheduleSeen) -> Response {
    let mut response = (StatusCode::CREATED, axum::Json(ScheduleView::from(seen))).into_response();
    if seen.replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}
