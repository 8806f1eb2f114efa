//! The history that a phone sends: its pieces on disk before they are imported, and their import in small commits.
//!
//! `history`: no · 1 · piece 16 · 0 → [`HistoryChunk`], written last; no · 1 · piece 16 · 1 · n u32 → bytes; no · 2 · time · rand →
//! a piece was announced that is not here yet; no · 3 → what became of everything so far.

use bytes::Bytes;

use super::inbound::{self, NewInbound};
use super::scope::AccountScope;
use super::{account, chat, event, fleeting, message, persistence, person, search};
use crate::id::{AccountNo, Epoch, MessageId, MessageKey, Millis, believable_ms};
use crate::key::{Key, Parts};
use crate::records::{
    ChatSettings, EventData, EventKind, HistoryChunk, HistoryEvent, HistoryKind, HistoryTally, MessageState,
    Participant, StateTimes,
};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx};

/// Most bytes of one row.
pub const ROW_BYTES: usize = 256 * 1024;
/// Most messages of one commit.
pub const MAX_BATCH: usize = inbound::MAX_BATCH;
/// Rows removed in one commit.
const REMOVED_AT_ONCE: usize = 64;

const PIECE: u8 = 1;
const AWAITED: u8 = 2;
const TALLY: u8 = 3;

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
    let mut parts = Parts(key.get(5..).unwrap_or_default());
    let bad = || StoreError::corrupt(Tree::History, "a key names no piece");
    let chunk = parts.take(16).and_then(ChunkKey::from_bytes).ok_or_else(bad)?;
    match parts.u8() {
        Some(0) => Ok(Next::Import(chunk, Box::new(crate::envelope::open_record(Tree::History, &value)?))),
        _ => Ok(Next::Clear(chunk)),
    }
}

/// Some bytes of a piece; `None` where they are not there.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn bytes(tx: &ReadTx<'_>, no: AccountNo, chunk: ChunkKey, n: u32) -> Result<Option<Bytes>, StoreError> {
    tx.raw(Tree::History, row(no, chunk, n))
}

/// A message of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldMessage {
    /// What it is. Its time is the network's.
    pub new: NewInbound,
    /// How far a sent one got: `Sent`, `Delivered`, `Read` or `Played`.
    pub state: MessageState,
    /// The account keeps it among its starred ones.
    pub starred: bool,
}

/// What the phone says of a chat as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldChat {
    /// The chat.
    pub chat: Participant,
    /// Its name.
    pub name: Option<String>,
    /// What is set for it.
    pub settings: ChatSettings,
}

/// Some messages of one chat of a piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldBatch {
    /// The chat, with the first batch of it.
    pub chat: Option<OldChat>,
    /// At most [`MAX_BATCH`].
    pub messages: Vec<OldMessage>,
    /// Messages that were left out before.
    pub left_out: u64,
    /// Chats of the piece that are through after this batch.
    pub chats_done: u32,
}

/// Imports some messages of a piece: no events, nothing unread, none twice. What the piece's row says of its progress
/// changes in the same commit.
///
/// # Errors
/// [`StoreError::StaleEpoch`] for an older incarnation.
pub fn import(
    tx: &mut WriteTx<'_>,
    (no, epoch): (AccountNo, Epoch),
    chunk: ChunkKey,
    batch: &OldBatch,
    now_ms: Millis,
) -> Result<HistoryTally, StoreError> {
    let mut scope = AccountScope::fenced(tx, no, epoch)?;
    let Some(mut record) = tx.record::<HistoryChunk>(Tree::History, head(no, chunk))? else {
        return Ok(HistoryTally::default());
    };
    let mut tally = HistoryTally { left_out: batch.left_out, ..HistoryTally::default() };
    let kept = fleeting::keeps(tx, &mut scope)?;
    let oldest_ms = tx.reading(|tx| oldest_kept(tx, no, now_ms))?;
    let stays = |old: &&OldMessage| kept && old.new.ts_ms >= oldest_ms;
    tally.left_out += batch.messages.iter().filter(|old| !stays(old)).count() as u64;
    if let Some(old) = batch.chat.as_ref().filter(|_| kept) {
        describe(tx, &mut scope, old)?;
        tally.chats += u64::from(!batch.messages.is_empty());
    }
    for old in batch.messages.iter().filter(stays) {
        import_one(tx, &mut scope, old, &mut tally, now_ms)?;
    }
    record.tally = record.tally.plus(tally);
    record.chats_done = record.chats_done.max(batch.chats_done);
    tx.put_record(Tree::History, head(no, chunk), &record)?;
    person::tell_merges(tx, &mut scope, now_ms)?;
    scope.close(tx)?;
    Ok(record.tally)
}

/// What is older would be forgotten at once, and come again with the next piece.
fn oldest_kept(tx: &ReadTx<'_>, no: AccountNo, now_ms: Millis) -> Result<Millis, StoreError> {
    let age_ms = persistence::limits(tx, no)?.age_ms.filter(|age_ms| *age_ms > 0);
    Ok(age_ms.map_or(0, |age_ms| now_ms.saturating_sub(age_ms)))
}

/// A chat that is not known yet stands as the phone says; what is set here already is newer.
fn describe(tx: &mut WriteTx<'_>, scope: &mut AccountScope, old: &OldChat) -> Result<(), StoreError> {
    let known = tx.reading(|tx| chat::find(tx, scope.no, &old.chat))?;
    let (found, _) = chat::resolve(tx, scope, &old.chat, false)?;
    chat::change(tx, scope.no, found, |record| {
        record.name = record.name.take().or_else(|| old.name.clone());
        if known.is_empty() {
            record.settings = old.settings;
        }
    })?;
    Ok(())
}

fn import_one(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    old: &OldMessage,
    tally: &mut HistoryTally,
    now_ms: Millis,
) -> Result<(), StoreError> {
    let new = &old.new;
    let (chat_no, sender) = inbound::whose(tx, scope, new)?;
    if tx.reading(|tx| inbound::find(tx, scope.no, &new.provider_id, chat_no, sender))?.is_some() {
        tally.known += 1;
        return Ok(());
    }
    let key = MessageKey::new(believable_ms(new.ts_ms, now_ms), new.rand);
    let id = MessageId { account: scope.no, key };
    if tx.contains(Tree::Msg, id.to_bytes())? {
        tally.left_out += 1;
        return Ok(());
    }
    let mut record = inbound::record(new, chat_no, sender, key.ts_ms, now_ms);
    let at = Some(key.ts_ms);
    record.times = StateTimes::default();
    if new.from_me {
        record.state = old.state;
        record.times.sent_ms = at;
    } else {
        // Nothing of the past waits to be read here; the phone has its own count.
        record.times.read_ms = at;
    }
    record.aftermath.starred = old.starred;
    message::put_new(tx, scope, key, &record, new.group)?;
    search::note(tx, id, None)?;
    tally.messages += 1;
    tally.bytes += record.content.bytes();
    Ok(())
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
