//! What people write about schedules.

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use utoipa::ToSchema;
use wasup_actors::Planned;
use wasup_store::id::CampaignId;
use wasup_store::records::{Load, MissedPolicy};

use crate::api::jobs::NewJobBody;
use crate::api::messages::{Composer, SendMessage};
use crate::api::problem::{FieldError, Problem};
use crate::api::state::Settings;

/// Longest name, in characters.
const NAME_MAX: usize = 200;
/// Most missed times that `run_all` makes up for.
const MISSED_MAX: u32 = 100;
/// How many that are, where nobody says.
const MISSED: u32 = 10;

/// What becomes of times that passed while the server was down, or its clock was not to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum MissedWord {
    /// The newest is made up for, the others are noted as missed.
    RunOnce,
    /// They are noted as missed.
    Skip,
    /// The newest are made up for, up to `missed_max`; the others are noted as missed.
    RunAll,
}

/// A schedule: when, and what. One of `at` and `cron`, one of `message`, `job` and `campaign`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateSchedule {
    /// What people call it, at most 200 characters.
    #[schema(max_length = 200)]
    pub(super) name: Option<String>,
    /// It runs once, at this time: RFC 3339, or without an offset as the clock of `timezone` shows it.
    #[schema(examples("2027-03-28T09:00:00"))]
    pub(super) at: Option<String>,
    /// It runs whenever the clock of `timezone` shows this: minute, hour, day of the month, month, day of the week; with
    /// seconds in front and the year behind where you like. `L`, `W` and `#` are understood, and `@daily` and its kin.
    #[schema(max_length = 200, examples("0 9 * * MON-FRI"))]
    pub(super) cron: Option<String>,
    /// The IANA time zone; UTC where it is left out. Where its clock leaves an hour out, times of it run once, at the first
    /// moment after it; where it shows one twice, they run the first time. An expression for every hour follows the time that
    /// passes instead.
    #[schema(examples("Asia/Jakarta"))]
    pub(super) timezone: Option<String>,
    /// It does not run before this time, written as `at`.
    pub(super) start_at: Option<String>,
    /// It does not run after this time, written as `at`.
    pub(super) end_at: Option<String>,
    /// What becomes of times that passed while the server was down; `run_once` where it is left out.
    pub(super) missed: Option<MissedWord>,
    /// With `run_all`: how many are made up for at most, 1 to 100; 10 where it is left out.
    #[schema(minimum = 1, maximum = 100)]
    pub(super) missed_max: Option<u32>,
    /// It waits for a resume.
    #[serde(default)]
    pub(super) paused: bool,
    /// The message that it sends, as `POST /v1/accounts/{id}/messages` takes it. Files are taken in now, and kept for it.
    #[schema(value_type = Option<SendMessage>)]
    pub(super) message: Option<Value>,
    /// The job that it starts, as `POST /v1/accounts/{id}/jobs` takes it.
    pub(super) job: Option<NewJobBody>,
    /// The campaign that it makes another one of, each time as that is then, and starts: also a draft. Its accounts send.
    #[schema(value_type = Option<String>, examples("cmp_0000106gk3fv0a0mk8d1p3m5r4"))]
    pub(super) campaign: Option<CampaignId>,
}

