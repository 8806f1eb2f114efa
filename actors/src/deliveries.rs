//! The use cases around deliveries: what became of them, and having them made again.

use std::sync::Arc;

use bytes::Bytes;
use wasup_store::cursor::EventCursor;
use wasup_store::id::{DeliveryId, EndpointId, EventId, Millis, Position, TenantNo};
use wasup_store::records::{Act, Attempt, DeliveryRecord, EndpointRecord, EventKind, EventRecord};
use wasup_store::repo::delivery::{self, DeliveryCursor, DeliveryQuery, Replay, ReplayRange};
use wasup_store::repo::{account, audit, endpoint, event, retention, schema};
use wasup_store::{Durability, ReadTx, StoreError, WriteTx};

use crate::context::Context;
use crate::principal::Principal;
use crate::webhook;

/// Why a delivery can't be shown or made again.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// There is no such endpoint.
    #[error("no such endpoint")]
    EndpointNotFound,
    /// There is no such delivery.
    #[error("no such delivery")]
    NotFound,
    /// Its event was pruned: there is nothing to deliver any more.
    #[error("the event was pruned")]
    EventGone,
    /// Another replay of this endpoint runs.
    #[error("another replay of this endpoint runs")]
    ReplayRuns,
    /// The cursor is of another list.
    #[error("the cursor is of another list")]
    BadCursor,
    /// The cursor of the event log is of another life of the store.
    #[error("the cursor is of another life of the store")]
    CursorGone,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A delivery in a list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its id.
    pub id: DeliveryId,
    /// Its record.
    pub record: DeliveryRecord,
    /// The event's id, which is the delivery's `webhook-id`.
    pub event: EventId,
    /// What kind of event it is; `None` where it was pruned.
    pub kind: Option<EventKind>,
}

/// A piece of a list.
#[derive(Debug, Clone)]
pub struct Deliveries {
    /// The deliveries.
    pub rows: Vec<Listed>,
    /// Where to go on.
    pub next: Option<DeliveryCursor>,
}

/// A delivery with all that is known of it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// As in a list.
    pub listed: Listed,
    /// Where it goes now.
    pub url: String,
    /// The headers of the newest attempt, without secrets.
    pub headers: Vec<(String, String)>,
    /// The body, while there is an event.
    pub body: Option<Bytes>,
    /// What was tried, with the answers.
    pub attempts: Vec<Attempt>,
}

/// What is to be delivered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayWish {
    /// What the endpoint would get of the events of a time, whatever became of it.
    Events {
        /// The begin.
        since_ms: Millis,
        /// Before this time; `None` for now.
        until_ms: Option<Millis>,
    },
    /// What it would get of the events after a place in the log.
    After(EventCursor),
    /// What was given up from a time on.
    Failed {
        /// The time.
        since_ms: Millis,
    },
}

/// The use cases around deliveries. Clones are the same.
#[derive(Clone)]
pub struct DeliveryLog {
    ctx: Arc<Context>,
}

impl std::fmt::Debug for DeliveryLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeliveryLog").finish_non_exhaustive()
    }
}

/// The endpoint, where the tenant may see it.
fn seen(tx: &ReadTx<'_>, tenant: TenantNo, id: EndpointId) -> Result<Option<EndpointRecord>, StoreError> {
    Ok(endpoint::get(tx, id)?.filter(|endpoint| endpoint.tenant == tenant))
}

impl DeliveryLog {
    pub(crate) const fn new(ctx: Arc<Context>) -> Self {
        Self { ctx }
    }

