//! The history that a phone sends: its pieces on disk before they are imported, and their import in small commits.
//!
//! `history`: no · 1 · piece 16 · 0 → [`HistoryChunk`], written last; no · 1 · piece 16 · 1 · n u32 → bytes; no · 2 · time · rand →
//! a piece was announced that is not here yet; no · 3 → what became of everything so far; no · 4 · chat → how many
//! messages of the chat came as history without being asked for.

mod import;

use bytes::Bytes;

use super::scope::AccountScope;
use super::{account, event, inbound, person};
use crate::id::{AccountNo, ChatNo, Epoch, MessageKey, Millis};
use crate::key::{Key, Parts};
use crate::records::{EventData, EventKind, HistoryChunk, HistoryEvent, HistoryKind, HistoryTally, Participant};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx};

pub use import::{OldBatch, OldChat, OldMark, OldMessage, import, imported, is_known};

/// Most bytes of one row.
pub const ROW_BYTES: usize = 256 * 1024;
/// Most messages of one commit.
pub const MAX_BATCH: usize = inbound::MAX_BATCH;
/// Most pieces that are shown.
pub const SHOWN_MAX: usize = 100;
/// Rows removed in one commit.
const REMOVED_AT_ONCE: usize = 64;

const PIECE: u8 = 1;
const AWAITED: u8 = 2;
const TALLY: u8 = 3;
const OF_CHAT: u8 = 4;

/// A piece of the history on disk: when it came, and a random number.
pub type ChunkKey = MessageKey;

fn head(no: AccountNo, chunk: ChunkKey) -> Key {
    Key::new().u32(no.0).u8(PIECE).bytes(&chunk.to_bytes()).u8(0)
}

fn row(no: AccountNo, chunk: ChunkKey, n: u32) -> Key {
    Key::new().u32(no.0).u8(PIECE).bytes(&chunk.to_bytes()).u8(1).u32(n)
}

fn awaited(no: AccountNo) -> Key {
    Key::new().u32(no.0).u8(AWAITED)
}

fn of_chat(no: AccountNo, chat: ChatNo) -> Key {
    Key::new().u32(no.0).u8(OF_CHAT).u32(chat.0)
}

/// Notes that a piece is announced: the phone is told at once that it has arrived, so nobody else would miss it.
///
/// # Errors
/// [`StoreError::StaleEpoch`] for an older incarnation.
pub fn announce(tx: &mut WriteTx<'_>, (no, epoch): (AccountNo, Epoch), at: ChunkKey) -> Result<(), StoreError> {
    account::fence(tx, no, epoch)?;
    tx.put_fixed(Tree::History, awaited(no).bytes(&at.to_bytes()), &[])
}

/// Keeps some bytes of a piece. It does not count before [`keep`].
///
/// # Errors
/// [`StoreError::StaleEpoch`] for an older incarnation.
pub fn keep_row(
    tx: &mut WriteTx<'_>,
    (no, epoch): (AccountNo, Epoch),
    (chunk, n): (ChunkKey, u32),
    bytes: &[u8],
) -> Result<(), StoreError> {
    account::fence(tx, no, epoch)?;
    tx.put_raw(Tree::History, row(no, chunk, n), bytes)
}

/// Keeps a piece whose rows are all there; `true` where it had been announced.
///
/// # Errors
/// [`StoreError::StaleEpoch`] for an older incarnation.
pub fn keep(
    tx: &mut WriteTx<'_>,
    (no, epoch): (AccountNo, Epoch),
    chunk: ChunkKey,
    record: &HistoryChunk,
) -> Result<bool, StoreError> {
    account::fence(tx, no, epoch)?;
    // Announcements do not say of which piece they are; all that counts is how many are open.
    let announced = tx.first(Tree::History, awaited(no), Direction::Forward)?;
    if let Some((key, _)) = &announced {
        tx.delete(Tree::History, key)?;
    }
    tx.put_record(Tree::History, head(no, chunk), record)?;
    Ok(announced.is_some())
}

