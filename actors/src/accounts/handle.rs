//! The use cases around accounts.

use std::sync::Arc;

use tokio::sync::Semaphore;
use wasup_store::Durability;
use wasup_store::id::AccountId;
use wasup_store::records::{AccountRecord, Desired};
use wasup_store::repo::account;

use super::answers::BUSY;
use super::supervisor::AskPermit;
use super::{AccountError, NewAccount, PhaseCounts};
use crate::context::Context;
use crate::endpoints::{Draw, put_new};
use crate::meters::{InUse, Refusal};
use crate::principal::{Principal, sees};

/// Requests that may wait for the supervisor at once; a further one is refused.
pub const ASKS_MAX: usize = 256;
/// Accounts read at a time.
const PAGE: usize = 256;

/// The use cases around accounts. Clones are the same.
#[derive(Clone)]
pub struct Accounts {
    pub(super) ctx: Arc<Context>,
    gate: Arc<Semaphore>,
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accounts").finish_non_exhaustive()
    }
}

impl Accounts {
    pub(crate) fn new(ctx: Arc<Context>) -> Self {
        Self { ctx, gate: Arc::new(Semaphore::new(ASKS_MAX)) }
    }

    /// Creates an account, and starts it where that is asked for.
    ///
    /// # Errors
    /// [`AccountError::Exists`] for an id that is taken.
    pub async fn create(&self, principal: &Principal, new: NewAccount) -> Result<AccountRecord, AccountError> {
        let (row, default_webhook) = new.row(principal, self.ctx.store.now_ms());
        let webhook = self.ctx.settings.webhooks.for_new_accounts.clone().filter(|_| default_webhook);
        let draw = Draw::new(row.now_ms);
        let write = move |tx: &mut wasup_store::WriteTx<'_>| {
            let created = account::create(tx, &row)?;
            if let Some(webhook) = &webhook {
                put_new(tx, (created.no, created.tenant), webhook, &draw)?;
            }
            Ok::<_, account::CreateError>(created)
        };
        let created = self.ctx.store.write_by(principal, Durability::Durable, write).await?;
        self.told(principal, &created.id, "an account was created");
        if created.desired == Desired::Running {
            self.ask_start(principal, created.no).await?;
        }
        self.get(principal, &created.id).await
    }

    /// The account with this id.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] for an unknown one.
    pub async fn get(&self, principal: &Principal, id: &AccountId) -> Result<AccountRecord, AccountError> {
        let found = self.ctx.store.read(|tx| account::get(tx, id)).await?;
        found.filter(|record| sees(principal, record)).ok_or(AccountError::NotFound)
    }

    /// At most `limit` accounts after one, in the order of their ids.
    ///
    /// # Errors
    /// [`AccountError::Store`] when the store can't be read.
    pub async fn list(
        &self,
        principal: &Principal,
        after: Option<&AccountId>,
        limit: usize,
    ) -> Result<Vec<AccountRecord>, AccountError> {
        let page = self.ctx.store.read(|tx| account::list(tx, after, limit)).await?;
        Ok(page.into_iter().filter(|record| sees(principal, record)).collect())
    }

    /// How many accounts are in each phase; those that can't be read are left out, with a line in the log.
    pub async fn counts(&self) -> PhaseCounts {
        let mut counts = PhaseCounts::default();
        let mut after: Option<AccountId> = None;
        loop {
            let page = match self.ctx.store.read(|tx| account::list(tx, after.as_ref(), PAGE)).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::error!(%error, "the accounts can't be counted");
                    return counts;
                }
            };
            page.iter().for_each(|record| counts.count(record.state.phase));
            if page.len() < PAGE {
                return counts;
            }
            after = page.last().map(|record| record.id.clone());
        }
    }

    /// Breaks an account's actor.
    #[cfg(any(test, feature = "fault-injection"))]
    #[doc(hidden)]
    pub async fn crash_for_test(&self, id: &AccountId) -> Result<(), AccountError> {
        self.strike_for_test(id, super::Fault::Panic).await
    }

    /// Breaks an account's actor in a way of one's choice.
    #[cfg(any(test, feature = "fault-injection"))]
    #[doc(hidden)]
    pub async fn strike_for_test(&self, id: &AccountId, fault: super::Fault) -> Result<(), AccountError> {
        let record = self.ctx.store.read(|tx| account::get(tx, id)).await?.ok_or(AccountError::NotFound)?;
        let actor = self.ctx.nudges.doors.known(record.no).and_then(|door| door.door.inside()).ok_or(BUSY)?;
        actor.cast(crate::account::AccountMsg::Fault(fault)).map_err(|_| BUSY)
    }

    /// Requests that wait for the supervisor.
    pub(crate) fn asks_in_use(&self) -> usize {
        ASKS_MAX.saturating_sub(self.gate.available_permits())
    }

    pub(crate) fn admit(&self) -> Result<AskPermit, AccountError> {
        let meters = &self.ctx.meters;
        let Ok(permit) = Arc::clone(&self.gate).try_acquire_owned() else {
            meters.refusals.count(Refusal::Supervisor);
            return Err(BUSY);
        };
        Ok(AskPermit { _permit: permit, _in_use: InUse::of(&meters.asks) })
    }
}
