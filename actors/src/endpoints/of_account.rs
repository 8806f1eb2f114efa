//! An account's endpoints in their simple form: the first one, as `/v1/accounts/{id}/webhook` shows it, and those that
//! the accounts file names.

use std::fmt;

use wasup_store::id::{AccountId, AccountNo, TenantNo};
use wasup_store::records::{EndpointRecord, EventKind};
use wasup_store::repo::endpoint;
use wasup_store::{Durability, ReadTx, StoreError, WriteTx};

use super::create::{Draw, NewEndpoint, put_new};
use super::look::Names;
use super::secret::{end, rotate};
use super::{Endpoint, EndpointChange, EndpointError, Endpoints, chats, headers_fit, room};
use crate::principal::Principal;
use crate::webhook::NewSecret;

/// What an account's webhook is set to.
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
impl fmt::Debug for EndpointSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointSpec").field("events", &self.events).finish_non_exhaustive()
    }
}

/// Which of an account's endpoints a declaration is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Declared {
    /// The first one.
    First,
    /// The one of this name.
    Named(String),
    /// The chatbot.
    Chatbot,
}

/// An endpoint as it was written.
pub(super) struct Placed {
    pub(super) record: EndpointRecord,
    /// Its secret, where it was drawn.
    pub(super) secret: Option<NewSecret>,
    /// Whether it was another one before.
    changed: bool,
}

impl Declared {
    fn find(&self, tx: &ReadTx<'_>, no: AccountNo, tenant: TenantNo) -> Result<Option<EndpointRecord>, StoreError> {
        let mut own = endpoint::of_tenant(tx, no, tenant)?.into_iter();
        Ok(match self {
            Self::First => own.find(|own| !own.chatbot),
            Self::Named(name) => own.find(|own| own.name.as_ref() == Some(name)),
            Self::Chatbot => own.find(|own| own.chatbot),
        })
    }
}

impl Endpoints {
    /// Sets an account's first endpoint, and switches it on; what the spec does not name stays as it is. Answers the
    /// secret where one was drawn; it is never shown again.
    ///
    /// # Errors
    /// [`EndpointError::AccountNotFound`], [`EndpointError::BadSecret`].
    pub async fn set(
        &self,
        principal: &Principal,
        id: &AccountId,
        spec: EndpointSpec,
    ) -> Result<(EndpointRecord, Option<NewSecret>), EndpointError> {
        let EndpointSpec { url, secret, events } = spec;
        let settings = EndpointChange { events: Some(events), ..EndpointChange::default() };
        let new = NewEndpoint { account: Some(id.clone()), url, secret, settings };
        let placed =
            self.place(principal, new, Declared::First, |old, _| EndpointRecord { off: None, ..old.clone() }).await?;
        // Whoever sets it wants it tried, also where nothing about it is new.
        self.ctx.nudges.forgive(placed.record.id);
        Ok((placed.record, placed.secret))
    }

    /// Makes an account's endpoint what a declaration says, whatever it was set to before. One that is off stays off,
    /// unless it gets another address. `false` where it was so already.
    ///
    /// # Errors
    /// As [`Endpoints::create`].
    pub async fn declare(
        &self,
        principal: &Principal,
        which: Declared,
        new: NewEndpoint,
    ) -> Result<bool, EndpointError> {
        let plain = |old: &EndpointRecord, url: &str| {
            let (secret, created_ms) = (old.secret.clone(), old.created_ms);
            let plain = EndpointRecord::new(old.id, old.account, String::new(), secret, created_ms);
            let (tenant, retired, off) = (old.tenant, old.retired.clone(), old.off.filter(|_| old.url == url));
            EndpointRecord { tenant, retired, off, ..plain }
        };
        Ok(self.place(principal, new, which, plain).await?.changed)
    }

    pub(super) async fn place(
        &self,
        principal: &Principal,
        mut new: NewEndpoint,
        which: Declared,
        ground: fn(&EndpointRecord, &str) -> EndpointRecord,
    ) -> Result<Placed, EndpointError> {
        new.fit()?;
        let owner = self.owner(principal, new.account.as_ref()).await?;
        if let Some(listed) = &mut new.settings.chats {
            *listed = chats::canonical(listed, owner.region.as_deref())?;
        }
        let (tenant, draw) = (principal.tenant, Draw::new(self.ctx.store.now_ms()));
        let until_ms = end(draw.now_ms, self.ctx.settings.webhooks.secret_overlap);
        let write = move |tx: &mut WriteTx<'_>| {
            let Some(old) = tx.reading(|tx| which.find(tx, owner.no, tenant))? else {
                room(tx, owner.no, tenant)?;
                let record = put_new(tx, (owner.no, tenant), &new, &draw)?;
                return Ok((record, new.secret.is_none(), true));
            };
            let mut record = ground(&old, &new.url);
            new.settings.apply(&mut record);
            record.url.clone_from(&new.url);
            headers_fit(&record.headers)?;
            if let Some(secret) = &new.secret {
                rotate(&mut record, secret, until_ms, draw.now_ms);
            }
            let changed = record != old;
            if changed {
                endpoint::put(tx, &record, draw.now_ms)?;
            }
            Ok::<_, EndpointError>((record, false, changed))
        };
        let (record, drawn, changed) = self.ctx.store.write_by(principal, Durability::Durable, write).await?;
        if changed {
            self.ctx.nudges.forgive(record.id);
            self.told(principal, record.id, "an account's endpoint was set");
        }
        let secret = drawn.then(|| NewSecret::new(&record.secret));
        Ok(Placed { record, secret, changed })
    }

    /// An account's first endpoint.
    ///
    /// # Errors
    /// [`EndpointError::AccountNotFound`].
    pub async fn webhook(&self, principal: &Principal, id: &AccountId) -> Result<Option<Endpoint>, EndpointError> {
        let (owner, tenant) = (self.owner(principal, Some(id)).await?, principal.tenant);
        let read = |tx: &ReadTx<'_>| match Declared::First.find(tx, owner.no, tenant)? {
            Some(record) => Names::default().row(tx, record),
            None => Ok(None),
        };
        Ok(self.ctx.store.read(read).await?.map(|row| self.whole(row)))
    }

    /// Removes an account's first endpoint with its deliveries; `false` where there is none.
    ///
    /// # Errors
    /// [`EndpointError::AccountNotFound`].
    pub async fn remove_webhook(&self, principal: &Principal, id: &AccountId) -> Result<bool, EndpointError> {
        let Some(found) = self.webhook(principal, id).await? else { return Ok(false) };
        match self.remove(principal, found.record.id).await {
            Ok(()) => Ok(true),
            // Somebody else was faster.
            Err(EndpointError::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
