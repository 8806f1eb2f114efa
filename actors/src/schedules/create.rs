//! How a schedule is made.

use wasup_store::id::{AccountId, ScheduleId};
use wasup_store::records::SchedulePlan;
use wasup_store::repo::schedule::{self, Created, NewSchedule};

use super::made::Written;
use super::{FILES_STAY_MS, ScheduleCommand, ScheduleError, ScheduleSeen, Schedules, Times};
use crate::messages::Idempotency;
use crate::principal::Principal;

impl Schedules {
    /// The first answer to a request, where it is a repeat; `None` for a new one. For whoever would do much before it is
    /// accepted: that looks again.
    ///
    /// # Errors
    /// [`ScheduleError::IdempotencyKeyReused`] where the key was used with another body.
    pub async fn replayed(
        &self,
        principal: &Principal,
        id: &AccountId,
        request: &Idempotency,
    ) -> Result<Option<ScheduleSeen>, ScheduleError> {
        let (no, request) = (self.owner(principal, id).await?.no, self.repeatable(request));
        let now_ms = self.ctx.store.now_ms();
        let known = self.ctx.store.read_durable(|tx| schedule::replayed(tx, no, &request, now_ms)).await?;
        match known {
            Some(Created::Replayed(first, 0)) => self.first(principal, first).await.map(Some),
            Some(_) => Err(ScheduleError::IdempotencyKeyReused),
            None => Ok(None),
        }
    }

    async fn first(&self, principal: &Principal, id: ScheduleId) -> Result<ScheduleSeen, ScheduleError> {
        Ok(ScheduleSeen { replayed: true, ..self.get(principal, id, None).await? })
    }

    /// Makes a schedule: it is on disk when this answers, and each of its times has one outcome.
    ///
    /// # Errors
    /// [`ScheduleError`]; nothing is kept of a refused one.
    pub async fn create(&self, principal: &Principal, command: ScheduleCommand) -> Result<ScheduleSeen, ScheduleError> {
        if self.ctx.settings.send.free_space_floor.admit().is_err() {
            return Err(ScheduleError::SpaceLow);
        }
        let owner = self.owner(principal, &command.account).await?;
        let (now_ms, spec) = (self.ctx.store.now_ms(), command.spec);
        let id = ScheduleId::new(now_ms, rand::random());
        let request = command.idempotency.as_ref().map(|key| self.repeatable(key));
        Times::read(&spec.when, spec.start_ms, spec.end_ms)?.next(now_ms).ok_or(ScheduleError::NoTimeLeft)?;
        let Written { what, files, prepared_ms } = self.written(principal, id, spec.what).await?;
        let plan = SchedulePlan {
            name: spec.name,
            when: spec.when,
            start_ms: spec.start_ms,
            end_ms: spec.end_ms,
            missed: spec.missed,
            what,
            files,
        };
        // Written items took their time: from now on nothing is late by that.
        let now_ms = self.ctx.store.now_ms();
        let first_ms = Times::of(&plan)?.next(now_ms).ok_or(ScheduleError::NoTimeLeft)?;
        let new = NewSchedule {
            id,
            no: owner.no,
            plan,
            next_ms: (!command.paused).then_some(first_ms),
            prepared_ms,
            files_ms: first_ms.saturating_add(FILES_STAY_MS),
            idempotency: request,
            now_ms,
        };
        let created = self.write(principal, move |tx| schedule::create(tx, &new)).await?;
        self.ctx.nudges.scheduler();
        match created {
            Created::Done(_) => self.get(principal, id, None).await,
            Created::Replayed(first, 0) => self.first(principal, first).await,
            Created::Replayed(..) | Created::KeyReused => Err(ScheduleError::IdempotencyKeyReused),
            Created::NoAccount => Err(ScheduleError::AccountNotFound),
        }
    }
}
