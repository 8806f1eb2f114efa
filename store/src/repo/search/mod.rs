//! The index of words: which messages have a word, for each account.
//!
//! `msg_text`: no · term · first key 16 → up to 256 keys of messages in order. A block holds the keys from its own on and
//! before the next block's. In an encrypted store a term is the veil of the word. `text_todo`: no · message → words under
//! which the message is not to be found any more; it is looked at anew. `meta`: `text/state` → how far everything is.
//!
//! Nothing of it is written where messages are: a job follows the event log and the rows of `text_todo`, and walks over
//! what was there before the index was switched on. Whoever asks looks through what is not indexed yet.

mod find;
mod keys;
mod postings;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::words::terms;
use super::{event, message, retention};
use crate::id::{AccountNo, MessageId, MessageKey, Position};
use crate::key::Key;
use crate::records::{EventData, EventKind, MessageRecord, MessageState};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx, envelope};

pub(super) use find::{Asked, Found, Verdict, find};
use postings::Change;

const STATE: &[u8] = b"text/state";

/// Events, messages or rows looked at in one step.
const LOOKS: usize = 128;
/// Postings written in one step: each changes a row at most.
const POSTINGS: usize = 600;
/// Rows removed in one step where the index is switched off.
const CLEARED: usize = 500;

/// How far the index is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct TextState {
    /// Events up to here are in it.
    events: Position,
    /// Messages up to this one that were there before it was switched on are in it; empty before the first, `None` when all
    /// are.
    backfill: Option<Vec<u8>>,
}

/// Row of `text_todo`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct TextTodo {
    /// Words that it is not to be found by any more.
    gone: BTreeSet<String>,
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Indexed {
    /// Messages that were looked at.
    pub messages: u64,
    /// There is more to do.
    pub more: bool,
}

/// How far behind the index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lag {
    /// Events that were not looked at yet.
    pub events: u64,
    /// It does not hold yet what was there before it was switched on.
    pub building: bool,
}

fn state(tx: &ReadTx<'_>) -> Result<Option<TextState>, StoreError> {
    tx.record(Tree::Meta, STATE)
}

fn todo_key(id: MessageId) -> Key {
    Key::new().bytes(&id.to_bytes())
}

/// How far behind the index is; `None` where it is switched off.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn lag(tx: &ReadTx<'_>) -> Result<Option<Lag>, StoreError> {
    let Some(state) = state(tx)? else { return Ok(None) };
    let events = event::last(tx)?.0.saturating_sub(state.events.0);
    Ok(Some(Lag { events, building: state.backfill.is_some() }))
}

/// Notes that a message has another text, or none, or is there without an event.
pub(super) fn note(tx: &mut WriteTx<'_>, id: MessageId, before: Option<&MessageRecord>) -> Result<(), StoreError> {
    if !tx.contains(Tree::Meta, STATE)? {
        return Ok(());
    }
    let mut todo: TextTodo = tx.record(Tree::TextTodo, todo_key(id))?.unwrap_or_default();
    todo.gone.extend(before.map(terms_of).unwrap_or_default());
    tx.put_record(Tree::TextTodo, todo_key(id), &todo)
}

/// The words by which a message is found: those of its text, where a list shows it.
fn terms_of(record: &MessageRecord) -> BTreeSet<String> {
    if record.fleeting { BTreeSet::new() } else { record.content.words().map(terms).unwrap_or_default() }
}

/// Does some of what there is to do: brings the index up to date where it is `on`, and removes it where it is not.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn step(tx: &mut WriteTx<'_>, on: bool) -> Result<Indexed, StoreError> {
    let known = tx.reading(state)?;
    let Some(mut state) = known.clone().filter(|_| on) else {
        if known.is_some() {
            tx.delete(Tree::Meta, STATE)?;
            return Ok(Indexed { messages: 0, more: true });
        }
        let more = clear(tx)?;
        if on && !more {
            let begin = TextState { events: tx.reading(event::last)?, backfill: Some(Vec::new()) };
            tx.put_record(Tree::Meta, STATE, &begin)?;
        }
        return Ok(Indexed { messages: 0, more: more || on });
    };
    if tx.reading(retention::floor)? > state.events {
        // Events went before they were looked at: everything is looked at anew.
        (state.events, state.backfill) = (tx.reading(event::last)?, Some(Vec::new()));
    }
    let mut work = Work::default();
    let mut more = work.todos(tx)?;
    if !more {
        more = work.events(tx, &mut state)?;
    }
    if !more {
        more = work.backfill(tx, &mut state)?;
    }
    work.write(tx)?;
    if known.as_ref() != Some(&state) {
        tx.put_record(Tree::Meta, STATE, &state)?;
    }
    Ok(Indexed { messages: work.messages, more })
}

