//! Replays of many deliveries: a little in each commit, from a row that says how far it is, so that a crash in the
//! middle costs nothing. One at a time for each endpoint.
//!
//! `meta`: `replay/run/` · endpoint → () while it runs; `replay/last/` · endpoint → the newest one.

use serde::{Deserialize, Serialize};

use super::{endpoint, event, queue, replay};
use crate::id::{AccountNo, ChatNo, DEFAULT_TENANT, DeliveryId, EndpointId, Millis, Position};
use crate::key::{Key, Parts, prefix_end};
use crate::records::{
    DeliveryRecord, DeliveryState, DiscardReason, EndpointRecord, EventData, EventKind, EventRecord, MessageState,
};
use crate::repo::{account, chat, chatbot};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx};

const RUNNING: &[u8] = b"replay/run/";
const LAST: &[u8] = b"replay/last/";

/// Which deliveries are replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayRange {
    /// Every event after a place that the endpoint would get, up to and with another, whatever became of it: also such
    /// as were never queued for it. One that waits already only goes on waiting.
    Events {
        /// The place before the first.
        after: Position,
        /// The last.
        until: Position,
    },
    /// What was given up, from a time on.
    Failed {
        /// The time.
        since_ms: Millis,
        /// Of those given up just then, the ones after this place.
        after: Position,
    },
}

/// A replay of many, under way or over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// What is replayed.
    pub range: ReplayRange,
    /// When it was asked for.
    pub begun_ms: Millis,
    /// Events, or deliveries, that were looked at.
    #[serde(default)]
    pub looked: u64,
    /// Deliveries that were queued.
    #[serde(default)]
    pub queued: u64,
    /// When it was done.
    #[serde(default)]
    pub ended_ms: Option<Millis>,
}

fn running_key(id: EndpointId) -> Key {
    Key::new().bytes(RUNNING).bytes(&id.to_bytes())
}

fn last_key(id: EndpointId) -> Key {
    Key::new().bytes(LAST).bytes(&id.to_bytes())
}

/// Begins a replay; `false` while another one of this endpoint runs.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn begin(tx: &mut WriteTx<'_>, id: EndpointId, range: ReplayRange, now_ms: Millis) -> Result<bool, StoreError> {
    if tx.contains(Tree::Meta, running_key(id))? {
        return Ok(false);
    }
    let replay = Replay { range, begun_ms: now_ms, looked: 0, queued: 0, ended_ms: None };
    tx.put_fixed(Tree::Meta, running_key(id), &[])?;
    tx.put_record(Tree::Meta, last_key(id), &replay)?;
    Ok(true)
}

/// The newest replay of an endpoint.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn get(tx: &ReadTx<'_>, id: EndpointId) -> Result<Option<Replay>, StoreError> {
    tx.record(Tree::Meta, last_key(id))
}

/// Ends and forgets an endpoint's replays.
pub(in crate::repo) fn forget(tx: &mut WriteTx<'_>, id: EndpointId) -> Result<(), StoreError> {
    tx.delete(Tree::Meta, running_key(id))?;
    tx.delete(Tree::Meta, last_key(id))
}

