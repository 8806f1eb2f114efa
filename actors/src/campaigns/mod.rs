//! The use cases around campaigns, and what runs them: an actor each, under the supervisor over bulk sending.

mod actor;
mod compose;
mod looks;
mod quiet;
mod sight;
mod step;
mod supervisor;
mod wishes;
mod zones;

use std::sync::Arc;

use wasup_store::id::{AccountId, AccountNo, CampaignId};
use wasup_store::records::{CampaignPlan, CampaignRecord, CampaignState, CampaignTo, RunTally};
use wasup_store::repo::campaign::{self, Created, NewCampaign};
use wasup_store::repo::send::Idempotency as Repeatable;
use wasup_store::repo::{account, lists};
use wasup_store::{Durability, ReadTx, StoreError, WriteTx};

pub use looks::{CampaignStats, CampaignsOverview, RecipientSeen, RecipientsOf, SenderSeen};
pub use step::SenderNow;
pub(crate) use supervisor::{Bulk, CampaignsMsg, CampaignsSupervisor};
pub use wishes::CampaignWish;
pub(crate) use wishes::start_due;

use crate::context::Context;
use crate::messages::Idempotency;
use crate::principal::Principal;

/// Most accounts of a campaign.
pub const SENDERS_MAX: usize = 100;
/// Most lists of a campaign.
pub const CAMPAIGN_LISTS_MAX: usize = 20;

/// A campaign as it is asked for.
#[derive(Debug, Clone)]
pub struct CampaignCommand {
    /// What people call it.
    pub name: String,
    /// What is to be done, but for who does it.
    pub plan: CampaignPlan,
    /// The accounts that send.
    pub senders: Vec<AccountId>,
    /// When it starts by itself, where it does.
    pub start: Option<CampaignWish>,
    /// The request's key.
    pub idempotency: Option<Idempotency>,
}

/// A campaign as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct CampaignSeen {
    /// Its id.
    pub id: CampaignId,
    /// Its accounts by name; `None` for one that is gone.
    pub senders: Vec<Option<AccountId>>,
    /// Its record.
    pub record: CampaignRecord,
    /// What became of its recipients so far.
    pub tally: RunTally,
    /// The request had been accepted before; this is what it made.
    pub replayed: bool,
}

/// Why something about campaigns can't be done.
#[derive(Debug, thiserror::Error)]
pub enum CampaignError {
    /// There is no such campaign.
    #[error("no such campaign")]
    NotFound,
    /// One of its accounts is not there.
    #[error("no such account")]
    AccountNotFound,
    /// One of its lists is not there.
    #[error("no such list")]
    ListNotFound,
    /// The earlier campaign is not there.
    #[error("no such earlier campaign")]
    EarlierNotFound,
    /// None of its accounts is there any more.
    #[error("none of its accounts is there")]
    NoSender,
    /// Where it stands that can't be done.
    #[error("the campaign is {}", .0.as_str())]
    Stands(CampaignState),
    /// The idempotency key was used with another body.
    #[error("the idempotency key was used with another request")]
    IdempotencyKeyReused,
    /// The store failed, or the disk is nearly full.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The use cases around campaigns. Clones are the same.
#[derive(Clone)]
pub struct Campaigns {
    ctx: Arc<Context>,
}

impl std::fmt::Debug for Campaigns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Campaigns").finish_non_exhaustive()
    }
}

impl Campaigns {
    pub(crate) const fn new(ctx: Arc<Context>) -> Self {
        Self { ctx }
    }

