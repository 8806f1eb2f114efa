//! The use cases around webhook endpoints.

mod change;
mod chatbot;
mod chats;
mod create;
mod look;
mod of_account;
mod secret;
mod switch;

use std::sync::Arc;

use wasup_sessions::number::NumberError;
use wasup_store::id::{AccountId, AccountNo, DeliveryId, EndpointId, EventId, TenantNo};
use wasup_store::records::{EndpointCounters, EndpointRecord, Off};
use wasup_store::repo::{account, endpoint};
use wasup_store::{Durability, ReadTx, StoreError, WriteTx};

use crate::context::Context;
use crate::principal::{Principal, sees};
use crate::webhook::Policy;

pub use change::{EndpointChange, HeaderChange, PolicyChange};
pub use chatbot::{ChatbotSender, ChatbotSpec};
pub use create::NewEndpoint;
pub(crate) use create::{Draw, put_new};
pub use look::EndpointQuery;
pub use of_account::{Declared, EndpointSpec};
pub use secret::{RETIRED_MAX, Rotation};

/// Most headers that go with a delivery.
pub const HEADERS_MAX: usize = 32;
/// Most bytes of their names and values together.
pub const HEADER_BYTES_MAX: usize = 16 * 1_024;

/// Why an endpoint can't be made, changed or shown.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// There is no such endpoint.
    #[error("no such endpoint")]
    NotFound,
    /// There is no such account.
    #[error("no such account")]
    AccountNotFound,
    /// Its owner has as many as one may have.
    #[error("there are {} endpoints already", endpoint::MAX_PER_OWNER)]
    TooMany,
    /// The secret is not 24 to 64 bytes long.
    #[error("a signing secret has 24 to 64 bytes")]
    BadSecret,
    /// It would have more headers than one may have.
    #[error("at most {HEADERS_MAX} headers of {HEADER_BYTES_MAX} bytes together")]
    TooManyHeaders,
    /// A chat of the filter is none.
    #[error("chat {at} of the filter: {source}")]
    BadChat {
        /// Which, from 0.
        at: usize,
        /// What is wrong with it.
        source: NumberError,
    },
    /// It is paused or switched off, and what was asked needs one that is on.
    #[error("the endpoint is off ({})", .0.as_str())]
    Off(Off),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An endpoint with what belongs to it.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Its record. Holds the secret: what shows it to anybody leaves that out.
    pub record: EndpointRecord,
    /// The account whose events it gets; `None` for every account.
    pub account: Option<AccountId>,
    /// What became of its deliveries.
    pub counters: EndpointCounters,
    /// How its deliveries are tried: its own rules over the server's.
    pub policy: Policy,
}

/// A test that is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tested {
    /// The delivery, which tells what came of it.
    pub delivery: DeliveryId,
    /// The event, as the receiver sees it.
    pub event: EventId,
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

/// Whose an endpoint is to be.
struct Owner {
    no: AccountNo,
    region: Option<String>,
}

impl Endpoints {
    pub(crate) const fn new(ctx: Arc<Context>) -> Self {
        Self { ctx }
    }

    /// The account that events are to come from, or all of them.
    async fn owner(&self, principal: &Principal, id: Option<&AccountId>) -> Result<Owner, EndpointError> {
        let region = self.ctx.settings.default_region.clone();
        let Some(id) = id else { return Ok(Owner { no: endpoint::EVERY_ACCOUNT, region }) };
        let found = self.ctx.store.read(|tx| account::get(tx, id)).await?;
        let record = found.filter(|record| sees(principal, record)).ok_or(EndpointError::AccountNotFound)?;
        Ok(Owner { no: record.no, region: record.default_region.or(region) })
    }

    /// Whether a new endpoint keeps the rules that need no look at the store, for an account with this region, if it has one.
    ///
    /// # Errors
    /// [`EndpointError::BadSecret`], [`EndpointError::TooManyHeaders`], [`EndpointError::BadChat`].
    pub fn fits(&self, new: &NewEndpoint, region: Option<&str>) -> Result<(), EndpointError> {
        new.fit()?;
        let region = region.or(self.ctx.settings.default_region.as_deref());
        new.settings.chats.as_ref().map_or(Ok(()), |listed| chats::canonical(listed, region).map(|_| ()))
    }

    /// Changes an endpoint in one commit, by a rule that may say no. It must be on disk before the answer.
    async fn alter<F>(&self, principal: &Principal, id: EndpointId, rule: F) -> Result<(), EndpointError>
    where
        F: Fn(&mut WriteTx<'_>, EndpointRecord) -> Result<(), EndpointError> + Send + 'static,
    {
        let tenant = principal.tenant;
        let write = move |tx: &mut WriteTx<'_>| {
            let record = tx.reading(|tx| visible(tx, tenant, id))?.ok_or(EndpointError::NotFound)?;
            rule(tx, record)
        };
        self.ctx.store.write_by(principal, Durability::Durable, write).await
    }

    fn told(&self, principal: &Principal, id: EndpointId, what: &'static str) {
        tracing::info!(endpoint.id = %id, request_id = principal.request_id, "{what}");
        self.ctx.nudges.deliveries();
    }
}

/// An endpoint that a tenant may see.
fn visible(tx: &ReadTx<'_>, tenant: TenantNo, id: EndpointId) -> Result<Option<EndpointRecord>, StoreError> {
    Ok(endpoint::get(tx, id)?.filter(|record| record.tenant == tenant))
}

/// Refuses one more endpoint than an owner may have, and one of an account that was deleted meanwhile.
fn room(tx: &WriteTx<'_>, owner: AccountNo, tenant: TenantNo) -> Result<(), EndpointError> {
    let (gone, there) = tx.reading(|tx| {
        let gone = owner != endpoint::EVERY_ACCOUNT && account::by_no(tx, owner)?.is_none();
        Ok((gone, endpoint::of_tenant(tx, owner, tenant)?.len()))
    })?;
    match there {
        _ if gone => Err(EndpointError::AccountNotFound),
        endpoint::MAX_PER_OWNER.. => Err(EndpointError::TooMany),
        _ => Ok(()),
    }
}

/// Headers that are not too many.
fn headers_fit(headers: &[(String, String)]) -> Result<(), EndpointError> {
    let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    match headers.len() <= HEADERS_MAX && bytes <= HEADER_BYTES_MAX {
        true => Ok(()),
        false => Err(EndpointError::TooManyHeaders),
    }
}

/// A secret of a length that may sign.
fn fit(secret: Option<&Vec<u8>>) -> Result<(), EndpointError> {
    match secret.is_none_or(|secret| (24..=64).contains(&secret.len())) {
        true => Ok(()),
        false => Err(EndpointError::BadSecret),
    }
}
