//! The use cases around jobs: many messages of one account, sent one after the other.

mod line;
mod step;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use wasup_store::id::{AccountId, AccountNo, JobId};
use wasup_store::records::{
    AccountRecord, DelayRange, ItemState, ItemTrouble, JobRecord, Load, Participant, RunId, RunItem, RunTally,
    StateTimes,
};
use wasup_store::repo::job::{self, Accepted, JobsOf, NewJob, Wished};
use wasup_store::repo::send::Idempotency as Repeatable;
use wasup_store::repo::{account, run};
use wasup_store::{Durability, ReadTx, StoreError, WriteTx};

pub use wasup_store::repo::job::Wish as JobWish;

pub(crate) use line::{Line, LineMsg};

use crate::context::Context;
use crate::messages::Idempotency;
use crate::principal::{Principal, sees};

/// The longest time between two looks at a job that is waited for.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// An item as it is asked for.
#[derive(Debug, Clone)]
pub enum JobItem {
    /// A message.
    Message {
        /// Where it goes.
        chat: Participant,
        /// What is sent.
        load: Box<Load>,
    },
    /// Something that can't be made into a message, and why, in words for people.
    Bad(String),
}

/// A job as it is asked for.
#[derive(Debug, Clone)]
pub struct JobCommand {
    /// The account that sends.
    pub account: AccountId,
    /// What people call it.
    pub name: Option<String>,
    /// The wait between two items.
    pub delay: DelayRange,
    /// At least one.
    pub items: Vec<JobItem>,
    /// The request's key.
    pub idempotency: Option<Idempotency>,
}

/// A job, its account and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSeen {
    /// Its id.
    pub id: JobId,
    /// The account's id; `None` where that is deleted.
    pub account: Option<AccountId>,
    /// The job.
    pub record: JobRecord,
    /// How far it is.
    pub tally: RunTally,
    /// The answer is that to an earlier request.
    pub replayed: bool,
}

/// Why something about jobs can't be done.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// There is no such account.
    #[error("no such account")]
    AccountNotFound,
    /// There is no such job.
    #[error("no such job")]
    NotFound,
    /// The job is over.
    #[error("the job is over")]
    Over,
    /// The job is not over.
    #[error("the job is not over")]
    NotOver,
    /// The key was used with another body.
    #[error("the idempotency key was used with another request")]
    IdempotencyKeyReused,
    /// The disk is nearly full.
    #[error("free space is below the floor")]
    SpaceLow,
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for JobError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::SpaceLow { .. } => Self::SpaceLow,
            other => Self::Store(other),
        }
    }
}

/// The use cases around jobs. Clones are the same.
#[derive(Clone)]
pub struct Jobs {
    ctx: Arc<Context>,
}

impl std::fmt::Debug for Jobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jobs").finish_non_exhaustive()
    }
}

impl Jobs {
    pub(crate) fn new(ctx: Arc<Context>) -> Self {
        Self { ctx }
    }

    async fn owner(&self, principal: &Principal, id: &AccountId) -> Result<AccountRecord, JobError> {
        let owner = self.ctx.store.read(|tx| account::get(tx, id)).await?;
        owner.filter(|record| sees(principal, record)).ok_or(JobError::AccountNotFound)
    }

    fn repeatable(&self, request: &Idempotency) -> Repeatable {
        let ttl = self.ctx.settings.send.idempotency_ttl;
        let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        Repeatable::new(&request.key, request.body_sha256, self.ctx.store.now_ms().saturating_add(ttl_ms))
    }

    /// The first answer to a request, where it is a repeat; `None` for a new one. For whoever would do much before it is
    /// accepted: that looks again.
    ///
    /// # Errors
    /// [`JobError::IdempotencyKeyReused`] where the key was used with another body.
    pub async fn replayed(
        &self,
        principal: &Principal,
        id: &AccountId,
        request: &Idempotency,
    ) -> Result<Option<JobSeen>, JobError> {
        let (no, request) = (self.owner(principal, id).await?.no, self.repeatable(request));
        let now_ms = self.ctx.store.now_ms();
        let known = self.ctx.store.read_durable(|tx| job::replayed(tx, no, &request, now_ms)).await?;
        match known {
            Some(Accepted::Replayed(job)) => self.first(principal, job).await.map(Some),
            Some(Accepted::KeyReused) => Err(JobError::IdempotencyKeyReused),
            _ => Ok(None),
        }
    }

