//! The use cases around webhook endpoints. One an account in this version.

use std::sync::Arc;

use wasup_store::id::{AccountId, AccountNo, EndpointId};
use wasup_store::records::{EndpointCounters, EndpointRecord, EventKind};
use wasup_store::repo::{account, counters, endpoint};
use wasup_store::{Durability, ReadTx, StoreError};

use crate::context::Context;
use crate::principal::{Principal, sees};
use crate::webhook::NewSecret;

/// What an endpoint is set to.
#[derive(Clone)]
pub struct EndpointSpec {
    /// Where deliveries go. Checked by the edge.
    pub url: String,
    /// Signing secret, 24 to 64 bytes; `None` keeps the one there is, or draws one.
    pub secret: Option<Vec<u8>>,
    /// Kinds of events it gets; empty for all.
    pub events: Vec<EventKind>,
}

/// Leaves the secret and the address out.
impl std::fmt::Debug for EndpointSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EndpointSpec").field("events", &self.events).finish_non_exhaustive()
    }
}

/// Why an endpoint can't be set or shown.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// There is no such account.
    #[error("no such account")]
    AccountNotFound,
    /// The secret is not 24 to 64 bytes long.
    #[error("a signing secret has 24 to 64 bytes")]
    BadSecret,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The use cases around webhook endpoints. Clones are the same.
#[derive(Clone)]
pub struct Endpoints {
    ctx: Arc<Context>,
}

impl std::fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoints").finish_non_exhaustive()
    }
}

impl Endpoints {
    pub(crate) const fn new(ctx: Arc<Context>) -> Self {
        Self { ctx }
    }

    /// Sets an account's endpoint, and switches it on. Answers the secret where one was drawn; it is never shown again.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub async fn set(
        &self,
        principal: &Principal,
        id: &AccountId,
        spec: EndpointSpec,
    ) -> Result<(EndpointRecord, Option<NewSecret>), EndpointError> {
        if spec.secret.as_ref().is_some_and(|secret| !(24..=64).contains(&secret.len())) {
            return Err(EndpointError::BadSecret);
        }
        let no = self.owner(principal, id).await?;
        let (now_ms, tenant) = (self.ctx.store.now_ms(), principal.tenant);
        let (rand, drawn): (u64, [u8; 32]) = (rand::random(), rand::random());
        let write = move |tx: &mut wasup_store::WriteTx<'_>| {
            let old = tx.reading(|tx| endpoint::owned_by(tx, no))?.into_iter().next();
            let kept = spec.secret.clone().or_else(|| old.as_ref().map(|old| old.secret.clone()));
            let fresh = kept.is_none();
            let (id, created_ms) = old.map_or((EndpointId::new(now_ms, rand), now_ms), |old| (old.id, old.created_ms));
            let secret = kept.unwrap_or_else(|| drawn.to_vec());
            let fresh_record = EndpointRecord::new(id, no, spec.url.clone(), secret, created_ms);
            let record = EndpointRecord { tenant, events: spec.events.clone(), ..fresh_record };
            endpoint::put(tx, &record, now_ms)?;
            Ok::<_, StoreError>((record, fresh))
        };
        let (record, fresh) = self.ctx.store.write_by(principal, Durability::Durable, write).await?;
        tracing::info!(account.id = %id, endpoint.id = %record.id, request_id = principal.request_id, "an endpoint was set");
        self.ctx.nudges.deliveries();
        let secret = fresh.then(|| NewSecret::new(&record.secret));
        Ok((record, secret))
    }

    /// An account's endpoint with its counters.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub async fn get(
        &self,
        principal: &Principal,
        id: &AccountId,
    ) -> Result<Option<(EndpointRecord, EndpointCounters)>, EndpointError> {
        let no = self.owner(principal, id).await?;
        let read = |tx: &ReadTx<'_>| {
            let Some(record) = endpoint::owned_by(tx, no)?.into_iter().next() else { return Ok(None) };
            let counts = counters::endpoint(tx, record.id)?;
            Ok::<_, StoreError>(Some((record, counts)))
        };
        Ok(self.ctx.store.read(read).await?)
    }

    /// Removes an account's endpoint with its deliveries; `false` where there is none.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub async fn remove(&self, principal: &Principal, id: &AccountId) -> Result<bool, EndpointError> {
        let (no, now_ms) = (self.owner(principal, id).await?, self.ctx.store.now_ms());
        let write = move |tx: &mut wasup_store::WriteTx<'_>| {
            let Some(record) = tx.reading(|tx| endpoint::owned_by(tx, no))?.into_iter().next() else {
                return Ok(false);
            };
            endpoint::remove(tx, record.id, now_ms)
        };
        let removed =
            self.ctx.store.write_by(principal, Durability::Durable, write).await.map_err(EndpointError::Store)?;
        self.ctx.nudges.janitor();
        tracing::info!(account.id = %id, removed, request_id = principal.request_id, "an endpoint was removed");
        Ok(removed)
    }

    async fn owner(&self, principal: &Principal, id: &AccountId) -> Result<AccountNo, EndpointError> {
        let owner = self.ctx.store.read(|tx| account::get(tx, id)).await?;
        owner.filter(|record| sees(principal, record)).map(|record| record.no).ok_or(EndpointError::AccountNotFound)
    }
}
