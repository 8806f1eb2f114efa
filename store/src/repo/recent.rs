//! Chats in the order of their newest messages, and what of them is not read.
//!
//! `chat_recent`: no · ~last · chat → [`Unread`]: `last` is the time of the chat's newest row in `msg_chat`. What is not
//! read stands in that row because every message that arrives writes it anyway.

use super::scope::AccountScope;
use super::{chat, message};
use crate::id::{AccountNo, ChatNo, MessageId, MessageKey, Millis, PersonNo};
use crate::jid::JidKind;
use crate::key::{Key, Parts};
use crate::records::{Direction as Way, MessageRecord};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx};

/// Most unread messages of a chat that may be older than what was read; of more the oldest count as read.
const LATE_MAX: usize = 16;

/// Messages looked at in one step of reading.
const READ_STEP: usize = 1_000;

/// What of a chat is not read. As bytes: count u32 · upto 16 · late 16 each; no bytes in rows of the third layout, where
/// everything up to the newest message is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unread {
    /// Messages after `upto` that were received and not read.
    pub(crate) count: u32,
    /// What was read, or was there before anything was unread.
    pub(crate) upto: MessageKey,
    /// Messages that arrived late: unread, although they stand before `upto`.
    pub(crate) late: Vec<MessageKey>,
}

const NOTHING: MessageKey = MessageKey::new(0, 0);

impl Unread {
    const fn none(upto: MessageKey) -> Self {
        Self { count: 0, upto, late: Vec::new() }
    }

    /// From a row of a chat whose newest message is known.
    pub(crate) fn open(body: &[u8], newest: MessageKey) -> Result<Self, StoreError> {
        if body.is_empty() {
            return Ok(Self::none(newest));
        }
        let bad = || StoreError::corrupt(Tree::ChatRecent, "a row is cut off");
        let mut parts = Parts(body);
        let count = parts.u32().ok_or_else(bad)?;
        let (upto, late) = parts.rest().split_at_checked(16).ok_or_else(bad)?;
        let late: Option<Vec<_>> = late.chunks(16).map(MessageKey::from_bytes).collect();
        Ok(Self { count, upto: MessageKey::from_bytes(upto).ok_or_else(bad)?, late: late.ok_or_else(bad)? })
    }

    fn seal(&self) -> Vec<u8> {
        let mut body = self.count.to_be_bytes().to_vec();
        body.extend_from_slice(&self.upto.to_bytes());
        self.late.iter().for_each(|key| body.extend_from_slice(&key.to_bytes()));
        body
    }

    pub(crate) fn total(&self) -> u64 {
        u64::from(self.count) + self.late.len() as u64
    }

    fn add(&mut self, key: MessageKey) {
        if key > self.upto {
            self.count += 1;
            return;
        }
        self.late.push(key);
        self.late.sort_unstable();
        if self.late.len() > LATE_MAX {
            self.late.remove(0);
        }
    }

    fn remove(&mut self, key: MessageKey) {
        if key > self.upto {
            self.count = self.count.saturating_sub(1);
        } else {
            self.late.retain(|late| *late != key);
        }
    }
}

/// Whether a message waits to be read.
pub(super) fn is_unread(message: &MessageRecord) -> bool {
    let kind = message.chat.jid.kind();
    message.direction == Way::Inbound
        && message.times.read_ms.is_none()
        && matches!(kind, JidKind::Phone | JidKind::Lid | JidKind::Group)
}

pub(super) fn key(no: AccountNo, last_ms: Millis, chat: ChatNo) -> Key {
    Key::new().u32(no.0).u64(!last_ms).u32(chat.0)
}

/// A chat's newest message, and what of the chat is not read; `None` where it has no messages.
pub(crate) fn of_chat(
    tx: &ReadTx<'_>,
    no: AccountNo,
    chat: ChatNo,
) -> Result<Option<(MessageKey, Unread)>, StoreError> {
    let Some(newest) = message::newest_of_chat(tx, no, chat, 1)?.first().copied() else { return Ok(None) };
    let body = tx.fixed(Tree::ChatRecent, key(no, newest.ts_ms, chat))?.unwrap_or_default();
    Ok(Some((newest, Unread::open(&body, newest)?)))
}

