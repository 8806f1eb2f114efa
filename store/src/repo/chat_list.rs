//! The list of an account's chats, the one with the newest message first. Chats of humans that turned out to be one are
//! one line of it, where the newest of them stands.

use super::{chat, group, message, person, recent};
use crate::id::{AccountNo, ChatNo, MessageId, MessageKey, Millis};
use crate::jid::JidKind;
use crate::key::{Key, Parts, prefix_end};
use crate::records::{ChatRecord, MessageRecord};
use crate::{Direction, ReadTx, StoreError, Tree};

/// Rows of the order read at once.
const CHUNK: usize = 64;

/// Most messages of a day that are counted of one chat.
pub const DAY_MAX: u64 = 100_000;

/// A place in the list: behind the chat with this newest message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChatPlace {
    /// When its newest message was written.
    pub last_ms: Millis,
    /// The chat.
    pub chat: ChatNo,
}

/// Which chats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChatFilter {
    /// Only chats with one human.
    pub humans_only: bool,
    /// Only those with unread messages, or marked as unread; or only the others.
    pub unread: Option<bool>,
    /// Only those put away; or only the others.
    pub archived: Option<bool>,
    /// Only those with messages from this time on and before that one.
    pub day: Option<(Millis, Millis)>,
}

/// A chat in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatLine {
    /// The chat that new messages go to.
    pub chat: ChatNo,
    /// What is known of it.
    pub record: ChatRecord,
    /// Messages that are not read.
    pub unread: u64,
    /// Its newest message; of a day, the newest of that day. `None` where it has none.
    pub last: Option<(MessageId, MessageRecord)>,
    /// How many messages it has on the day that is asked for, counted up to [`DAY_MAX`].
    pub in_day: Option<u64>,
}

/// A piece of the list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChatPage {
    /// The chats, each with its place.
    pub lines: Vec<(ChatPlace, ChatLine)>,
    /// Where to look on; `None` where the end was seen, which a page that became full did not look for.
    pub next: Option<ChatPlace>,
}

/// The place of a chat in the list; `None` where it has no messages.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn place(tx: &ReadTx<'_>, no: AccountNo, chat: ChatNo) -> Result<Option<ChatPlace>, StoreError> {
    let mut first: Option<ChatPlace> = None;
    for chat in chat::siblings(tx, no, chat)? {
        let Some(newest) = message::newest_of_chat(tx, no, chat, 1)?.first().copied() else { continue };
        let place = ChatPlace { last_ms: newest.ts_ms, chat };
        if first.is_none_or(|first| place.is_before(first)) {
            first = Some(place);
        }
    }
    Ok(first)
}

impl ChatPlace {
    /// Whether it comes first in the list.
    fn is_before(self, other: Self) -> bool {
        (other.last_ms, self.chat) < (self.last_ms, other.chat)
    }

    /// The first possible key behind it.
    fn next_key(self, no: AccountNo) -> Vec<u8> {
        [recent::key(no, self.last_ms, self.chat).as_slice(), &[0]].concat()
    }
}

fn placed(key: &[u8]) -> Result<ChatPlace, StoreError> {
    let mut parts = Parts(key.get(4..).unwrap_or_default());
    match (parts.u64(), parts.u32()) {
        (Some(last), Some(chat)) => Ok(ChatPlace { last_ms: !last, chat: ChatNo(chat) }),
        _ => Err(StoreError::corrupt(Tree::ChatRecent, "a key is no place")),
    }
}

/// At most `limit` chats behind a place, looking at no more than `looks`.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn page(
    tx: &ReadTx<'_>,
    no: AccountNo,
    after: Option<ChatPlace>,
    filter: &ChatFilter,
    (limit, looks): (usize, usize),
) -> Result<ChatPage, StoreError> {
    let prefix = Key::new().u32(no.0);
    let end = prefix_end(prefix.as_slice());
    let mut from = after.map_or_else(|| prefix.as_slice().to_vec(), |after| after.next_key(no));
    let (mut found, mut left) = (ChatPage::default(), looks);
    while left > 0 {
        let rows = tx.range(Tree::ChatRecent, &from, end.as_deref(), Direction::Forward, left.min(CHUNK))?;
        let whole = rows.len() == left.min(CHUNK);
        left -= rows.len().min(left);
        for (key, _) in &rows {
            let here = placed(key)?;
            if filter.day.is_some_and(|(begin, _)| here.last_ms < begin) {
                return Ok(ChatPage { next: None, ..found });
            }
            if let Some(line) = line_at(tx, no, here, filter)? {
                found.lines.push((here, line));
            }
            found.next = Some(here);
            if found.lines.len() == limit {
                return Ok(found);
            }
            from = here.next_key(no);
        }
        if !whole {
            return Ok(ChatPage { next: None, ..found });
        }
    }
    Ok(found)
}

