//! `POST /v1/accounts/{id}/jobs`.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest as _, Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use wasup_actors::{JobCommand, JobItem, JobSeen, Jobs};
use wasup_store::id::AccountId;
use wasup_store::records::{DelayRange, Load};

use crate::api::extract::{Caller, Json, Path, Query};
use crate::api::idempotency::{IdempotencyKey, REPLAYED};
use crate::api::messages::{Composer, SendMessage, canonical};
use crate::api::problem::{ErrorCode, FieldError, Problem, ProblemView};
use crate::api::state::{ApiState, Settings};
use crate::api::view::JobView;
use crate::config::{DELAY_MAX, Span};

/// Longest name, in characters.
const NAME_MAX: usize = 200;
/// Items that are looked at at once: some have files that are fetched.
const AT_ONCE: usize = 4;
/// Wrong items that are named in an answer.
const TOLD_MAX: usize = 100;
/// How long `?wait=finished` waits when no `timeout` is given.
const WAIT: Duration = Duration::from_secs(30);

/// What an answer waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum JobWait {
    /// Until every item has its outcome.
    Finished,
}

/// How long the answer waits.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct JobWaitQuery {
    /// `finished`: answer when every item has its outcome. The job goes on if you do not wait so long.
    #[param(inline)]
    wait: Option<JobWait>,
    /// With `wait`: how long at most, such as `30s`. The answer is 202 after it, too.
    #[param(value_type = Option<String>, example = "30s")]
    timeout: Option<Span>,
}

/// What becomes of items that can't be made into messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum BadItems {
    /// The whole job is refused, and the first 100 of them are named.
    #[default]
    Refuse,
    /// They count as failed, with the reason; the others are sent.
    Fail,
}

/// The wait between two items, drawn anew for each.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DelayForm {
    /// The shortest.
    #[schema(value_type = String, examples("2s"))]
    min: Span,
    /// The longest, up to a day.
    #[schema(value_type = String, examples("5s"))]
    max: Span,
}

/// A job.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewJobBody {
    /// What people call it, at most 200 characters.
    #[schema(max_length = 200)]
    name: Option<String>,
    /// Messages, as they are sent one by one (`POST /v1/accounts/{id}/messages`), in their order: at least one, at most
    /// `jobs.items_max` (10000). The same file by the same URL is fetched once.
    #[schema(value_type = Vec<SendMessage>, min_items = 1)]
    items: Vec<Value>,
    /// The wait between two items; where it is left out it is `jobs.delay_min` to `jobs.delay_max` (2 to 5 seconds).
    delay: Option<DelayForm>,
    /// What becomes of items that can't be made into messages.
    #[serde(default)]
    #[schema(inline, default = "refuse")]
    bad_items: BadItems,
}

/// A job whose items were looked at.
pub(in crate::api) struct MadeJob {
    /// What people call it.
    pub(in crate::api) name: Option<String>,
    /// The wait between two items.
    pub(in crate::api) delay: DelayRange,
    /// What it sends, and what it can't.
    pub(in crate::api) items: Vec<JobItem>,
}

fn one(field: &str, message: impl Into<String>) -> Problem {
    Problem::invalid(vec![FieldError::new(field, message)])
}

impl NewJobBody {
    fn delay(&self, settings: &Settings) -> Result<DelayRange, Problem> {
        let Some(DelayForm { min, max }) = self.delay else { return Ok(settings.job_delay) };
        if max > DELAY_MAX || min > max {
            return Err(one("delay.max", format!("must be from delay.min to {DELAY_MAX}")));
        }
        let millis = |span: Span| u64::try_from(span.0.as_millis()).unwrap_or(u64::MAX);
        Ok(DelayRange { min_ms: millis(min), max_ms: millis(max) })
    }

    fn check(&self, settings: &Settings) -> Result<(), Problem> {
        if self.name.as_ref().is_some_and(|name| name.is_empty() || name.chars().count() > NAME_MAX) {
            return Err(one("name", format!("must have 1 to {NAME_MAX} characters")));
        }
        if self.items.is_empty() || self.items.len() > settings.job_items_max {
            return Err(one("items", format!("must be 1 to {}", settings.job_items_max)));
        }
        Ok(())
    }

    /// Looks at all items.
    ///
    /// # Errors
    /// What is wrong with the job, or with its items where they are to be good.
    pub(in crate::api) async fn made(self, composer: &Composer<'_>, settings: &Settings) -> Result<MadeJob, Problem> {
        self.check(settings)?;
        let (delay, bad_items) = (self.delay(settings)?, self.bad_items);
        let looked = stream::iter(self.items).map(|value| item(composer, value)).buffered(AT_ONCE);
        let (mut items, mut wrong) = (Vec::new(), Vec::new());
        for (n, made) in looked.try_collect::<Vec<_>>().await?.into_iter().enumerate() {
            match (made, bad_items) {
                (Ok(item), _) => items.push(item),
                (Err(problem), BadItems::Fail) => items.push(JobItem::Bad(problem.detail)),
                (Err(problem), BadItems::Refuse) if wrong.len() < TOLD_MAX => wrong.push((n, problem)),
                (Err(_), BadItems::Refuse) => {}
            }
        }
        if wrong.is_empty() { Ok(MadeJob { name: self.name, delay, items }) } else { Err(refused(wrong)) }
    }
}

