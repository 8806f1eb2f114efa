//! The use cases around lists of contacts, and people who want no campaigns.

mod contacts;
mod imports;
mod opt_outs;

use std::sync::Arc;

use wasup_store::id::ListId;
use wasup_store::records::{ContactList, UnfitContact};
use wasup_store::repo::lists::{self, ListPatch};
use wasup_store::{Durability, StoreError, WriteTx};

use crate::context::Context;
use crate::principal::Principal;

pub use contacts::ContactChange;

/// Most lists of a tenant.
pub const LISTS_MAX: usize = 1_000;

/// Contacts of one request, and of one commit.
pub const CONTACTS_AT_ONCE: usize = 1_000;

/// Why something about lists can't be done.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// There is no such list.
    #[error("no such list")]
    NotFound,
    /// Nobody of that number is in the list.
    #[error("nobody of that number is in the list")]
    NotListed,
    /// Nobody of that number opted out.
    #[error("nobody of that number opted out")]
    NotOptedOut,
    /// There is no such import.
    #[error("no such import")]
    NoImport,
    /// There are as many lists as there may be.
    #[error("there are {LISTS_MAX} lists already")]
    TooMany,
    /// A contact would have more than a contact may.
    #[error(transparent)]
    Unfit(#[from] UnfitContact),
    /// The files of imports can't be looked at.
    #[error("the files of imports can't be looked at: {0}")]
    Files(#[from] std::io::Error),
    /// The store failed, or the disk is nearly full.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The use cases around lists. Clones are the same.
#[derive(Clone)]
pub struct Lists {
    ctx: Arc<Context>,
}

impl std::fmt::Debug for Lists {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lists").finish_non_exhaustive()
    }
}

impl Lists {
    pub(crate) const fn new(ctx: Arc<Context>) -> Self {
        Self { ctx }
    }

    /// Refuses new things while the disk is nearly full.
    ///
    /// # Errors
    /// [`StoreError::SpaceLow`].
    pub fn admit(&self) -> Result<(), StoreError> {
        self.ctx.settings.send.free_space_floor.admit()
    }

    /// Writes for somebody; it is on disk before the answer.
    async fn write<T: Send + 'static>(
        &self,
        principal: &Principal,
        change: impl Fn(&mut WriteTx<'_>) -> Result<T, ListError> + Send + 'static,
    ) -> Result<T, ListError> {
        self.ctx.store.write_by(principal, Durability::Durable, change).await
    }

    /// Makes an empty list.
    ///
    /// # Errors
    /// [`ListError::TooMany`], [`ListError::Store`].
    pub async fn create(
        &self,
        principal: &Principal,
        name: String,
        description: Option<String>,
    ) -> Result<(ListId, ContactList), ListError> {
        self.admit()?;
        let (tenant, now_ms) = (principal.tenant, self.ctx.store.now_ms());
        let id = ListId::new(now_ms, rand::random());
        let create = move |tx: &mut WriteTx<'_>| {
            if tx.reading(|tx| lists::page(tx, tenant, None, LISTS_MAX))?.len() >= LISTS_MAX {
                return Err(ListError::TooMany);
            }
            Ok(lists::create(tx, id, tenant, (&name, description.as_deref()), now_ms)?)
        };
        Ok((id, self.write(principal, create).await?))
    }

    /// At most `limit` lists after one, the oldest first.
    ///
    /// # Errors
    /// [`ListError::Store`].
    pub async fn page(
        &self,
        principal: &Principal,
        after: Option<ListId>,
        limit: usize,
    ) -> Result<Vec<(ListId, ContactList)>, ListError> {
        Ok(self.ctx.store.read(|tx| lists::page(tx, principal.tenant, after, limit)).await?)
    }

    /// A list.
    ///
    /// # Errors
    /// [`ListError::NotFound`], [`ListError::Store`].
    pub async fn get(&self, principal: &Principal, id: ListId) -> Result<ContactList, ListError> {
        let found = self.ctx.store.read(|tx| lists::get(tx, principal.tenant, id)).await?;
        found.ok_or(ListError::NotFound)
    }

    /// Changes what a list is called.
    ///
    /// # Errors
    /// [`ListError::NotFound`], [`ListError::Store`].
    pub async fn change(&self, principal: &Principal, id: ListId, patch: ListPatch) -> Result<ContactList, ListError> {
        let (tenant, now_ms) = (principal.tenant, self.ctx.store.now_ms());
        let change =
            move |tx: &mut WriteTx<'_>| lists::change(tx, tenant, id, &patch, now_ms)?.ok_or(ListError::NotFound);
        self.write(principal, change).await
    }

    /// Deletes a list with its contacts. Opt-outs stay.
    ///
    /// # Errors
    /// [`ListError::NotFound`], [`ListError::Store`].
    pub async fn delete(&self, principal: &Principal, id: ListId) -> Result<(), ListError> {
        let tenant = principal.tenant;
        match self.write(principal, move |tx| Ok(lists::delete(tx, tenant, id)?)).await? {
            true => Ok(()),
            false => Err(ListError::NotFound),
        }
    }
}
