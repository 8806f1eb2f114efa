//! Messages and their indexes. Every place that writes a message goes through [`put_new`] and [`restate`], so that the
//! indexes can't part from it.

mod index;
mod look;
mod proof;
mod tell;

use super::inbound::NewInbound;
use super::scope::AccountScope;
use super::{acts, recent, refer};
use crate::id::{AccountNo, ChatNo, MessageId, MessageKey, Millis, PersonNo};
use crate::records::{MessageRecord, MessageState};
use crate::{StoreError, Tree, WriteTx};

pub(super) use index::{chat_key, newest_of_chat, open_key, sender_key, wid_prefix, with_provider_id};
pub use look::{get, list, meant, named};
pub(super) use proof::advance;
pub(super) use tell::{tell, tell_state};

/// Writes a message that is not there yet, with all its indexes.
pub(super) fn put_new(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    key: MessageKey,
    message: &MessageRecord,
    group: bool,
) -> Result<(), StoreError> {
    let no = scope.no;
    let id = MessageId { account: no, key };
    let listed = is_listed(message);
    if listed {
        let newest = tx.reading(|tx| newest_of_chat(tx, no, message.chat_no, 1))?;
        recent::added(tx, scope, message.chat_no, newest.first().copied(), (key, recent::is_unread(message)))?;
        tx.put_fixed(Tree::MsgChat, chat_key(no, message.chat_no, key), &[])?;
    }
    tx.put_record(Tree::Msg, id.to_bytes(), message)?;
    let sender = message.sender_no.unwrap_or_default();
    let wid = wid_prefix(no, &message.provider_id).u32(message.chat_no.0).u32(sender.0);
    tx.put_fixed(Tree::MsgWid, wid, &key.to_bytes())?;
    if listed && group && sender != PersonNo(0) {
        tx.put_fixed(Tree::MsgNum, sender_key(no, sender, key), &[])?;
    }
    if message.state.is_open() {
        tx.put_fixed(Tree::MsgOpen, open_key(no, message.state, key), &[])?;
    }
    if message.fleeting {
        scope.counters.fleeting += 1;
    } else {
        scope.counters.messages += 1;
        scope.counters.message_bytes += message.content.bytes();
    }
    Ok(())
}

/// Whether its chat shows it: it is kept, and does nothing to another message, where that is seen instead.
pub(crate) fn is_listed(message: &MessageRecord) -> bool {
    !message.fleeting && message.content.target().is_none()
}

/// A time at which a message stands behind those of the same second that came before it: the network tells whole
/// seconds only.
pub(super) fn in_order(
    tx: &WriteTx<'_>,
    no: AccountNo,
    chat: ChatNo,
    ts_ms: Millis,
    now_ms: Millis,
) -> Result<Millis, StoreError> {
    const SECOND: Millis = 1_000;
    if !ts_ms.is_multiple_of(SECOND) {
        return Ok(ts_ms);
    }
    let same_second = |other: &Millis| other / SECOND == ts_ms / SECOND;
    // One that comes at once stands where it came, also among other chats.
    let begin = Some(now_ms).filter(same_second).unwrap_or(ts_ms);
    let newest = tx.reading(|tx| newest_of_chat(tx, no, chat, 1))?.first().map(|newest| newest.ts_ms);
    let behind = newest.filter(same_second).map_or(begin, |newest| begin.max(newest + 1));
    Ok(behind.min(ts_ms + 999))
}

/// Writes a message back after its state changed from `before`.
pub(super) fn restate(
    tx: &mut WriteTx<'_>,
    id: MessageId,
    before: MessageState,
    message: &MessageRecord,
) -> Result<(), StoreError> {
    tx.put_record(Tree::Msg, id.to_bytes(), message)?;
    if before == message.state {
        return Ok(());
    }
    if before.is_open() {
        tx.delete(Tree::MsgOpen, open_key(id.account, before, id.key))?;
    }
    if message.state.is_open() {
        tx.put_fixed(Tree::MsgOpen, open_key(id.account, message.state, id.key), &[])?;
    }
    Ok(())
}

/// Gives a message that could not be read its content, when the phone has sent it again.
pub(super) fn fill(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    id: MessageId,
    new: &NewInbound,
    now_ms: Millis,
) -> Result<(), StoreError> {
    let Some(mut message) = tx.reading(|tx| get(tx, id))? else { return Ok(()) };
    scope.counters.message_bytes += if message.fleeting { 0 } else { new.content.bytes() };
    scope.counters.unavailable = scope.counters.unavailable.saturating_sub(1);
    (message.content, message.context, message.secret) = (new.content.clone(), new.context.clone(), new.secret);
    tx.reading(|tx| refer::fill(tx, scope.no, &mut message))?;
    tx.put_record(Tree::Msg, id.to_bytes(), &message)?;
    if message.content.target().is_some() {
        if !message.fleeting {
            unlist(tx, scope, id, &message)?;
        }
        acts::apply(tx, scope, &message)?;
    }
    tell(tx, scope, id, &message, now_ms)
}

/// Takes a message out of its chat: only now it is known that it does something to another one, or it is not kept any more.
pub(super) fn unlist(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    id: MessageId,
    message: &MessageRecord,
) -> Result<(), StoreError> {
    let (no, chat) = (id.account, message.chat_no);
    let before = tx.reading(|tx| recent::of_chat(tx, no, chat))?;
    tx.delete(Tree::MsgChat, chat_key(no, chat, id.key))?;
    tx.delete(Tree::MsgNum, sender_key(no, message.sender_no.unwrap_or_default(), id.key))?;
    match before {
        Some(before) => recent::removed(tx, scope, chat, before, (id.key, message)),
        None => Ok(()),
    }
}

/// Notes that the account keeps a message among its starred ones, or not any more; `false` where that was so already or
/// there is no such message.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn star(tx: &mut WriteTx<'_>, id: MessageId, starred: bool) -> Result<bool, StoreError> {
    let Some(mut message) = tx.reading(|tx| get(tx, id))? else { return Ok(false) };
    if message.aftermath.starred == starred {
        return Ok(false);
    }
    message.aftermath.starred = starred;
    tx.put_record(Tree::Msg, id.to_bytes(), &message)?;
    Ok(true)
}