/// A piece came that is not to be kept: it is not missing.
///
/// # Errors
/// [`StoreError::StaleEpoch`] for an older incarnation.
pub fn discard(tx: &mut WriteTx<'_>, (no, epoch): (AccountNo, Epoch)) -> Result<(), StoreError> {
    account::fence(tx, no, epoch)?;
    match tx.first(Tree::History, awaited(no), Direction::Forward)? {
        Some((key, _)) => tx.delete(Tree::History, &key),
        None => Ok(()),
    }
}

/// The next thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// A piece is to be imported.
    Import(ChunkKey, Box<HistoryChunk>),
    /// A piece is not whole, because the process ended before it was: its rows may go.
    Clear(ChunkKey),
    /// There is nothing.
    Nothing,
}

/// The oldest piece that is on disk.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn next(tx: &ReadTx<'_>, no: AccountNo) -> Result<Next, StoreError> {
    let first = tx.first(Tree::History, Key::new().u32(no.0).u8(PIECE), Direction::Forward)?;
    let Some((key, value)) = first else { return Ok(Next::Nothing) };
    let (chunk, whole) = piece_of(&key)?;
    if whole {
        return Ok(Next::Import(chunk, Box::new(crate::envelope::open_record(Tree::History, &value)?)));
    }
    Ok(Next::Clear(chunk))
}

/// Which piece a row is of, and whether it is its head.
fn piece_of(key: &[u8]) -> Result<(ChunkKey, bool), StoreError> {
    let mut parts = Parts(key.get(5..).unwrap_or_default());
    let chunk = parts.take(16).and_then(ChunkKey::from_bytes);
    let chunk = chunk.ok_or_else(|| StoreError::corrupt(Tree::History, "a key names no piece"))?;
    Ok((chunk, parts.u8() == Some(0)))
}

/// Some bytes of a piece; `None` where they are not there.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn bytes(tx: &ReadTx<'_>, no: AccountNo, chunk: ChunkKey, n: u32) -> Result<Option<Bytes>, StoreError> {
    tx.raw(Tree::History, row(no, chunk, n))
}

/// Pieces that are announced and not here, and the pieces that are here, each with how far it is imported: at most
/// [`SHOWN_MAX`] of each.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn open_pieces(tx: &ReadTx<'_>, no: AccountNo) -> Result<(usize, Vec<HistoryChunk>), StoreError> {
    let announced = tx.prefix(Tree::History, awaited(no), Direction::Forward, SHOWN_MAX)?.len();
    let (mut pieces, mut after) = (Vec::new(), None::<ChunkKey>);
    while pieces.len() < SHOWN_MAX {
        // Behind all rows of the piece before.
        let from = after.map_or_else(
            || Key::new().u32(no.0).u8(PIECE),
            |chunk| Key::new().u32(no.0).u8(PIECE).bytes(&chunk.to_bytes()).u8(u8::MAX),
        );
        let end = awaited(no);
        let row = tx.range(Tree::History, from.as_slice(), Some(end.as_slice()), Direction::Forward, 1)?.pop();
        let Some((key, value)) = row else { break };
        let (chunk, whole) = piece_of(&key)?;
        if whole {
            pieces.push(crate::envelope::open_record(Tree::History, &value)?);
        }
        after = Some(chunk);
    }
    Ok((announced, pieces))
}

/// What became of everything that an account's phone sent, so far.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn tally(tx: &ReadTx<'_>, no: AccountNo) -> Result<HistoryTally, StoreError> {
    Ok(tx.record(Tree::History, Key::new().u32(no.0).u8(TALLY))?.unwrap_or_default())
}

