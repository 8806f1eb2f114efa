//! Messages and their indexes. Every place that writes a message goes through [`put_new`] and [`restate`], so that the
//! indexes can't part from it.

use bytes::Bytes;

use super::inbound::NewInbound;
use super::scope::AccountScope;
use super::{acts, chat, event, fleeting, held, outbox, recent, refer};
use crate::id::{AccountNo, ChatNo, MessageId, MessageKey, Millis, PersonNo};
use crate::key::{Key, Parts};
use crate::records::{
    Content, Direction, EventData, EventKind, MessageEvent, MessageRecord, MessageState, Participant, StatusEvent,
    Target,
};
use crate::{Direction as Walk, ReadTx, StoreError, Tree, WriteTx, envelope};

/// Most messages of an account that share one id of the network and are looked at: peers choose the ids.
const MAX_SAME_ID: usize = 1_024;

pub(super) fn chat_key(no: AccountNo, chat: ChatNo, key: MessageKey) -> Key {
    Key::new().u32(no.0).u32(chat.0).bytes(&key.to_bytes())
}

pub(super) fn sender_key(no: AccountNo, person: PersonNo, key: MessageKey) -> Key {
    Key::new().u32(no.0).u32(person.0).bytes(&key.to_bytes())
}

pub(super) fn open_key(no: AccountNo, state: MessageState, key: MessageKey) -> Key {
    Key::new().u32(no.0).u8(state as u8).bytes(&key.to_bytes())
}

pub(super) fn wid_prefix(no: AccountNo, provider_id: &str) -> Key {
    Key::new().u32(no.0).wire(provider_id.as_bytes())
}

/// A message under an id of the network: which chat, which sender (0 is the account itself), which row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SameId {
    pub(super) chat: ChatNo,
    pub(super) sender: PersonNo,
    pub(super) key: MessageKey,
}

/// Every message of the account under an id of the network.
pub(super) fn with_provider_id(tx: &ReadTx<'_>, no: AccountNo, provider_id: &str) -> Result<Vec<SameId>, StoreError> {
    let prefix = wid_prefix(no, provider_id);
    let rows = tx.prefix(Tree::MsgWid, &prefix, Walk::Forward, MAX_SAME_ID)?;
    let bad = || StoreError::corrupt(Tree::MsgWid, "an index row is damaged");
    let row = |(key, value): &(Bytes, Bytes)| {
        let mut parts = Parts(key.get(prefix.as_slice().len()..).unwrap_or_default());
        let (chat, sender) = (parts.u32().ok_or_else(bad)?, parts.u32().ok_or_else(bad)?);
        let body = envelope::open(Tree::MsgWid, envelope::Codec::Fixed, value)?;
        let key = MessageKey::from_bytes(&body).ok_or_else(bad)?;
        Ok(SameId { chat: ChatNo(chat), sender: PersonNo(sender), key })
    };
    rows.iter().map(row).collect()
}

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

/// At most `limit` messages of a chat, the newest first.
pub(super) fn newest_of_chat(
    tx: &ReadTx<'_>,
    no: AccountNo,
    chat: ChatNo,
    limit: usize,
) -> Result<Vec<MessageKey>, StoreError> {
    let rows = tx.prefix(Tree::MsgChat, Key::new().u32(no.0).u32(chat.0), Walk::Backward, limit)?;
    Ok(rows.iter().filter_map(|(key, _)| MessageKey::from_bytes(key.get(8..)?)).collect())
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

/// Tells a message's state as an event.
pub(super) fn tell_state(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    id: MessageId,
    message: &MessageRecord,
    now_ms: Millis,
) -> Result<(), StoreError> {
    let data = EventData::Status(StatusEvent {
        id,
        provider_id: message.provider_id.clone(),
        chat: message.chat.clone(),
        state: message.state,
        reason: message.reason,
        client_message_id: message.client_message_id.clone(),
    });
    let event = event::NewEvent { kind: EventKind::MessageStatus, data, chat_no: Some(message.chat_no), now_ms };
    if message.state == MessageState::Queued {
        // Whoever sent it has the 202; endpoints hear of it from `sent` on.
        event::append_quietly(tx, scope, event)?;
    } else {
        event::append(tx, scope, event)?;
    }
    Ok(())
}

/// Tells a message as an event.
pub(super) fn tell(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    id: MessageId,
    message: &MessageRecord,
    now_ms: Millis,
) -> Result<(), StoreError> {
    let kind = match (&message.content, message.direction) {
        (Content::Edit { .. }, _) => EventKind::MessageEdited,
        (Content::Revoke { .. }, _) => EventKind::MessageRevoked,
        (Content::Reaction { .. }, _) => EventKind::MessageReaction,
        (Content::PollVote { .. }, _) => EventKind::PollVote,
        (_, Direction::Inbound) => EventKind::MessageReceived,
        (_, Direction::Outbound) => EventKind::MessageSent,
    };
    let data = EventData::Message(MessageEvent {
        id,
        provider_id: message.provider_id.clone(),
        direction: message.direction,
        chat: message.chat.clone(),
        sender: message.sender.clone(),
        push_name: message.push_name.clone(),
        ts_ms: message.ts_ms,
        content: message.content.clone(),
        context: message.context.clone(),
    });
    let told = event::NewEvent { kind, data, chat_no: Some(message.chat_no), now_ms };
    let position = event::append(tx, scope, told)?;
    if message.fleeting {
        fleeting::note(tx, id, position, now_ms)?;
    }
    Ok(())
}

/// The message with this id.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn get(tx: &ReadTx<'_>, id: MessageId) -> Result<Option<MessageRecord>, StoreError> {
    tx.record(Tree::Msg, id.to_bytes())
}

