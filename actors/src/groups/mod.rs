//! The use cases around groups. Looks may be answered from what the store holds, as the network told it; changes ask the
//! network and commit what came of it.

mod invites;
mod write;

use std::sync::Arc;

use wasup_sessions::ports::{AskError, Link};
use wasup_store::id::{AccountId, AccountNo, ChatNo};
use wasup_store::jid::Jid;
use wasup_store::records::{AccountRecord, GroupRecord, Participant};
use wasup_store::repo::account;
use wasup_store::repo::group::{self, GroupNews, GroupWhat};
use wasup_store::{Durability, StoreError, WriteTx};

pub use invites::{GroupLink, JoinAnswer};
pub use wasup_sessions::ports::{GroupPreview, JoinRequest, MemberOutcome, MemberVerb, NewGroup};
pub use write::MadeGroup;

use crate::context::Context;
use crate::principal::{Principal, sees};

/// Why something about groups can't be done.
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// There is no such account.
    #[error("no such account")]
    AccountNotFound,
    /// The account knows no such group.
    #[error("no such group")]
    NotFound,
    /// The network did not do it.
    #[error(transparent)]
    Network(#[from] AskError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where an answer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GroupSource {
    /// From the store where it knows, else from the network.
    #[default]
    Auto,
    /// From the store, whatever it knows.
    Store,
    /// From the network; the store then knows it, too.
    Network,
}

/// The use cases around groups. Clones are the same.
#[derive(Clone)]
pub struct Groups {
    ctx: Arc<Context>,
}

impl std::fmt::Debug for Groups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Groups").finish_non_exhaustive()
    }
}

impl Groups {
    pub(crate) const fn new(ctx: Arc<Context>) -> Self {
        Self { ctx }
    }

    /// At most `limit` groups of an account after one, in a stable order: those that it is in, or was.
    ///
    /// # Errors
    /// [`GroupError`].
    pub async fn list(
        &self,
        principal: &Principal,
        id: &AccountId,
        source: GroupSource,
        after: Option<ChatNo>,
        limit: usize,
    ) -> Result<Vec<(ChatNo, GroupRecord)>, GroupError> {
        let account = self.account(principal, id).await?;
        let told = self.ctx.store.read(|tx| group::all_told(tx, account.no)).await?.is_some();
        // The pages after the first go on in what the first one found.
        let ask = after.is_none() && (source == GroupSource::Network || (source == GroupSource::Auto && !told));
        if ask {
            self.refresh(principal, account.no).await?;
        }
        Ok(self.ctx.store.read(|tx| group::list(tx, account.no, after, limit)).await?)
    }

    /// A group.
    ///
    /// # Errors
    /// [`GroupError::NotFound`] where neither the store nor the network knows it.
    pub async fn get(
        &self,
        principal: &Principal,
        id: &AccountId,
        group: &Jid,
        source: GroupSource,
    ) -> Result<GroupRecord, GroupError> {
        let account = self.account(principal, id).await?;
        let known = self.known(account.no, group).await?;
        match (source, known) {
            (GroupSource::Store, known) => known.ok_or(GroupError::NotFound),
            (GroupSource::Auto, Some(known)) => Ok(known),
            _ => {
                let told = self.link(account.no)?.groups().get(group).await.map_err(unknown)?;
                self.keep_whole(principal, account.no, told, false).await
            }
        }
    }

    async fn refresh(&self, principal: &Principal, no: AccountNo) -> Result<(), GroupError> {
        let groups = self.link(no)?.groups().all().await?;
        let now_ms = self.ctx.store.now_ms();
        let job = move |tx: &mut WriteTx<'_>| group::take_all(tx, no, None, &groups, now_ms);
        self.ctx.store.write_by(principal, Durability::Durable, job).await?;
        self.ctx.nudges.deliveries();
        Ok(())
    }

    async fn known(&self, no: AccountNo, group: &Jid) -> Result<Option<GroupRecord>, StoreError> {
        self.ctx.store.read(|tx| group::get(tx, no, group)).await
    }

    async fn account(&self, principal: &Principal, id: &AccountId) -> Result<AccountRecord, GroupError> {
        let found = self.ctx.store.read(|tx| account::get(tx, id)).await?;
        found.filter(|record| sees(principal, record)).ok_or(GroupError::AccountNotFound)
    }

    fn link(&self, no: AccountNo) -> Result<Arc<dyn Link>, AskError> {
        self.ctx.link(no)
    }

    /// Commits a group as the network told it whole, and answers it as the store holds it then.
    async fn keep_whole(
        &self,
        principal: &Principal,
        no: AccountNo,
        told: GroupRecord,
        new: bool,
    ) -> Result<GroupRecord, GroupError> {
        let group = told.jid.clone();
        self.keep(principal, no, &group, None, vec![GroupWhat::Whole(Box::new(told), new)]).await?;
        self.known(no, &group).await?.ok_or(GroupError::NotFound)
    }

    /// Commits what came of a change. What the network tells of it, before or after, is the same and told once.
    async fn keep(
        &self,
        principal: &Principal,
        no: AccountNo,
        group: &Jid,
        by: Option<Participant>,
        what: Vec<GroupWhat>,
    ) -> Result<(), GroupError> {
        let now_ms = self.ctx.store.now_ms();
        let news: Vec<GroupNews> = what
            .into_iter()
            .map(|what| GroupNews { group: group.clone(), by: by.clone(), at_ms: now_ms, id: None, what })
            .collect();
        let job = move |tx: &mut WriteTx<'_>| group::take(tx, no, None, &news, now_ms).map(drop);
        self.ctx.store.write_by(principal, Durability::Durable, job).await?;
        self.ctx.nudges.deliveries();
        Ok(())
    }
}

/// A group that the network does not know, or does not show to this account.
fn unknown(error: AskError) -> GroupError {
    match error {
        AskError::NotFound => GroupError::NotFound,
        other => GroupError::Network(other),
    }
}

/// The account itself, once it is linked.
fn own(account: &AccountRecord) -> Option<Participant> {
    let identity = account.identity.as_ref()?;
    let phone = identity.jid.phone_digits().map(str::to_owned);
    Some(Participant {
        jid: identity.lid.clone().unwrap_or_else(|| identity.jid.clone()),
        phone,
        lid: identity.lid.clone(),
    })
}
