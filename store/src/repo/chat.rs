//! Chats of an account.
//!
//! `chat`: no · chat u32 → record; no · 0 u32 · `p` person or `j` jid → chat u32. `chat_recent`: no · ~last · chat.

use super::person;
use super::scope::AccountScope;
use crate::id::{AccountNo, ChatNo, MessageKey, Millis, PersonNo};
use crate::jid::{Jid, JidKind};
use crate::key::{Key, Parts};
use crate::records::{ChatRecord, Participant};
use crate::{ReadTx, StoreError, Tree, WriteTx};

fn record_key(no: AccountNo, chat: ChatNo) -> Key {
    Key::new().u32(no.0).u32(chat.0)
}

fn person_key(no: AccountNo, person: PersonNo) -> Key {
    Key::new().u32(no.0).u32(0).u8(b'p').u32(person.0)
}

fn jid_key(no: AccountNo, jid: &Jid) -> Key {
    Key::new().u32(no.0).u32(0).u8(b'j').wire(jid.as_str().as_bytes())
}

fn recent_key(no: AccountNo, last_ms: Millis, chat: ChatNo) -> Key {
    Key::new().u32(no.0).u64(!last_ms).u32(chat.0)
}

fn is_human(jid: &Jid) -> bool {
    matches!(jid.kind(), JidKind::Phone | JidKind::Lid)
}

/// What is known of a chat.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn get(tx: &ReadTx<'_>, no: AccountNo, chat: ChatNo) -> Result<Option<ChatRecord>, StoreError> {
    tx.record(Tree::Chat, record_key(no, chat))
}

fn pointer(tx: &ReadTx<'_>, key: &Key) -> Result<Option<ChatNo>, StoreError> {
    Ok(tx.fixed(Tree::Chat, key)?.and_then(|body| Parts(&body).u32()).map(ChatNo))
}

fn of_person(tx: &ReadTx<'_>, no: AccountNo, person: PersonNo) -> Result<Option<ChatNo>, StoreError> {
    if let Some(chat) = pointer(tx, &person_key(no, person))? {
        return Ok(Some(chat));
    }
    // A person that others were merged into goes on in the chat that one of them had.
    for other in person::absorbed(tx, no, person)? {
        if let Some(chat) = pointer(tx, &person_key(no, other))? {
            return Ok(Some(chat));
        }
    }
    Ok(None)
}

/// The chats with a participant: one, or several where two persons turned out to be one human.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn find(tx: &ReadTx<'_>, no: AccountNo, participant: &Participant) -> Result<Vec<ChatNo>, StoreError> {
    if !is_human(&participant.jid) {
        return Ok(pointer(tx, &jid_key(no, &participant.jid))?.into_iter().collect());
    }
    let Some(person) = person::find(tx, no, participant)? else { return Ok(Vec::new()) };
    let mut chats = Vec::new();
    for person in std::iter::once(person).chain(person::absorbed(tx, no, person)?) {
        chats.extend(pointer(tx, &person_key(no, person))?);
    }
    Ok(chats)
}

/// The chat with a participant and, in a chat with a human, the human; makes a new chat where there is none.
pub(super) fn resolve(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    participant: &Participant,
) -> Result<(ChatNo, Option<PersonNo>), StoreError> {
    let no = scope.no;
    let human = is_human(&participant.jid);
    let person = if human { Some(person::resolve(tx, scope, participant)?) } else { None };
    let (known, pointer_row) = match person {
        Some(person) => (tx.reading(|tx| of_person(tx, no, person))?, person_key(no, person)),
        None => {
            let key = jid_key(no, &participant.jid);
            (tx.reading(|tx| pointer(tx, &key))?, key)
        }
    };
    if let Some(chat) = known {
        return Ok((chat, person));
    }
    scope.counters.last_chat = ChatNo(scope.counters.last_chat.0 + 1);
    let chat = scope.counters.last_chat;
    tx.put_fixed(Tree::Chat, pointer_row, &chat.0.to_be_bytes())?;
    let record = ChatRecord { participant: participant.clone(), person, last_ms: 0, last: None };
    tx.put_record(Tree::Chat, record_key(no, chat), &record)?;
    Ok((chat, person))
}

/// Notes a message as the chat's newest, unless a newer one is known.
pub(super) fn touch(tx: &mut WriteTx<'_>, no: AccountNo, chat: ChatNo, key: MessageKey) -> Result<(), StoreError> {
    let Some(mut record) = tx.reading(|tx| get(tx, no, chat))? else { return Ok(()) };
    if record.last.is_some_and(|last| last >= key) {
        return Ok(());
    }
    if record.last_ms != key.ts_ms {
        if record.last_ms != 0 {
            tx.delete(Tree::ChatRecent, recent_key(no, record.last_ms, chat))?;
        }
        tx.put_fixed(Tree::ChatRecent, recent_key(no, key.ts_ms, chat), &[])?;
    }
    record.last_ms = key.ts_ms;
    record.last = Some(key);
    tx.put_record(Tree::Chat, record_key(no, chat), &record)
}

/// Whether two chat numbers are chats with the same participant.
pub(super) fn same(tx: &ReadTx<'_>, no: AccountNo, a: ChatNo, b: ChatNo) -> Result<bool, StoreError> {
    if a == b {
        return Ok(true);
    }
    let person = |chat| Ok::<_, StoreError>(get(tx, no, chat)?.and_then(|record| record.person));
    match (person(a)?, person(b)?) {
        (Some(a), Some(b)) => Ok(person::canonical(tx, no, a)? == person::canonical(tx, no, b)?),
        _ => Ok(false),
    }
}