/// Whether a chat is the one that stands for itself and those merged with it where chats are counted.
pub(crate) fn stands_for_all(tx: &ReadTx<'_>, no: AccountNo, chat: ChatNo) -> Result<bool, StoreError> {
    for other in chat::siblings(tx, no, chat)? {
        if other < chat && !message::newest_of_chat(tx, no, other, 1)?.is_empty() {
            return Ok(false);
        }
    }
    Ok(chat::get(tx, no, chat)?.is_none_or(|record| record.participant.jid.kind() != JidKind::Broadcast))
}

/// How many chats are counted of a chat and those merged with it: one, or none.
fn counted(tx: &ReadTx<'_>, no: AccountNo, chat: ChatNo) -> Result<u64, StoreError> {
    let mut found = 0;
    for one in chat::siblings(tx, no, chat)? {
        let has_messages = !message::newest_of_chat(tx, no, one, 1)?.is_empty();
        found += u64::from(has_messages && stands_for_all(tx, no, one)?);
    }
    Ok(found)
}

/// Moves a chat in the order of recent ones, before its new message is written, and counts that where it is unread.
/// `newest` is the chat's newest message so far.
pub(super) fn added(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    chat: ChatNo,
    newest: Option<MessageKey>,
    (new, unread): (MessageKey, bool),
) -> Result<(), StoreError> {
    let no = scope.no;
    let mut state = Unread::none(NOTHING);
    match newest {
        Some(newest) => {
            let body = tx.fixed(Tree::ChatRecent, key(no, newest.ts_ms, chat))?.unwrap_or_default();
            state = Unread::open(&body, newest)?;
        }
        None => {
            let first = tx.reading(|tx| {
                let known = chat::get(tx, no, chat)?;
                Ok(counted(tx, no, chat)? == 0
                    && known.is_none_or(|known| known.participant.jid.kind() != JidKind::Broadcast))
            })?;
            scope.counters.chats += u64::from(first);
        }
    }
    let before = state.total();
    if unread {
        state.add(new);
        scope.counters.unread = scope.counters.unread.saturating_sub(before) + state.total();
    }
    let moves = newest.is_none_or(|newest| newest.ts_ms < new.ts_ms);
    if let Some(newest) = newest.filter(|_| moves) {
        tx.delete(Tree::ChatRecent, key(no, newest.ts_ms, chat))?;
    }
    if moves || unread {
        let last_ms = newest.map_or(new.ts_ms, |newest| newest.ts_ms.max(new.ts_ms));
        tx.put_fixed(Tree::ChatRecent, key(no, last_ms, chat), &state.seal())?;
    }
    Ok(())
}

/// Keeps the order and the count after a message's row in `msg_chat` was deleted. `before` is what
/// [`of_chat`] answered before that.
pub(super) fn removed(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    chat: ChatNo,
    before: (MessageKey, Unread),
    (old, record): (MessageKey, &MessageRecord),
) -> Result<(), StoreError> {
    let (no, (newest, mut state)) = (scope.no, before);
    let was = state.total();
    if is_unread(record) {
        state.remove(old);
    }
    scope.counters.unread = scope.counters.unread.saturating_sub(was) + state.total();
    let left = tx.reading(|tx| message::newest_of_chat(tx, no, chat, 1))?.first().copied();
    if left.map(|left| left.ts_ms) != Some(newest.ts_ms) {
        tx.delete(Tree::ChatRecent, key(no, newest.ts_ms, chat))?;
    }
    if let Some(left) = left {
        return tx.put_fixed(Tree::ChatRecent, key(no, left.ts_ms, chat), &state.seal());
    }
    let (alone, feed) = tx.reading(|tx| {
        let known = chat::get(tx, no, chat)?;
        Ok((counted(tx, no, chat)? == 0, known.is_some_and(|k| k.participant.jid.kind() == JidKind::Broadcast)))
    })?;
    scope.counters.chats = scope.counters.chats.saturating_sub(u64::from(alone && !feed));
    Ok(())
}

