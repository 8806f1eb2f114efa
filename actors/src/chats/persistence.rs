//! What of an account's messages is kept, and how long.

use wasup_store::id::AccountId;
use wasup_store::records::{AllowedNumber, KeepLimits, KeepPolicy, KeepRecord};
use wasup_store::repo::persistence::{self, Found, Standing};
use wasup_store::{Durability, ReadTx, WriteTx};

use super::{ChatError, Chats};
use crate::principal::Principal;

/// What is set for an account, and what comes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Persistence {
    /// What is set for it alone; `None` where that can't be read.
    pub own: Option<KeepRecord>,
    /// Whether its messages are stored now, and why.
    pub standing: Standing,
    /// How much of what is stored stays.
    pub limits: KeepLimits,
}

impl Chats {
    /// What of an account's messages is kept.
    ///
    /// # Errors
    /// [`ChatError::AccountNotFound`] for an unknown account.
    pub async fn persistence(&self, principal: &Principal, id: &AccountId) -> Result<Persistence, ChatError> {
        let no = self.owner(principal, id).await?.no;
        let look = |tx: &ReadTx<'_>| {
            let own = match persistence::own(tx, no)? {
                Found::Set(record) => Some(*record),
                Found::Unset => Some(KeepRecord::default()),
                Found::Unreadable => None,
            };
            Ok::<_, wasup_store::StoreError>(Persistence {
                own,
                standing: persistence::standing(tx, no)?,
                limits: persistence::limits(tx, no)?,
            })
        };
        Ok(self.ctx.store.read(look).await?)
    }

    /// Sets what of an account's messages is kept, whatever was set before. It holds for what is committed from then on;
    /// limits hold for what is there, too.
    ///
    /// # Errors
    /// [`ChatError::AccountNotFound`] for an unknown account.
    pub async fn set_persistence(
        &self,
        principal: &Principal,
        id: &AccountId,
        policy: Option<KeepPolicy>,
        (allowed, limits): (Vec<AllowedNumber>, KeepLimits),
    ) -> Result<Persistence, ChatError> {
        self.owner(principal, id).await?;
        let set_ms = self.now_ms();
        let (owner, record) = (id.clone(), KeepRecord { policy, allowed, limits, erase_after_ms: None, set_ms });
        let set = move |tx: &mut WriteTx<'_>| persistence::set(tx, &owner, &record);
        let found =
            self.ctx.store.write_by::<_, wasup_store::StoreError, _>(principal, Durability::Durable, set).await?;
        found.ok_or(ChatError::AccountNotFound)?;
        self.ctx.nudges.janitor();
        self.persistence(principal, id).await
    }
}
