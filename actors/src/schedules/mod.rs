//! The use cases around schedules: what happens at a time, or again and again.

mod change;
mod create;
mod error;
mod firing;
mod made;
mod missed;
mod times;

use std::sync::Arc;
use std::time::Duration;

use wasup_store::id::{AccountId, CampaignId, MediaId, Millis, ScheduleId};
use wasup_store::records::{
    AccountRecord, DelayRange, Load, MissedPolicy, Participant, ScheduleRecord, ScheduleRun, ScheduleState,
    ScheduleWhen,
};
use wasup_store::repo::account;
use wasup_store::repo::schedule::{self, Rules, SchedulesOf};
use wasup_store::repo::send::Idempotency as Repeatable;
use wasup_store::{Durability, ReadTx, StoreError, WriteTx};

pub use error::ScheduleError;
pub(crate) use firing::{Left, run_due};
pub use times::{BadTimes, Times, civil_ms, zone};

use crate::context::Context;
use crate::jobs::JobItem;
use crate::messages::Idempotency;
use crate::principal::{Principal, sees};

/// Times that are shown of what is to come, where nobody asks for another number.
const UPCOMING: usize = 5;
/// How long files stay after the time that they are meant for: the account may be offline then.
const FILES_STAY_MS: Millis = 7 * 86_400_000;
/// What a caller should wait when an outbox is full.
const FULL_RETRY_AFTER: Duration = Duration::from_secs(5);
/// How often something is tried again that somebody else was faster with.
const TRIES: usize = 8;

/// What a schedule is to do.
#[derive(Debug, Clone)]
pub enum Planned {
    /// Send a message.
    Message {
        /// Where it goes.
        chat: Participant,
        /// What is sent.
        load: Box<Load>,
    },
    /// Start a job.
    Job {
        /// What people call it.
        name: Option<String>,
        /// The wait between two items.
        delay: DelayRange,
        /// At least one.
        items: Vec<JobItem>,
    },
    /// Make a campaign as this one is then, and start it.
    Campaign(CampaignId),
}

/// A schedule as it is asked for.
#[derive(Debug, Clone)]
pub struct ScheduleSpec {
    /// What people call it.
    pub name: Option<String>,
    /// When it runs.
    pub when: ScheduleWhen,
    /// Not before this time.
    pub start_ms: Option<Millis>,
    /// Not after this time.
    pub end_ms: Option<Millis>,
    /// What becomes of times that passed without it.
    pub missed: MissedPolicy,
    /// What it does.
    pub what: Planned,
}

/// A schedule that is to be made.
#[derive(Debug, Clone)]
pub struct ScheduleCommand {
    /// The account that sends.
    pub account: AccountId,
    /// What is asked for.
    pub spec: ScheduleSpec,
    /// It is made, and its times pass without it until it is resumed.
    pub paused: bool,
    /// The request's key.
    pub idempotency: Option<Idempotency>,
}

/// A change of a schedule; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct ScheduleChange {
    /// What people call it.
    pub name: Option<Option<String>>,
    /// When it runs.
    pub when: Option<ScheduleWhen>,
    /// Not before this time.
    pub start_ms: Option<Option<Millis>>,
    /// Not after this time.
    pub end_ms: Option<Option<Millis>>,
    /// What becomes of times that passed without it.
    pub missed: Option<MissedPolicy>,
    /// What it does.
    pub what: Option<Planned>,
}

/// A schedule, its account and its next times.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleSeen {
    /// Its id.
    pub id: ScheduleId,
    /// The account's id; `None` where that is deleted.
    pub account: Option<AccountId>,
    /// The schedule.
    pub record: ScheduleRecord,
    /// Its next times.
    pub upcoming: Vec<Millis>,
    /// The answer is that to an earlier request.
    pub replayed: bool,
}

/// A run of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunSeen {
    /// Its number.
    pub no: u32,
    /// The run.
    pub run: ScheduleRun,
    /// The answer is that to an earlier request.
    pub replayed: bool,
}

/// The use cases around schedules. Clones are the same.
#[derive(Clone)]
pub struct Schedules {
    ctx: Arc<Context>,
}

impl std::fmt::Debug for Schedules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Schedules").finish_non_exhaustive()
    }
}

/// What is set for all of them.
pub(crate) fn rules(ctx: &Context) -> Rules {
    let settings = ctx.settings.schedules;
    Rules {
        outbox_max: ctx.settings.send.outbox_max,
        history: settings.history,
        keep_ms: u64::try_from(settings.keep.as_millis()).unwrap_or(u64::MAX),
        files_ms: FILES_STAY_MS,
    }
}