/// Goes on with the first replay that runs, by at most `limit` events or deliveries; `false` when none runs.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn step(tx: &mut WriteTx<'_>, limit: usize, now_ms: Millis) -> Result<bool, StoreError> {
    let Some((key, _)) = tx.first(Tree::Meta, RUNNING, Direction::Forward)? else { return Ok(false) };
    let id = EndpointId::from_bytes(key.get(RUNNING.len()..).unwrap_or_default());
    let id = id.ok_or_else(|| StoreError::corrupt(Tree::Meta, "a replay names no endpoint"))?;
    let (found, replay) = tx.reading(|tx| Ok((endpoint::get(tx, id)?, get(tx, id)?)))?;
    let (Some(endpoint), Some(mut replay)) = (found, replay) else {
        forget(tx, id)?;
        return Ok(true);
    };
    let left = match &mut replay.range {
        ReplayRange::Events { after, until } => {
            let page = tx.reading(|tx| event::page(tx, *after, limit))?;
            let page: Vec<_> = page.into_iter().take_while(|(position, _)| position <= until).collect();
            for (position, event) in &page {
                replay.queued += u64::from(one_event(tx, &endpoint, *position, event, now_ms)?);
                *after = *position;
            }
            replay.looked += page.len() as u64;
            page.len() == limit
        }
        ReplayRange::Failed { since_ms, after } => {
            let from = Key::new().bytes(&id.to_bytes()).u64(*since_ms).u64(after.0).u8(0);
            let to = prefix_end(&id.to_bytes());
            let rows = tx.range(Tree::DeliveryBad, from.as_slice(), to.as_deref(), Direction::Forward, limit)?;
            let mut looked = 0;
            for (key, _) in &rows {
                let mut parts = Parts(key.get(16..).unwrap_or_default());
                let (Some(ended_ms), Some(position)) = (parts.u64(), parts.u64()) else { break };
                // Those that are given up anew while this runs wait for the next replay.
                if ended_ms > replay.begun_ms {
                    break;
                }
                let failed = DeliveryId { endpoint: id, position: Position(position) };
                replay.queued += u64::from(one_failed(tx, &endpoint, failed, now_ms)?);
                (*since_ms, *after, looked) = (ended_ms, Position(position), looked + 1);
            }
            replay.looked += looked as u64;
            looked == limit
        }
    };
    if !left {
        replay.ended_ms = Some(now_ms);
        tx.delete(Tree::Meta, running_key(id))?;
    }
    tx.put_record(Tree::Meta, last_key(id), &replay)?;
    Ok(true)
}

fn one_failed(
    tx: &mut WriteTx<'_>,
    endpoint: &EndpointRecord,
    id: DeliveryId,
    now_ms: Millis,
) -> Result<bool, StoreError> {
    let delivery = tx.record::<DeliveryRecord>(Tree::Delivery, id.to_bytes())?;
    match delivery.filter(|delivery| delivery.state == DeliveryState::Discarded) {
        // Without its event there is nothing to deliver.
        Some(delivery) if delivery.why != Some(DiscardReason::EventPruned) => {
            replay::again(tx, endpoint, id, delivery, now_ms).map(|()| true)
        }
        _ => Ok(false),
    }
}

fn one_event(
    tx: &mut WriteTx<'_>,
    endpoint: &EndpointRecord,
    position: Position,
    event: &EventRecord,
    now_ms: Millis,
) -> Result<bool, StoreError> {
    if !tx.reading(|tx| would_get(tx, endpoint, event))? {
        return Ok(false);
    }
    let id = DeliveryId { endpoint: endpoint.id, position };
    match tx.record::<DeliveryRecord>(Tree::Delivery, id.to_bytes())? {
        Some(delivery) if !delivery.state.is_final() => Ok(false),
        Some(delivery) => replay::again(tx, endpoint, id, delivery, now_ms).map(|()| true),
        None => {
            let chat_no = tx.reading(|tx| chat_of(tx, event))?;
            queue::enqueue(tx, endpoint, position, event.no, chat_no, now_ms).map(|()| true)
        }
    }
}

/// Whether an event would be queued for an endpoint as that is now.
fn would_get(tx: &ReadTx<'_>, endpoint: &EndpointRecord, event: &EventRecord) -> Result<bool, StoreError> {
    // Endpoints hear of a send from `sent` on, and of tests only of their own.
    if event.kind == EventKind::EndpointTest
        || matches!(&event.data, EventData::Status(status) if status.state == MessageState::Queued)
    {
        return Ok(false);
    }
    if endpoint.account != endpoint::EVERY_ACCOUNT && endpoint.account != event.no {
        return Ok(false);
    }
    // What the server itself tells is in the default tenant's part of the log.
    let tenant = match event.no {
        AccountNo(0) => Some(DEFAULT_TENANT),
        no => account::owner(tx, no)?.filter(|owner| !owner.gone).map(|owner| owner.tenant),
    };
    if tenant != Some(endpoint.tenant) {
        return Ok(false);
    }
    if endpoint.chatbot && !chatbot::hears(tx, event.no, chat_of(tx, event)?)? {
        return Ok(false);
    }
    Ok(endpoint.wants(event.kind, &event.data))
}

fn chat_of(tx: &ReadTx<'_>, event: &EventRecord) -> Result<Option<ChatNo>, StoreError> {
    let Some(with) = event.data.chat() else { return Ok(None) };
    Ok(chat::find(tx, event.no, with)?.first().copied())
}
