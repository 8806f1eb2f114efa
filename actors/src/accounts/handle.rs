//! The use cases around accounts.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ractor::RpcReplyPort;
use ractor::rpc::CallResult;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use wasup_sessions::ports::QrCode;
use wasup_store::id::{AccountId, AccountNo, Millis};
use wasup_store::records::{AccountRecord, AccountState, Desired, Phase, Reason};
use wasup_store::repo::account::{self, CreateError};
use wasup_store::{Durability, StoreError};

use super::SupervisorMsg;
use super::supervisor::Ask;
use crate::account::{Close, QrNeed, qr_need};
use crate::context::Context;
use crate::principal::Principal;
use crate::supervision::StopReason;

/// Requests that may wait for the supervisor at once; a further one is refused.
const ASKS_MAX: usize = 256;
/// What a refused caller should wait.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long a start may take to be taken up.
const START_PATIENCE: Duration = Duration::from_secs(10);
/// How much longer than the stop itself its answer may take.
const STOP_MARGIN: Duration = Duration::from_secs(2);
/// The longest time between two looks at the state while a QR code is waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// Accounts read at a time.
const PAGE: usize = 256;

/// What an account is created with.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// The user's own id.
    pub id: AccountId,
    /// A name for humans; also what the phone shows of it.
    pub name: Option<String>,
    /// Region for numbers in national form.
    pub default_region: Option<String>,
    /// Whether it starts with the process.
    pub autostart: bool,
    /// The user's own notes, a JSON object.
    pub metadata: Option<serde_json::Value>,
    /// Whether it starts at once.
    pub start: bool,
}

/// Why a use case around accounts was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// There is no such account.
    #[error("no such account")]
    NotFound,
    /// The id is taken.
    #[error("an account with this id exists")]
    Exists,
    /// Too much is being asked for at the moment, or the supervisor is being restarted.
    #[error("too busy at the moment")]
    Busy {
        /// When to ask again.
        retry_after: Duration,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CreateError> for AccountError {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::Exists => Self::Exists,
            CreateError::Store(error) => Self::Store(error),
        }
    }
}

const BUSY: AccountError = AccountError::Busy { retry_after: RETRY_AFTER };

/// The answer to somebody who wants a QR code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QrAnswer {
    /// A code that can be scanned.
    Code {
        /// The code.
        code: QrCode,
        /// Until when.
        expires_ms: Millis,
    },
    /// One is coming, but not within the wait.
    NotYet(AccountState),
    /// None is needed, or the account is not wanted to run.
    NotNeeded(AccountState),
}

/// How many accounts are in each phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PhaseCounts([u64; Phase::ALL.len()]);

impl PhaseCounts {
    fn count(&mut self, phase: Phase) {
        if let Some(place) = Phase::ALL.iter().position(|known| *known == phase) {
            self.0[place] += 1;
        }
    }

    /// Every phase with its number of accounts, zeroes too.
    pub fn iter(&self) -> impl Iterator<Item = (Phase, u64)> + '_ {
        Phase::ALL.into_iter().zip(self.0)
    }

    /// Accounts in a phase.
    #[must_use]
    pub fn of(&self, phase: Phase) -> u64 {
        self.iter().find(|(known, _)| *known == phase).map_or(0, |(_, count)| count)
    }

    /// All accounts.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// The use cases around accounts. Clones are the same.
