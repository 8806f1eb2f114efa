//! Chats of an account.
//!
//! A chat with a human has the human's own number and no row of its own: what is known of it stands in the person's
//! record. Other chats are numbered from [`FIRST_OF_OTHERS`] on. `chat`: no · chat u32 → record; no · 0 u32 · jid → chat
//! u32. `chat_recent`: no · ~last · chat → (): `last` is the time of the chat's newest row in `msg_chat`.

use super::person;
use super::scope::AccountScope;
use crate::id::{AccountNo, ChatNo, MessageKey, Millis, PersonNo};
use crate::jid::{Jid, JidKind};
use crate::key::{Key, Parts};
use crate::records::{ChatRecord, Participant, PersonRecord};
use crate::{ReadTx, StoreError, Tree, WriteTx};

/// The first number of a chat that is not with one human.
const FIRST_OF_OTHERS: u32 = 1 << 31;

/// The human of a chat's number.
const fn human(chat: ChatNo) -> Option<PersonNo> {
    if chat.0 < FIRST_OF_OTHERS { Some(PersonNo(chat.0)) } else { None }
}

fn record_key(no: AccountNo, chat: ChatNo) -> Key {
    Key::new().u32(no.0).u32(chat.0)
}

fn jid_key(no: AccountNo, jid: &Jid) -> Key {
    Key::new().u32(no.0).u32(0).personal(jid.as_str().as_bytes())
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
    let Some(person) = human(chat) else { return tx.record(Tree::Chat, record_key(no, chat)) };
    let record = person::get(tx, no, person)?.filter(|record| record.chat == Some(chat));
    Ok(record
        .and_then(|record| person::participant(&record))
        .map(|participant| ChatRecord { participant, person: Some(person) }))
}

fn pointer(tx: &ReadTx<'_>, key: &Key) -> Result<Option<ChatNo>, StoreError> {
    Ok(tx.fixed(Tree::Chat, key)?.and_then(|body| Parts(&body).u32()).map(ChatNo))
}

fn of_person(tx: &ReadTx<'_>, no: AccountNo, person: PersonNo) -> Result<Option<ChatNo>, StoreError> {
    Ok(person::get(tx, no, person)?.and_then(|record| record.chat))
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
        chats.extend(of_person(tx, no, person)?);
    }
    Ok(chats)
}

/// The chat with a participant and, in a chat with a human, the human; makes a new chat where there is none.
pub(super) fn resolve(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    participant: &Participant,
) -> Result<(ChatNo, Option<PersonNo>), StoreError> {
    if is_human(&participant.jid) {
        let (person, record) = person::resolve(tx, scope, participant)?;
        return Ok((with_person(tx, scope.no, person, record)?, Some(person)));
    }
    let key = jid_key(scope.no, &participant.jid);
    if let Some(chat) = tx.reading(|tx| pointer(tx, &key))? {
        return Ok((chat, None));
    }
    scope.counters.last_chat = ChatNo(scope.counters.last_chat.0.max(FIRST_OF_OTHERS - 1) + 1);
    let chat = scope.counters.last_chat;
    let record = ChatRecord { participant: participant.clone(), person: None };
    tx.put_record(Tree::Chat, record_key(scope.no, chat), &record)?;
    tx.put_fixed(Tree::Chat, key, &chat.0.to_be_bytes())?;
    Ok((chat, None))
}

fn with_person(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    person: PersonNo,
    mut record: PersonRecord,
) -> Result<ChatNo, StoreError> {
    if let Some(chat) = record.chat {
        return Ok(chat);
    }
    // A person that others were merged into goes on in the chat that one of them had.
    for other in tx.reading(|tx| person::absorbed(tx, no, person))? {
        if let Some(chat) = tx.reading(|tx| of_person(tx, no, other))? {
            return Ok(chat);
        }
    }
    let chat = ChatNo(person.0);
    record.chat = Some(chat);
    person::put(tx, no, person, &record)?;
    Ok(chat)
}

/// Moves a chat in the order of recent ones, before the message that is its newest now is written. `newest` is the
/// chat's newest message so far.
pub(super) fn touch(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    chat: ChatNo,
    newest: Option<MessageKey>,
    key: MessageKey,
) -> Result<(), StoreError> {
    let last_ms = newest.map(|newest| newest.ts_ms);
    if last_ms.is_some_and(|last| last >= key.ts_ms) {
        return Ok(());
    }
    if let Some(last) = last_ms {
        tx.delete(Tree::ChatRecent, recent_key(no, last, chat))?;
    }
    tx.put_fixed(Tree::ChatRecent, recent_key(no, key.ts_ms, chat), &[])
}

/// Whether two chat numbers are chats with the same participant.
pub(super) fn same(tx: &ReadTx<'_>, no: AccountNo, a: ChatNo, b: ChatNo) -> Result<bool, StoreError> {
    if a == b {
        return Ok(true);
    }
    match (human(a), human(b)) {
        (Some(a), Some(b)) => Ok(person::canonical(tx, no, a)? == person::canonical(tx, no, b)?),
        _ => Ok(false),
    }
}
