//! A schedule's turn: what it does, the row of its history and its next time are one commit.

use super::making::{keep_files, replay};
use super::{ScheduleRecord, get, put, runs};
use crate::id::{AccountNo, CampaignId, JobId, Millis, ScheduleId};
use crate::records::{
    Act, CampaignState, EventData, EventKind, Lane, RunOutcome, ScheduleEvent, ScheduleReason, ScheduleRun,
    ScheduleState, ScheduleWhat,
};
use crate::repo::campaign::{self, NewCampaign};
use crate::repo::idempotency::{self, Idempotency};
use crate::repo::job::{self, Draw};
use crate::repo::scope::AccountScope;
use crate::repo::send::{self, AcceptError, NewSend};
use crate::repo::{account, audit, event};
use crate::{StoreError, WriteTx};

/// How long a schedule waits whose account's outbox is full: a quarter of the time that it waits already, within these.
const FULL_MS: (Millis, Millis) = (5_000, 300_000);

/// What is set for all schedules.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Most unsettled sends of an account.
    pub outbox_max: u64,
    /// Most rows of a history.
    pub history: u32,
    /// How long one that has ended is kept.
    pub keep_ms: Millis,
    /// How long files stay after the time that they are meant for.
    pub files_ms: Millis,
}

/// What is drawn, or written, before a run.
#[derive(Debug, Clone)]
pub enum Make {
    /// For a message.
    Message(Draw),
    /// A job of the account whose items are all written.
    Job(JobId),
    /// For a campaign: its id, and which draw of variants it is.
    Campaign(CampaignId, u64),
}

/// A run at its time.
#[derive(Debug, Clone)]
pub struct Fire {
    /// Which schedule.
    pub id: ScheduleId,
    /// As it was looked at.
    pub version: u32,
    /// The time that is meant.
    pub at_ms: Millis,
    /// The time after that.
    pub next_ms: Option<Millis>,
    /// What was drawn for it.
    pub make: Make,
    /// Now.
    pub now_ms: Millis,
}

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fired {
    /// It ran, and this is in its history.
    Ran(AccountNo, ScheduleRun),
    /// The account's outbox is full: it is tried again.
    OutboxFull,
    /// It was changed since it was looked at, or ran already.
    Stale,
    /// Its account is gone, and it has ended.
    AccountGone,
}

/// What could be made.
enum Made {
    Done(RunOutcome),
    OutboxFull,
    AccountGone,
    Stale,
}

fn make(
    tx: &mut WriteTx<'_>,
    record: &ScheduleRecord,
    make: &Make,
    (now_ms, outbox_max): (Millis, u64),
) -> Result<Made, StoreError> {
    let owner = tx.reading(|tx| account::owner(tx, record.account))?;
    if owner.is_none_or(|owner| owner.gone) {
        return Ok(Made::AccountGone);
    }
    let (chat, load, draw) = match (&record.plan.what, make) {
        (ScheduleWhat::Message { chat, load }, Make::Message(draw)) => (chat, load, draw),
        (ScheduleWhat::Job(_), Make::Job(id)) => {
            return Ok(match job::ready(tx, *id, None, now_ms)? {
                job::Accepted::InLine(_) => Made::Done(RunOutcome::Job(*id)),
                // The account is there, so the job was given up by the janitor: it was too long in the making.
                _ => Made::Stale,
            });
        }
        (ScheduleWhat::Campaign(of), Make::Campaign(id, seed)) => {
            return campaign_like(tx, record, *of, (*id, *seed), now_ms).map(Made::Done);
        }
        _ => return Ok(Made::Stale),
    };
    let new = NewSend {
        no: record.account,
        chat: chat.clone(),
        content: load.content.clone(),
        context: load.context.clone(),
        secret: draw.secret,
        lane: Lane::Scheduled,
        provider_id: draw.provider_id.clone(),
        rand: draw.rand,
        now_ms,
        client_message_id: load.client_message_id.clone(),
        idempotency: None,
        outbox_max,
        run: None,
    };
    match send::accept(tx, &new) {
        Ok(accepted) => Ok(Made::Done(RunOutcome::Message(accepted.id))),
        Err(AcceptError::OutboxFull) => Ok(Made::OutboxFull),
        Err(AcceptError::NoAccount | AcceptError::KeyReused) => Ok(Made::AccountGone),
        Err(AcceptError::Store(error)) => Err(error),
    }
}