    async fn first(&self, principal: &Principal, id: JobId) -> Result<JobSeen, JobError> {
        Ok(JobSeen { replayed: true, ..self.get(principal, id).await? })
    }

    /// Accepts a job: it is on disk when this answers, and each of its items ends in one outcome.
    ///
    /// # Errors
    /// [`JobError`]; nothing is kept of a refused one.
    pub async fn accept(&self, principal: &Principal, command: JobCommand) -> Result<JobSeen, JobError> {
        if self.ctx.settings.send.free_space_floor.admit().is_err() {
            return Err(JobError::SpaceLow);
        }
        let owner = self.owner(principal, &command.account).await?;
        let (now_ms, request) = (self.ctx.store.now_ms(), command.idempotency.as_ref().map(|key| self.repeatable(key)));
        let newest = self.ctx.store.read(|tx| job::page(tx, JobsOf::Account(owner.no), None, 1)).await?;
        let id = later_id(newest.first().map(|(id, _)| *id), JobId::new(now_ms, rand::random()));
        let new = NewJob { id, no: owner.no, name: command.name, delay: command.delay, now_ms };
        self.write(principal, move |tx| job::begin(tx, &new)).await?.ok_or(JobError::AccountNotFound)?;
        let items: Vec<RunItem> = command.items.into_iter().map(item).collect();
        for some in items.chunks(job::ITEMS_AT_ONCE) {
            let some = some.to_vec();
            self.write(principal, move |tx| job::add(tx, id, &some)).await?;
        }
        let accepted = self.write(principal, move |tx| job::ready(tx, id, request.as_ref(), now_ms)).await?;
        self.ctx.nudges.janitor();
        match accepted {
            Accepted::InLine(_) => {
                self.ctx.nudges.jobs(owner.no);
                self.get(principal, id).await
            }
            Accepted::Replayed(first) => self.first(principal, first).await,
            Accepted::KeyReused => Err(JobError::IdempotencyKeyReused),
            Accepted::NoAccount => Err(JobError::AccountNotFound),
        }
    }

    async fn write<T: Send + 'static>(
        &self,
        principal: &Principal,
        job: impl Fn(&mut WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, JobError> {
        Ok(self.ctx.store.write_by(principal, Durability::Durable, job).await?)
    }

    /// A job.
    ///
    /// # Errors
    /// [`JobError::NotFound`] for an unknown job, or one of another tenant.
    pub async fn get(&self, principal: &Principal, id: JobId) -> Result<JobSeen, JobError> {
        let found = self.ctx.store.read_durable(|tx| seen(tx, id)).await?;
        found.filter(|seen| seen.record.tenant == principal.tenant).ok_or(JobError::NotFound)
    }

    /// At most `limit` jobs before one, the newest first: an account's, or everybody's.
    ///
    /// # Errors
    /// [`JobError::AccountNotFound`] for an unknown account.
    pub async fn list(
        &self,
        principal: &Principal,
        of: Option<&AccountId>,
        before: Option<JobId>,
        limit: usize,
    ) -> Result<Vec<JobSeen>, JobError> {
        let of = match of {
            Some(id) => JobsOf::Account(self.owner(principal, id).await?.no),
            None => JobsOf::Tenant(principal.tenant),
        };
        let page = |tx: &ReadTx<'_>| {
            let page = job::page(tx, of, before, limit)?;
            page.into_iter().map(|(id, record)| whole(tx, id, record)).collect::<Result<Vec<_>, StoreError>>()
        };
        Ok(self.ctx.store.read(page).await?)
    }

    /// At most `limit` items of a job from a place on, all of them or those in a state.
    ///
    /// # Errors
    /// [`JobError::NotFound`] for an unknown job.
    pub async fn items(
        &self,
        principal: &Principal,
        id: JobId,
        state: Option<ItemState>,
        (from, limit): (u32, usize),
    ) -> Result<Vec<(u32, RunItem)>, JobError> {
        self.get(principal, id).await?;
        Ok(self.ctx.store.read(|tx| run::page(tx, RunId::Job(id), state, from, limit)).await?)
    }

