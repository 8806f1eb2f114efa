//! Lists of messages' keys in order, each found by seeking: what is in all of them, or in one of them.

use crate::id::MessageKey;
use crate::key::Key;
use crate::{Direction, ReadTx, StoreError, Tree};

/// Keys of an index read at once.
const CHUNK: usize = 16;

/// Which way it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The oldest first.
    Up,
    /// The newest first.
    Down,
}

/// A key as a number of the same order.
pub(super) fn number(key: MessageKey) -> u128 {
    u128::from_be_bytes(key.to_bytes())
}

/// ... and back.
pub(super) fn key_of(number: u128) -> Result<MessageKey, StoreError> {
    let key = MessageKey::from_bytes(&number.to_be_bytes());
    key.ok_or_else(|| StoreError::corrupt(Tree::MsgText, "a number is no message"))
}

/// Keys in order.
pub(super) trait Cursor {
    /// The next key at or behind this one.
    fn seek(&mut self, tx: &ReadTx<'_>, order: Order, key: u128) -> Result<Option<u128>, StoreError>;

    /// How often the store was asked so far.
    fn reads(&self) -> usize;
}

/// What is in one of several.
pub(super) struct Any(pub(super) Vec<Box<dyn Cursor>>);

impl Cursor for Any {
    fn seek(&mut self, tx: &ReadTx<'_>, order: Order, key: u128) -> Result<Option<u128>, StoreError> {
        let mut first: Option<u128> = None;
        for cursor in &mut self.0 {
            let Some(found) = cursor.seek(tx, order, key)? else { continue };
            first = Some(match (first, order) {
                (Some(first), Order::Up) => first.min(found),
                (Some(first), Order::Down) => first.max(found),
                (None, _) => found,
            });
        }
        Ok(first)
    }

    fn reads(&self) -> usize {
        self.0.iter().map(|cursor| cursor.reads()).sum()
    }
}

/// The keys under a prefix of an index that ends with them.
pub(super) struct Index {
    tree: Tree,
    prefix: Vec<u8>,
    /// Keys in the order they were read, and from where to where nothing else is.
    page: Option<(Vec<u128>, std::ops::RangeInclusive<u128>)>,
    reads: usize,
}

impl Index {
    pub(super) fn new(tree: Tree, prefix: &Key) -> Self {
        Self { tree, prefix: prefix.as_slice().to_vec(), page: None, reads: 0 }
    }

    fn load(&mut self, tx: &ReadTx<'_>, order: Order, key: u128) -> Result<(), StoreError> {
        self.reads += 1;
        let at = |key: u128| [self.prefix.as_slice(), &key.to_be_bytes()].concat();
        let rows = match order {
            Order::Down => {
                let to = [at(key).as_slice(), &[0]].concat();
                tx.range(self.tree, &self.prefix, Some(&to), Direction::Backward, CHUNK)?
            }
            Order::Up => {
                let end = crate::key::prefix_end(&self.prefix);
                tx.range(self.tree, &at(key), end.as_deref(), Direction::Forward, CHUNK)?
            }
        };
        let bad = || StoreError::corrupt(self.tree, "a key holds no message");
        let mut keys = Vec::with_capacity(rows.len());
        for (row, _) in &rows {
            let tail = row.get(self.prefix.len()..).and_then(|tail| tail.try_into().ok());
            keys.push(tail.map(u128::from_be_bytes).ok_or_else(bad)?);
        }
        let last = keys.last().copied().filter(|_| keys.len() == CHUNK);
        let covered = match order {
            Order::Down => last.unwrap_or(0)..=key,
            Order::Up => key..=last.unwrap_or(u128::MAX),
        };
        keys.sort_unstable();
        self.page = Some((keys, covered));
        Ok(())
    }
}

impl Cursor for Index {
    fn seek(&mut self, tx: &ReadTx<'_>, order: Order, key: u128) -> Result<Option<u128>, StoreError> {
        if !self.page.as_ref().is_some_and(|(_, covered)| covered.contains(&key)) {
            self.load(tx, order, key)?;
        }
        let Some((keys, covered)) = &self.page else { return Ok(None) };
        let found = match order {
            Order::Down => keys.partition_point(|one| *one <= key).checked_sub(1).and_then(|at| keys.get(at)),
            Order::Up => keys.get(keys.partition_point(|one| *one < key)),
        };
        if let Some(found) = found {
            return Ok(Some(*found));
        }
        // Read from another side, it may end before the list does.
        let ends = match order {
            Order::Down => *covered.start() == 0,
            Order::Up => *covered.end() == u128::MAX,
        };
        if ends {
            return Ok(None);
        }
        self.page = None;
        self.load(tx, order, key)?;
        let found = self.page.as_ref().and_then(|(keys, _)| match order {
            Order::Down => keys.last(),
            Order::Up => keys.first(),
        });
        Ok(found.copied())
    }

    fn reads(&self) -> usize {
        self.reads
    }
}
