//! Taking messages out of the store, with everything that leads to them.

use super::scope::AccountScope;
use super::{chat, media, message, recent, search};
use crate::id::{AccountNo, ChatNo, MessageId, MessageKey, Millis, PersonNo};
use crate::key::Key;
use crate::records::{Content, Direction as Way, MessageRecord};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx};

/// Most reactions and votes of a message that go in one step; more are left behind only by a message that was
/// forgotten while they were written.
const MARKS: usize = 1_024;

/// Forgets a message; `false` where there is none, or one whose send is not settled: the ledger still needs that.
pub(super) fn message(tx: &mut WriteTx<'_>, scope: &mut AccountScope, id: MessageId) -> Result<bool, StoreError> {
    let Some(record) = tx.reading(|tx| message::get(tx, id))?.filter(|record| record.state.is_settled()) else {
        return Ok(false);
    };
    let (no, key) = (id.account, id.key);
    let row = message::chat_key(no, record.chat_no, key);
    if tx.contains(Tree::MsgChat, &row)? {
        let before = tx.reading(|tx| recent::of_chat(tx, no, record.chat_no))?;
        tx.delete(Tree::MsgChat, &row)?;
        if let Some(before) = before {
            recent::removed(tx, scope, record.chat_no, before, (key, &record))?;
        }
    }
    indexes(tx, id, &record)?;
    beside(tx, id)?;
    if !record.fleeting {
        search::note(tx, id, Some(&record))?;
    }
    tx.delete(Tree::Msg, id.to_bytes())?;
    count(scope, &record);
    Ok(true)
}

/// Forgets what a message says and that it was there, and keeps by what a repeat of it is known: the row without content.
/// `false` where its send is not settled.
pub(super) fn reduce(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    id: MessageId,
    mut record: MessageRecord,
) -> Result<bool, StoreError> {
    if record.fleeting || !record.state.is_settled() {
        return Ok(false);
    }
    if message::is_listed(&record) {
        message::unlist(tx, scope, id, &record)?;
    }
    beside(tx, id)?;
    search::note(tx, id, Some(&record))?;
    let counters = &mut scope.counters;
    counters.messages = counters.messages.saturating_sub(1);
    counters.message_bytes = counters.message_bytes.saturating_sub(record.content.bytes());
    counters.fleeting += 1;
    counters.gone.unavailable += u64::from(record.content == Content::Unavailable);
    record.erase();
    record.fleeting = true;
    tx.put_record(Tree::Msg, id.to_bytes(), &record)?;
    Ok(true)
}

/// What stands beside a message and belongs to it alone.
fn beside(tx: &mut WriteTx<'_>, id: MessageId) -> Result<(), StoreError> {
    for (mark, _) in tx.prefix(Tree::MsgMark, id.to_bytes(), Direction::Forward, MARKS)? {
        tx.delete(Tree::MsgMark, &mark)?;
    }
    media::let_go_of_message(tx, id)
}

fn indexes(tx: &mut WriteTx<'_>, id: MessageId, record: &MessageRecord) -> Result<(), StoreError> {
    let (no, key) = (id.account, id.key);
    let sender = record.sender_no.unwrap_or_default();
    let wid = message::wid_prefix(no, &record.provider_id).u32(record.chat_no.0).u32(sender.0);
    if tx.fixed(Tree::MsgWid, &wid)?.is_some_and(|found| found == key.to_bytes().as_slice()) {
        tx.delete(Tree::MsgWid, wid)?;
    }
    if sender != PersonNo(0) {
        tx.delete(Tree::MsgNum, message::sender_key(no, sender, key))?;
    }
    if record.state.is_open() {
        tx.delete(Tree::MsgOpen, message::open_key(no, record.state, key))?;
    }
    Ok(())
}

/// What is kept becomes less; what only grows notes how much of it is not kept any more.
fn count(scope: &mut AccountScope, record: &MessageRecord) {
    let counters = &mut scope.counters;
    if record.fleeting {
        counters.fleeting = counters.fleeting.saturating_sub(1);
    } else {
        counters.messages = counters.messages.saturating_sub(1);
        counters.message_bytes = counters.message_bytes.saturating_sub(record.content.bytes());
    }
    let gone = &mut counters.gone;
    gone.received += u64::from(record.direction == Way::Inbound && !record.is_imported());
    gone.unavailable += u64::from(record.content == Content::Unavailable);
    if record.state.is_unsent() {
        gone.unsent += 1;
    } else {
        gone.sent += u64::from(record.tries > 0);
    }
}

/// Forgets messages; answers how many there were.
///
/// # Errors
/// [`StoreError::StaleEpoch`] where there is no such account.
pub fn messages(tx: &mut WriteTx<'_>, no: AccountNo, ids: &[MessageId]) -> Result<u64, StoreError> {
    let mut scope = AccountScope::open(tx, no)?;
    let mut gone = 0;
    for id in ids.iter().filter(|id| id.account == no) {
        gone += u64::from(message(tx, &mut scope, *id)?);
    }
    scope.close(tx)?;
    Ok(gone)
}

/// At most `limit` messages of a chat and those merged with it, up to a message, the oldest first, behind a place.
pub(super) fn oldest_of_chat(
    tx: &ReadTx<'_>,
    no: AccountNo,
    chat: ChatNo,
    (after, upto): (MessageKey, MessageKey),
    limit: usize,
) -> Result<Vec<MessageId>, StoreError> {
    let mut found = Vec::new();
    for chat in chat::siblings(tx, no, chat)? {
        let from = [message::chat_key(no, chat, after).as_slice(), &[0]].concat();
        let to = [message::chat_key(no, chat, upto).as_slice(), &[0]].concat();
        let rows = tx.range(Tree::MsgChat, &from, Some(&to), Direction::Forward, limit)?;
        found.extend(rows.iter().filter_map(|(key, _)| MessageKey::from_bytes(key.get(8..)?)));
    }
    found.sort_unstable();
    found.truncate(limit);
    Ok(found.into_iter().map(|key| MessageId { account: no, key }).collect())
}

/// At most `limit` of an account's messages behind a place and before a time, the oldest first, with what each counts.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn oldest(
    tx: &ReadTx<'_>,
    no: AccountNo,
    after: MessageKey,
    before_ms: Millis,
    limit: usize,
) -> Result<Vec<MessageId>, StoreError> {
    let from = [MessageId { account: no, key: after }.to_bytes().as_slice(), &[0]].concat();
    let to = Key::new().u32(no.0).u64(before_ms);
    let rows = tx.range(Tree::Msg, &from, Some(to.as_slice()), Direction::Forward, limit)?;
    Ok(rows.iter().filter_map(|(key, _)| MessageId::from_bytes(key)).collect())
}