/// An item as the job has it, or what is wrong with it. What is wrong on our side stops the whole.
async fn item(composer: &Composer<'_>, value: Value) -> Result<Result<JobItem, Problem>, Problem> {
    let made = async {
        let request = SendMessage::read(value)?;
        let client_message_id = request.own_id()?;
        let mentions = composer.mentions(&request.common).await?;
        let (content, chat, context) = composer.whole(&request, mentions).await?;
        Ok::<_, Problem>(JobItem::Message { chat, load: Box::new(Load { content, context, client_message_id }) })
    };
    match made.await {
        Err(problem) if problem.code.status().is_server_error() => Err(problem),
        made => Ok(made),
    }
}

fn refused(wrong: Vec<(usize, Problem)>) -> Problem {
    let mut errors = Vec::new();
    for (n, problem) in wrong {
        let place = format!("items[{n}]");
        if problem.errors.is_empty() {
            errors.push(FieldError::new(place, problem.detail));
        } else {
            let named = |error: FieldError| FieldError::new(format!("{place}.{}", error.field), error.message);
            errors.extend(problem.errors.into_iter().map(named));
        }
    }
    Problem::invalid(errors)
}

/// Reads a body that may hold a job.
///
/// # Errors
/// The problem with it.
pub(in crate::api) async fn read_long(request: Request, state: &ApiState) -> Result<Value, Problem> {
    let (parts, body) = request.into_parts();
    let too_large = |_| Problem::new(ErrorCode::BodyTooLarge, "the body is longer than jobs.body_max allows");
    let body = to_bytes(body, state.settings.job_body_max).await.map_err(too_large)?;
    let Json(value): Json<Value> = Json::from_request(Request::from_parts(parts, Body::from(body)), state).await?;
    Ok(value)
}

/// Accepts a job: 202 says that it is on disk, and each of its items will end in one outcome. An account's jobs are served one
/// after the other, in the order in which they came; an item waits while the account is not connected.
#[utoipa::path(post, path = "/v1/accounts/{id}/jobs", tag = "jobs", operation_id = "createJob",
    params(("id" = String, Path, description = "The account's id, percent-encoded"), JobWaitQuery,
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible characters. A repeat with the same key and body gets the first job and `Idempotency-Replayed: true`; with another body 422.")),
    request_body = NewJobBody,
    responses((status = 202, body = JobView), (status = 422, description = "The key was used with another body.", body = ProblemView, content_type = "application/problem+json"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn accept(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
    Query(query): Query<JobWaitQuery>,
    key: IdempotencyKey,
    request: Request,
) -> Result<Response, Problem> {
    let asked = read_long(request, &state).await?;
    let idempotency = key.over(&["job", &canonical(&asked)]);
    if let Some(key) = &idempotency
        && let Some(first) = state.jobs.replayed(&caller, &id, key).await?
    {
        return Ok(answer(&finished(&state, &caller, &query, first).await?));
    }
    let Json(body): Json<NewJobBody> = Json::of(asked)?;
    body.check(&state.settings)?;
    let composer = Composer::new(&state, &caller, &id).sharing_files();
    // An account that is not there is told before all its items are looked at.
    state.accounts.get(&caller, &id).await?;
    let MadeJob { name, delay, items } = body.made(&composer, &state.settings).await?;
    let command = JobCommand { account: id, name, delay, items, idempotency };
    let accepted = state.jobs.accept(&caller, command).await?;
    Ok(answer(&finished(&state, &caller, &query, accepted).await?))
}

fn answer(seen: &JobSeen) -> Response {
    let mut response = (StatusCode::ACCEPTED, axum::Json(JobView::from(seen))).into_response();
    if seen.replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// What became of it within the wait, where one is asked for and the server does not stop.
async fn finished(
    state: &ApiState,
    caller: &wasup_actors::Principal,
    query: &JobWaitQuery,
    accepted: JobSeen,
) -> Result<JobSeen, Problem> {
    if query.wait != Some(JobWait::Finished) {
        return Ok(accepted);
    }
    let (jobs, settings): (&Jobs, &Settings) = (&state.jobs, &state.settings);
    let patience = settings.patience(Some(query.timeout.map_or(WAIT, |span| span.0)));
    let waited = settings.until_ending(jobs.wait_over(caller, accepted.id, patience)).await.transpose()?;
    Ok(waited.map_or(accepted.clone(), |seen| JobSeen { replayed: accepted.replayed, ..seen }))
}
