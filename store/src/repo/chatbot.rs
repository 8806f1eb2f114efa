//! An account's chatbot: an endpoint that gets only what switched-on humans write to the account, one to one.
//!
//! `bot_sender`: no · person u32 → whether it hears them. A row stays where it was written when two humans turn out to
//! be one; whoever looks asks for both, and the newest word counts.

use super::scope::AccountScope;
use super::{chat, endpoint, person};
use crate::id::{AccountNo, ChatNo, Millis, PersonNo};
use crate::key::{Key, Parts};
use crate::records::{BotSender, EndpointRecord, Participant};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx, envelope};

fn key_of(no: AccountNo, person: PersonNo) -> Key {
    Key::new().u32(no.0).u32(person.0)
}

/// The account's chatbot, where it has one.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn endpoint(tx: &ReadTx<'_>, no: AccountNo) -> Result<Option<EndpointRecord>, StoreError> {
    Ok(endpoint::owned_by(tx, no)?.into_iter().find(|endpoint| endpoint.chatbot))
}

/// Switches the chatbot on or off for a human, who need not have written yet.
///
/// # Errors
/// [`StoreError::StaleEpoch`] where the account is gone.
pub fn switch(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    sender: &Participant,
    on: bool,
    now_ms: Millis,
) -> Result<BotSender, StoreError> {
    let mut scope = AccountScope::open(tx, no)?;
    let (person, _) = person::resolve(tx, &mut scope, sender)?;
    let before = tx.reading(|tx| standing(tx, no, person))?;
    let after = match before {
        Some(before) if before.on == on => before,
        _ => BotSender { on, since_ms: now_ms },
    };
    tx.put_record(Tree::BotSender, key_of(no, person), &after)?;
    scope.close(tx)?;
    Ok(after)
}

/// Forgets what was said about a human; `false` where nothing was.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn forget(tx: &mut WriteTx<'_>, no: AccountNo, sender: &Participant) -> Result<bool, StoreError> {
    let Some(person) = tx.reading(|tx| person::find(tx, no, sender))? else { return Ok(false) };
    let mut found = false;
    for person in tx.reading(|tx| everyone(tx, no, person))? {
        found |= tx.contains(Tree::BotSender, key_of(no, person))?;
        tx.delete(Tree::BotSender, key_of(no, person))?;
    }
    Ok(found)
}

/// What was said about a human, where anything was.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn get(tx: &ReadTx<'_>, no: AccountNo, sender: &Participant) -> Result<Option<BotSender>, StoreError> {
    match person::find(tx, no, sender)? {
        Some(person) => standing(tx, no, person),
        None => Ok(None),
    }
}

/// At most `limit` humans about whom something was said, after one of them, in the order they became known.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn list(
    tx: &ReadTx<'_>,
    no: AccountNo,
    after: Option<PersonNo>,
    limit: usize,
) -> Result<Vec<(PersonNo, Participant, BotSender)>, StoreError> {
    let from = key_of(no, PersonNo(after.map_or(0, |person| person.0.saturating_add(1))));
    let to = Key::new().u32(no.0.saturating_add(1));
    let rows = tx.range(Tree::BotSender, from.as_slice(), Some(to.as_slice()), Direction::Forward, limit)?;
    let mut found = Vec::with_capacity(rows.len());
    for (key, value) in &rows {
        let person = Parts(key.get(4..).unwrap_or_default()).u32().map(PersonNo);
        let person = person.ok_or_else(|| StoreError::corrupt(Tree::BotSender, "a key holds no person"))?;
        let canonical = person::canonical(tx, no, person)?;
        if canonical != person && tx.contains(Tree::BotSender, key_of(no, canonical))? {
            // Shown there.
            continue;
        }
        let known = person::get(tx, no, canonical)?.and_then(|record| person::participant(&record));
        let participant = known.ok_or_else(|| StoreError::corrupt(Tree::BotSender, "the person is gone"))?;
        let row = envelope::open_record(Tree::BotSender, value)?;
        found.push((person, participant, standing(tx, no, canonical)?.unwrap_or(row)));
    }
    Ok(found)
}

/// Whether the chatbot hears what is written in a chat: one with a human for whom it is switched on.
pub(in crate::repo) fn hears(tx: &ReadTx<'_>, no: AccountNo, chat: Option<ChatNo>) -> Result<bool, StoreError> {
    match chat.and_then(chat::human) {
        Some(person) => Ok(standing(tx, no, person)?.is_some_and(|sender| sender.on)),
        None => Ok(false),
    }
}

/// The newest word about a human, under all the numbers they ever had.
fn standing(tx: &ReadTx<'_>, no: AccountNo, person: PersonNo) -> Result<Option<BotSender>, StoreError> {
    let mut newest: Option<BotSender> = None;
    for person in everyone(tx, no, person)? {
        let row: Option<BotSender> = tx.record(Tree::BotSender, key_of(no, person))?;
        newest = row.filter(|row| newest.is_none_or(|newest| row.since_ms > newest.since_ms)).or(newest);
    }
    Ok(newest)
}

/// The person's own number first, then those that were merged into it.
fn everyone(tx: &ReadTx<'_>, no: AccountNo, person: PersonNo) -> Result<Vec<PersonNo>, StoreError> {
    let canonical = person::canonical(tx, no, person)?;
    let mut all = vec![canonical];
    all.extend(person::absorbed(tx, no, canonical)?);
    Ok(all)
}