    /// Pauses, resumes or cancels a job.
    ///
    /// # Errors
    /// [`JobError::Over`] where nothing more can be done to it.
    pub async fn wish(&self, principal: &Principal, id: JobId, wish: JobWish) -> Result<JobSeen, JobError> {
        let no = self.get(principal, id).await?.record.account;
        let now_ms = self.ctx.store.now_ms();
        let wished = self.write(principal, move |tx| job::wish(tx, id, wish, now_ms)).await?;
        self.ctx.nudges.jobs(no);
        self.ctx.nudges.deliveries();
        match wished {
            Wished::Done(_) => self.get(principal, id).await,
            Wished::Over(_) => Err(JobError::Over),
            Wished::Unknown => Err(JobError::NotFound),
        }
    }

    /// Forgets a job that is over. Its messages stay.
    ///
    /// # Errors
    /// [`JobError::NotOver`] for one that is not.
    pub async fn delete(&self, principal: &Principal, id: JobId) -> Result<(), JobError> {
        self.get(principal, id).await?;
        let now_ms = self.ctx.store.now_ms();
        let deleted = self.write(principal, move |tx| job::delete(tx, id, now_ms)).await?;
        self.ctx.nudges.janitor();
        if deleted { Ok(()) } else { Err(JobError::NotOver) }
    }

    /// Waits until a job is over, at most `patience`; answers with what is true then. The job goes on without whoever waits.
    ///
    /// # Errors
    /// [`JobError::NotFound`] for an unknown job.
    pub async fn wait_over(&self, principal: &Principal, id: JobId, patience: Duration) -> Result<JobSeen, JobError> {
        let deadline = Instant::now() + patience;
        let mut durable = self.ctx.store.durable_position();
        loop {
            durable.mark_unchanged();
            let seen = self.get(principal, id).await?;
            let left = deadline.saturating_duration_since(Instant::now());
            if seen.record.state.is_over() || left.is_zero() {
                return Ok(seen);
            }
            // Its end is an event, so whatever ends it moves the log.
            let _ = timeout(left.min(LOOK_AGAIN), durable.changed()).await;
        }
    }
}

/// An item as it is kept before its turn.
pub(crate) fn item(asked: JobItem) -> RunItem {
    let (chat, load, state, trouble) = match asked {
        JobItem::Message { chat, load } => (Some(chat), Some(load), ItemState::Pending, None),
        JobItem::Bad(why) => (None, None, ItemState::Failed, Some(ItemTrouble::Bad(why))),
    };
    RunItem { chat, load, state, message: None, times: StateTimes::default(), trouble, sender: None, replied_ms: None }
}

/// The id of a job that comes after the newest of its account: ids are the order of the line, also within one millisecond.
fn later_id(newest: Option<JobId>, drawn: JobId) -> JobId {
    match newest {
        Some(newest) if newest >= drawn => match newest.rand.checked_add(1) {
            Some(rand) => JobId { rand, ..newest },
            None => JobId::new(newest.ts_ms.saturating_add(1), drawn.rand),
        },
        _ => drawn,
    }
}

fn seen(tx: &ReadTx<'_>, id: JobId) -> Result<Option<JobSeen>, StoreError> {
    job::find(tx, id)?.map(|record| whole(tx, id, record)).transpose()
}

fn whole(tx: &ReadTx<'_>, id: JobId, record: JobRecord) -> Result<JobSeen, StoreError> {
    let (account, tally) = (name_of(tx, record.account)?, run::tally(tx, RunId::Job(id))?);
    Ok(JobSeen { id, account, record, tally, replayed: false })
}

fn name_of(tx: &ReadTx<'_>, no: AccountNo) -> Result<Option<AccountId>, StoreError> {
    Ok(account::by_no(tx, no)?.map(|record| record.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_job_has_a_later_id() {
        let id = JobId::new;
        for (newest, drawn, expected) in [
            (None, id(5, 1), id(5, 1)),
            (Some(id(4, 9)), id(5, 1), id(5, 1)),
            (Some(id(5, 9)), id(5, 1), id(5, 10)),
            (Some(id(5, 1)), id(5, 9), id(5, 9)),
            (Some(id(9, 3)), id(5, 9), id(9, 4)),
            (Some(id(5, u64::MAX)), id(5, 9), id(6, 9)),
        ] {
            assert_eq!(later_id(newest, drawn), expected, "{newest:?} {drawn:?}");
        }
    }
}