/// Makes a campaign as another one is now, and starts it.
fn campaign_like(
    tx: &mut WriteTx<'_>,
    record: &ScheduleRecord,
    of: CampaignId,
    (id, seed): (CampaignId, u64),
    now_ms: Millis,
) -> Result<RunOutcome, StoreError> {
    let gone = RunOutcome::Failed(ScheduleReason::CampaignGone);
    let like = tx.reading(|tx| campaign::get(tx, of))?.filter(|like| like.tenant == record.tenant);
    let Some(like) = like else { return Ok(gone) };
    let (name, start) = (record.plan.name.clone().unwrap_or(like.name), Some(campaign::Wish::Start(None)));
    let new = NewCampaign { id, tenant: record.tenant, name, plan: like.plan, start, seed, now_ms };
    let made = campaign::create(tx, &new, None)?;
    let starts = matches!(made, campaign::Created::New(made) if made.state == CampaignState::Running);
    if !starts {
        campaign::delete(tx, id, now_ms)?;
    }
    Ok(if starts { RunOutcome::Campaign(id) } else { gone })
}

/// The schedule, where it still is as it was looked at.
pub(super) fn as_seen(
    tx: &WriteTx<'_>,
    (id, version, at_ms): (ScheduleId, u32, Millis),
) -> Result<Option<ScheduleRecord>, StoreError> {
    let found = tx.reading(|tx| get(tx, id))?;
    let same = |record: &ScheduleRecord| {
        record.version == version && record.state == ScheduleState::Active && record.next_ms == Some(at_ms)
    };
    Ok(found.filter(same))
}

/// What a record is when its next time is this one.
pub(super) fn going_on(
    mut record: ScheduleRecord,
    next_ms: Option<Millis>,
    (now_ms, rules): (Millis, &Rules),
) -> ScheduleRecord {
    (record.next_ms, record.wake_ms) = (next_ms, next_ms);
    if next_ms.is_none() {
        end(&mut record, ScheduleReason::Done, (now_ms, rules.keep_ms));
    }
    record
}

pub(super) fn end(record: &mut ScheduleRecord, why: ScheduleReason, (now_ms, keep_ms): (Millis, Millis)) {
    (record.state, record.reason) = (ScheduleState::Ended, Some(why));
    (record.next_ms, record.ended_ms) = (None, Some(now_ms));
    record.wake_ms = Some(now_ms.saturating_add(keep_ms));
}

pub(super) fn tell(
    tx: &mut WriteTx<'_>,
    (id, record): (ScheduleId, &ScheduleRecord),
    (no, run): (u32, ScheduleRun),
    kind: EventKind,
) -> Result<(), StoreError> {
    let (name, next_ms, now_ms) = (record.plan.name.clone(), record.next_ms, run.ran_ms);
    let data = EventData::Schedule(ScheduleEvent { id, name, no, run, next_ms });
    let mut scope = AccountScope::open(tx, record.account)?;
    event::append(tx, &mut scope, event::NewEvent { kind, data, chat_no: None, now_ms })?;
    scope.close(tx)
}

/// Ends a schedule whose account is gone. Nobody hears of it: the account's endpoints are gone, too.
pub(super) fn fail(
    tx: &mut WriteTx<'_>,
    (id, before): (ScheduleId, &ScheduleRecord),
    (now_ms, keep_ms, history): (Millis, Millis, u32),
) -> Result<(), StoreError> {
    let mut after = before.clone();
    if let Some(at_ms) = before.next_ms.filter(|at_ms| *at_ms <= now_ms) {
        let outcome = RunOutcome::Failed(ScheduleReason::AccountGone);
        let run = ScheduleRun { at_ms: Some(at_ms), ran_ms: now_ms, outcome };
        runs::note(tx, id, &mut after, &run, history)?;
    }
    end(&mut after, ScheduleReason::AccountGone, (now_ms, keep_ms));
    put(tx, id, Some(before), &after)
}