/// Ends a piece: an event tells what became of it, unless it held no messages. Its rows are cleared afterwards, with [`clear`].
///
/// # Errors
/// [`StoreError::StaleEpoch`] for an older incarnation.
pub fn finish(
    tx: &mut WriteTx<'_>,
    (no, epoch): (AccountNo, Epoch),
    chunk: ChunkKey,
    lost: bool,
    now_ms: Millis,
) -> Result<(), StoreError> {
    let mut scope = AccountScope::fenced(tx, no, epoch)?;
    let Some(record) = tx.record::<HistoryChunk>(Tree::History, head(no, chunk))? else { return Ok(()) };
    let sum = tx.reading(|tx| tally(tx, no))?.plus(record.tally);
    tx.put_record(Tree::History, Key::new().u32(no.0).u8(TALLY), &sum)?;
    // Without its head a piece is not imported again, whatever of its rows is left.
    tx.delete(Tree::History, head(no, chunk))?;
    let HistoryChunk { kind, order, progress, tally, .. } = record;
    if lost || tally != HistoryTally::default() {
        tell(tx, &mut scope, HistoryEvent { kind, order, progress, lost, tally }, now_ms)?;
    }
    scope.close(tx)
}

/// Clears some rows of a piece that is imported or was never whole; `false` when none is left.
///
/// # Errors
/// [`StoreError::StaleEpoch`] for an older incarnation.
pub fn clear(tx: &mut WriteTx<'_>, (no, epoch): (AccountNo, Epoch), chunk: ChunkKey) -> Result<bool, StoreError> {
    account::fence(tx, no, epoch)?;
    let prefix = Key::new().u32(no.0).u8(PIECE).bytes(&chunk.to_bytes()).u8(1);
    let rows = tx.prefix(Tree::History, prefix, Direction::Forward, REMOVED_AT_ONCE)?;
    for (key, _) in &rows {
        tx.delete(Tree::History, key)?;
    }
    Ok(rows.len() == REMOVED_AT_ONCE)
}

/// Tells of the pieces that were announced before a time and never came: what they held is missing.
///
/// # Errors
/// [`StoreError::StaleEpoch`] for an older incarnation.
pub fn lose(
    tx: &mut WriteTx<'_>,
    (no, epoch): (AccountNo, Epoch),
    before_ms: Millis,
    now_ms: Millis,
) -> Result<usize, StoreError> {
    let mut scope = AccountScope::fenced(tx, no, epoch)?;
    let rows = tx.prefix(Tree::History, awaited(no), Direction::Forward, REMOVED_AT_ONCE)?;
    let mut lost = 0;
    for (key, _) in rows {
        let at = key.get(5..).and_then(ChunkKey::from_bytes);
        let at_ms = at.ok_or_else(|| StoreError::corrupt(Tree::History, "an announcement can't be read"))?.ts_ms;
        if at_ms >= before_ms {
            break;
        }
        tx.delete(Tree::History, &key)?;
        let (kind, tally) = (HistoryKind::Other, HistoryTally::default());
        let event = HistoryEvent { kind, order: None, progress: None, lost: true, tally };
        tell(tx, &mut scope, event, now_ms)?;
        lost += 1;
    }
    scope.close(tx)?;
    Ok(lost)
}

/// Whether a piece was announced before a time and is not here.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn is_late(tx: &ReadTx<'_>, no: AccountNo, before_ms: Millis) -> Result<bool, StoreError> {
    let first = tx.first(Tree::History, awaited(no), Direction::Forward)?;
    let at = first.and_then(|(key, _)| ChunkKey::from_bytes(key.get(5..)?));
    Ok(at.is_some_and(|at| at.ts_ms < before_ms))
}

fn tell(tx: &mut WriteTx<'_>, scope: &mut AccountScope, event: HistoryEvent, now_ms: Millis) -> Result<(), StoreError> {
    let data = EventData::History(event);
    event::append(tx, scope, event::NewEvent { kind: EventKind::HistorySynced, data, chat_no: None, now_ms })?;
    Ok(())
}

/// Notes the names that people show; nobody is made known by that.
///
/// # Errors
/// [`StoreError::StaleEpoch`] for an older incarnation.
pub fn names(
    tx: &mut WriteTx<'_>,
    (no, epoch): (AccountNo, Epoch),
    names: &[(Participant, String)],
) -> Result<(), StoreError> {
    account::fence(tx, no, epoch)?;
    for (who, name) in names {
        let Some(person) = tx.reading(|tx| person::find(tx, no, who))? else { continue };
        person::rename(tx, no, person, |record| {
            record.push_name.get_or_insert_with(|| name.clone());
        })?;
    }
    Ok(())
}
