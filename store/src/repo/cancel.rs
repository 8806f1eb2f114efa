//! A send that is taken back before it was on the wire.

use super::scope::AccountScope;
use super::{held, message, outbox};
use crate::id::{MessageId, Millis};
use crate::records::{Direction, MessageRecord, MessageState};
use crate::{StoreError, WriteTx};

/// What became of the wish to cancel a send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cancel {
    /// It is cancelled and will never be on the wire.
    Done(Box<MessageRecord>),
    /// It is on the wire, perhaps: only its outcome decides.
    OnTheWire,
    /// It has an outcome already, or was received: there is nothing to cancel.
    Settled(Box<MessageRecord>),
    /// There is no such message.
    Unknown,
}

/// Cancels a send that is queued or held; each ends once, whoever comes first.
///
/// # Errors
/// [`StoreError`] when a row can't be read or written.
pub fn cancel(tx: &mut WriteTx<'_>, id: MessageId, now_ms: Millis) -> Result<Cancel, StoreError> {
    let Some(mut record) = tx.reading(|tx| message::get(tx, id))? else { return Ok(Cancel::Unknown) };
    let before = record.state;
    match before {
        _ if record.direction == Direction::Inbound => return Ok(Cancel::Settled(Box::new(record))),
        MessageState::Sending => return Ok(Cancel::OnTheWire),
        MessageState::Queued | MessageState::Held => {}
        _ => return Ok(Cancel::Settled(Box::new(record))),
    }
    let mut scope = AccountScope::open(tx, id.account)?;
    outbox::remove(tx, &mut scope, record.lane, id.key)?;
    (record.state, record.reason, record.times.ended_ms) = (MessageState::Cancelled, None, Some(now_ms));
    scope.counters.unsent += 1;
    held::count(&mut scope, before, record.state);
    message::restate(tx, id, before, &record)?;
    message::tell_state(tx, &mut scope, id, &record, now_ms)?;
    scope.close(tx)?;
    Ok(Cancel::Done(Box::new(record)))
}