/// Runs a schedule at its time: what it makes, the row of its history and its next time.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn fire(tx: &mut WriteTx<'_>, fire: &Fire, rules: &Rules) -> Result<Fired, StoreError> {
    let (id, now_ms) = (fire.id, fire.now_ms);
    let Some(before) = as_seen(tx, (id, fire.version, fire.at_ms))? else { return Ok(Fired::Stale) };
    let outcome = match make(tx, &before, &fire.make, (now_ms, rules.outbox_max))? {
        Made::Done(outcome) => outcome,
        Made::Stale => return Ok(Fired::Stale),
        Made::OutboxFull => {
            let wait_ms = (now_ms.saturating_sub(fire.at_ms) / 4).clamp(FULL_MS.0, FULL_MS.1);
            postpone(tx, (id, fire.version, fire.at_ms), now_ms.saturating_add(wait_ms))?;
            return Ok(Fired::OutboxFull);
        }
        Made::AccountGone => {
            fail(tx, (id, &before), (now_ms, rules.keep_ms, rules.history))?;
            return Ok(Fired::AccountGone);
        }
    };
    let run = ScheduleRun { at_ms: Some(fire.at_ms), ran_ms: now_ms, outcome };
    let mut after = going_on(before.clone(), fire.next_ms, (now_ms, rules));
    after.last_ms = Some(now_ms);
    let no = runs::note(tx, id, &mut after, &run, rules.history)?;
    put(tx, id, Some(&before), &after)?;
    // Until the next time, and for as long as what was just made may need them.
    keep_files(tx, &after.plan, after.next_ms.unwrap_or(now_ms).saturating_add(rules.files_ms))?;
    tell(tx, (id, &after), (no, run), EventKind::ScheduleFired)?;
    Ok(Fired::Ran(after.account, run))
}

/// Looks at a schedule again at another time; its own next time stays what it is.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn postpone(
    tx: &mut WriteTx<'_>,
    (id, version, at_ms): (ScheduleId, u32, Millis),
    until_ms: Millis,
) -> Result<(), StoreError> {
    let Some(before) = as_seen(tx, (id, version, at_ms))? else { return Ok(()) };
    let after = ScheduleRecord { wake_ms: Some(until_ms), ..before.clone() };
    put(tx, id, Some(&before), &after)
}

/// What became of a run beside the times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RanNow {
    /// It ran, under this number.
    Ran(u32, ScheduleRun),
    /// The request had been accepted before, as this run.
    Replayed(u32),
    /// The request's key was used otherwise.
    KeyReused,
    /// The account's outbox is full.
    OutboxFull,
    /// It was changed since it was looked at.
    Stale,
    /// Its account is gone.
    NoAccount,
    /// There is no such schedule.
    Unknown,
}

/// Runs a schedule beside its times, which stay as they are.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn run_now(
    tx: &mut WriteTx<'_>,
    (id, version, now_ms): (ScheduleId, u32, Millis),
    drawn: &Make,
    request: Option<&Idempotency>,
    rules: &Rules,
) -> Result<RanNow, StoreError> {
    let Some(before) = tx.reading(|tx| get(tx, id))? else { return Ok(RanNow::Unknown) };
    let of = (before.tenant, before.account);
    if let Some(request) = request
        && let Some(first) = tx.reading(|tx| idempotency::find(tx, of.0, of.1, request.key, now_ms))?
    {
        return Ok(match replay(request, &first) {
            super::Created::Replayed(same, no) if same == id && no > 0 => RanNow::Replayed(no),
            _ => RanNow::KeyReused,
        });
    }
    if before.version != version {
        return Ok(RanNow::Stale);
    }
    let outcome = match make(tx, &before, drawn, (now_ms, rules.outbox_max))? {
        Made::Done(outcome) => outcome,
        Made::OutboxFull => return Ok(RanNow::OutboxFull),
        Made::AccountGone => return Ok(RanNow::NoAccount),
        Made::Stale => return Ok(RanNow::Stale),
    };
    let run = ScheduleRun { at_ms: None, ran_ms: now_ms, outcome };
    let mut after = ScheduleRecord { last_ms: Some(now_ms), ..before.clone() };
    let no = runs::note(tx, id, &mut after, &run, rules.history)?;
    put(tx, id, Some(&before), &after)?;
    keep_files(tx, &after.plan, now_ms.saturating_add(rules.files_ms))?;
    if let Some(request) = request {
        idempotency::remember_schedule(tx, of, request, (id, no))?;
    }
    tell(tx, (id, &after), (no, run), EventKind::ScheduleFired)?;
    let owner = tx.reading(|tx| account::by_no(tx, after.account))?;
    audit::note(tx, Act::ScheduleRun(id), owner.as_ref().map(|owner| &owner.id), now_ms)?;
    Ok(RanNow::Ran(no, run))
}