/// A message of an account under an id of the network, the account's own first.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn named(
    tx: &ReadTx<'_>,
    no: AccountNo,
    provider_id: &str,
) -> Result<Option<(MessageId, MessageRecord)>, StoreError> {
    let mut same = with_provider_id(tx, no, provider_id)?;
    same.sort_by_key(|same| same.sender);
    for same in same {
        let id = MessageId { account: no, key: same.key };
        if let Some(message) = get(tx, id)? {
            return Ok(Some((id, message)));
        }
    }
    Ok(None)
}

/// The message of a chat that a target means.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn meant(
    tx: &ReadTx<'_>,
    no: AccountNo,
    with: &Participant,
    target: &Target,
) -> Result<Option<(MessageId, MessageRecord)>, StoreError> {
    for chat in chat::find(tx, no, with)? {
        let by = (target.from_me, target.sender.as_ref());
        if let Some(id) = refer::find(tx, no, chat, &target.provider_id, by)? {
            return Ok(get(tx, id)?.map(|message| (id, message)));
        }
    }
    Ok(None)
}

/// At most `limit` messages of an account, the newest first, before a key; of one chat where a participant is given.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn list(
    tx: &ReadTx<'_>,
    no: AccountNo,
    with: Option<&Participant>,
    before: Option<MessageKey>,
    limit: usize,
) -> Result<Vec<(MessageId, MessageRecord)>, StoreError> {
    let Some(with) = with else { return list_all(tx, no, before, limit) };
    let mut keys = Vec::new();
    for chat in chat::find(tx, no, with)? {
        let from = Key::new().u32(no.0).u32(chat.0);
        let end = before.unwrap_or(MessageKey::new(u64::MAX, u64::MAX));
        let to = chat_key(no, chat, end);
        let rows = tx.range(Tree::MsgChat, from.as_slice(), Some(to.as_slice()), Walk::Backward, limit)?;
        keys.extend(rows.iter().filter_map(|(key, _)| MessageKey::from_bytes(key.get(8..)?)));
    }
    // A human under two numbers has two chats: their pages are read as one.
    keys.sort_unstable_by(|a, b| b.cmp(a));
    keys.truncate(limit);
    let mut found = Vec::with_capacity(keys.len());
    for key in keys {
        let id = MessageId { account: no, key };
        found.extend(get(tx, id)?.map(|message| (id, message)));
    }
    Ok(found)
}

fn list_all(
    tx: &ReadTx<'_>,
    no: AccountNo,
    before: Option<MessageKey>,
    limit: usize,
) -> Result<Vec<(MessageId, MessageRecord)>, StoreError> {
    let from = Key::new().u32(no.0);
    let end = before.unwrap_or(MessageKey::new(u64::MAX, u64::MAX));
    let to = MessageId { account: no, key: end }.to_bytes();
    let rows = tx.range(Tree::Msg, from.as_slice(), Some(&to), Walk::Backward, limit)?;
    let row = |(key, value): &(Bytes, Bytes)| {
        let id = MessageId::from_bytes(key).ok_or_else(|| StoreError::corrupt(Tree::Msg, "a key is no message id"))?;
        Ok((id, envelope::open_record(Tree::Msg, value)?))
    };
    rows.iter().map(row).collect()
}

/// Moves one of our sends forward; `false` where the proof says nothing new.
pub(super) fn advance(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    id: MessageId,
    mut message: MessageRecord,
    seen: MessageState,
    at_ms: Millis,
    now_ms: Millis,
) -> Result<bool, StoreError> {
    let before = message.state;
    let Some(after) = before.advance(seen) else { return Ok(false) };
    message.state = after;
    message.reason = None;
    let times = &mut message.times;
    // Receipts tell whole seconds: one of the same second must not seem to come before what it is about.
    let at_ms = at_ms.max(times.sent_ms.or(times.sending_ms).or(times.queued_ms).unwrap_or(0));
    let place = match after {
        MessageState::Delivered => &mut times.delivered_ms,
        MessageState::Read => &mut times.read_ms,
        MessageState::Played => &mut times.played_ms,
        _ => &mut times.sent_ms,
    };
    place.get_or_insert(at_ms);
    if !matches!(before, MessageState::Sent | MessageState::Delivered | MessageState::Read) {
        times.sent_ms.get_or_insert(at_ms);
        if before == MessageState::Failed {
            scope.counters.unsent = scope.counters.unsent.saturating_sub(1);
        }
        scope.counters.sent += 1;
        scope.count(Direction::Outbound, &message.content, now_ms);
        outbox::remove(tx, scope, message.lane, id.key)?;
        // One that was let go was perhaps on the wire before, too.
        message.tries = message.tries.max(1);
    }
    held::count(scope, before, message.state);
    restate(tx, id, before, &message)?;
    tell_state(tx, scope, id, &message, now_ms)?;
    if !before.is_settled() || before == MessageState::Failed {
        // What it does to another message is done now, and not before the network has it.
        acts::apply(tx, scope, &message)?;
    }
    Ok(true)
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
