//! Endpoints come, change and go.

use std::fmt;

use wasup_store::id::{AccountId, AccountNo, EndpointId, Millis, TenantNo};
use wasup_store::records::EndpointRecord;
use wasup_store::repo::endpoint;
use wasup_store::{Durability, WriteTx};

use super::{Endpoint, EndpointChange, EndpointError, Endpoints, HeaderChange, chats, fit, headers_fit, room};
use crate::principal::Principal;
use crate::webhook::NewSecret;

/// A new endpoint.
#[derive(Clone)]
pub struct NewEndpoint {
    /// The account whose events it gets; `None` for every account.
    pub account: Option<AccountId>,
    /// Where deliveries go. Checked by the edge.
    pub url: String,
    /// Signing secret, 24 to 64 bytes; drawn where there is none.
    pub secret: Option<Vec<u8>>,
    /// Everything else, over the defaults. What it says of account and address does not count.
    pub settings: EndpointChange,
}

/// Leaves the secret and the address out.
impl fmt::Debug for NewEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewEndpoint").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl NewEndpoint {
    /// Refuses what no endpoint may have.
    pub(super) fn fit(&self) -> Result<(), EndpointError> {
        fit(self.secret.as_ref())?;
        match &self.settings.headers {
            Some(HeaderChange::Merge(changes)) => {
                let set = changes.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?)));
                headers_fit(&set.collect::<Vec<_>>())
            }
            _ => Ok(()),
        }
    }
}

/// What is drawn for a new endpoint before its commit, which has to come to the same when it is run again.
#[derive(Clone, Copy)]
pub(crate) struct Draw {
    pub(crate) now_ms: Millis,
    id: u64,
    secret: [u8; 32],
}

impl Draw {
    pub(crate) fn new(now_ms: Millis) -> Self {
        Self { now_ms, id: rand::random(), secret: rand::random() }
    }
}

/// Writes a new endpoint of an owner. Who may own it, and whether there is room, is decided by the caller.
pub(crate) fn put_new(
    tx: &mut WriteTx<'_>,
    (no, tenant): (AccountNo, TenantNo),
    new: &NewEndpoint,
    draw: &Draw,
) -> Result<EndpointRecord, wasup_store::StoreError> {
    let secret = new.secret.clone().unwrap_or_else(|| draw.secret.to_vec());
    let id = EndpointId::new(draw.now_ms, draw.id);
    let mut record = EndpointRecord::new(id, no, String::new(), secret, draw.now_ms);
    record.tenant = tenant;
    new.settings.apply(&mut record);
    record.url.clone_from(&new.url);
    endpoint::put(tx, &record, draw.now_ms)?;
    Ok(record)
}

impl Endpoints {
    /// Makes an endpoint. Answers the secret where one was drawn; it is never shown again.
    ///
    /// # Errors
    /// [`EndpointError::TooMany`], [`EndpointError::AccountNotFound`], [`EndpointError::BadSecret`],
    /// [`EndpointError::BadChat`].
    pub async fn create(
        &self,
        principal: &Principal,
        mut new: NewEndpoint,
    ) -> Result<(Endpoint, Option<NewSecret>), EndpointError> {
        new.fit()?;
        let owner = self.owner(principal, new.account.as_ref()).await?;
        if let Some(listed) = &mut new.settings.chats {
            *listed = chats::canonical(listed, owner.region.as_deref())?;
        }
        let (drawn, tenant, draw) = (new.secret.is_none(), principal.tenant, Draw::new(self.ctx.store.now_ms()));
        let write = move |tx: &mut WriteTx<'_>| {
            room(tx, owner.no, tenant)?;
            Ok::<_, EndpointError>(put_new(tx, (owner.no, tenant), &new, &draw)?)
        };
        let record = self.ctx.store.write_by(principal, Durability::Durable, write).await?;
        self.told(principal, record.id, "an endpoint was created");
        let secret = drawn.then(|| NewSecret::new(&record.secret));
        Ok((self.get(principal, record.id).await?, secret))
    }

    /// Changes an endpoint's settings.
    ///
    /// # Errors
    /// [`EndpointError::NotFound`], [`EndpointError::AccountNotFound`], [`EndpointError::TooMany`] for one that is given
    /// to an owner who has enough, [`EndpointError::BadChat`].
    pub async fn change(
        &self,
        principal: &Principal,
        id: EndpointId,
        mut change: EndpointChange,
    ) -> Result<Endpoint, EndpointError> {
        let before = self.get(principal, id).await?;
        let account = change.account.clone().unwrap_or(before.account);
        let owner = self.owner(principal, account.as_ref()).await?;
        if let Some(listed) = &mut change.chats {
            *listed = chats::canonical(listed, owner.region.as_deref())?;
        }
        let moves = change.account.is_some();
        let moved = change.url.as_ref().is_some_and(|url| *url != before.record.url);
        let now_ms = self.ctx.store.now_ms();
        self.alter(principal, id, move |tx, mut record| {
            if moves && record.account != owner.no {
                room(tx, owner.no, record.tenant)?;
                record.account = owner.no;
            }
            change.apply(&mut record);
            headers_fit(&record.headers)?;
            Ok(endpoint::put(tx, &record, now_ms)?)
        })
        .await?;
        if moved {
            // What failed was somewhere else.
            self.ctx.nudges.forgive(id);
        }
        self.told(principal, id, "an endpoint was changed");
        self.get(principal, id).await
    }

    /// Removes an endpoint with its deliveries.
    ///
    /// # Errors
    /// [`EndpointError::NotFound`].
    pub async fn remove(&self, principal: &Principal, id: EndpointId) -> Result<(), EndpointError> {
        let now_ms = self.ctx.store.now_ms();
        self.alter(principal, id, move |tx, record| {
            endpoint::remove(tx, record.id, now_ms)?;
            Ok(())
        })
        .await?;
        self.ctx.nudges.janitor();
        self.told(principal, id, "an endpoint was removed");
        Ok(())
    }
}