fn clear(tx: &mut WriteTx<'_>) -> Result<bool, StoreError> {
    let mut left = CLEARED;
    for tree in [Tree::TextTodo, Tree::MsgText] {
        for (key, _) in tx.range(tree, &[], None, Direction::Forward, left)? {
            tx.delete(tree, &key)?;
            left -= 1;
        }
    }
    Ok(left == 0)
}

/// What a step is about to change.
#[derive(Default)]
struct Work {
    messages: u64,
    changes: BTreeMap<(AccountNo, String), Vec<Change>>,
    postings: usize,
}

impl Work {
    const fn is_full(&self) -> bool {
        self.postings >= POSTINGS
    }

    fn change(&mut self, id: MessageId, term: String, change: fn(MessageKey) -> Change) {
        self.changes.entry((id.account, term)).or_default().push(change(id.key));
        self.postings += 1;
    }

    /// Has a message found by what it says now.
    fn add(&mut self, id: MessageId, record: &MessageRecord) {
        self.messages += 1;
        for term in terms_of(record) {
            self.change(id, term, Change::Add);
        }
    }

    fn todos(&mut self, tx: &mut WriteTx<'_>) -> Result<bool, StoreError> {
        let rows = tx.range(Tree::TextTodo, &[], None, Direction::Forward, LOOKS)?;
        let whole = rows.len() == LOOKS;
        for (key, value) in rows {
            if self.is_full() {
                return Ok(true);
            }
            let id = MessageId::from_bytes(&key);
            let id = id.ok_or_else(|| StoreError::corrupt(Tree::TextTodo, "a key is no message id"))?;
            let todo: TextTodo = envelope::open_record(Tree::TextTodo, &value)?;
            let record = tx.reading(|tx| message::get(tx, id))?;
            let now = record.as_ref().map(terms_of).unwrap_or_default();
            for term in todo.gone.difference(&now) {
                self.change(id, term.clone(), Change::Remove);
            }
            if let Some(record) = &record {
                self.add(id, record);
            }
            tx.delete(Tree::TextTodo, &key)?;
        }
        Ok(whole)
    }

    fn events(&mut self, tx: &WriteTx<'_>, state: &mut TextState) -> Result<bool, StoreError> {
        let page = tx.reading(|tx| event::page(tx, state.events, LOOKS))?;
        let whole = page.len() == LOOKS;
        for (position, event) in page {
            if self.is_full() {
                return Ok(true);
            }
            if let Some(id) = new_message(event.kind, &event.data)
                && let Some(record) = tx.reading(|tx| message::get(tx, id))?
            {
                self.add(id, &record);
            }
            state.events = position;
        }
        Ok(whole)
    }

    fn backfill(&mut self, tx: &WriteTx<'_>, state: &mut TextState) -> Result<bool, StoreError> {
        let Some(upto) = &state.backfill else { return Ok(false) };
        let from = if upto.is_empty() { Vec::new() } else { [upto.as_slice(), &[0]].concat() };
        let rows = tx.range(Tree::Msg, &from, None, Direction::Forward, LOOKS)?;
        let whole = rows.len() == LOOKS;
        for (key, value) in rows {
            if self.is_full() {
                return Ok(true);
            }
            let id = MessageId::from_bytes(&key);
            let id = id.ok_or_else(|| StoreError::corrupt(Tree::Msg, "a key is no message id"))?;
            self.add(id, &envelope::open_record(Tree::Msg, &value)?);
            state.backfill = Some(key.to_vec());
        }
        if !whole {
            state.backfill = None;
        }
        Ok(whole)
    }

    fn write(&mut self, tx: &mut WriteTx<'_>) -> Result<(), StoreError> {
        for ((no, term), changes) in std::mem::take(&mut self.changes) {
            postings::apply(tx, no, &term, &changes)?;
        }
        Ok(())
    }
}

/// The message that an event tells first.
fn new_message(kind: EventKind, data: &EventData) -> Option<MessageId> {
    match (kind, data) {
        // An edit is a message with words of its own; what it does to another one, that one's row in `text_todo` says.
        (
            EventKind::MessageReceived | EventKind::MessageSent | EventKind::MessageEdited,
            EventData::Message(message),
        ) => Some(message.id),
        (EventKind::MessageStatus, EventData::Status(status)) if status.state == MessageState::Queued => {
            Some(status.id)
        }
        _ => None,
    }
}