impl Schedules {
    pub(crate) fn new(ctx: Arc<Context>) -> Self {
        Self { ctx }
    }

    async fn owner(&self, principal: &Principal, id: &AccountId) -> Result<AccountRecord, ScheduleError> {
        let owner = self.ctx.store.read(|tx| account::get(tx, id)).await?;
        owner.filter(|record| sees(principal, record)).ok_or(ScheduleError::AccountNotFound)
    }

    async fn write<T: Send + 'static>(
        &self,
        principal: &Principal,
        job: impl Fn(&mut WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, ScheduleError> {
        Ok(self.ctx.store.write_by(principal, Durability::Durable, job).await?)
    }

    fn repeatable(&self, request: &Idempotency) -> Repeatable {
        let ttl = self.ctx.settings.send.idempotency_ttl;
        let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        Repeatable::new(&request.key, request.body_sha256, self.ctx.store.now_ms().saturating_add(ttl_ms))
    }

    async fn record(&self, principal: &Principal, id: ScheduleId) -> Result<ScheduleRecord, ScheduleError> {
        let found = self.ctx.store.read_durable(|tx| schedule::get(tx, id)).await?;
        found.filter(|record| record.tenant == principal.tenant).ok_or(ScheduleError::NotFound)
    }

    /// A schedule with so many of its next times, five where nobody says how many.
    ///
    /// # Errors
    /// [`ScheduleError::NotFound`] for an unknown schedule, or one of another tenant.
    pub async fn get(
        &self,
        principal: &Principal,
        id: ScheduleId,
        upcoming: Option<usize>,
    ) -> Result<ScheduleSeen, ScheduleError> {
        let record = self.record(principal, id).await?;
        let account = self.ctx.store.read(|tx| name_of(tx, &record)).await?;
        let upcoming = upcoming_of(&record, upcoming.unwrap_or(UPCOMING));
        Ok(ScheduleSeen { id, account, record, upcoming, replayed: false })
    }

    /// At most `limit` schedules before one, the newest first: an account's, or everybody's.
    ///
    /// # Errors
    /// [`ScheduleError::AccountNotFound`] for an unknown account.
    pub async fn list(
        &self,
        principal: &Principal,
        of: Option<&AccountId>,
        before: Option<ScheduleId>,
        limit: usize,
    ) -> Result<Vec<ScheduleSeen>, ScheduleError> {
        let of = match of {
            Some(id) => SchedulesOf::Account(self.owner(principal, id).await?.no),
            None => SchedulesOf::Tenant(principal.tenant),
        };
        let page = |tx: &ReadTx<'_>| {
            let page = schedule::page(tx, of, before, limit)?;
            let seen = |(id, record): (ScheduleId, ScheduleRecord)| {
                let (account, upcoming) = (name_of(tx, &record)?, record.next_ms.into_iter().collect());
                Ok(ScheduleSeen { id, account, record, upcoming, replayed: false })
            };
            page.into_iter().map(seen).collect::<Result<Vec<_>, StoreError>>()
        };
        Ok(self.ctx.store.read(page).await?)
    }

    /// At most `limit` runs of a schedule before one, the newest first.
    ///
    /// # Errors
    /// [`ScheduleError::NotFound`] for an unknown schedule.
    pub async fn runs(
        &self,
        principal: &Principal,
        id: ScheduleId,
        before: Option<u32>,
        limit: usize,
    ) -> Result<Vec<RunSeen>, ScheduleError> {
        self.record(principal, id).await?;
        let runs = self.ctx.store.read(|tx| schedule::runs(tx, id, before, limit)).await?;
        Ok(runs.into_iter().map(|(no, run)| RunSeen { no, run, replayed: false }).collect())
    }
}

/// The next times of one that is active: the one that is due or awaited first, then those after it.
fn upcoming_of(record: &ScheduleRecord, count: usize) -> Vec<Millis> {
    let Some(next_ms) = record.next_ms.filter(|_| record.state == ScheduleState::Active) else { return Vec::new() };
    let Ok(times) = Times::of(&record.plan) else { return vec![next_ms] };
    let mut found = vec![next_ms];
    found.extend(times.upcoming(next_ms, count.saturating_sub(1)));
    found.truncate(count);
    found
}

fn name_of(tx: &ReadTx<'_>, record: &ScheduleRecord) -> Result<Option<AccountId>, StoreError> {
    Ok(account::by_no(tx, record.account)?.map(|owner| owner.id))
}

/// The file that a message carries.
fn file_of(load: &Load) -> Option<MediaId> {
    load.content.media().and_then(|media| media.file)
}
