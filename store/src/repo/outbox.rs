//! The outbox: sends that are not settled, by lane.

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
