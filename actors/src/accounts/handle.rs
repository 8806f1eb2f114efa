//! The use cases around accounts.

use std::sync::Arc;
use std::time::Duration;

use ractor::RpcReplyPort;
use ractor::rpc::CallResult;
use tokio::sync::Semaphore;
use wasup_store::Durability;
use wasup_store::id::{AccountId, AccountNo};
use wasup_store::records::{AccountRecord, AccountState, Desired, Phase};
use wasup_store::repo::{account, revival};

use super::answers::BUSY;
use super::supervisor::{Ask, AskPermit};
use super::{AccountError, NewAccount, PhaseCounts, SupervisorMsg};
use crate::account::{Close, Transition};
use crate::context::Context;
use crate::endpoints::{Draw, put_new};
use crate::meters::{InUse, Refusal};
use crate::principal::{Principal, cause, sees};
use crate::supervision::StopReason;

/// Requests that may wait for the supervisor at once; a further one is refused.
pub const ASKS_MAX: usize = 256;
/// How long a start may take to be taken up.
const START_PATIENCE: Duration = Duration::from_secs(10);
/// How much longer than the stop itself its answer may take.
const STOP_MARGIN: Duration = Duration::from_secs(2);
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

    /// Makes an account run. One in quarantine has to be released instead, and stays where it is.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn start(&self, principal: &Principal, id: &AccountId) -> Result<AccountRecord, AccountError> {
        let no = self.desire(principal, id, Desired::Running).await?;
        self.told(principal, id, "an account is to run");
        self.ask_start(principal, no).await?;
        self.get(principal, id).await
    }

    /// Stops an account and keeps its link. Answers when it is stopped, or when that takes too long, with the state
    /// it is in.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn stop(&self, principal: &Principal, id: &AccountId) -> Result<AccountRecord, AccountError> {
        let no = self.desire(principal, id, Desired::Stopped).await?;
        self.told(principal, id, "an account is to stop");
        self.ask_stop(no, Close { request_id: cause(principal), ..Close::because(StopReason::Requested) }).await?;
        self.get(principal, id).await
    }

    /// Lets an account leave quarantine with a clean history, and starts it where it is wanted to run. Of one that was
    /// restored from a backup it lets the outbox go on.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn release(&self, principal: &Principal, id: &AccountId) -> Result<AccountRecord, AccountError> {
        let mut record = self.get(principal, id).await?;
        if record.outbox_paused {
            record = self.release_outbox(principal, id).await?;
        }
        if record.state.phase != Phase::Quarantined {
            return Ok(record);
        }
        let (released, now_ms, request_id) = (id.clone(), self.ctx.store.now_ms(), cause(principal));
        let no = record.no;
        let write = move |tx: &mut wasup_store::WriteTx<'_>| account::release(tx, &released, now_ms);
        if self.ctx.store.write_by(principal, Durability::Durable, write).await? {
            let released = AccountState::default();
            Transition { request_id: request_id.as_ref(), ..Transition::of(&record, &released) }.log();
        }
        self.ctx.nudges.deliveries();
        self.ask(START_PATIENCE, |done| Ask::Release { no, request_id, done }).await?;
        self.get(principal, id).await
    }

    async fn release_outbox(&self, principal: &Principal, id: &AccountId) -> Result<AccountRecord, AccountError> {
        self.told(principal, id, "a restored account's outbox is released");
        let (of, now_ms) = (id.clone(), self.ctx.store.now_ms());
        let write = move |tx: &mut wasup_store::WriteTx<'_>| revival::release_outbox(tx, &of, now_ms);
        let record = self.ctx.store.write_by(principal, Durability::Durable, write).await?;
        let record = record.ok_or(AccountError::NotFound)?;
        self.ctx.nudges.outbox(record.no);
        self.ctx.nudges.deliveries();
        Ok(record)
    }

    /// Deletes an account. A running one is stopped and its device removed at the network, as far as that works.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn delete(&self, principal: &Principal, id: &AccountId) -> Result<(), AccountError> {
        let no = self.desire(principal, id, Desired::Stopped).await?;
        self.told(principal, id, "an account is to be deleted");
        let close = Close { reason: StopReason::Deleted, log_out: true, request_id: cause(principal) };
        self.ask_stop(no, close.clone()).await?;
        let (gone, now_ms) = (id.clone(), self.ctx.store.now_ms());
        let delete = move |tx: &mut wasup_store::WriteTx<'_>| account::delete(tx, &gone, now_ms);
        let deleted = self.ctx.store.write_by(principal, Durability::Durable, delete).await?;
        // Somebody may have started it in between.
        self.ask_stop(no, close).await?;
        self.ctx.nudges.doors.forget(no);
        self.ctx.meters.per_account.forget(no);
        self.ctx.nudges.janitor();
        if deleted { Ok(()) } else { Err(AccountError::NotFound) }
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

    pub(super) fn told(&self, principal: &Principal, id: &AccountId, what: &'static str) {
        tracing::info!(account.id = %id, who = principal.who.as_str(), request_id = principal.request_id, "{what}");
    }

    async fn desire(&self, principal: &Principal, id: &AccountId, desired: Desired) -> Result<AccountNo, AccountError> {
        self.get(principal, id).await?;
        let (id, now_ms) = (id.clone(), self.ctx.store.now_ms());
        let write = move |tx: &mut wasup_store::WriteTx<'_>| account::set_desired(tx, &id, desired, now_ms);
        let written = self.ctx.store.write_by(principal, Durability::Durable, write).await;
        let record: Option<AccountRecord> = written.map_err(AccountError::Store)?;
        record.map(|record| record.no).ok_or(AccountError::NotFound)
    }

    pub(super) async fn ask_start(&self, principal: &Principal, no: AccountNo) -> Result<(), AccountError> {
        self.ask(START_PATIENCE, |done| Ask::Start { no, request_id: cause(principal), done }).await
    }

    pub(super) async fn ask_stop(&self, no: AccountNo, close: Close) -> Result<(), AccountError> {
        let patience = self.ctx.settings.supervision.stop_timeout + STOP_MARGIN;
        self.ask(patience, |done| Ask::Stop { no, close, done }).await
    }

    fn admit(&self) -> Result<AskPermit, AccountError> {
        let meters = &self.ctx.meters;
        let Ok(permit) = Arc::clone(&self.gate).try_acquire_owned() else {
            meters.refusals.count(Refusal::Supervisor);
            return Err(BUSY);
        };
        Ok(AskPermit { _permit: permit, _in_use: InUse::of(&meters.asks) })
    }

    /// Asks the supervisor. What it does not answer in time it still does: the wish stands in the store.
    async fn ask(&self, patience: Duration, ask: impl FnOnce(RpcReplyPort<()>) -> Ask) -> Result<(), AccountError> {
        let permit = self.admit()?;
        let supervisor = self.ctx.nudges.doors.supervisor.inside().ok_or(BUSY)?;
        match supervisor.call(|done| SupervisorMsg::Ask(ask(done), permit), Some(patience)).await {
            Ok(CallResult::Success(()) | CallResult::Timeout) => Ok(()),
            Ok(CallResult::SenderError) | Err(_) => Err(BUSY),
        }
    }
}
