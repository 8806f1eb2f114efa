//! The outbox: sends that are queued or on the wire, by lane. It is also the index of the queued ones.

use super::scope::AccountScope;
use crate::id::{AccountNo, MessageKey, Millis};
use crate::key::Key;
use crate::records::Lane;
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx};

fn key(no: AccountNo, lane: Lane, message: MessageKey) -> Key {
    Key::new().u32(no.0).u8(lane as u8).bytes(&message.to_bytes())
}

/// Puts a send into its lane, where it may stand already.
pub(super) fn insert(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    lane: Lane,
    message: MessageKey,
) -> Result<(), StoreError> {
    let key = key(scope.no, lane, message);
    if tx.contains(Tree::Outbox, &key)? {
        return Ok(());
    }
    *scope.counters.lane(lane) += 1;
    tx.put_fixed(Tree::Outbox, key, &[])
}

/// Removes a row that may be gone already.
pub(super) fn remove(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    lane: Lane,
    message: MessageKey,
) -> Result<(), StoreError> {
    let key = key(scope.no, lane, message);
    if tx.contains(Tree::Outbox, &key)? {
        let depth = scope.counters.lane(lane);
        *depth = depth.saturating_sub(1);
        tx.delete(Tree::Outbox, key)?;
    }
    Ok(())
}

/// The time of the newest row.
pub(super) fn newest_ms(tx: &ReadTx<'_>, no: AccountNo) -> Result<Option<Millis>, StoreError> {
    let mut newest = None;
    for lane in Lane::ALL {
        let last = tx.first(Tree::Outbox, Key::new().u32(no.0).u8(lane as u8), Direction::Backward)?;
        newest = newest.max(last.and_then(|(key, _)| MessageKey::from_bytes(key.get(5..)?)).map(|key| key.ts_ms));
    }
    Ok(newest)
}

/// At most `limit` messages of a lane that were accepted until a time, the oldest first.
pub(super) fn until(
    tx: &ReadTx<'_>,
    no: AccountNo,
    lane: Lane,
    cutoff_ms: Millis,
    limit: usize,
) -> Result<Vec<MessageKey>, StoreError> {
    let from = Key::new().u32(no.0).u8(lane as u8);
    let to = Key::new().u32(no.0).u8(lane as u8).u64(cutoff_ms.saturating_add(1));
    let rows = tx.range(Tree::Outbox, from.as_slice(), Some(to.as_slice()), Direction::Forward, limit)?;
    Ok(rows.iter().filter_map(|(key, _)| MessageKey::from_bytes(key.get(5..)?)).collect())
}

/// At most `limit` messages of a lane, the oldest first.
pub(super) fn oldest(tx: &ReadTx<'_>, no: AccountNo, lane: Lane, limit: usize) -> Result<Vec<MessageKey>, StoreError> {
    let rows = tx.prefix(Tree::Outbox, Key::new().u32(no.0).u8(lane as u8), Direction::Forward, limit)?;
    Ok(rows.iter().filter_map(|(key, _)| MessageKey::from_bytes(key.get(5..)?)).collect())
}

/// When the oldest send of an account that is not settled was accepted, in any lane.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn oldest_ms(tx: &ReadTx<'_>, no: AccountNo) -> Result<Option<Millis>, StoreError> {
    let mut oldest: Option<Millis> = None;
    for lane in Lane::ALL {
        let first = self::oldest(tx, no, lane, 1)?.first().map(|key| key.ts_ms);
        oldest = [oldest, first].into_iter().flatten().min();
    }
    Ok(oldest)
}
