//! The messages of a piece become rows of the ledger.

use super::{head, of_chat};
use crate::id::{AccountNo, ChatNo, Epoch, MessageId, MessageKey, Millis, believable_ms};
use crate::records::{
    ChatSettings, Content, HistoryChunk, HistoryTally, MarkKind, MarkRecord, MessageState, Participant, StateTimes,
};
use crate::repo::history::ChunkKey;
use crate::repo::inbound::{self, NewInbound};
use crate::repo::scope::AccountScope;
use crate::repo::{acts, chat, fleeting, mark, message, persistence, person, refer, search};
use crate::{ReadTx, StoreError, Tree, WriteTx};

/// What somebody put on a message of the history; its `who` is `None` for the account itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldMark {
    /// An emoji or a vote.
    pub kind: MarkKind,
    /// Who, when and what.
    pub mark: MarkRecord,
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
    /// When its text was changed, where it was: what it says is the newest text.
    pub edited_ms: Option<Millis>,
    /// When it was taken back, where it was: it says nothing any more.
    pub revoked_ms: Option<Millis>,
    /// What people put on it.
    pub marks: Vec<OldMark>,
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
    /// At most [`super::MAX_BATCH`].
    pub messages: Vec<OldMessage>,
    /// Messages that were left out before.
    pub left_out: u64,
    /// Chats of the piece that are through after this batch.
    pub chats_done: u32,
    /// They were asked for: they do not use up what a chat may have of history that comes by itself.
    pub asked_for: bool,
}

/// How many messages of a chat came as history without being asked for; `None` where the chat has no history at all.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn imported(tx: &ReadTx<'_>, no: AccountNo, with: &Participant) -> Result<Option<u64>, StoreError> {
    let mut sum = None;
    for chat in chat::find(tx, no, with)? {
        if let Some(count) = counted(tx, no, chat)? {
            sum = Some(sum.unwrap_or(0) + count);
        }
    }
    Ok(sum)
}

fn counted(tx: &ReadTx<'_>, no: AccountNo, chat: ChatNo) -> Result<Option<u64>, StoreError> {
    let Some(row) = tx.fixed(Tree::History, of_chat(no, chat))? else { return Ok(None) };
    let count = <[u8; 8]>::try_from(row.as_ref()).map(u64::from_be_bytes);
    count.map(Some).map_err(|_| StoreError::corrupt(Tree::History, "a chat's count is no number"))
}

/// Whether a message of the history is here already.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn is_known(tx: &ReadTx<'_>, no: AccountNo, new: &NewInbound) -> Result<bool, StoreError> {
    inbound::known(tx, no, &new.provider_id, &new.chat, new.sender.as_ref())
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
    }
    for old in batch.messages.iter().filter(stays) {
        let Some(chat) = import_one(tx, &mut scope, old, &mut tally, now_ms)? else { continue };
        let before = tx.reading(|tx| counted(tx, no, chat))?;
        tally.chats += u64::from(before.is_none());
        let count = before.unwrap_or(0) + u64::from(!batch.asked_for);
        tx.put_fixed(Tree::History, of_chat(no, chat), &count.to_be_bytes())?;
    }
    record.tally = record.tally.plus(tally);
    record.passed = match batch.chats_done > record.chats_done {
        true => 0,
        false => record.passed + batch.messages.len() as u64,
    };
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

/// Imports a message that is not there yet; the chat that has one more of the history.
fn import_one(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    old: &OldMessage,
    tally: &mut HistoryTally,
    now_ms: Millis,
) -> Result<Option<ChatNo>, StoreError> {
    let new = &old.new;
    let (chat_no, sender) = inbound::whose(tx, scope, new)?;
    if let Some(known) = tx.reading(|tx| inbound::find(tx, scope.no, &new.provider_id, chat_no, sender))? {
        put_marks(tx, scope, known, &old.marks)?;
        tally.known += 1;
        return Ok(None);
    }
    let key = MessageKey::new(believable_ms(new.ts_ms, now_ms), new.rand);
    let id = MessageId { account: scope.no, key };
    if tx.contains(Tree::Msg, id.to_bytes())? {
        tally.left_out += 1;
        return Ok(None);
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
    (record.aftermath.edited_ms, record.aftermath.revoked_ms) = (old.edited_ms, old.revoked_ms);
    tx.reading(|tx| refer::fill(tx, scope.no, &mut record))?;
    message::put_new(tx, scope, key, &record, new.group)?;
    if record.content.target().is_none() {
        search::note(tx, id, None)?;
    }
    acts::apply(tx, scope, &record)?;
    put_marks(tx, scope, id, &old.marks)?;
    scope.counters.unavailable += u64::from(new.content == Content::Unavailable);
    tally.messages += 1;
    tally.bytes += record.content.bytes();
    Ok(Some(chat_no))
}

fn put_marks(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    id: MessageId,
    marks: &[OldMark],
) -> Result<(), StoreError> {
    for OldMark { kind, mark } in marks {
        let who = match &mark.who {
            Some(who) => Some(person::resolve(tx, scope, who)?.0),
            None => None,
        };
        mark::put(tx, id, *kind, who, mark)?;
    }
    Ok(())
}
