//! The items of jobs: what is to be sent, and how far each is. An item moves in the commit that moves its message, so that
//! neither can be ahead of the other.
//!
//! `recipient`: run 17 → [`RunTally`]; run · seq u32 → [`RunItem`]. `recipient_state`: run · state u8 · seq → (), for all
//! but pending ones, which are those from the tally's `next` on.

use super::job;
use super::scope::AccountScope;
use crate::id::{JobId, MessageId, Millis};
use crate::key::{Key, Parts};
use crate::records::{ItemState, ItemTrouble, MessageRecord, RunId, RunItem, RunTally};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx, envelope};

/// Bytes of a run in keys.
pub(crate) const RUN_BYTES: usize = 17;

const JOB: u8 = 1;

/// What begins the keys of a run's rows.
pub(crate) fn prefix(run: RunId) -> Key {
    match run {
        RunId::Job(id) => Key::new().u8(JOB).bytes(&id.to_bytes()),
    }
}

/// The run of a row, and its seq where it is an item's.
pub(crate) fn of_key(key: &[u8]) -> Option<(RunId, Option<u32>)> {
    let mut parts = Parts(key);
    let run = match parts.u8()? {
        JOB => RunId::Job(JobId::from_bytes(parts.take(RUN_BYTES - 1)?)?),
        _ => return None,
    };
    match parts.rest() {
        [] => Some((run, None)),
        rest => Some((run, Some(u32::from_be_bytes(rest.try_into().ok()?)))),
    }
}

fn item_key(run: RunId, seq: u32) -> Key {
    prefix(run).u32(seq)
}

pub(crate) fn state_key(run: RunId, state: ItemState, seq: u32) -> Key {
    prefix(run).u8(state as u8).u32(seq)
}

fn put_tally(tx: &mut WriteTx<'_>, run: RunId, tally: &RunTally) -> Result<(), StoreError> {
    tx.put_record(Tree::Recipient, prefix(run), tally)
}

fn put_item(tx: &mut WriteTx<'_>, run: RunId, seq: u32, item: &RunItem) -> Result<(), StoreError> {
    tx.put_record(Tree::Recipient, item_key(run, seq), item)
}

/// Puts items behind those that are there.
pub(super) fn add(tx: &mut WriteTx<'_>, run: RunId, items: &[RunItem]) -> Result<(), StoreError> {
    let mut tally = tx.reading(|tx| tally(tx, run))?;
    for item in items {
        let seq = tally.total;
        tally.total += 1;
        tally.states[item.state as usize] += 1;
        put_item(tx, run, seq, item)?;
        if item.state != ItemState::Pending {
            tx.put_fixed(Tree::RecipientState, state_key(run, item.state, seq), &[])?;
        }
    }
    put_tally(tx, run, &tally)
}

/// How far a run is.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn tally(tx: &ReadTx<'_>, run: RunId) -> Result<RunTally, StoreError> {
    Ok(tx.record(Tree::Recipient, prefix(run))?.unwrap_or_default())
}

/// An item.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn item(tx: &ReadTx<'_>, run: RunId, seq: u32) -> Result<Option<RunItem>, StoreError> {
    tx.record(Tree::Recipient, item_key(run, seq))
}

/// At most `limit` items from a place on, all of them or those in a state.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn page(
    tx: &ReadTx<'_>,
    run: RunId,
    state: Option<ItemState>,
    from: u32,
    limit: usize,
) -> Result<Vec<(u32, RunItem)>, StoreError> {
    let all = match state {
        Some(ItemState::Pending) => {
            let tally = tally(tx, run)?;
            return if tally.stopped.is_some() {
                Ok(Vec::new())
            } else {
                pending(tx, run, from.max(tally.next), limit)
            };
        }
        Some(state) => prefix(run).u8(state as u8),
        None => prefix(run),
    };
    let tree = if state.is_some() { Tree::RecipientState } else { Tree::Recipient };
    let end = crate::key::prefix_end(all.as_slice());
    let rows = tx.range(tree, all.u32(from).as_slice(), end.as_deref(), Direction::Forward, limit)?;
    let mut found = Vec::with_capacity(rows.len());
    for (key, value) in &rows {
        let seq = key.last_chunk().copied().map(u32::from_be_bytes);
        let seq = seq.ok_or_else(|| StoreError::corrupt(tree, "a key holds no place"))?;
        let item: RunItem = match state {
            None => envelope::open_record(tree, value)?,
            Some(_) => item(tx, run, seq)?.ok_or_else(|| StoreError::corrupt(tree, "an item is gone"))?,
        };
        found.push((seq, item));
    }
    let Some((stopped, counts_as)) = tally(tx, run)?.stopped else { return Ok(found) };
    if state == Some(counts_as) && found.len() < limit {
        found.extend(pending(tx, run, from.max(stopped), limit - found.len())?);
        found.sort_by_key(|(seq, _)| *seq);
    }
    for (_, item) in found.iter_mut().filter(|(_, item)| item.state == ItemState::Pending) {
        item.state = counts_as;
    }
    Ok(found)
}

