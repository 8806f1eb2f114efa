//! Chats of an account.
//!
//! A chat with a human has the human's own number and no row of its own: what is known of it stands in the person's
//! record. Other chats are numbered from [`FIRST_OF_OTHERS`] on. `chat`: no · chat u32 → record; no · 0 u32 · jid → chat
//! u32. Their order is [`super::recent`]'s.

use super::scope::AccountScope;
use super::{held, message, person};
use crate::id::{AccountNo, ChatNo, MessageId, PersonNo};
use crate::jid::{Jid, JidKind};
use crate::key::{Key, Parts};
use crate::records::{ChatRecord, ChatSettings, Direction as Way, Participant, PersonRecord};
use crate::{ReadTx, StoreError, Tree, WriteTx};

/// The first number of a chat that is not with one human.
const FIRST_OF_OTHERS: u32 = 1 << 31;

/// The human of a chat's number.
pub(super) const fn human(chat: ChatNo) -> Option<PersonNo> {
    if chat.0 < FIRST_OF_OTHERS { Some(PersonNo(chat.0)) } else { None }
}

fn record_key(no: AccountNo, chat: ChatNo) -> Key {
    Key::new().u32(no.0).u32(chat.0)
}

fn jid_key(no: AccountNo, jid: &Jid) -> Key {
    Key::new().u32(no.0).u32(0).personal(jid.as_str().as_bytes())
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
    Ok(record.and_then(|record| Some((person::participant(&record)?, record))).map(|(participant, known)| ChatRecord {
        participant,
        person: Some(person),
        name: known.name,
        push_name: known.push_name,
        settings: known.settings,
    }))
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
    of_human(tx, no, person)
}

/// The chat with a participant and, in a chat with a human, the human; makes a new chat where there is none. `heard`:
/// because they wrote in it.
pub(super) fn resolve(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    participant: &Participant,
    heard: bool,
) -> Result<(ChatNo, Option<PersonNo>), StoreError> {
    if is_human(&participant.jid) {
        let (person, mut record) = person::resolve(tx, scope, participant)?;
        let first = heard && record.heard != Some(true);
        if first {
            record.heard = Some(true);
            if scope.counters.held > 0 {
                held::may_go(tx, scope.no, person)?;
            }
        }
        return Ok((with_person(tx, scope.no, person, record, first)?, Some(person)));
    }
    let key = jid_key(scope.no, &participant.jid);
    if let Some(chat) = tx.reading(|tx| pointer(tx, &key))? {
        return Ok((chat, None));
    }
    scope.counters.last_chat = ChatNo(scope.counters.last_chat.0.max(FIRST_OF_OTHERS - 1) + 1);
    let chat = scope.counters.last_chat;
    let participant = participant.clone();
    let record =
        ChatRecord { participant, person: None, name: None, push_name: None, settings: ChatSettings::default() };
    tx.put_record(Tree::Chat, record_key(scope.no, chat), &record)?;
    tx.put_fixed(Tree::Chat, key, &chat.0.to_be_bytes())?;
    Ok((chat, None))
}

fn with_person(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    person: PersonNo,
    mut record: PersonRecord,
    changed: bool,
) -> Result<ChatNo, StoreError> {
    // A person that others were merged into goes on in the chat that one of them had.
    let known = match record.chat {
        Some(chat) => Some(chat),
        None => of_absorbed(tx, no, person)?,
    };
    if known.is_none() {
        record.chat = Some(ChatNo(person.0));
    }
    if changed || known.is_none() {
        person::put(tx, no, person, &record)?;
    }
    Ok(known.unwrap_or(ChatNo(person.0)))
}

fn of_absorbed(tx: &WriteTx<'_>, no: AccountNo, person: PersonNo) -> Result<Option<ChatNo>, StoreError> {
    for other in tx.reading(|tx| person::absorbed(tx, no, person))? {
        if let Some(chat) = tx.reading(|tx| of_person(tx, no, other))? {
            return Ok(Some(chat));
        }
    }
    Ok(None)
}

/// Most messages of a chat that are looked at where nobody noted whether the human ever wrote.
const LOOK_BACK: usize = 64;

/// Whether the other side of a chat ever wrote to the account. Where it is no human that question does not arise.
///
/// One keyed read says yes; a no takes a few more.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn heard(tx: &ReadTx<'_>, no: AccountNo, chat: ChatNo) -> Result<bool, StoreError> {
    let Some(person) = human(chat) else { return Ok(true) };
    let noted = person::get(tx, no, person)?.and_then(|record| record.heard);
    if noted == Some(true) {
        return Ok(true);
    }
    let canonical = person::canonical(tx, no, person)?;
    let of_canonical =
        if canonical == person { noted } else { person::get(tx, no, canonical)?.and_then(|record| record.heard) };
    match (noted, of_canonical) {
        (_, Some(true)) => Ok(true),
        (Some(false), Some(false)) => Ok(false),
        // Rows of an earlier version.
        _ => wrote_lately(tx, no, canonical),
    }
}

fn wrote_lately(tx: &ReadTx<'_>, no: AccountNo, person: PersonNo) -> Result<bool, StoreError> {
    for chat in of_human(tx, no, person)? {
        for key in message::newest_of_chat(tx, no, chat, LOOK_BACK)? {
            let found = message::get(tx, MessageId { account: no, key })?;
            if found.is_some_and(|message| message.direction == Way::Inbound) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Every chat with a human: one, or several where two persons turned out to be one.
pub(super) fn of_human(tx: &ReadTx<'_>, no: AccountNo, person: PersonNo) -> Result<Vec<ChatNo>, StoreError> {
    let canonical = person::canonical(tx, no, person)?;
    let mut chats = Vec::new();
    for person in std::iter::once(canonical).chain(person::absorbed(tx, no, canonical)?) {
        chats.extend(of_person(tx, no, person)?);
    }
    Ok(chats)
}

/// The chats that are one with a chat, itself among them; the one that new messages go to comes first.
pub(super) fn siblings(tx: &ReadTx<'_>, no: AccountNo, chat: ChatNo) -> Result<Vec<ChatNo>, StoreError> {
    match human(chat) {
        Some(person) => of_human(tx, no, person),
        None => Ok(vec![chat]),
    }
}

/// Changes what is set for a chat, or what it is called.
pub(super) fn change(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    chat: ChatNo,
    change: impl FnOnce(&mut ChatRecord),
) -> Result<Option<ChatRecord>, StoreError> {
    let Some(before) = tx.reading(|tx| get(tx, no, chat))? else { return Ok(None) };
    let mut after = before.clone();
    change(&mut after);
    if after == before {
        return Ok(None);
    }
    let Some(person) = human(chat) else {
        tx.put_record(Tree::Chat, record_key(no, chat), &after)?;
        return Ok(Some(after));
    };
    if let Some(mut record) = tx.reading(|tx| person::get(tx, no, person))? {
        (record.name, record.push_name) = (after.name.clone(), after.push_name.clone());
        record.settings = after.settings;
        person::put(tx, no, person, &record)?;
    }
    Ok(Some(after))
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
