//! What can be done to a schedule.

use wasup_store::id::ScheduleId;
use wasup_store::records::{
    RunOutcome, SchedulePlan, ScheduleReason, ScheduleRecord, ScheduleRun, ScheduleState, ScheduleWhat,
};
use wasup_store::repo::schedule::{self, Change, Changed, RanNow, Wished};

use super::made::{Written, drawn};
use super::{
    FILES_STAY_MS, FULL_RETRY_AFTER, RunSeen, ScheduleChange, ScheduleError, ScheduleSeen, Schedules, TRIES, Times,
    rules,
};
use crate::context::Context;
use crate::messages::Idempotency;
use crate::meters::ScheduleOutcome;
use crate::principal::Principal;

/// What people set, with what is asked for.
fn changed(record: &ScheduleRecord, change: &ScheduleChange, written: Option<&Written>) -> SchedulePlan {
    let before = record.plan.clone();
    SchedulePlan {
        name: change.name.clone().unwrap_or(before.name),
        when: change.when.clone().unwrap_or(before.when),
        start_ms: change.start_ms.unwrap_or(before.start_ms),
        end_ms: change.end_ms.unwrap_or(before.end_ms),
        missed: change.missed.unwrap_or(before.missed),
        what: written.map_or(before.what, |written| written.what.clone()),
        files: written.map_or(before.files, |written| written.files.clone()),
    }
}

/// Whether two plans have the same times.
fn same_times(a: &SchedulePlan, b: &SchedulePlan) -> bool {
    (&a.when, a.start_ms, a.end_ms) == (&b.when, b.start_ms, b.end_ms)
}

impl Schedules {
    /// Changes a schedule. With other times it goes on from now; one that had ended goes on, where a time is left.
    ///
    /// # Errors
    /// [`ScheduleError`]; nothing is changed then.
    pub async fn change(
        &self,
        principal: &Principal,
        id: ScheduleId,
        mut change: ScheduleChange,
    ) -> Result<ScheduleSeen, ScheduleError> {
        let record = self.record(principal, id).await?;
        // What is wrong with its times is told before anything is written.
        Times::of(&changed(&record, &change, None))?;
        let written = match change.what.take() {
            Some(what) => Some(self.written(principal, id, what).await?),
            None => None,
        };
        for _ in 0..TRIES {
            let (record, now_ms) = (self.record(principal, id).await?, self.ctx.store.now_ms());
            let plan = changed(&record, &change, written.as_ref());
            let next_ms = if same_times(&plan, &record.plan) {
                record.next_ms
            } else {
                Some(Times::of(&plan)?.next(now_ms).ok_or(ScheduleError::NoTimeLeft)?)
            };
            let asked = Change {
                id,
                version: record.version,
                was_ms: record.next_ms,
                plan,
                next_ms,
                prepared_ms: written.as_ref().and_then(|written| written.prepared_ms),
                files_ms: next_ms.unwrap_or(now_ms).saturating_add(FILES_STAY_MS),
                now_ms,
            };
            let done = self.write(principal, move |tx| schedule::change(tx, &asked)).await?;
            self.ctx.nudges.scheduler();
            match done {
                Changed::Done(_) => return self.get(principal, id, None).await,
                Changed::Stale => {}
                Changed::NoAccount => return Err(ScheduleError::AccountGone),
                Changed::Unknown => return Err(ScheduleError::NotFound),
            }
        }
        Err(ScheduleError::Busy)
    }

    /// Lets a schedule's times pass without it, until it is resumed.
    ///
    /// # Errors
    /// [`ScheduleError::Over`] for one that has ended.
    pub async fn pause(&self, principal: &Principal, id: ScheduleId) -> Result<ScheduleSeen, ScheduleError> {
        self.record(principal, id).await?;
        let now_ms = self.ctx.store.now_ms();
        match self.write(principal, move |tx| schedule::pause(tx, id, now_ms)).await? {
            Wished::Done(_) => self.get(principal, id, None).await,
            Wished::Over => Err(ScheduleError::Over),
            Wished::Stale => Err(ScheduleError::Busy),
            Wished::Unknown => Err(ScheduleError::NotFound),
        }
    }

