//! What happened to a campaign's recipients, by the hour and by the account, written with what happened.

use super::{HOUR, SENDER, owned};
use crate::id::{AccountNo, CampaignId, Millis};
use crate::key::{Key, prefix_end};
use crate::records::{CampaignCounts, ItemState, RunItem};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx, envelope};

const HOUR_MS: Millis = 3_600_000;

fn hour_key(id: CampaignId, at_ms: Millis) -> Key {
    owned(id).u8(HOUR).u32(u32::try_from(at_ms / HOUR_MS).unwrap_or(u32::MAX))
}

fn sender_key(id: CampaignId, no: AccountNo) -> Key {
    owned(id).u8(SENDER).u32(no.0)
}

/// What a step of a recipient counts as.
fn step(before: &RunItem, after: &RunItem) -> CampaignCounts {
    let new = |before: Option<Millis>, after: Option<Millis>| u32::from(before.is_none() && after.is_some());
    let into = |state: ItemState| u32::from(before.state != state && after.state == state);
    // A receipt that says "read" says "delivered", too.
    let delivered = |item: &RunItem| item.times.delivered_ms.or(item.times.read_ms).or(item.times.played_ms);
    let read = |item: &RunItem| item.times.read_ms.or(item.times.played_ms);
    let sent = |item: &RunItem| item.times.sent_ms.or(delivered(item));
    CampaignCounts {
        sent: new(sent(before), sent(after)),
        delivered: new(delivered(before), delivered(after)),
        read: new(read(before), read(after)),
        replied: new(before.replied_ms, after.replied_ms),
        failed: into(ItemState::Failed),
        skipped: into(ItemState::Skipped),
    }
}

/// Counts what a recipient's step was.
pub(in crate::repo) fn moved(
    tx: &mut WriteTx<'_>,
    id: CampaignId,
    (before, after): (&RunItem, &RunItem),
    now_ms: Millis,
) -> Result<(), StoreError> {
    add(tx, id, after.sender, step(before, after), now_ms)
}

/// Counts recipients that were left out or failed before they had a message.
pub(in crate::repo) fn skipped(
    tx: &mut WriteTx<'_>,
    id: CampaignId,
    counts: CampaignCounts,
    now_ms: Millis,
) -> Result<(), StoreError> {
    add(tx, id, None, counts, now_ms)
}

fn add(
    tx: &mut WriteTx<'_>,
    id: CampaignId,
    sender: Option<AccountNo>,
    more: CampaignCounts,
    now_ms: Millis,
) -> Result<(), StoreError> {
    if more.is_empty() {
        return Ok(());
    }
    for key in std::iter::once(hour_key(id, now_ms)).chain(sender.map(|no| sender_key(id, no))) {
        let before: CampaignCounts = tx.record(Tree::Campaign, &key)?.unwrap_or_default();
        tx.put_record(Tree::Campaign, key, &before.plus(more))?;
    }
    Ok(())
}

fn rows(tx: &ReadTx<'_>, all: &Key, from: u32, limit: usize) -> Result<Vec<(u32, CampaignCounts)>, StoreError> {
    let end = prefix_end(all.as_slice());
    let from = all.clone().u32(from);
    let rows = tx.range(Tree::Campaign, from.as_slice(), end.as_deref(), Direction::Forward, limit)?;
    let row = |(key, value): &(bytes::Bytes, bytes::Bytes)| {
        let last = key.last_chunk().copied().map(u32::from_be_bytes);
        let last = last.ok_or_else(|| StoreError::corrupt(Tree::Campaign, "a key holds no hour"))?;
        Ok((last, envelope::open_record(Tree::Campaign, value)?))
    };
    rows.iter().map(row).collect()
}

/// What happened, by the hour: at most `limit` hours in which anything did, from one on, each with its beginning.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn hours(
    tx: &ReadTx<'_>,
    id: CampaignId,
    from_ms: Millis,
    limit: usize,
) -> Result<Vec<(Millis, CampaignCounts)>, StoreError> {
    let from = u32::try_from(from_ms.div_ceil(HOUR_MS)).unwrap_or(u32::MAX);
    let found = rows(tx, &owned(id).u8(HOUR), from, limit)?;
    Ok(found.into_iter().map(|(hour, counts)| (u64::from(hour) * HOUR_MS, counts)).collect())
}

/// What happened, by the account that sent.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn of_senders(tx: &ReadTx<'_>, id: CampaignId) -> Result<Vec<(AccountNo, CampaignCounts)>, StoreError> {
    let found = rows(tx, &owned(id).u8(SENDER), 0, usize::MAX)?;
    Ok(found.into_iter().map(|(no, counts)| (AccountNo(no), counts)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::StateTimes;

    #[test]
    fn a_step_counts_what_is_new() {
        let item = |state, times: StateTimes, replied_ms| RunItem {
            chat: None,
            load: None,
            state,
            message: None,
            times,
            trouble: None,
            sender: None,
            replied_ms,
        };
        let none = StateTimes::default();
        let sent = StateTimes { sent_ms: Some(1), ..none };
        let read = StateTimes { read_ms: Some(3), ..sent };
        let one = CampaignCounts::default();
        for (before, after, expected) in [
            (item(ItemState::Queued, none, None), item(ItemState::Sent, sent, None), CampaignCounts { sent: 1, ..one }),
            (
                item(ItemState::Sent, sent, None),
                item(ItemState::Read, read, None),
                CampaignCounts { delivered: 1, read: 1, ..one },
            ),
            (
                item(ItemState::Queued, none, None),
                item(ItemState::Read, StateTimes { read_ms: Some(3), ..none }, None),
                CampaignCounts { sent: 1, delivered: 1, read: 1, ..one },
            ),
            (
                item(ItemState::Read, read, None),
                item(ItemState::Read, read, Some(9)),
                CampaignCounts { replied: 1, ..one },
            ),
            (item(ItemState::Read, read, Some(9)), item(ItemState::Read, read, Some(9)), one),
            (
                item(ItemState::Queued, none, None),
                item(ItemState::Failed, none, None),
                CampaignCounts { failed: 1, ..one },
            ),
            (item(ItemState::Pending, none, None), item(ItemState::Queued, none, None), one),
        ] {
            assert_eq!(step(&before, &after), expected, "{before:?} {after:?}");
        }
    }
}