/// Counts the chats of two humans as one, before they become one.
pub(super) fn merging(
    tx: &WriteTx<'_>,
    scope: &mut AccountScope,
    (into, absorbed): (PersonNo, PersonNo),
) -> Result<(), StoreError> {
    let no = scope.no;
    let both = tx.reading(|tx| {
        let has = |person| -> Result<bool, StoreError> {
            for chat in chat::of_human(tx, no, person)? {
                if !message::newest_of_chat(tx, no, chat, 1)?.is_empty() {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        Ok(has(into)? && has(absorbed)?)
    })?;
    scope.counters.chats = scope.counters.chats.saturating_sub(u64::from(both));
    Ok(())
}

/// What a step of reading a chat did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadStep {
    /// The messages that were not read before, the oldest first.
    pub read: Vec<MessageId>,
    /// More are left: do it again.
    pub more: bool,
}

/// Reads a chat up to a message, or whole: at most [`READ_STEP`] messages in one step.
pub(super) fn read(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    chat: ChatNo,
    upto: Option<MessageKey>,
) -> Result<ReadStep, StoreError> {
    let no = scope.no;
    let Some((newest, mut state)) = tx.reading(|tx| of_chat(tx, no, chat))? else { return Ok(ReadStep::default()) };
    let (before, upto) = (state.total(), upto.map_or(newest, |upto| upto.min(newest)));
    if before == 0 && state.upto >= upto {
        return Ok(ReadStep::default());
    }
    let mut step = ReadStep::default();
    let (read, late): (Vec<_>, Vec<_>) = state.late.iter().partition(|late| **late <= upto);
    step.read.extend(read.into_iter().map(|key| MessageId { account: no, key }));
    state.late = late;
    if state.count == 0 {
        state.upto = state.upto.max(upto);
    } else if upto > state.upto {
        let (passed, found, more) = tx.reading(|tx| unread_between(tx, no, chat, (state.upto, upto)))?;
        state.count = state.count.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
        (state.upto, step.more) = (passed, more);
        step.read.extend(found);
    }
    scope.counters.unread = scope.counters.unread.saturating_sub(before) + state.total();
    tx.put_fixed(Tree::ChatRecent, key(no, newest.ts_ms, chat), &state.seal())?;
    Ok(step)
}

/// The unread messages after one and up to another; how far was looked, and whether more is left.
fn unread_between(
    tx: &ReadTx<'_>,
    no: AccountNo,
    chat: ChatNo,
    (after, upto): (MessageKey, MessageKey),
) -> Result<(MessageKey, Vec<MessageId>, bool), StoreError> {
    let from = [message::chat_key(no, chat, after).as_slice(), &[0]].concat();
    let to = [message::chat_key(no, chat, upto).as_slice(), &[0]].concat();
    let rows = tx.range(Tree::MsgChat, &from, Some(&to), Direction::Forward, READ_STEP)?;
    let (mut passed, mut found) = (after, Vec::new());
    for (row, _) in &rows {
        let Some(key) = row.get(8..).and_then(MessageKey::from_bytes) else { continue };
        let id = MessageId { account: no, key };
        if message::get(tx, id)?.is_some_and(|message| is_unread(&message)) {
            found.push(id);
        }
        passed = key;
    }
    let more = rows.len() == READ_STEP;
    Ok((if more { passed } else { upto }, found, more))
}

/// How many messages of a chat are not read, by its rows: what [`Unread::count`] must be.
pub(crate) fn recount(tx: &ReadTx<'_>, no: AccountNo, chat: ChatNo, upto: MessageKey) -> Result<u32, StoreError> {
    let (mut after, mut count) = (upto, 0);
    loop {
        let (passed, found, more) = unread_between(tx, no, chat, (after, MessageKey::new(u64::MAX, u64::MAX)))?;
        count += u32::try_from(found.len()).unwrap_or(u32::MAX);
        if !more {
            return Ok(count);
        }
        after = passed;
    }
}
