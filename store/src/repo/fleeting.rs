//! Messages that are not in the stored history: they are told and delivered as all others, and then erased.
//!
//! `due`: 6 · when · message id 20 · position u64 → (): something of a message is to be erased. A row is looked at when its
//! time comes; while a send has no outcome, or a delivery of the event has not ended, it gets a later one.

use super::due::{self, DueKind};
use super::scope::AccountScope;
use super::{event, media, message, persistence, retention};
use crate::id::{DeliveryId, MessageId, Millis, Position};
use crate::key::Parts;
use crate::records::{Content, DeliveryRecord, DeliveryState, EventData, MessageRecord};
use crate::{ReadTx, StoreError, Tree, WriteTx};

/// The shortest wait before what can't be erased yet is looked at again.
const AGAIN_MIN_MS: Millis = 1_000;
/// ... and the longest.
const AGAIN_MAX_MS: Millis = 3_600_000;

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Erased {
    /// Messages or events whose content is gone now.
    pub erased: u64,
    /// How many were looked at.
    pub looked_at: usize,
}

fn id_of(id: MessageId, position: Position) -> Vec<u8> {
    [id.to_bytes().as_slice(), &position.0.to_be_bytes()].concat()
}

/// Notes that a message and the event at a position (0: it has none that says anything) are to be erased.
pub(super) fn note(tx: &mut WriteTx<'_>, id: MessageId, position: Position, now_ms: Millis) -> Result<(), StoreError> {
    let at_ms = now_ms.saturating_add(tx.reading(persistence::erase_after_ms)?);
    due::reset(tx, DueKind::Erase, &id_of(id, position), None, Some(at_ms))
}

/// When the next one is to be looked at.
///
/// # Errors
/// [`StoreError`] when the index can't be read.
pub fn next(tx: &ReadTx<'_>) -> Result<Option<Millis>, StoreError> {
    due::next(tx, DueKind::Erase)
}

/// Erases what is due by now and may go, looking at no more than `looks`.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn step(tx: &mut WriteTx<'_>, now_ms: Millis, looks: usize) -> Result<Erased, StoreError> {
    let (ripe, after_ms) =
        tx.reading(|tx| Ok((due::ripe(tx, DueKind::Erase, now_ms, looks)?, persistence::erase_after_ms(tx)?)))?;
    let mut done = Erased { erased: 0, looked_at: ripe.len() };
    for (at_ms, row) in ripe {
        let mut parts = Parts(&row);
        let (id, position) = (parts.take(20).and_then(MessageId::from_bytes), parts.u64().map(Position));
        let bad = || StoreError::corrupt(Tree::Due, "a key names no message");
        let (id, position) = (id.ok_or_else(bad)?, position.ok_or_else(bad)?);
        let until_ms = tx.reading(|tx| waits_until(tx, id, position, (now_ms, after_ms)))?;
        if until_ms.is_none() {
            done.erased += u64::from(erase_message(tx, id)? | erase_event(tx, position)?);
        }
        due::reset(tx, DueKind::Erase, &row, Some(at_ms), until_ms)?;
    }
    Ok(done)
}

/// Until when it has to wait; `None` where it may go.
fn waits_until(
    tx: &ReadTx<'_>,
    id: MessageId,
    position: Position,
    (now_ms, after_ms): (Millis, Millis),
) -> Result<Option<Millis>, StoreError> {
    let age_ms = |since_ms: Millis| now_ms.saturating_sub(since_ms);
    // What waits long is looked at seldom: a dead receiver's backlog must cost next to nothing.
    let again = |since_ms: Millis| Some(now_ms + (age_ms(since_ms) / 4).clamp(AGAIN_MIN_MS, AGAIN_MAX_MS));
    if let Some(message) = message::get(tx, id)?.filter(|message| !message.state.is_settled()) {
        return Ok(again(message.times.queued_ms.unwrap_or(now_ms)));
    }
    let Some(event) = event::get(tx, position)? else { return Ok(None) };
    let mut until_ms = None;
    for endpoint in retention::hearers_of(tx, id.account)? {
        let delivery = DeliveryId { endpoint, position };
        let Some(delivery) = tx.record::<DeliveryRecord>(Tree::Delivery, delivery.to_bytes())? else { continue };
        let wait = match (delivery.state, delivery.ended_ms) {
            // Whoever got a link to a file has a while to follow it.
            (DeliveryState::Completed, Some(ended_ms)) => {
                Some(ended_ms.saturating_add(after_ms)).filter(|end_ms| *end_ms > now_ms)
            }
            (DeliveryState::Completed, None) => None,
            // One that was given up can be replayed until it is forgotten itself.
            _ => again(event.at_ms),
        };
        until_ms = until_ms.max(wait);
    }
    Ok(until_ms)
}

/// Erases what a message said, where it is one that is not kept.
fn erase_message(tx: &mut WriteTx<'_>, id: MessageId) -> Result<bool, StoreError> {
    let Some(mut record) = tx.reading(|tx| message::get(tx, id))?.filter(may_erase) else { return Ok(false) };
    record.erase();
    media::let_go_of_message(tx, id)?;
    tx.put_record(Tree::Msg, id.to_bytes(), &record)?;
    Ok(true)
}

/// One that could not be read says nothing yet, and may still be filled.
fn may_erase(record: &MessageRecord) -> bool {
    record.fleeting && !matches!(record.content, Content::Erased | Content::Unavailable)
}

/// Erases what an event says of its message.
fn erase_event(tx: &mut WriteTx<'_>, position: Position) -> Result<bool, StoreError> {
    let Some(mut record) = tx.reading(|tx| event::get(tx, position))? else { return Ok(false) };
    let EventData::Message(told) = &mut record.data else { return Ok(false) };
    if told.content == Content::Erased {
        return Ok(false);
    }
    told.content = Content::Erased;
    (told.context, told.push_name) = (None, None);
    tx.put_record(Tree::Event, event::position_key(position), &record)?;
    Ok(true)
}

/// Whether what this account is told is kept, found out once in a write.
pub(super) fn keeps(tx: &WriteTx<'_>, scope: &mut AccountScope) -> Result<bool, StoreError> {
    if let Some(keeps) = scope.keeps {
        return Ok(keeps);
    }
    let keeps = tx.reading(|tx| persistence::standing(tx, scope.no))?.keeps();
    scope.keeps = Some(keeps);
    Ok(keeps)
}
