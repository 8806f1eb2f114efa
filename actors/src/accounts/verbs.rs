//! What can be asked of an account: run, stop, start anew, leave the network, leave quarantine, be gone. Each may be
//! asked at any moment and as often as anybody likes. The wish stands in the store before anybody is told of it.

use std::time::Duration;

use ractor::RpcReplyPort;
use ractor::rpc::CallResult;
use wasup_store::id::{AccountId, AccountNo, TenantNo};
use wasup_store::records::{AccountRecord, AccountState, Desired, Phase, Who};
use wasup_store::repo::account::Outlived;
use wasup_store::repo::{account, revival};
use wasup_store::{Durability, StoreError, WriteTx};

use super::answers::BUSY;
use super::supervisor::Ask;
use super::{AccountError, Accounts, SupervisorMsg};
use crate::account::{Close, Transition};
use crate::principal::{Principal, asker};
use crate::supervision::StopReason;

/// How long a start may take to be taken up.
const START_PATIENCE: Duration = Duration::from_secs(10);
/// How much longer than the stop itself its answer may take.
const STOP_MARGIN: Duration = Duration::from_secs(2);

impl Accounts {
    /// Makes an account run. One in quarantine has to be released instead, and stays where it is.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn start(&self, principal: &Principal, id: &AccountId) -> Result<AccountRecord, AccountError> {
        let now_ms = self.ctx.store.now_ms();
        let wish = move |tx: &mut WriteTx<'_>, id: &AccountId| account::set_desired(tx, id, Desired::Running, now_ms);
        let no = self.wish(principal, id, "an account is to run", wish).await?.no;
        self.ask_start(principal, no).await?;
        self.get(principal, id).await
    }

    /// Stops an account and keeps its link. Answers when it is stopped, or when that takes too long, with the state
    /// it is in.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn stop(&self, principal: &Principal, id: &AccountId) -> Result<AccountRecord, AccountError> {
        let now_ms = self.ctx.store.now_ms();
        let wish = move |tx: &mut WriteTx<'_>, id: &AccountId| account::set_desired(tx, id, Desired::Stopped, now_ms);
        let no = self.wish(principal, id, "an account is to stop", wish).await?.no;
        self.ask_stop(no, Close::asked(StopReason::Requested, asker(principal))).await?;
        self.get(principal, id).await
    }

    /// Starts an account anew, with an actor and a link of its own, whether or not it runs. One in quarantine has to be
    /// released instead, and stays where it is.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn restart(&self, principal: &Principal, id: &AccountId) -> Result<AccountRecord, AccountError> {
        let now_ms = self.ctx.store.now_ms();
        let wish = move |tx: &mut WriteTx<'_>, id: &AccountId| account::wish_restart(tx, id, now_ms);
        let no = self.wish(principal, id, "an account is to be started anew", wish).await?.no;
        self.ask_restart(principal, no).await?;
        self.get(principal, id).await
    }

    /// Ends an account's link for good: its device is removed at the network, as far as that works, its keys are wiped,
    /// what waits to be sent is rejected, and it stands still. Where the network could not be told, its `user_action`
    /// says that the device has to be removed on the phone.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn log_out(&self, principal: &Principal, id: &AccountId) -> Result<AccountRecord, AccountError> {
        let now_ms = self.ctx.store.now_ms();
        let wish = move |tx: &mut WriteTx<'_>, id: &AccountId| account::wish_log_out(tx, id, now_ms);
        let record = self.wish(principal, id, "an account is to be logged out", wish).await?;
        self.ask_stop(record.no, Close::asked(StopReason::LogOut, asker(principal))).await?;
        self.ctx.nudges.janitor();
        self.get(principal, id).await
    }

    /// Gives up linking an account to a phone: its codes are good for nothing any more, and it stands still. Nothing
    /// changes where it is linked, or does not run.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn cancel_pairing(&self, principal: &Principal, id: &AccountId) -> Result<AccountRecord, AccountError> {
        let (now_ms, before) = (self.ctx.store.now_ms(), self.get(principal, id).await?);
        let wish = move |tx: &mut WriteTx<'_>, id: &AccountId| account::cancel_pairing(tx, id, now_ms);
        let record = self.wish(principal, id, "an account's pairing is to be given up", wish).await?;
        if record.desired == before.desired {
            return Ok(record);
        }
        let door = self.ctx.nudges.doors.account(record.no);
        drop(door.take_code_wish());
        self.ask_stop(record.no, Close::asked(StopReason::PairingCancelled, asker(principal))).await?;
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
        let (released, now_ms, by) = (id.clone(), self.ctx.store.now_ms(), asker(principal));
        let no = record.no;
        let write = move |tx: &mut WriteTx<'_>| account::release(tx, &released, now_ms);
        if self.ctx.store.write_by(principal, Durability::Durable, write).await? {
            let released = AccountState::default();
            Transition { by: by.as_ref(), ..Transition::of(&record, &released) }.log(&self.ctx.meters);
        }
        self.ctx.nudges.deliveries();
        self.ask(START_PATIENCE, |done| Ask::Release { no, by, done }).await?;
        self.get(principal, id).await
    }

    async fn release_outbox(&self, principal: &Principal, id: &AccountId) -> Result<AccountRecord, AccountError> {
        self.told(principal, id, "a restored account's outbox is released");
        let (of, now_ms) = (id.clone(), self.ctx.store.now_ms());
        let write = move |tx: &mut WriteTx<'_>| revival::release_outbox(tx, &of, now_ms);
        let record = self.ctx.store.write_by(principal, Durability::Durable, write).await?;
        let record = record.ok_or(AccountError::NotFound)?;
        self.ctx.nudges.outbox(record.no);
        self.ctx.nudges.deliveries();
        Ok(record)
    }

    /// Deletes an account. A linked one's device is removed at the network, as far as that works.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn delete(&self, principal: &Principal, id: &AccountId) -> Result<(), AccountError> {
        self.told(principal, id, "an account is to be deleted");
        let now_ms = self.ctx.store.now_ms();
        let delete = move |tx: &mut WriteTx<'_>, id: &AccountId| account::delete(tx, id, now_ms);
        if self.remove(principal, id, delete).await? { Ok(()) } else { Err(AccountError::NotFound) }
    }

    /// Removes an account whose time is over, where it still is; answers whether it was.
    pub(crate) async fn expire(&self, id: &AccountId, tenant: TenantNo, why: Outlived) -> Result<bool, AccountError> {
        let principal = Principal { tenant, who: Who::System, request_id: "scheduler".into() };
        let now_ms = self.ctx.store.now_ms();
        let expire = move |tx: &mut WriteTx<'_>, id: &AccountId| account::expire(tx, id, why, now_ms);
        let removed = self.remove(&principal, id, expire).await?;
        if removed {
            self.ctx.meters.expired.count(why);
        }
        self.ctx.nudges.deliveries();
        Ok(removed)
    }

    async fn remove(
        &self,
        principal: &Principal,
        id: &AccountId,
        remove: impl Fn(&mut WriteTx<'_>, &AccountId) -> Result<bool, StoreError> + Send + 'static,
    ) -> Result<bool, AccountError> {
        let now_ms = self.ctx.store.now_ms();
        let stop = move |tx: &mut WriteTx<'_>, id: &AccountId| account::set_desired(tx, id, Desired::Stopped, now_ms);
        let no = self.wish(principal, id, "an account is to be gone", stop).await?.no;
        let close = Close::asked(StopReason::Deleted, asker(principal));
        self.ask_stop(no, close.clone()).await?;
        let gone = id.clone();
        let removed = self.ctx.store.write_by(principal, Durability::Durable, move |tx| remove(tx, &gone)).await?;
        // Somebody may have started it in between.
        self.ask_stop(no, close).await?;
        if removed {
            self.ctx.nudges.doors.forget(no);
            self.ctx.meters.per_account.forget(no);
        }
        self.ctx.nudges.janitor();
        Ok(removed)
    }

    /// Commits what somebody wants of an account.
    pub(super) async fn wish(
        &self,
        principal: &Principal,
        id: &AccountId,
        what: &'static str,
        wish: impl Fn(&mut WriteTx<'_>, &AccountId) -> Result<Option<AccountRecord>, StoreError> + Send + 'static,
    ) -> Result<AccountRecord, AccountError> {
        self.get(principal, id).await?;
        let of = id.clone();
        let written = self.ctx.store.write_by(principal, Durability::Durable, move |tx| wish(tx, &of)).await;
        let record: Option<AccountRecord> = written.map_err(AccountError::Store)?;
        self.told(principal, id, what);
        record.ok_or(AccountError::NotFound)
    }

    pub(super) fn told(&self, principal: &Principal, id: &AccountId, what: &'static str) {
        tracing::info!(account.id = %id, who = principal.who.as_str(), request_id = principal.request_id, "{what}");
    }

    pub(super) async fn ask_start(&self, principal: &Principal, no: AccountNo) -> Result<(), AccountError> {
        self.ask(START_PATIENCE, |done| Ask::Start { no, by: asker(principal), done }).await
    }

    /// Has an account that is wanted to run start anew.
    pub(super) async fn ask_restart(&self, principal: &Principal, no: AccountNo) -> Result<(), AccountError> {
        let close = Close::asked(StopReason::Restarted, asker(principal));
        self.ask(self.stop_patience(), |done| Ask::Restart { no, close, done }).await
    }

    pub(super) async fn ask_settings(&self, no: AccountNo) -> Result<(), AccountError> {
        self.ask(START_PATIENCE, |done| Ask::Settings { no, done }).await
    }

    pub(super) async fn ask_stop(&self, no: AccountNo, close: Close) -> Result<(), AccountError> {
        self.ask(self.stop_patience(), |done| Ask::Stop { no, close, done }).await
    }

    fn stop_patience(&self) -> Duration {
        self.ctx.settings.supervision.stop_timeout + STOP_MARGIN
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
