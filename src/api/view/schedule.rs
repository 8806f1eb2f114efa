//! Schedules and their runs.

use serde::Serialize;
use utoipa::ToSchema;
use wasup_actors::{RunSeen, ScheduleSeen};
use wasup_store::records::{
    MissedPolicy, RunOutcome, ScheduleEvent, SchedulePlan, ScheduleReason, ScheduleRun, ScheduleWhat, ScheduleWhen,
};

use super::job::DelayView;
use super::{ContentView, PersonView, Time};

/// A schedule.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Schedule)]
pub struct ScheduleView {
    /// The schedule's id.
    #[schema(examples("sch_0000106gk3fv0a0mk8d1p3m5r4"))]
    id: String,
    /// The account that sends; `null` where that was deleted.
    account: Option<String>,
    /// What people call it.
    name: Option<String>,
    /// `active`, `paused` (its times pass without it) or `ended`.
    state: &'static str,
    /// Why it is paused or has ended: `done` (all its times have passed), `account_gone`; `restored` (paused, because the
    /// store came out of a backup: some of it may have run after that was made).
    reason: Option<&'static str>,
    /// The moment of one that runs once.
    at: Option<Time>,
    /// The expression of one that runs again and again.
    #[schema(examples("0 9 * * MON-FRI"))]
    cron: Option<String>,
    /// The IANA time zone that it is meant in.
    #[schema(examples("Asia/Jakarta"))]
    timezone: Option<String>,
    /// It does not run before this time.
    start_at: Option<Time>,
    /// It does not run after this time.
    end_at: Option<Time>,
    /// What becomes of times that passed while the server was down: `run_once`, `skip` or `run_all`.
    missed: &'static str,
    /// With `run_all`: how many are made up for at most, the newest.
    missed_max: Option<u32>,
    /// The message that it sends.
    message: Option<PlannedMessageView>,
    /// The job that it starts.
    job: Option<PlannedJobView>,
    /// The campaign that it makes others of.
    campaign: Option<String>,
    /// When it runs next; `null` while it is paused, and once it has ended.
    next_at: Option<Time>,
    /// Its next times; in lists the first only.
    upcoming: Vec<Time>,
    /// When it ran last.
    last_run_at: Option<Time>,
    /// The number of the newest row of its history; 0 for none.
    runs: u32,
    /// When it was made.
    created_at: Time,
    /// When it ended.
    ended_at: Option<Time>,
}

/// The message that a schedule sends.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PlannedMessage)]
pub(super) struct PlannedMessageView {
    /// Where it goes.
    to: PersonView,
    /// Your own id of each of them.
    client_message_id: Option<String>,
    /// What it says.
    #[serde(flatten)]
    content: ContentView,
}

/// The job that a schedule starts.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PlannedJob)]
pub(super) struct PlannedJobView {
    /// What people call it; without a name it is called as the schedule.
    name: Option<String>,
    /// How many items it has.
    items: u32,
    /// The wait between two items.
    delay: DelayView,
}

fn planned(plan: &SchedulePlan) -> (Option<PlannedMessageView>, Option<PlannedJobView>) {
    match &plan.what {
        ScheduleWhat::Message { chat, load } => {
            let content = ContentView::new(&load.content, load.context.as_deref());
            let client_message_id = load.client_message_id.clone();
            (Some(PlannedMessageView { to: chat.into(), client_message_id, content }), None)
        }
        ScheduleWhat::Job(job) => {
            let view = PlannedJobView { name: job.name.clone(), items: job.items, delay: job.delay.into() };
            (None, Some(view))
        }
        ScheduleWhat::Campaign(_) => (None, None),
    }
}

