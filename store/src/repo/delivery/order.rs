//! Order within a chat, where an endpoint asks for it. A lane holds every delivery of a chat that has not ended; exactly
//! one of them is to be tried, the others are suspended and have no row in the queue.
//!
//! The account's number stands in the key: an endpoint can hear of every account, and chats are numbered by account.

use super::{id_in, lane, lane_key, todo_key};
use crate::id::{ChatNo, DeliveryId, Millis};
use crate::records::{DeliveryOrder, DeliveryRecord, DeliveryState, EndpointRecord};
use crate::{Direction, StoreError, Tree, WriteTx};

/// Puts a delivery that is to be tried into its lane, where its endpoint keeps order: it is suspended while another one
/// is in front.
pub(super) fn join(
    tx: &mut WriteTx<'_>,
    endpoint: &EndpointRecord,
    id: DeliveryId,
    delivery: &mut DeliveryRecord,
) -> Result<(), StoreError> {
    let Some(chat) = delivery.chat_no.filter(|_| endpoint.order == DeliveryOrder::Chat) else { return Ok(()) };
    let busy = tx.first(Tree::DeliveryLane, lane(id.endpoint, delivery.no, chat), Direction::Forward)?.is_some();
    tx.put_fixed(Tree::DeliveryLane, lane_key(id, delivery.no, chat), &[])?;
    delivery.ordered = true;
    if busy {
        delivery.state = DeliveryState::Suspended;
    }
    Ok(())
}

/// Takes a delivery out of its lane, if it stands in one. Answers whether the next one is to be tried now: its row is
/// in the queue, due at `now_ms`, and the endpoint has to be woken.
pub(in crate::repo) fn leave(
    tx: &mut WriteTx<'_>,
    id: DeliveryId,
    delivery: &mut DeliveryRecord,
    now_ms: Millis,
) -> Result<bool, StoreError> {
    let Some(chat) = delivery.chat_no.filter(|_| delivery.ordered) else { return Ok(false) };
    delivery.ordered = false;
    tx.delete(Tree::DeliveryLane, lane_key(id, delivery.no, chat))?;
    if delivery.state == DeliveryState::Suspended {
        // Another one is being tried.
        return Ok(false);
    }
    next(tx, id, delivery, chat, now_ms)
}

fn next(
    tx: &mut WriteTx<'_>,
    id: DeliveryId,
    delivery: &DeliveryRecord,
    chat: ChatNo,
    now_ms: Millis,
) -> Result<bool, StoreError> {
    while let Some((key, _)) = tx.first(Tree::DeliveryLane, lane(id.endpoint, delivery.no, chat), Direction::Forward)? {
        let next = id_in(id.endpoint, &key).ok_or_else(|| StoreError::corrupt(Tree::DeliveryLane, "a key is short"))?;
        let Some(mut record) = tx.record::<DeliveryRecord>(Tree::Delivery, next.to_bytes())? else {
            tx.delete(Tree::DeliveryLane, &key)?;
            continue;
        };
        (record.state, record.due_ms) = (DeliveryState::Available, now_ms);
        tx.put_record(Tree::Delivery, next.to_bytes(), &record)?;
        tx.put_fixed(Tree::DeliveryTodo, todo_key(next, now_ms), &[])?;
        return Ok(true);
    }
    Ok(false)
}
