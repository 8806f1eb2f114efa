//! The expiry index: rows with a lifetime of their own, ended in the order of their deadlines.

use crate::id::Millis;
use crate::key::{Key, Parts};
use crate::{Direction, StoreError, Tree, WriteTx};

/// Gives a row a deadline. A row that is written again with another deadline keeps the older index row too: whoever
/// gives deadlines that move checks the record's own at [`prune`]'s place, or does not move them.
///
/// # Errors
/// [`StoreError`] when the key would be too long.
pub fn set(tx: &mut WriteTx<'_>, deadline_ms: Millis, tree: Tree, key: &[u8]) -> Result<(), StoreError> {
    tx.put_fixed(Tree::Expiry, index_key(deadline_ms, tree, key), &[])
}

/// Takes a row's deadline away.
///
/// # Errors
/// [`StoreError`] when the key would be too long.
pub fn clear(tx: &mut WriteTx<'_>, deadline_ms: Millis, tree: Tree, key: &[u8]) -> Result<(), StoreError> {
    tx.delete(Tree::Expiry, index_key(deadline_ms, tree, key))
}

/// Ends at most `limit` rows whose deadline has passed; answers how many.
///
/// # Errors
/// [`StoreError`] when the index can't be read.
pub fn prune(tx: &mut WriteTx<'_>, now_ms: Millis, limit: usize) -> Result<usize, StoreError> {
    let to = Key::new().u64(now_ms.saturating_add(1));
    let rows = tx.range(Tree::Expiry, &[], Some(to.as_slice()), Direction::Forward, limit)?;
    for (index, _) in &rows {
        let mut parts = Parts(index);
        let (_, number) = (parts.u64(), parts.u8());
        let tree = number
            .and_then(Tree::from_number)
            .ok_or_else(|| StoreError::corrupt(Tree::Expiry, "an index key names no tree"))?;
        tx.delete(tree, parts.rest())?;
        tx.delete(Tree::Expiry, index)?;
    }
    Ok(rows.len())
}

fn index_key(deadline_ms: Millis, tree: Tree, key: &[u8]) -> Key {
    Key::new().u64(deadline_ms).u8(tree.number()).bytes(key)
}
