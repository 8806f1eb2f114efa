//! The use cases around templates, and how a template becomes a text.

mod render;
mod variants;

use std::sync::Arc;

use wasup_store::id::TemplateId;
use wasup_store::records::{ListedContact, TemplateRecord};
use wasup_store::repo::template;
use wasup_store::{Durability, StoreError, WriteTx};

use crate::context::Context;
use crate::principal::Principal;

pub use render::{BODY_MAX, BadTemplate, Compiled, RenderError, Rendered};

/// Why something about templates can't be done.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// There is no such template.
    #[error("no such template")]
    NotFound,
    /// There are as many templates as there may be.
    #[error("there are {} templates already", template::MOST)]
    TooMany,
    /// The store failed, or the disk is nearly full.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a template says to a contact. Pure: the same template, contact and seed are always the same text.
///
/// # Errors
/// [`RenderError`].
pub fn render(template: &TemplateRecord, contact: &ListedContact, seed: u64) -> Result<Rendered, RenderError> {
    Compiled::new(template)?.render(contact, seed)
}

/// The use cases around templates. Clones are the same.
#[derive(Clone)]
pub struct Templates {
    ctx: Arc<Context>,
}

impl std::fmt::Debug for Templates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Templates").finish_non_exhaustive()
    }
}

impl Templates {
    pub(crate) const fn new(ctx: Arc<Context>) -> Self {
        Self { ctx }
    }

    /// Keeps a new template. What of it is wrong, the caller has seen.
    ///
    /// # Errors
    /// [`TemplateError::TooMany`], [`TemplateError::Store`].
    pub async fn create(
        &self,
        principal: &Principal,
        new: TemplateRecord,
    ) -> Result<(TemplateId, TemplateRecord), TemplateError> {
        self.ctx.settings.send.free_space_floor.admit()?;
        let (tenant, now_ms) = (principal.tenant, self.ctx.store.now_ms());
        let id = TemplateId::new(now_ms, rand::random());
        let record = TemplateRecord { tenant, created_ms: now_ms, changed_ms: now_ms, ..new };
        let create = move |tx: &mut WriteTx<'_>| {
            if tx.reading(|tx| template::page(tx, tenant, None, template::MOST))?.len() >= template::MOST {
                return Err(TemplateError::TooMany);
            }
            template::put(tx, id, &record)?;
            Ok(record.clone())
        };
        Ok((id, self.ctx.store.write_by(principal, Durability::Durable, create).await?))
    }

    /// At most `limit` templates after one, the oldest first.
    ///
    /// # Errors
    /// [`TemplateError::Store`].
    pub async fn page(
        &self,
        principal: &Principal,
        after: Option<TemplateId>,
        limit: usize,
    ) -> Result<Vec<(TemplateId, TemplateRecord)>, TemplateError> {
        Ok(self.ctx.store.read(|tx| template::page(tx, principal.tenant, after, limit)).await?)
    }

    /// A template.
    ///
    /// # Errors
    /// [`TemplateError::NotFound`], [`TemplateError::Store`].
    pub async fn get(&self, principal: &Principal, id: TemplateId) -> Result<TemplateRecord, TemplateError> {
        let found = self.ctx.store.read(|tx| template::get(tx, principal.tenant, id)).await?;
        found.ok_or(TemplateError::NotFound)
    }

    /// Changes a template by a rule, which may say no in the caller's own words.
    ///
    /// # Errors
    /// The rule's, [`TemplateError::NotFound`], [`TemplateError::Store`].
    pub async fn change<E>(
        &self,
        principal: &Principal,
        id: TemplateId,
        rule: impl Fn(TemplateRecord) -> Result<TemplateRecord, E> + Send + 'static,
    ) -> Result<TemplateRecord, E>
    where
        E: From<TemplateError> + From<StoreError> + Send + 'static,
    {
        let (tenant, now_ms) = (principal.tenant, self.ctx.store.now_ms());
        let change = move |tx: &mut WriteTx<'_>| {
            let before = tx.reading(|tx| template::get(tx, tenant, id))?.ok_or(TemplateError::NotFound)?;
            let after = rule(before.clone())?;
            if after == before {
                return Ok(before);
            }
            let after = TemplateRecord { changed_ms: now_ms, tenant, ..after };
            template::put(tx, id, &after)?;
            Ok(after)
        };
        self.ctx.store.write_by(principal, Durability::Durable, change).await
    }

    /// Deletes a template. What was made of it stays.
    ///
    /// # Errors
    /// [`TemplateError::NotFound`], [`TemplateError::Store`].
    pub async fn delete(&self, principal: &Principal, id: TemplateId) -> Result<(), TemplateError> {
        let tenant = principal.tenant;
        let delete = move |tx: &mut WriteTx<'_>| Ok::<_, TemplateError>(template::delete(tx, tenant, id)?);
        match self.ctx.store.write_by(principal, Durability::Durable, delete).await? {
            true => Ok(()),
            false => Err(TemplateError::NotFound),
        }
    }
}
