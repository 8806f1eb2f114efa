//! The one event log: positions for the whole store, `seq` for each account, both given inside the writer.

use super::scope::AccountScope;
use super::{audit, chatbot, delivery};
use crate::commit::{COMMIT_ROW, CommitRow};
use crate::id::{ChatNo, Millis, Position, Seq};
use crate::key::{Key, Parts};
use crate::records::{Act, Author, ClockEvent, EventData, EventKind, EventRecord};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx, envelope};

/// What is appended.
#[derive(Debug, Clone)]
pub(super) struct NewEvent {
    pub(super) kind: EventKind,
    pub(super) data: EventData,
    pub(super) chat_no: Option<ChatNo>,
    pub(super) now_ms: Millis,
}

pub(super) fn position_key(position: Position) -> Key {
    Key::new().u64(position.0)
}

/// The position that a row stands at.
pub(super) fn position(key: &[u8]) -> Result<Position, StoreError> {
    Parts(key).u64().map(Position).ok_or_else(|| StoreError::corrupt(Tree::Event, "a key is no position"))
}

/// Appends an event and queues it for every endpoint that wants it, in the same commit.
pub(super) fn append(tx: &mut WriteTx<'_>, scope: &mut AccountScope, event: NewEvent) -> Result<Position, StoreError> {
    let (kind, chat_no, now_ms) = (event.kind, event.chat_no, event.now_ms);
    let (position, data) = write(tx, scope, event)?;
    let no = scope.no;
    for endpoint in scope.endpoints(tx)?.iter().filter(|endpoint| endpoint.wants(kind, &data)) {
        if !endpoint.chatbot || tx.reading(|tx| chatbot::hears(tx, no, chat_no))? {
            delivery::enqueue(tx, endpoint, position, no, chat_no, now_ms)?;
        }
    }
    Ok(position)
}

/// Appends an event that no endpoint gets.
pub(super) fn append_quietly(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    event: NewEvent,
) -> Result<Position, StoreError> {
    write(tx, scope, event).map(|(position, _)| position)
}

/// Writes the rows of an event; what happened comes back for whoever has to look at it.
fn write(tx: &mut WriteTx<'_>, scope: &mut AccountScope, event: NewEvent) -> Result<(Position, EventData), StoreError> {
    let mut row = CommitRow::open(tx.get(Tree::Meta, COMMIT_ROW)?)?;
    row.position += 1;
    tx.put(Tree::Meta, COMMIT_ROW, row.seal())?;
    let position = Position(row.position);
    scope.counters.seq = Seq(scope.counters.seq.0 + 1);
    let seq = scope.counters.seq;
    let NewEvent { kind, data, now_ms, .. } = event;
    let by = tx.principal().map(Author::from);
    let record = EventRecord { kind, no: scope.no, account: scope.id.clone(), seq, at_ms: now_ms, by, data };
    tx.put_record(Tree::Event, position_key(position), &record)?;
    tx.put_fixed(Tree::EventAcct, Key::new().u32(scope.no.0).u64(seq.0), &position.0.to_be_bytes())?;
    Ok((position, record.data))
}

/// Tells what happened to the machine's clock, to the endpoints that hear of every account.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn tell_clock(tx: &mut WriteTx<'_>, change: ClockEvent, now_ms: Millis) -> Result<(), StoreError> {
    let mut scope = AccountScope::server(tx)?;
    if change.trusted {
        audit::note(tx, Act::ClockTrusted, None, now_ms)?;
    }
    append(
        tx,
        &mut scope,
        NewEvent { kind: EventKind::ServerClock, data: EventData::Clock(change), chat_no: None, now_ms },
    )?;
    scope.close(tx)
}

/// The newest position given out; 0 before the first.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn last(tx: &ReadTx<'_>) -> Result<Position, StoreError> {
    Ok(Position(CommitRow::open(tx.get(Tree::Meta, COMMIT_ROW)?)?.position))
}

/// The event at a position.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn get(tx: &ReadTx<'_>, position: Position) -> Result<Option<EventRecord>, StoreError> {
    tx.record(Tree::Event, position_key(position))
}

/// At most `limit` events after a position, in order.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn page(tx: &ReadTx<'_>, after: Position, limit: usize) -> Result<Vec<(Position, EventRecord)>, StoreError> {
    let Some(from) = after.0.checked_add(1) else { return Ok(Vec::new()) };
    let rows = tx.range(Tree::Event, position_key(Position(from)).as_slice(), None, Direction::Forward, limit)?;
    let row =
        |(key, value): &(bytes::Bytes, bytes::Bytes)| Ok((position(key)?, envelope::open_record(Tree::Event, value)?));
    rows.iter().map(row).collect()
}
