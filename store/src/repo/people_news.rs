//! What is heard of people beside what they write, told as events. Nothing else is kept of it.

use super::event::{self, NewEvent};
use super::scope::AccountScope;
use super::{chat, person};
use crate::id::{AccountNo, ChatNo, Epoch, Millis};
use crate::records::{CallEvent, EventData, EventKind, Participant, PresenceEvent};
use crate::{ReadTx, StoreError, WriteTx};

/// Tells of a call.
///
/// # Errors
/// [`StoreError::StaleEpoch`] for an older incarnation.
pub fn call(
    tx: &mut WriteTx<'_>,
    (no, epoch): (AccountNo, Epoch),
    call: &CallEvent,
    now_ms: Millis,
) -> Result<(), StoreError> {
    let mut scope = AccountScope::fenced(tx, no, epoch)?;
    let (from, chat_no) = tx.reading(|tx| {
        let of = call.group.as_ref().unwrap_or(&call.from);
        Ok((known(tx, no, &call.from)?, chat_with(tx, no, of)?))
    })?;
    let data = EventData::Call(CallEvent { from, ..call.clone() });
    event::append(tx, &mut scope, NewEvent { kind: EventKind::CallReceived, data, chat_no, now_ms })?;
    scope.close(tx)
}

/// Tells how somebody is seen.
///
/// # Errors
/// [`StoreError::StaleEpoch`] for an older incarnation.
pub fn presence(
    tx: &mut WriteTx<'_>,
    (no, epoch): (AccountNo, Epoch),
    seen: &PresenceEvent,
    now_ms: Millis,
) -> Result<(), StoreError> {
    let mut scope = AccountScope::fenced(tx, no, epoch)?;
    let (who, chat_no) = tx.reading(|tx| {
        let of = seen.group.as_ref().unwrap_or(&seen.who);
        Ok((known(tx, no, &seen.who)?, chat_with(tx, no, of)?))
    })?;
    let data = EventData::Presence(PresenceEvent { who, ..seen.clone() });
    event::append(tx, &mut scope, NewEvent { kind: EventKind::Presence, data, chat_no, now_ms })?;
    scope.close(tx)
}

/// Somebody by every address that is known; nobody is made known by that.
fn known(tx: &ReadTx<'_>, no: AccountNo, who: &Participant) -> Result<Participant, StoreError> {
    if who.phone.is_some() && who.lid.is_some() {
        return Ok(who.clone());
    }
    let Some(found) = person::find(tx, no, who)? else { return Ok(who.clone()) };
    let found = person::canonical(tx, no, found)?;
    let record = person::get(tx, no, found)?;
    Ok(record.as_ref().and_then(person::participant).unwrap_or_else(|| who.clone()))
}

fn chat_with(tx: &ReadTx<'_>, no: AccountNo, of: &Participant) -> Result<Option<ChatNo>, StoreError> {
    Ok(chat::find(tx, no, of)?.first().copied())
}