impl From<&ScheduleSeen> for ScheduleView {
    fn from(seen: &ScheduleSeen) -> Self {
        let ScheduleSeen { id, account, record, upcoming, .. } = seen;
        let plan = &record.plan;
        let (at, cron, timezone) = match &plan.when {
            ScheduleWhen::Once { at_ms, zone } => (Some(Time::from_ms(*at_ms)), None, zone.clone()),
            ScheduleWhen::Cron { pattern, zone } => (None, Some(pattern.clone()), Some(zone.clone())),
        };
        let (message, job) = planned(plan);
        let campaign = match &plan.what {
            ScheduleWhat::Campaign(id) => Some(id.to_string()),
            ScheduleWhat::Message { .. } | ScheduleWhat::Job(_) => None,
        };
        Self {
            id: id.to_string(),
            account: account.as_ref().map(ToString::to_string),
            name: plan.name.clone(),
            state: record.state.as_str(),
            reason: record.reason.map(ScheduleReason::as_str),
            at,
            cron,
            timezone,
            start_at: plan.start_ms.map(Time::from_ms),
            end_at: plan.end_ms.map(Time::from_ms),
            missed: plan.missed.as_str(),
            missed_max: match plan.missed {
                MissedPolicy::RunAll(most) => Some(most),
                MissedPolicy::RunOnce | MissedPolicy::Skip => None,
            },
            message,
            job,
            campaign,
            next_at: record.next_ms.map(Time::from_ms),
            upcoming: upcoming.iter().copied().map(Time::from_ms).collect(),
            last_run_at: record.last_ms.map(Time::from_ms),
            runs: record.runs,
            created_at: Time::from_ms(record.created_ms),
            ended_at: record.ended_ms.map(Time::from_ms),
        }
    }
}

/// A run of a schedule, or times that it missed.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ScheduleRun)]
pub struct ScheduleRunView {
    /// Its place in the history, from 1.
    number: u32,
    /// The time that was meant, the first one of those that were missed; `null` where somebody ran it beside its times.
    scheduled_at: Option<Time>,
    /// When it really ran, or was noted as missed.
    ran_at: Time,
    /// `message`, `job`, `campaign`, `missed` (nothing ran) or `failed` (it could not run).
    #[schema(examples("message"))]
    outcome: &'static str,
    /// The message that it sent (`msg_…`).
    message: Option<String>,
    /// The job that it started (`job_…`).
    job: Option<String>,
    /// The campaign that it made and started (`cmp_…`).
    campaign: Option<String>,
    /// How many times were missed; at 1000 they are not counted further.
    missed: Option<u32>,
    /// The last one of those that were missed.
    missed_until: Option<Time>,
    /// Why it failed: `account_gone`; `campaign_gone` (the campaign, or all of its accounts).
    reason: Option<&'static str>,
}

impl ScheduleRunView {
    fn new(number: u32, run: &ScheduleRun) -> Self {
        let mut view = Self {
            number,
            scheduled_at: run.at_ms.map(Time::from_ms),
            ran_at: Time::from_ms(run.ran_ms),
            outcome: "message",
            message: None,
            job: None,
            campaign: None,
            missed: None,
            missed_until: None,
            reason: None,
        };
        match run.outcome {
            RunOutcome::Message(id) => view.message = Some(id.to_string()),
            RunOutcome::Job(id) => (view.outcome, view.job) = ("job", Some(id.to_string())),
            RunOutcome::Campaign(id) => (view.outcome, view.campaign) = ("campaign", Some(id.to_string())),
            RunOutcome::Missed { until_ms, count } => {
                (view.outcome, view.missed) = ("missed", Some(count));
                view.missed_until = Some(Time::from_ms(until_ms));
            }
            RunOutcome::Failed(why) => (view.outcome, view.reason) = ("failed", Some(why.as_str())),
        }
        view
    }
}

impl From<&RunSeen> for ScheduleRunView {
    fn from(seen: &RunSeen) -> Self {
        Self::new(seen.no, &seen.run)
    }
}

/// `schedule.fired` and `schedule.missed`.
#[derive(Serialize)]
pub(super) struct ScheduleData<'a> {
    schedule: String,
    name: Option<&'a str>,
    run: ScheduleRunView,
    next_at: Option<Time>,
}

impl<'a> From<&'a ScheduleEvent> for ScheduleData<'a> {
    fn from(event: &'a ScheduleEvent) -> Self {
        Self {
            schedule: event.id.to_string(),
            name: event.name.as_deref(),
            run: ScheduleRunView::new(event.no, &event.run),
            next_at: event.next_ms.map(Time::from_ms),
        }
    }
}