#[derive(Clone)]
pub struct Accounts {
    ctx: Arc<Context>,
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
        let row = account::NewAccount {
            id: new.id,
            tenant: principal.tenant,
            name: new.name.unwrap_or_default(),
            desired: if new.start { Desired::Running } else { Desired::Stopped },
            default_region: new.default_region,
            autostart: new.autostart,
            metadata: new.metadata.map(|notes| notes.to_string()),
            now_ms: self.ctx.store.now_ms(),
        };
        let created = self.ctx.store.write(Durability::Durable, move |tx| account::create(tx, &row)).await?;
        self.told(principal, &created.id, "an account was created");
        if created.desired == Desired::Running {
            self.ask_start(created.no).await?;
        }
        self.get(principal, &created.id).await
    }

    /// The account with this id.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] for an unknown one.
    pub async fn get(&self, principal: &Principal, id: &AccountId) -> Result<AccountRecord, AccountError> {
        let found = self.ctx.store.read(|tx| account::get(tx, id)).await?;
        found.filter(|record| principal.sees(record)).ok_or(AccountError::NotFound)
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
        Ok(page.into_iter().filter(|record| principal.sees(record)).collect())
    }

    /// Makes an account run. One in quarantine has to be released instead, and stays where it is.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn start(&self, principal: &Principal, id: &AccountId) -> Result<AccountRecord, AccountError> {
        let no = self.desire(principal, id, Desired::Running).await?;
        self.told(principal, id, "an account is to run");
        self.ask_start(no).await?;
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
        self.ask_stop(no, Close { reason: StopReason::Requested, log_out: false }).await?;
        self.get(principal, id).await
    }

    /// Lets an account leave quarantine with a clean history, and starts it where it is wanted to run.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn release(&self, principal: &Principal, id: &AccountId) -> Result<AccountRecord, AccountError> {
        let record = self.get(principal, id).await?;
        if record.state.phase != Phase::Quarantined {
            return Ok(record);
        }
        self.told(principal, id, "an account is released from quarantine");
        let (no, now_ms) = (record.no, self.ctx.store.now_ms());
        let released = AccountState { phase: Phase::Stopped, reason: Reason::Requested, ..AccountState::default() };
        let write = move |tx: &mut wasup_store::WriteTx<'_>| account::set_state(tx, no, None, &released, now_ms);
        self.ctx.store.write(Durability::Durable, write).await?;
        self.ctx.nudges.deliveries();
        self.ask(START_PATIENCE, |done| Ask::Release { no, done }).await?;
        self.get(principal, id).await
    }

    /// Deletes an account. A running one is stopped and its device removed at the network, as far as that works.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn delete(&self, principal: &Principal, id: &AccountId) -> Result<(), AccountError> {
        let no = self.desire(principal, id, Desired::Stopped).await?;
        self.told(principal, id, "an account is to be deleted");
        let close = Close { reason: StopReason::Deleted, log_out: true };
        self.ask_stop(no, close).await?;
        let (gone, now_ms) = (id.clone(), self.ctx.store.now_ms());
        let deleted = self.ctx.store.write(Durability::Durable, move |tx| account::delete(tx, &gone, now_ms)).await?;
        // Somebody may have started it in between.
        self.ask_stop(no, close).await?;
        self.ctx.nudges.doors.forget(no);
        self.ctx.nudges.janitor();
        if deleted { Ok(()) } else { Err(AccountError::NotFound) }
    }

    /// A QR code to scan. Waits up to `wait` for one that is not `known`; at the end of the wait a known one that is
    /// still good is an answer too. Asking starts an account that stopped because nobody scanned its codes.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn qr(
        &self,
        principal: &Principal,
        id: &AccountId,
        wait: Duration,
        known: Option<&str>,
    ) -> Result<QrAnswer, AccountError> {
        let deadline = Instant::now() + wait;
        let mut started = false;
        loop {
            let record = self.get(principal, id).await?;
            let need = qr_need(&record);
            if need == QrNeed::No {
                return Ok(QrAnswer::NotNeeded(record.state));
            }
            let door = self.ctx.nudges.doors.account(record.no);
            let mut shown = door.qr.subscribe();
            door.qr_wanted.store(true, Ordering::SeqCst);
            if need == QrNeed::OnDemand && !std::mem::replace(&mut started, true) {
                self.ask_start(record.no).await?;
            }
            let now_ms = self.ctx.store.now_ms();
            let code = shown.borrow_and_update().clone().filter(|shown| shown.expires_ms > now_ms);
            let left = deadline.saturating_duration_since(Instant::now());
            match code {
                Some(shown) if left.is_zero() || known != Some(shown.code.0.as_str()) => {
                    return Ok(QrAnswer::Code { code: shown.code, expires_ms: shown.expires_ms });
                }
                None if left.is_zero() => return Ok(QrAnswer::NotYet(record.state)),
                _ => drop(timeout(left.min(LOOK_AGAIN), shown.changed()).await),
            }
        }
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

    fn told(&self, principal: &Principal, id: &AccountId, what: &'static str) {
        tracing::info!(account.id = %id, who = principal.who.as_str(), request_id = principal.request_id, "{what}");
    }

    async fn desire(&self, principal: &Principal, id: &AccountId, desired: Desired) -> Result<AccountNo, AccountError> {
        self.get(principal, id).await?;
        let id = id.clone();
        let written = self.ctx.store.write(Durability::Durable, move |tx| account::set_desired(tx, &id, desired)).await;
        let record: Option<AccountRecord> = written.map_err(AccountError::Store)?;
        record.map(|record| record.no).ok_or(AccountError::NotFound)
    }

    async fn ask_start(&self, no: AccountNo) -> Result<(), AccountError> {
        self.ask(START_PATIENCE, |done| Ask::Start { no, done }).await
    }

    async fn ask_stop(&self, no: AccountNo, close: Close) -> Result<(), AccountError> {
        let patience = self.ctx.settings.supervision.stop_timeout + STOP_MARGIN;
        self.ask(patience, |done| Ask::Stop { no, close, done }).await
    }

    /// Asks the supervisor. What it does not answer in time it still does: the wish stands in the store.
    async fn ask(&self, patience: Duration, ask: impl FnOnce(RpcReplyPort<()>) -> Ask) -> Result<(), AccountError> {
        let permit = Arc::clone(&self.gate).try_acquire_owned().map_err(|_| BUSY)?;
        let supervisor = self.ctx.nudges.doors.supervisor.inside().ok_or(BUSY)?;
        match supervisor.call(|done| SupervisorMsg::Ask(ask(done), permit), Some(patience)).await {
            Ok(CallResult::Success(()) | CallResult::Timeout) => Ok(()),
            Ok(CallResult::SenderError) | Err(_) => Err(BUSY),
        }
    }
}