/// `Some(None)` for an explicit `null`.
fn patch<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// A change of a schedule, as a JSON merge patch: what is left out stays. With other times it goes on from now.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeSchedule {
    /// What people call it; `null` for no name.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<String>, max_length = 200)]
    pub(super) name: Option<Option<String>>,
    /// It runs once, at this time.
    pub(super) at: Option<String>,
    /// It runs whenever the clock shows this.
    #[schema(max_length = 200)]
    pub(super) cron: Option<String>,
    /// The IANA time zone.
    pub(super) timezone: Option<String>,
    /// It does not run before this time; `null` for at once.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<String>)]
    pub(super) start_at: Option<Option<String>>,
    /// It does not run after this time; `null` for no end.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<String>)]
    pub(super) end_at: Option<Option<String>>,
    /// What becomes of times that passed while the server was down.
    pub(super) missed: Option<MissedWord>,
    /// With `run_all`: how many are made up for at most.
    #[schema(minimum = 1, maximum = 100)]
    pub(super) missed_max: Option<u32>,
    /// The message that it sends from now on.
    #[schema(value_type = Option<SendMessage>)]
    pub(super) message: Option<Value>,
    /// The job that it starts from now on.
    pub(super) job: Option<NewJobBody>,
    /// The campaign that it makes others of from now on.
    #[schema(value_type = Option<String>)]
    pub(super) campaign: Option<CampaignId>,
}

pub(super) fn one(field: &str, message: impl Into<String>) -> Problem {
    Problem::invalid(vec![FieldError::new(field, message)])
}

/// A name that fits.
///
/// # Errors
/// The problem with it.
pub(super) fn fit_name(name: Option<&String>) -> Result<(), Problem> {
    match name {
        Some(name) if name.is_empty() || name.chars().count() > NAME_MAX => {
            Err(one("name", format!("must have 1 to {NAME_MAX} characters")))
        }
        _ => Ok(()),
    }
}

/// What becomes of missed times.
///
/// # Errors
/// The problem with it.
pub(super) fn missed(word: MissedWord, most: Option<u32>) -> Result<MissedPolicy, Problem> {
    match (word, most) {
        (MissedWord::RunAll, Some(most)) if !(1..=MISSED_MAX).contains(&most) => {
            Err(one("missed_max", format!("must be 1 to {MISSED_MAX}")))
        }
        (MissedWord::RunAll, most) => Ok(MissedPolicy::RunAll(most.unwrap_or(MISSED))),
        (_, Some(_)) => Err(one("missed_max", "goes with run_all only")),
        (MissedWord::RunOnce, None) => Ok(MissedPolicy::RunOnce),
        (MissedWord::Skip, None) => Ok(MissedPolicy::Skip),
    }
}

/// Names the fields of a problem by where they stand in the whole.
fn inside(place: &str, mut problem: Problem) -> Problem {
    if problem.errors.is_empty() {
        return problem;
    }
    for error in &mut problem.errors {
        error.field = format!("{place}.{}", error.field);
    }
    let errors = std::mem::take(&mut problem.errors);
    Problem { code: problem.code, ..Problem::invalid(errors) }
}

/// What the schedule does; `None` where nothing is said of it.
///
/// # Errors
/// The problem with it.
pub(super) async fn planned(
    composer: &Composer<'_>,
    settings: &Settings,
    (message, job, campaign): (Option<Value>, Option<NewJobBody>, Option<CampaignId>),
) -> Result<Option<Planned>, Problem> {
    if let Some(campaign) = campaign {
        return match (message, job) {
            (None, None) => Ok(Some(Planned::Campaign(campaign))),
            _ => Err(one("campaign", "there is a message or a job, too: a schedule does one thing")),
        };
    }
    match (message, job) {
        (Some(_), Some(_)) => Err(one("job", "there is a message, too: a schedule does one thing")),
        (None, None) => Ok(None),
        (Some(message), None) => {
            let made = async {
                let request = SendMessage::read(message)?;
                let client_message_id = request.own_id()?;
                let mentions = composer.mentions(&request.common).await?;
                let (content, chat, context) = composer.whole(&request, mentions).await?;
                let load = Box::new(Load { content, context, client_message_id });
                Ok::<_, Problem>(Planned::Message { chat, load })
            };
            made.await.map(Some).map_err(|problem| inside("message", problem))
        }
        (None, Some(job)) => {
            let made = job.made(composer, settings).await.map_err(|problem| inside("job", problem))?;
            Ok(Some(Planned::Job { name: made.name, delay: made.delay, items: made.items }))
        }
    }
}