/// The chat at a place, where it is to be listed there.
fn line_at(
    tx: &ReadTx<'_>,
    no: AccountNo,
    here: ChatPlace,
    filter: &ChatFilter,
) -> Result<Option<ChatLine>, StoreError> {
    let chats = chat::siblings(tx, no, here.chat)?;
    if chats.len() > 1 && place(tx, no, here.chat)? != Some(here) {
        return Ok(None);
    }
    // The number goes on in the canonical human's chat, wherever the newest message stands.
    let main = chats.first().copied().unwrap_or(here.chat);
    let Some(record) = known(tx, no, main, &chats)? else { return Ok(None) };
    let kind = record.participant.jid.kind();
    let unread = unread(tx, no, &chats)?;
    let human = matches!(kind, JidKind::Phone | JidKind::Lid);
    let settings = record.settings;
    let out = kind == JidKind::Broadcast
        || (filter.humans_only && !human)
        || filter.unread.is_some_and(|wanted| wanted != (unread > 0 || settings.marked_unread))
        || filter.archived.is_some_and(|wanted| wanted != settings.archived);
    if out {
        return Ok(None);
    }
    let (mut in_day, mut last) = (None, None);
    match filter.day {
        Some(day) => {
            let (count, newest) = of_day(tx, no, &chats, day)?;
            if count == 0 {
                return Ok(None);
            }
            (in_day, last) = (Some(count), newest);
        }
        None => {
            for one in &chats {
                last = last.max(message::newest_of_chat(tx, no, *one, 1)?.first().copied());
            }
        }
    }
    let last = whole(tx, no, last)?;
    Ok(Some(ChatLine { chat: main, record, unread, last, in_day }))
}

/// What is known of a chat that goes on in `main`.
fn known(tx: &ReadTx<'_>, no: AccountNo, main: ChatNo, chats: &[ChatNo]) -> Result<Option<ChatRecord>, StoreError> {
    let Some(mut record) = chat::get(tx, no, main)? else { return Ok(None) };
    if let Some(human) = record.person {
        // The absorbed human's record keeps the address that it had alone.
        let canonical = person::canonical(tx, no, human)?;
        if let Some(person) = person::get(tx, no, canonical)?
            && let Some(participant) = person::participant(&person)
        {
            record.participant = participant;
            record.person = Some(canonical);
            record.name = record.name.or(person.name);
            record.push_name = record.push_name.or(person.push_name);
        }
    }
    if record.name.is_none() && record.participant.jid.kind() == JidKind::Group {
        // Rows of an earlier version.
        let group = group::get(tx, no, &record.participant.jid)?;
        record.name = group.map(|group| group.subject).filter(|subject| !subject.is_empty());
    }
    for other in chats.iter().filter(|other| **other != main) {
        let Some(other) = chat::get(tx, no, *other)? else { continue };
        record.name = record.name.or(other.name);
        record.push_name = record.push_name.or(other.push_name);
    }
    Ok(Some(record))
}

pub(super) fn unread(tx: &ReadTx<'_>, no: AccountNo, chats: &[ChatNo]) -> Result<u64, StoreError> {
    let mut unread = 0;
    for chat in chats {
        unread += recent::of_chat(tx, no, *chat)?.map_or(0, |(_, unread)| unread.total());
    }
    Ok(unread)
}

fn whole(
    tx: &ReadTx<'_>,
    no: AccountNo,
    key: Option<MessageKey>,
) -> Result<Option<(MessageId, MessageRecord)>, StoreError> {
    let Some(key) = key else { return Ok(None) };
    let id = MessageId { account: no, key };
    Ok(message::get(tx, id)?.map(|record| (id, record)))
}

/// How many messages the chats have in a time, and the newest of them.
fn of_day(
    tx: &ReadTx<'_>,
    no: AccountNo,
    chats: &[ChatNo],
    (begin, end): (Millis, Millis),
) -> Result<(u64, Option<MessageKey>), StoreError> {
    let (mut count, mut newest) = (0, None);
    for chat in chats {
        let mut from = message::chat_key(no, *chat, MessageKey::new(begin, 0)).into_vec();
        let to = message::chat_key(no, *chat, MessageKey::new(end, 0)).into_vec();
        loop {
            let rows = tx.range(Tree::MsgChat, &from, Some(&to), Direction::Forward, 1_000)?;
            count += rows.len() as u64;
            let Some((last, _)) = rows.last() else { break };
            newest = newest.max(last.get(8..).and_then(MessageKey::from_bytes));
            if rows.len() < 1_000 || count >= DAY_MAX {
                break;
            }
            from = [last.as_ref(), &[0]].concat();
        }
    }
    Ok((count.min(DAY_MAX), newest))
}

/// One chat, whether or not it has messages.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn one(tx: &ReadTx<'_>, no: AccountNo, chat: ChatNo) -> Result<Option<ChatLine>, StoreError> {
    let chats = chat::siblings(tx, no, chat)?;
    let main = chats.first().copied().unwrap_or(chat);
    let Some(record) = known(tx, no, main, &chats)? else { return Ok(None) };
    let unread = unread(tx, no, &chats)?;
    let mut last = None;
    for one in &chats {
        last = last.max(message::newest_of_chat(tx, no, *one, 1)?.first().copied());
    }
    Ok(Some(ChatLine { chat: main, record, unread, last: whole(tx, no, last)?, in_day: None }))
}
