//! What is done to a chat as a whole: reading it, putting it away, pinning it, silencing it, naming it.

use super::scope::AccountScope;
use super::{chat, chat_list, event, person, recent};
use crate::id::{AccountNo, ChatNo, MessageKey, Millis};
use crate::records::{ChatEvent, ChatSettings, EventData, EventKind, Participant};
use crate::{ReadTx, StoreError, WriteTx};

pub use recent::ReadStep;

/// A chat by whatever names it, without making one. Of chats that are one it is the one that goes on.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn find(tx: &ReadTx<'_>, no: AccountNo, participant: &Participant) -> Result<Option<ChatNo>, StoreError> {
    Ok(chat::find(tx, no, participant)?.first().copied())
}

/// Reads a chat up to a message of it, or whole, at most some messages at once. Answers those that were unread; tells
/// the chat's change as an event where it changed.
///
/// # Errors
/// [`StoreError::StaleEpoch`] where there is no such account.
pub fn read(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    chat: ChatNo,
    upto: Option<MessageKey>,
    now_ms: Millis,
) -> Result<ReadStep, StoreError> {
    let mut scope = AccountScope::open(tx, no)?;
    let before = scope.counters;
    let (mut whole, mut unmarked) = (ReadStep::default(), false);
    for one in tx.reading(|tx| chat::siblings(tx, no, chat))? {
        let step = recent::read(tx, &mut scope, one, upto)?;
        whole.read.extend(step.read);
        whole.more |= step.more;
        unmarked |= chat::change(tx, no, one, |record| record.settings.marked_unread = false)?.is_some();
    }
    if scope.counters != before || unmarked {
        tell(tx, &mut scope, chat, false, now_ms)?;
    }
    scope.close(tx)?;
    Ok(whole)
}

/// Sets something for a chat; `true` where that changed it, which an event tells where a time for it is given.
///
/// # Errors
/// [`StoreError::StaleEpoch`] where there is no such account.
pub fn set(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    chat: ChatNo,
    set: impl FnOnce(&mut ChatSettings),
    told: Option<Millis>,
) -> Result<bool, StoreError> {
    let mut scope = AccountScope::open(tx, no)?;
    let main = tx.reading(|tx| chat::siblings(tx, no, chat))?.first().copied().unwrap_or(chat);
    let changed = chat::change(tx, no, main, |record| set(&mut record.settings))?.is_some();
    if let Some(now_ms) = told.filter(|_| changed) {
        tell(tx, &mut scope, main, false, now_ms)?;
    }
    scope.close(tx)?;
    Ok(changed)
}

/// Makes a chat known, without a message.
///
/// # Errors
/// [`StoreError::StaleEpoch`] where there is no such account.
pub fn open(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    participant: &Participant,
    now_ms: Millis,
) -> Result<ChatNo, StoreError> {
    let mut scope = AccountScope::open(tx, no)?;
    let (chat, _) = chat::resolve(tx, &mut scope, participant, false)?;
    person::tell_merges(tx, &mut scope, now_ms)?;
    scope.close(tx)?;
    Ok(chat)
}

/// Notes what the account's address book calls a human, who is made known by having a name in it. An event tells it where somebody has a chat and `told` says so.
///
/// # Errors
/// [`StoreError::StaleEpoch`] where there is no such account.
pub fn name(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    of: &Participant,
    name: Option<&str>,
    (now_ms, told): (Millis, bool),
) -> Result<bool, StoreError> {
    let mut scope = AccountScope::open(tx, no)?;
    let person = match tx.reading(|tx| person::find(tx, no, of))? {
        None if name.is_none() => return Ok(false),
        // Both addresses of somebody may be news, too.
        _ => person::resolve(tx, &mut scope, of)?.0,
    };
    let person = tx.reading(|tx| person::canonical(tx, no, person))?;
    let changed = person::rename(tx, no, person, |record| record.name = name.map(str::to_owned))?;
    person::tell_merges(tx, &mut scope, now_ms)?;
    if told
        && changed
        && let Some(chat) = tx.reading(|tx| chat::of_human(tx, no, person))?.first()
    {
        tell(tx, &mut scope, *chat, false, now_ms)?;
    }
    scope.close(tx)?;
    Ok(changed)
}

/// Tells how a chat stands.
pub(super) fn tell(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    chat: ChatNo,
    deleted: bool,
    now_ms: Millis,
) -> Result<(), StoreError> {
    let no = scope.no;
    let Some(line) = tx.reading(|tx| chat_list::one(tx, no, chat))? else { return Ok(()) };
    let data = EventData::Chat(ChatEvent {
        chat_no: line.chat,
        chat: line.record.participant,
        name: line.record.name,
        unread: line.unread,
        settings: line.record.settings,
        deleted,
    });
    event::append(tx, scope, event::NewEvent { kind: EventKind::ChatUpdated, data, chat_no: Some(line.chat), now_ms })?;
    Ok(())
}
