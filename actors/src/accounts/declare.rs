//! The use cases of the accounts file. Each has two halves: what is committed, also before the tree runs, so that no
//! account connects by yesterday's settings; and what is then asked of a running tree.

use wasup_store::id::{AccountId, AccountNo};
use wasup_store::records::{AccountSource, Desired};
use wasup_store::repo::account;
use wasup_store::repo::account_settings::{self, Declaration};
use wasup_store::{Durability, WriteTx};

use super::change::{Effect, Effects, Setting, effects};
use super::{AccountError, Accounts, NewAccount};
use crate::account::Close;
use crate::endpoints::{Draw, put_new};
use crate::principal::{Principal, asker};
use crate::supervision::StopReason;

/// Accounts read at a time.
const PAGE: usize = 256;

/// What became of an account that the accounts file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is new.
    Created,
    /// It was there; what was changed, nothing where it was as the file says.
    Known(Effects),
}

/// An account whose rows are as the accounts file says, and what a running tree has to be asked for because of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredAccount {
    /// Which.
    pub id: AccountId,
    /// What became of it.
    pub outcome: Outcome,
    no: AccountNo,
    start: bool,
}

impl Accounts {
    /// Makes an account what the accounts file says, and the file's. Whoever runs the tree asks for
    /// [`Accounts::carry_out`] then.
    ///
    /// # Errors
    /// [`AccountError::Exists`] for an id that is another tenant's, [`AccountError::Store`].
    pub async fn declare(&self, principal: &Principal, new: NewAccount) -> Result<DeclaredAccount, AccountError> {
        let id = new.id.clone();
        let (row, default_webhook) = new.row(principal, self.ctx.store.now_ms());
        let webhook = self.ctx.settings.webhooks.for_new_accounts.clone().filter(|_| default_webhook);
        let draw = Draw::new(row.now_ms);
        let write = move |tx: &mut WriteTx<'_>| {
            let declared = account_settings::declare(tx, &row)?;
            if let (Declaration::Created(created), Some(webhook)) = (&declared, &webhook) {
                put_new(tx, (created.no, created.tenant), webhook, &draw)?;
            }
            Ok::<_, account::CreateError>(declared)
        };
        Ok(match self.ctx.store.write_by(principal, Durability::Durable, write).await? {
            Declaration::Created(record) => {
                self.told(principal, &id, "an account was created");
                let start = record.desired == Desired::Running;
                DeclaredAccount { id, outcome: Outcome::Created, no: record.no, start }
            }
            Declaration::Known(changed) => {
                let effects = effects(&changed.before, &changed.after);
                if !effects.is_empty() {
                    self.told(principal, &id, "an account was changed");
                }
                let start = changed.before.desired != changed.after.desired;
                DeclaredAccount { id, outcome: Outcome::Known(effects), no: changed.after.no, start }
            }
        })
    }

    /// Lets a running tree follow what was declared: a new account starts, one with another proxy connects anew.
    ///
    /// # Errors
    /// [`AccountError::Busy`]; what stands in the store is still done, a little later.
    pub async fn carry_out(&self, principal: &Principal, declared: &DeclaredAccount) -> Result<(), AccountError> {
        if declared.start {
            return self.ask_start(principal, declared.no).await;
        }
        match &declared.outcome {
            Outcome::Created => Ok(()),
            Outcome::Known(effects) => self.take_effect(principal, &declared.id, declared.no, effects).await,
        }
    }

    /// Takes from the accounts file's accounts one that it holds no more: it is to stop. `None` where it is not the file's.
    /// Whoever runs the tree asks for [`Accounts::stop_undeclared`] then.
    ///
    /// # Errors
    /// [`AccountError::Store`].
    pub async fn undeclare(&self, principal: &Principal, id: &AccountId) -> Result<Option<AccountNo>, AccountError> {
        let (of, now_ms) = (id.clone(), self.ctx.store.now_ms());
        let write = move |tx: &mut WriteTx<'_>| account_settings::undeclare(tx, &of, now_ms);
        let record = self.ctx.store.write_by(principal, Durability::Durable, write).await;
        let record = record.map_err(AccountError::Store)?;
        if record.is_some() {
            self.told(principal, id, "an account is to stop: the accounts file holds it no more");
        }
        Ok(record.map(|record| record.no))
    }

    /// Stops an account that the accounts file holds no more.
    ///
    /// # Errors
    /// [`AccountError::Busy`]; it is stopped a little later.
    pub async fn stop_undeclared(&self, principal: &Principal, no: AccountNo) -> Result<(), AccountError> {
        self.ask_stop(no, Close::asked(StopReason::Undeclared, asker(principal))).await
    }

    /// Every account that is the accounts file's.
    ///
    /// # Errors
    /// [`AccountError::Store`].
    pub async fn of_the_file(&self, principal: &Principal) -> Result<Vec<AccountId>, AccountError> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = self.ctx.store.read(|tx| account::list(tx, after.as_ref(), PAGE)).await?;
            let ours = page.iter().filter(|record| record.tenant == principal.tenant);
            all.extend(ours.filter(|record| record.source == AccountSource::File).map(|record| record.id.clone()));
            match page.last().filter(|_| page.len() == PAGE) {
                Some(last) => after = Some(last.id.clone()),
                None => return Ok(all),
            }
        }
    }

    /// Tells a running account, and its supervisor, of what was changed about it.
    pub(super) async fn take_effect(
        &self,
        principal: &Principal,
        id: &AccountId,
        no: AccountNo,
        effects: &Effects,
    ) -> Result<(), AccountError> {
        if effects.is_empty() {
            return Ok(());
        }
        self.ask_settings(no).await?;
        if effects.iter().any(|(_, effect)| *effect == Effect::Reconnecting) {
            self.told(principal, id, "an account connects anew by another proxy");
            self.ask_restart(principal, no).await?;
        }
        if effects.iter().any(|(setting, _)| *setting == Setting::Pacing) {
            self.ctx.nudges.pace(no);
        }
        Ok(())
    }
}
