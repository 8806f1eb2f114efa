//! The items of jobs and campaigns: what is to be sent, and how far each is. An item moves in the commit that moves its message, so that
//! neither can be ahead of the other.
//!
//! `recipient`: run 17 → [`RunTally`]; run · seq u32 → [`RunItem`]. `recipient_state`: run · state u8 · seq → (), for all
//! but pending ones, which are those from the tally's `next` on; run · 128 · seq → (), for those that were answered. A
//! campaign's pending recipients have no rows here: they are packed in rows of [`super::campaign`].

use super::scope::AccountScope;
use super::{bulk, campaign, job};
use crate::id::{AccountNo, CampaignId, JobId, MessageId, Millis};
use crate::jid::Jid;
use crate::key::{Key, Parts};
use crate::records::{ItemState, ItemTrouble, MessageRecord, Participant, RunId, RunItem, RunTally, StateTimes};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx, envelope};

/// Bytes of a run in keys.
pub(crate) const RUN_BYTES: usize = 17;

const JOB: u8 = 1;
const CAMPAIGN: u8 = 2;
/// Stands where a state does, for those that were answered.
const REPLIED: u8 = 128;

/// What begins the keys of a run's rows.
pub(crate) fn prefix(run: RunId) -> Key {
    match run {
        RunId::Job(id) => Key::new().u8(JOB).bytes(&id.to_bytes()),
        RunId::Campaign(id) => Key::new().u8(CAMPAIGN).bytes(&id.to_bytes()),
    }
}