    /// Lets a paused schedule go on at its first time from now on.
    ///
    /// # Errors
    /// [`ScheduleError::NoTimeLeft`] where all its times have passed.
    pub async fn resume(&self, principal: &Principal, id: ScheduleId) -> Result<ScheduleSeen, ScheduleError> {
        for _ in 0..TRIES {
            let (record, now_ms) = (self.record(principal, id).await?, self.ctx.store.now_ms());
            if record.state != ScheduleState::Paused {
                return if record.state == ScheduleState::Ended {
                    Err(ScheduleError::Over)
                } else {
                    self.get(principal, id, None).await
                };
            }
            let next_ms = Times::of(&record.plan)?.next(now_ms).ok_or(ScheduleError::NoTimeLeft)?;
            let seen = (id, record.version);
            let resume =
                move |tx: &mut wasup_store::WriteTx<'_>| schedule::resume(tx, seen, next_ms, (now_ms, FILES_STAY_MS));
            let done = self.write(principal, resume).await?;
            self.ctx.nudges.scheduler();
            match done {
                Wished::Done(_) => return self.get(principal, id, None).await,
                Wished::Over => return Err(ScheduleError::Over),
                Wished::Stale => {}
                Wished::Unknown => return Err(ScheduleError::NotFound),
            }
        }
        Err(ScheduleError::Busy)
    }

    /// Runs a schedule beside its times, which stay as they are. One that is paused or has ended runs, too.
    ///
    /// # Errors
    /// [`ScheduleError::AccountGone`] where nothing can be sent any more.
    pub async fn run_now(
        &self,
        principal: &Principal,
        id: ScheduleId,
        request: Option<Idempotency>,
    ) -> Result<RunSeen, ScheduleError> {
        let (rules, request) = (rules(&self.ctx), request.as_ref().map(|request| self.repeatable(request)));
        for _ in 0..TRIES {
            let record = self.record(principal, id).await?;
            if record.reason == Some(ScheduleReason::AccountGone) {
                return Err(ScheduleError::AccountGone);
            }
            let Some(make) = drawn(&self.ctx, id, &record, None).await? else { continue };
            let seen = (id, record.version, self.ctx.store.now_ms());
            let run =
                move |tx: &mut wasup_store::WriteTx<'_>| schedule::run_now(tx, seen, &make, request.as_ref(), &rules);
            match self.write(principal, run).await? {
                RanNow::Ran(no, run) => {
                    made(&self.ctx, &record, &run);
                    return Ok(RunSeen { no, run, replayed: false });
                }
                RanNow::Replayed(no) => {
                    let run = self.ctx.store.read_durable(|tx| schedule::run(tx, id, no)).await?;
                    let run = run.ok_or(ScheduleError::NotFound)?;
                    return Ok(RunSeen { no, run, replayed: true });
                }
                RanNow::KeyReused => return Err(ScheduleError::IdempotencyKeyReused),
                RanNow::OutboxFull => return Err(ScheduleError::OutboxFull { retry_after: FULL_RETRY_AFTER }),
                RanNow::NoAccount => return Err(ScheduleError::AccountGone),
                RanNow::Unknown => return Err(ScheduleError::NotFound),
                RanNow::Stale => {}
            }
        }
        Err(ScheduleError::Busy)
    }

    /// Deletes a schedule with its history. What it made stays.
    ///
    /// # Errors
    /// [`ScheduleError::NotFound`] for an unknown schedule.
    pub async fn delete(&self, principal: &Principal, id: ScheduleId) -> Result<(), ScheduleError> {
        self.record(principal, id).await?;
        let now_ms = self.ctx.store.now_ms();
        let deleted = self.write(principal, move |tx| schedule::delete(tx, id, now_ms)).await?;
        self.ctx.nudges.janitor();
        if deleted { Ok(()) } else { Err(ScheduleError::NotFound) }
    }
}

/// A schedule ran: whoever goes on with what it made is told, and it is counted.
pub(super) fn made(ctx: &Context, record: &ScheduleRecord, run: &ScheduleRun) {
    match run.outcome {
        RunOutcome::Message(_) => {
            ctx.meters.schedules.count(ScheduleOutcome::Message);
            if let ScheduleWhat::Message { load, .. } = &record.plan.what {
                ctx.meters.accepted.count(load.content.kind());
            }
            ctx.nudges.outbox(record.account);
        }
        RunOutcome::Job(_) => {
            ctx.meters.schedules.count(ScheduleOutcome::Job);
            ctx.nudges.jobs(record.account);
        }
        RunOutcome::Campaign(id) => {
            ctx.meters.schedules.count(ScheduleOutcome::Campaign);
            ctx.nudges.campaign(id);
        }
        RunOutcome::Missed { .. } | RunOutcome::Failed(_) => {
            ctx.meters.schedules.count(ScheduleOutcome::Failed);
        }
    }
    ctx.nudges.deliveries();
}