/// Those whose turn has not come, from a place on that is not before the first of them: all but those that were bad from the
/// beginning.
fn pending(tx: &ReadTx<'_>, run: RunId, from: u32, limit: usize) -> Result<Vec<(u32, RunItem)>, StoreError> {
    let (mut found, mut from) = (Vec::new(), from);
    let end = crate::key::prefix_end(prefix(run).as_slice());
    while found.len() < limit {
        let key = item_key(run, from);
        let rows = tx.range(Tree::Recipient, key.as_slice(), end.as_deref(), Direction::Forward, limit)?;
        for (key, value) in &rows {
            let (_, seq) = of_key(key).ok_or_else(|| StoreError::corrupt(Tree::Recipient, "a key is no item's"))?;
            from = seq.unwrap_or_default() + 1;
            let item: RunItem = envelope::open_record(Tree::Recipient, value)?;
            if item.state == ItemState::Pending {
                found.push((from - 1, item));
            }
        }
        if rows.len() < limit {
            break;
        }
    }
    found.truncate(limit);
    Ok(found)
}

/// Says that nothing more of a run is sent; items whose turn has not come count as being in a state from now on.
pub(super) fn stop(tx: &mut WriteTx<'_>, run: RunId, as_state: ItemState) -> Result<RunTally, StoreError> {
    let mut tally = tx.reading(|tx| tally(tx, run))?;
    if tally.stopped.is_none() && tally.of(ItemState::Pending) > 0 {
        tally.stopped = Some((tally.next, as_state));
        tally.states[as_state as usize] += std::mem::take(&mut tally.states[ItemState::Pending as usize]);
        put_tally(tx, run, &tally)?;
    }
    Ok(tally)
}

/// Fails what has no outcome and will not get one: the account is gone, and its messages with it.
pub(super) fn fail_open(tx: &mut WriteTx<'_>, run: RunId, limit: usize) -> Result<(), StoreError> {
    let mut tally = tx.reading(|tx| tally(tx, run))?;
    for (seq, item) in tx.reading(|tx| page(tx, run, Some(ItemState::Queued), 0, limit))? {
        let failed = RunItem { state: ItemState::Failed, trouble: Some(ItemTrouble::AccountGone), ..item };
        put_item(tx, run, seq, &failed)?;
        tx.delete(Tree::RecipientState, state_key(run, ItemState::Queued, seq))?;
        tx.put_fixed(Tree::RecipientState, state_key(run, ItemState::Failed, seq), &[])?;
        tally.moves(ItemState::Queued, ItemState::Failed);
    }
    put_tally(tx, run, &tally)
}

/// Goes over items that were bad from the beginning; hands back the next one to send, or `None` where `looks` were not enough
/// or nothing is left.
pub(super) fn next(tx: &mut WriteTx<'_>, run: RunId, looks: u32) -> Result<Option<(u32, RunItem)>, StoreError> {
    let mut tally = tx.reading(|tx| tally(tx, run))?;
    let begun = tally.next;
    while tally.next < tally.total && tally.next - begun < looks {
        let item = tx.reading(|tx| item(tx, run, tally.next))?;
        let item = item.ok_or_else(|| StoreError::corrupt(Tree::Recipient, "an item is gone"))?;
        if item.state == ItemState::Pending {
            if tally.next > begun {
                put_tally(tx, run, &tally)?;
            }
            return Ok(Some((tally.next, item)));
        }
        tally.next += 1;
    }
    if tally.next > begun {
        put_tally(tx, run, &tally)?;
    }
    Ok(None)
}

/// Notes that the turn of the item at `next` has come: from now on its message says how far it is. `true` when it was the
/// last one.
pub(super) fn hand_over(tx: &mut WriteTx<'_>, run: RunId, seq: u32) -> Result<bool, StoreError> {
    let mut tally = tx.reading(|tx| tally(tx, run))?;
    tally.next = seq + 1;
    put_tally(tx, run, &tally)?;
    Ok(tally.next == tally.total)
}

/// Moves the item of a message to where the message is; with the last one's outcome the run is over. A run that is not
/// there any more hears nothing.
pub(super) fn moved(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    id: MessageId,
    message: &MessageRecord,
    now_ms: Millis,
) -> Result<(), StoreError> {
    let Some(of) = message.run else { return Ok(()) };
    let Some(before) = tx.reading(|tx| item(tx, of.run, of.seq))? else { return Ok(()) };
    let state = ItemState::of_message(message.state);
    let trouble = message.reason.filter(|_| state == ItemState::Failed).map(ItemTrouble::Message);
    let after = RunItem { load: None, state, message: Some(id), times: message.times, trouble, ..before.clone() };
    if after == before {
        return Ok(());
    }
    put_item(tx, of.run, of.seq, &after)?;
    if state == before.state {
        return Ok(());
    }
    if before.state != ItemState::Pending {
        tx.delete(Tree::RecipientState, state_key(of.run, before.state, of.seq))?;
    }
    tx.put_fixed(Tree::RecipientState, state_key(of.run, state, of.seq), &[])?;
    let mut tally = tx.reading(|tx| tally(tx, of.run))?;
    tally.moves(before.state, state);
    put_tally(tx, of.run, &tally)?;
    through(tx, scope, of.run, now_ms)
}

/// Ends a run whose every item has its outcome.
pub(super) fn through(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    run: RunId,
    now_ms: Millis,
) -> Result<(), StoreError> {
    let tally = tx.reading(|tx| tally(tx, run))?;
    if tally.stopped.is_some() || tally.next < tally.total || tally.ended() < tally.total {
        return Ok(());
    }
    match run {
        RunId::Job(id) => job::complete(tx, scope, id, now_ms),
    }
}

/// At most `limit` messages of a run that have no outcome.
pub(super) fn open(tx: &ReadTx<'_>, run: RunId, limit: usize) -> Result<Vec<MessageId>, StoreError> {
    let some = page(tx, run, Some(ItemState::Queued), 0, limit)?;
    Ok(some.into_iter().filter_map(|(_, item)| item.message).collect())
}