/// The run of a row, and its seq where it is an item's.
pub(crate) fn of_key(key: &[u8]) -> Option<(RunId, Option<u32>)> {
    let mut parts = Parts(key);
    let run = match parts.u8()? {
        JOB => RunId::Job(JobId::from_bytes(parts.take(RUN_BYTES - 1)?)?),
        CAMPAIGN => RunId::Campaign(CampaignId::from_bytes(parts.take(RUN_BYTES - 1)?)?),
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

pub(crate) fn replied_key(run: RunId, seq: u32) -> Key {
    prefix(run).u8(REPLIED).u32(seq)
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

/// Promises a campaign more recipients, whose rows are written when their turn comes; answers the place of the first.
pub(super) fn promise(tx: &mut WriteTx<'_>, run: RunId, more: u32) -> Result<u32, StoreError> {
    let mut tally = tx.reading(|tx| tally(tx, run))?;
    let first = tally.total;
    tally.total += more;
    tally.states[ItemState::Pending as usize] += more;
    put_tally(tx, run, &tally)?;
    Ok(first)
}

/// Writes the item of a recipient whose turn has come, once more or for the first time.
pub(super) fn place(
    tx: &mut WriteTx<'_>,
    run: RunId,
    seq: u32,
    (before, item): (ItemState, &RunItem),
) -> Result<(), StoreError> {
    put_item(tx, run, seq, item)?;
    let mut tally = tx.reading(|tx| tally(tx, run))?;
    tally.next = tally.next.max(seq + 1);
    tally.moves(before, item.state);
    put_tally(tx, run, &tally)?;
    if before != ItemState::Pending {
        tx.delete(Tree::RecipientState, state_key(run, before, seq))?;
    }
    if item.state == ItemState::Pending {
        return Ok(());
    }
    tx.put_fixed(Tree::RecipientState, state_key(run, item.state, seq), &[])
}

/// Notes that the receiver of an item answered.
pub(super) fn replied(tx: &mut WriteTx<'_>, run: RunId, seq: u32, item: &RunItem) -> Result<(), StoreError> {
    put_item(tx, run, seq, item)?;
    tx.put_fixed(Tree::RecipientState, replied_key(run, seq), &[])?;
    let mut tally = tx.reading(|tx| tally(tx, run))?;
    tally.replied += 1;
    put_tally(tx, run, &tally)
}

/// At most `limit` items that were answered, from a place on.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn answered(tx: &ReadTx<'_>, run: RunId, from: u32, limit: usize) -> Result<Vec<(u32, RunItem)>, StoreError> {
    let end = crate::key::prefix_end(prefix(run).u8(REPLIED).as_slice());
    let from = replied_key(run, from);
    let rows = tx.range(Tree::RecipientState, from.as_slice(), end.as_deref(), Direction::Forward, limit)?;
    let mut found = Vec::with_capacity(rows.len());
    for (key, _) in &rows {
        let seq = place_of(Tree::RecipientState, key)?;
        found.extend(item(tx, run, seq)?.map(|item| (seq, item)));
    }
    Ok(found)
}

fn place_of(tree: Tree, key: &[u8]) -> Result<u32, StoreError> {
    let seq = key.last_chunk().copied().map(u32::from_be_bytes);
    seq.ok_or_else(|| StoreError::corrupt(tree, "a key holds no place"))
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
    let tally = tally(tx, run)?;
    let open = |state: ItemState| matches!(state, ItemState::Pending | ItemState::Deferred);
    if tally.stopped.is_some() && state.is_some_and(open) {
        return Ok(Vec::new());
    }
    let mut found = match state {
        Some(ItemState::Pending) => Vec::new(),
        Some(state) => in_state(tx, run, state, from, limit)?,
        None => rows(tx, run, from, limit)?,
    };
    match (tally.stopped, state) {
        (Some((stopped, counts_as)), Some(state)) if state == counts_as => {
            found.extend(in_state(tx, run, ItemState::Deferred, from, limit)?);
            found.sort_by_key(|(seq, _)| *seq);
            found.truncate(limit);
            if found.len() < limit {
                found.extend(pending(tx, run, from.max(stopped), limit - found.len())?);
                found.sort_by_key(|(seq, _)| *seq);
            }
        }
        (_, Some(ItemState::Pending)) => found = pending(tx, run, from.max(tally.next), limit)?,
        // A campaign's have no rows of their own yet.
        (_, None) if matches!(run, RunId::Campaign(_)) && found.len() < limit => {
            found.extend(pending(tx, run, from.max(tally.next), limit - found.len())?);
        }
        _ => {}
    }
    let Some((_, counts_as)) = tally.stopped else { return Ok(found) };
    for (_, item) in found.iter_mut().filter(|(_, item)| open(item.state)) {
        item.state = counts_as;
    }
    Ok(found)
}

/// Items that have rows of their own.
fn rows(tx: &ReadTx<'_>, run: RunId, from: u32, limit: usize) -> Result<Vec<(u32, RunItem)>, StoreError> {
    let end = crate::key::prefix_end(prefix(run).as_slice());
    let from = item_key(run, from);
    let rows = tx.range(Tree::Recipient, from.as_slice(), end.as_deref(), Direction::Forward, limit)?;
    let row = |(key, value): &(bytes::Bytes, bytes::Bytes)| {
        Ok((place_of(Tree::Recipient, key)?, envelope::open_record(Tree::Recipient, value)?))
    };
    rows.iter().map(row).collect()
}

fn in_state(
    tx: &ReadTx<'_>,
    run: RunId,
    state: ItemState,
    from: u32,
    limit: usize,
) -> Result<Vec<(u32, RunItem)>, StoreError> {
    let end = crate::key::prefix_end(prefix(run).u8(state as u8).as_slice());
    let from = state_key(run, state, from);
    let rows = tx.range(Tree::RecipientState, from.as_slice(), end.as_deref(), Direction::Forward, limit)?;
    let mut found = Vec::with_capacity(rows.len());
    for (key, _) in &rows {
        let seq = place_of(Tree::RecipientState, key)?;
        let item = item(tx, run, seq)?.ok_or_else(|| StoreError::corrupt(Tree::RecipientState, "an item is gone"))?;
        found.push((seq, item));
    }
    Ok(found)
}

/// Those whose turn has not come, from a place on that is not before the first of them: all but those that were bad from the
/// beginning.
fn pending(tx: &ReadTx<'_>, run: RunId, mut from: u32, limit: usize) -> Result<Vec<(u32, RunItem)>, StoreError> {
    if let RunId::Campaign(id) = run {
        let recipients = campaign::unpacked_from(tx, id, from, limit)?;
        return Ok(recipients.into_iter().map(|(seq, contact)| (seq, unwritten(&contact.number))).collect());
    }
    let mut found = Vec::new();
    while found.len() < limit {
        let some = rows(tx, run, from, limit)?;
        let last = some.len() < limit;
        from = some.last().map_or(from, |(seq, _)| seq + 1);
        found.extend(some.into_iter().filter(|(_, item)| item.state == ItemState::Pending));
        if last {
            break;
        }
    }
    found.truncate(limit);
    Ok(found)
}

/// The item of a recipient whose turn has not come.
pub(super) fn unwritten(number: &str) -> RunItem {
    RunItem {
        chat: Some(Participant { jid: Jid::phone(number), phone: Some(number.to_owned()), lid: None }),
        load: None,
        state: ItemState::Pending,
        message: None,
        times: StateTimes::default(),
        trouble: None,
        sender: None,
        replied_ms: None,
    }
}

/// Says that nothing more of a run is sent; items whose turn has not come count as being in a state from now on.
pub(super) fn stop(tx: &mut WriteTx<'_>, run: RunId, as_state: ItemState) -> Result<RunTally, StoreError> {
    let mut tally = tx.reading(|tx| tally(tx, run))?;
    let open = tally.of(ItemState::Pending) + tally.of(ItemState::Deferred);
    if tally.stopped.is_none() && open > 0 {
        tally.stopped = Some((tally.next, as_state));
        for state in [ItemState::Pending, ItemState::Deferred] {
            tally.states[as_state as usize] += std::mem::take(&mut tally.states[state as usize]);
        }
        put_tally(tx, run, &tally)?;
    }
    Ok(tally)
}

/// Fails what has no outcome and will not get one: the account is gone, and its messages with it. Of a run with several
/// accounts only what that one was to send.
pub(super) fn fail_open(
    tx: &mut WriteTx<'_>,
    run: RunId,
    sender: Option<AccountNo>,
    limit: usize,
) -> Result<(), StoreError> {
    let mut tally = tx.reading(|tx| tally(tx, run))?;
    let open = tx.reading(|tx| page(tx, run, Some(ItemState::Queued), 0, limit))?;
    for (seq, item) in open.into_iter().filter(|(_, item)| sender.is_none() || item.sender == sender) {
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
    if let RunId::Campaign(campaign) = of.run {
        campaign::moved(tx, campaign, (&before, &after), now_ms)?;
    }
    if state == before.state {
        return Ok(());
    }
    // It was on the wire, and has its outcome: now the next one may go.
    if before.state == ItemState::Queued && message.times.sending_ms.is_some() {
        bulk::note(tx, scope.no, now_ms)?;
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
        RunId::Campaign(id) => campaign::complete(tx, Some(scope), id, now_ms),
    }
}

/// At most `limit` messages of a run that have no outcome.
pub(super) fn open(tx: &ReadTx<'_>, run: RunId, limit: usize) -> Result<Vec<MessageId>, StoreError> {
    let some = page(tx, run, Some(ItemState::Queued), 0, limit)?;
    Ok(some.into_iter().filter_map(|(_, item)| item.message).collect())
}