    /// A piece of an endpoint's deliveries.
    ///
    /// # Errors
    /// [`DeliveryError`].
    pub async fn list(&self, principal: &Principal, query: &DeliveryQuery) -> Result<Deliveries, DeliveryError> {
        let read = |tx: &ReadTx<'_>| {
            if seen(tx, principal.tenant, query.endpoint)?.is_none() {
                return Err(DeliveryError::EndpointNotFound);
            }
            let page = delivery::page(tx, query)?.map_err(|_| DeliveryError::BadCursor)?;
            let incarnation = schema::identity(tx)?.incarnation;
            let listed = |(id, record): (DeliveryId, DeliveryRecord)| {
                let kind = event::get(tx, id.position)?.map(|event| event.kind);
                Ok(Listed { id, record, event: EventId { incarnation, position: id.position }, kind })
            };
            let rows = page.rows.into_iter().map(listed).collect::<Result<_, StoreError>>()?;
            Ok(Deliveries { rows, next: page.next })
        };
        self.ctx.store.read(read).await
    }

    /// A delivery with its request and every attempt.
    ///
    /// # Errors
    /// [`DeliveryError::NotFound`] for an unknown one, or one of another tenant's endpoint.
    pub async fn show(&self, principal: &Principal, id: DeliveryId) -> Result<Shown, DeliveryError> {
        type Found = (EndpointRecord, DeliveryRecord, Vec<Attempt>, Option<EventRecord>, u64);
        let read = |tx: &ReadTx<'_>| {
            let Some(endpoint) = seen(tx, principal.tenant, id.endpoint)? else { return Ok(None) };
            let Some(record) = delivery::get(tx, id)? else { return Ok(None) };
            let attempts = delivery::attempts(tx, id, &record)?;
            let event = event::get(tx, id.position)?;
            Ok::<Option<Found>, StoreError>(Some((
                endpoint,
                record,
                attempts,
                event,
                schema::identity(tx)?.incarnation,
            )))
        };
        let found = self.ctx.store.read(read).await?;
        let (endpoint, record, attempts, event, incarnation) = found.ok_or(DeliveryError::NotFound)?;
        let event_id = EventId { incarnation, position: id.position };
        let headers = webhook::shown(&endpoint, event_id, attempts.last().map(|attempt| attempt.at_ms));
        let body = event.as_ref().map(|event| self.ctx.encoder.encode(event_id, event));
        let kind = event.map(|event| event.kind);
        let listed = Listed { id, record, event: event_id, kind };
        Ok(Shown { listed, url: endpoint.url, headers, body, attempts })
    }

    /// Has one delivery made again, under the same `webhook-id`, from the begin of the schedule.
    ///
    /// # Errors
    /// [`DeliveryError`].
    pub async fn replay(&self, principal: &Principal, id: DeliveryId) -> Result<Listed, DeliveryError> {
        let (tenant, now_ms) = (principal.tenant, self.ctx.store.now_ms());
        let write = move |tx: &mut WriteTx<'_>| {
            let endpoint = tx.reading(|tx| seen(tx, tenant, id.endpoint))?.ok_or(DeliveryError::NotFound)?;
            let event = tx.reading(|tx| event::get(tx, id.position))?;
            let record = match &event {
                Some(_) => delivery::replay(tx, id, now_ms)?,
                None => tx.reading(|tx| delivery::get(tx, id))?,
            };
            let record = record.ok_or(DeliveryError::NotFound)?;
            let kind = event.ok_or(DeliveryError::EventGone)?.kind;
            note(tx, &endpoint, now_ms)?;
            let incarnation = tx.reading(schema::identity)?.incarnation;
            let event = EventId { incarnation, position: id.position };
            Ok::<_, DeliveryError>(Listed { id, record, event, kind: Some(kind) })
        };
        let listed = self.ctx.store.write_by(principal, Durability::Durable, write).await?;
        tracing::info!(endpoint.id = %id.endpoint, request_id = principal.request_id, "a delivery is replayed");
        self.ctx.nudges.forgive(id.endpoint);
        Ok(listed)
    }

    /// Has many deliveries made again. It goes on by itself, over restarts too.
    ///
    /// # Errors
    /// [`DeliveryError`].
    pub async fn replay_many(
        &self,
        principal: &Principal,
        id: EndpointId,
        wish: ReplayWish,
    ) -> Result<Replay, DeliveryError> {
        let (tenant, now_ms) = (principal.tenant, self.ctx.store.now_ms());
        let write = move |tx: &mut WriteTx<'_>| {
            let endpoint = tx.reading(|tx| seen(tx, tenant, id))?.ok_or(DeliveryError::EndpointNotFound)?;
            let range = range(tx, wish)?;
            if !delivery::begin_replay(tx, id, range, now_ms)? {
                return Err(DeliveryError::ReplayRuns);
            }
            note(tx, &endpoint, now_ms)?;
            tx.reading(|tx| delivery::get_replay(tx, id))?.ok_or(DeliveryError::EndpointNotFound)
        };
        let replay = self.ctx.store.write_by(principal, Durability::Durable, write).await?;
        tracing::info!(endpoint.id = %id, request_id = principal.request_id, "a replay of many was begun");
        self.ctx.nudges.forgive(id);
        self.ctx.nudges.replays();
        Ok(replay)
    }

    /// The newest replay of many of an endpoint, under way or over.
    ///
    /// # Errors
    /// [`DeliveryError`].
    pub async fn newest_replay(&self, principal: &Principal, id: EndpointId) -> Result<Option<Replay>, DeliveryError> {
        let read = |tx: &ReadTx<'_>| match seen(tx, principal.tenant, id)? {
            None => Err(DeliveryError::EndpointNotFound),
            Some(_) => Ok(delivery::get_replay(tx, id)?),
        };
        self.ctx.store.read(read).await
    }
}

/// The places in the log that a wish means now.
fn range(tx: &WriteTx<'_>, wish: ReplayWish) -> Result<ReplayRange, DeliveryError> {
    let (last, incarnation) = tx.reading(|tx| Ok((event::last(tx)?, schema::identity(tx)?.incarnation)))?;
    let before = |ms: Millis| tx.reading(|tx| retention::event_before(tx, ms));
    Ok(match wish {
        ReplayWish::Events { since_ms, until_ms } => {
            let until = until_ms.map_or(Ok(last), before)?;
            ReplayRange::Events { after: before(since_ms)?, until }
        }
        ReplayWish::After(cursor) if cursor.incarnation != incarnation => return Err(DeliveryError::CursorGone),
        ReplayWish::After(cursor) => ReplayRange::Events { after: cursor.position, until: last },
        ReplayWish::Failed { since_ms } => ReplayRange::Failed { since_ms, after: Position(0) },
    })
}

fn note(tx: &mut WriteTx<'_>, endpoint: &EndpointRecord, now_ms: Millis) -> Result<(), StoreError> {
    let owner = tx.reading(|tx| account::by_no(tx, endpoint.account))?.map(|owner| owner.id);
    audit::note(tx, Act::EndpointReplayed(endpoint.id), owner.as_ref(), now_ms)
}