    async fn write<T: Send + 'static>(
        &self,
        principal: &Principal,
        job: impl Fn(&mut WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, CampaignError> {
        Ok(self.ctx.store.write_by(principal, Durability::Durable, job).await?)
    }

    fn repeatable(&self, request: &Idempotency) -> Repeatable {
        let ttl = self.ctx.settings.send.idempotency_ttl;
        let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        Repeatable::new(&request.key, request.body_sha256, self.ctx.store.now_ms().saturating_add(ttl_ms))
    }

    /// The numbers of accounts, which must all be there and the caller's.
    async fn senders(&self, principal: &Principal, ids: &[AccountId]) -> Result<Vec<AccountNo>, CampaignError> {
        let tenant = principal.tenant;
        let numbers = self.ctx.store.read(|tx| {
            let mut numbers = Vec::with_capacity(ids.len());
            for id in ids {
                let record = account::get(tx, id)?.filter(|record| record.tenant == tenant);
                numbers.push(record.map(|record| record.no));
            }
            Ok::<_, StoreError>(numbers)
        });
        let mut numbers =
            numbers.await?.into_iter().collect::<Option<Vec<_>>>().ok_or(CampaignError::AccountNotFound)?;
        // Somebody may be named twice.
        let mut met = std::collections::BTreeSet::new();
        numbers.retain(|no| met.insert(*no));
        Ok(numbers)
    }

    /// Refuses what recipients can't be read from.
    async fn is_there(&self, principal: &Principal, to: &CampaignTo) -> Result<(), CampaignError> {
        let tenant = principal.tenant;
        let missing = self.ctx.store.read(|tx| {
            Ok::<_, StoreError>(match to {
                CampaignTo::Lists { lists, .. } => {
                    let mut missing = None;
                    for list in lists {
                        if lists::get(tx, tenant, *list)?.is_none() {
                            missing = Some(CampaignError::ListNotFound);
                        }
                    }
                    missing
                }
                CampaignTo::Earlier { campaign, .. } => {
                    let there = campaign::get(tx, *campaign)?.is_some_and(|earlier| earlier.tenant == tenant);
                    (!there).then_some(CampaignError::EarlierNotFound)
                }
            })
        });
        missing.await?.map_or(Ok(()), Err)
    }

    /// The first answer to a request, where it is a repeat; `None` for a new one.
    ///
    /// # Errors
    /// [`CampaignError::IdempotencyKeyReused`] where the key was used with another body.
    pub async fn replayed(
        &self,
        principal: &Principal,
        request: &Idempotency,
    ) -> Result<Option<CampaignSeen>, CampaignError> {
        let (request, now_ms) = (self.repeatable(request), self.ctx.store.now_ms());
        let known = |tx: &ReadTx<'_>| campaign::replayed(tx, principal.tenant, &request, now_ms);
        match self.ctx.store.read_durable(known).await? {
            Some(Created::Replayed(id)) => self.first(principal, id).await.map(Some),
            Some(Created::KeyReused) => Err(CampaignError::IdempotencyKeyReused),
            _ => Ok(None),
        }
    }

    async fn first(&self, principal: &Principal, id: CampaignId) -> Result<CampaignSeen, CampaignError> {
        Ok(CampaignSeen { replayed: true, ..self.get(principal, id).await? })
    }

    /// Makes a campaign.
    ///
    /// # Errors
    /// [`CampaignError`]; nothing is kept of a refused one.
    pub async fn create(&self, principal: &Principal, command: CampaignCommand) -> Result<CampaignSeen, CampaignError> {
        self.ctx.settings.send.free_space_floor.admit()?;
        let senders = self.senders(principal, &command.senders).await?;
        self.is_there(principal, &command.plan.to).await?;
        let now_ms = self.ctx.store.now_ms();
        let new = NewCampaign {
            id: CampaignId::new(now_ms, rand::random()),
            tenant: principal.tenant,
            name: command.name,
            plan: CampaignPlan { senders, ..command.plan },
            start: command.start,
            seed: rand::random(),
            now_ms,
        };
        let (id, request) = (new.id, command.idempotency.as_ref().map(|key| self.repeatable(key)));
        match self.write(principal, move |tx| campaign::create(tx, &new, request.as_ref())).await? {
            Created::New(_) => {
                self.ctx.nudges.campaign(id);
                self.ctx.nudges.scheduler();
                self.ctx.nudges.deliveries();
                self.get(principal, id).await
            }
            Created::Replayed(first) => self.first(principal, first).await,
            Created::KeyReused => Err(CampaignError::IdempotencyKeyReused),
        }
    }

    /// Changes the name or the plan of a campaign that has not begun.
    ///
    /// # Errors
    /// [`CampaignError::Stands`] for one that has.
    pub async fn change(
        &self,
        principal: &Principal,
        id: CampaignId,
        name: Option<String>,
        (plan, senders): (CampaignPlan, Option<Vec<AccountId>>),
    ) -> Result<CampaignSeen, CampaignError> {
        let before = self.get(principal, id).await?;
        let senders = match senders {
            Some(senders) => self.senders(principal, &senders).await?,
            None => before.record.plan.senders.clone(),
        };
        self.is_there(principal, &plan.to).await?;
        let (plan, now_ms) = (CampaignPlan { senders, ..plan }, self.ctx.store.now_ms());
        let change = move |tx: &mut WriteTx<'_>| {
            let plan = plan.clone();
            campaign::change(tx, id, name.as_deref(), |_| plan, now_ms)
        };
        match self.write(principal, change).await? {
            Some(_) => self.get(principal, id).await,
            None => Err(CampaignError::Stands(self.get(principal, id).await?.record.state)),
        }
    }

    /// A new one that is to do what a campaign does.
    ///
    /// # Errors
    /// [`CampaignError`], as for any new one.
    pub async fn copy(
        &self,
        principal: &Principal,
        id: CampaignId,
        (name, start): (Option<String>, Option<CampaignWish>),
        to: Option<CampaignTo>,
    ) -> Result<CampaignSeen, CampaignError> {
        let of = self.get(principal, id).await?;
        let CampaignRecord { name: former, plan, .. } = of.record;
        let plan = CampaignPlan { to: to.unwrap_or_else(|| plan.to.clone()), ..plan };
        let senders = of.senders.into_iter().flatten().collect::<Vec<_>>();
        if senders.is_empty() {
            return Err(CampaignError::NoSender);
        }
        let name = name.unwrap_or(former);
        self.create(principal, CampaignCommand { name, plan, senders, start, idempotency: None }).await
    }

    /// Forgets a campaign that has not begun or is over. Its messages stay.
    ///
    /// # Errors
    /// [`CampaignError::Stands`] for one that is under way.
    pub async fn delete(&self, principal: &Principal, id: CampaignId) -> Result<(), CampaignError> {
        let stands = self.get(principal, id).await?.record.state;
        let now_ms = self.ctx.store.now_ms();
        let deleted = self.write(principal, move |tx| campaign::delete(tx, id, now_ms)).await?;
        self.ctx.nudges.janitor();
        if deleted { Ok(()) } else { Err(CampaignError::Stands(stands)) }
    }
}
