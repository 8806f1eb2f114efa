//! What a closure of [`crate::Store`] can do: read rows, and in a write also change them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use crate::chunk::{CUT, raise};
use crate::engine::{Engine, Seen, Walk};
use crate::envelope::{self, Codec};
use crate::key::{self, MAX_KEY};
use crate::keyring::Keyring;
use crate::overlay::Overlay;
use crate::row_key::RowKey;
use crate::{EngineError, Principal, StoreError, Tree};

/// Which end of a range a page begins at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Smallest key first.
    Forward,
    /// Largest key first.
    Backward,
}

impl From<Direction> for Walk {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Forward => Self::Up,
            Direction::Backward => Self::Down,
        }
    }
}

/// A row of a range, while what the engine has is merged with what waits to be applied.
enum Found {
    /// As it stands in the engine.
    Stored(Bytes),
    /// Put, and whole and plain still.
    Waiting(Bytes),
    /// Deleted.
    Gone,
}

/// Rows of a page: keys and enveloped values.
pub type Page = Vec<(Bytes, Bytes)>;

/// A view of the store between two groups of writes: nothing changes while the closure runs.
pub struct ReadTx<'a> {
    engine: &'a dyn Engine,
    keyring: &'a Keyring,
    /// Of a write: what its group and the job itself changed already, newest last.
    over: &'a [&'a Overlay],
    seen: Option<&'a RefCell<Vec<Seen>>>,
    /// Of a write: where a failure of the engine is noted.
    broken: Option<&'a RefCell<Option<EngineError>>>,
}

impl<'a> ReadTx<'a> {
    pub(crate) fn new(engine: &'a dyn Engine, keyring: &'a Keyring) -> Self {
        Self { engine, keyring, over: &[], seen: None, broken: None }
    }

    /// The enveloped value under a key.
    ///
    /// # Errors
    /// [`StoreError`] when the engine can't read.
    pub fn get(&self, tree: Tree, key: impl RowKey) -> Result<Option<Bytes>, StoreError> {
        let key = key.stored(tree, self.keyring);
        match self.find(tree, &key)? {
            Found::Stored(value) => self.plain(tree, &key, value).map(Some),
            Found::Waiting(value) => Ok(Some(value)),
            Found::Gone => Ok(None),
        }
    }

    fn find(&self, tree: Tree, key: &[u8]) -> Result<Found, StoreError> {
        if let Some(change) = self.over.iter().rev().find_map(|o| o.get(tree, key)) {
            return Ok(change.map_or(Found::Gone, Found::Waiting));
        }
        let stored = self.engine.get(tree, key).map_err(|error| self.note(error))?;
        if let Some(seen) = self.seen {
            seen.borrow_mut().push(Seen { tree, key: Box::from(key), value: stored.clone() });
        }
        Ok(stored.map_or(Found::Gone, Found::Stored))
    }

    /// The value as it was put, from what the engine answered.
    fn plain(&self, tree: Tree, key: &[u8], stored: Bytes) -> Result<Bytes, StoreError> {
        self.keyring.open(tree, key, raise(self.engine, tree, key, stored)?)
    }

    fn note(&self, error: EngineError) -> EngineError {
        if let Some(broken) = self.broken {
            broken.borrow_mut().get_or_insert_with(|| error.clone());
        }
        error
    }

    /// Whether a row exists.
    ///
    /// # Errors
    /// [`StoreError`] when the engine can't read.
    pub fn contains(&self, tree: Tree, key: impl RowKey) -> Result<bool, StoreError> {
        Ok(!matches!(self.find(tree, &key.stored(tree, self.keyring))?, Found::Gone))
    }

    /// The record under a key.
    ///
    /// # Errors
    /// [`StoreError`] when the engine can't read or the row does not decode.
    pub fn record<T: DeserializeOwned>(&self, tree: Tree, key: impl RowKey) -> Result<Option<T>, StoreError> {
        self.get(tree, key)?.map(|value| envelope::open_record(tree, &value)).transpose()
    }

    /// The raw body under a key.
    ///
    /// # Errors
    /// [`StoreError`] when the engine can't read or the row has another layout.
    pub fn raw(&self, tree: Tree, key: impl RowKey) -> Result<Option<Bytes>, StoreError> {
        self.get(tree, key)?.map(|value| envelope::open(tree, Codec::Raw, &value)).transpose()
    }

    /// The fixed-layout body under a key.
    ///
    /// # Errors
    /// [`StoreError`] when the engine can't read or the row has another layout.
    pub fn fixed(&self, tree: Tree, key: impl RowKey) -> Result<Option<Bytes>, StoreError> {
        self.get(tree, key)?.map(|value| envelope::open(tree, Codec::Fixed, &value)).transpose()
    }

    /// Whether keys stand in the store as they are built.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        self.keyring.is_plain()
    }

    /// A key as it is stored: what a range begins or ends with where the key has personal parts.
    #[must_use]
    pub fn stored(&self, tree: Tree, key: impl RowKey) -> Vec<u8> {
        key.stored(tree, self.keyring).into_owned()
    }

    /// At most `limit` rows with `from <= key < to` (`to = None`: to the end of the tree), of keys as they are stored.
    ///
    /// # Errors
    /// [`StoreError`] when the engine can't read.
    pub fn range(
        &self,
        tree: Tree,
        from: &[u8],
        to: Option<&[u8]>,
        direction: Direction,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let hidden: usize = self.over.iter().map(|o| o.range(tree, from, to).count()).sum();
        let found = self.engine.range(tree, from, to, direction.into(), limit.saturating_add(hidden));
        let mut rows = found.map_err(|error| self.note(error))?;
        if let Some(seen) = self.seen {
            let saw = |(key, value): &(Bytes, Bytes)| Seen { tree, key: Box::from(&**key), value: Some(value.clone()) };
            seen.borrow_mut().extend(rows.iter().map(saw));
        }
        if hidden > 0 {
            return self.merge(rows, tree, (from, to), direction, limit);
        }
        rows.truncate(limit);
        for (key, value) in &mut rows {
            *value = self.plain(tree, key, std::mem::take(value))?;
        }
        Ok(rows)
    }

    /// The engine's page was asked for long enough to stay complete after every hidden row is dropped; an overlay row
    /// beyond its end is only right to show when the engine has no further rows there.
    fn merge(
        &self,
        stored: Page,
        tree: Tree,
        (from, to): (&[u8], Option<&[u8]>),
        direction: Direction,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let mut merged: BTreeMap<Bytes, Found> = stored.into_iter().map(|(k, v)| (k, Found::Stored(v))).collect();
        for overlay in self.over {
            for (key, value) in overlay.range(tree, from, to) {
                let found = value.clone().map_or(Found::Gone, Found::Waiting);
                merged.insert(Bytes::copy_from_slice(key), found);
            }
        }
        merged.retain(|_, found| !matches!(found, Found::Gone));
        let row = |(key, found): (Bytes, Found)| {
            let value = match found {
                Found::Stored(value) => self.plain(tree, &key, value)?,
                Found::Waiting(value) => value,
                Found::Gone => Bytes::new(),
            };
            Ok((key, value))
        };
        match direction {
            Direction::Forward => merged.into_iter().take(limit).map(row).collect(),
            Direction::Backward => merged.into_iter().rev().take(limit).map(row).collect(),
        }
    }

    /// At most `limit` rows whose keys begin with `prefix`.
    ///
    /// # Errors
    /// [`StoreError`] when the engine can't read.
    pub fn prefix(
        &self,
        tree: Tree,
        prefix: impl RowKey,
        direction: Direction,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let prefix = prefix.stored(tree, self.keyring);
        self.range(tree, &prefix, key::prefix_end(&prefix).as_deref(), direction, limit)
    }

    /// At most `limit` rows whose keys begin with `prefix`, the smallest first, after a key that came out of an earlier
    /// page.
    ///
    /// # Errors
    /// [`StoreError`] when the engine can't read.
    pub fn prefix_after(
        &self,
        tree: Tree,
        prefix: impl RowKey,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let Some(after) = after else { return self.prefix(tree, prefix, Direction::Forward, limit) };
        let prefix = prefix.stored(tree, self.keyring);
        // With a zero byte more it is the next possible key.
        let from = [after, &[0]].concat();
        self.range(tree, &from, key::prefix_end(&prefix).as_deref(), Direction::Forward, limit)
    }

    /// The first row whose key begins with `prefix`.
    ///
    /// # Errors
    /// [`StoreError`] when the engine can't read.
    pub fn first(
        &self,
        tree: Tree,
        prefix: impl RowKey,
        direction: Direction,
    ) -> Result<Option<(Bytes, Bytes)>, StoreError> {
        Ok(self.prefix(tree, prefix, direction, 1)?.pop())
    }
}

/// A write: sees the earlier writes of its group and its own, and changes nothing before its group is applied.
///
/// The closure must be pure and repeatable: no I/O, no clock and no randomness inside; they come in as values.
pub struct WriteTx<'a> {
    engine: &'a dyn Engine,
    keyring: &'a Keyring,
    group: &'a Overlay,
    pub(crate) mine: Overlay,
    pub(crate) seen: Option<RefCell<Vec<Seen>>>,
    /// Who asked for this write.
    pub(crate) by: Option<Arc<Principal>>,
    /// Why the engine could not read, once it could not: it will not write either.
    pub(crate) broken: RefCell<Option<EngineError>>,
}

impl<'a> WriteTx<'a> {
    pub(crate) fn new(engine: &'a dyn Engine, keyring: &'a Keyring, group: &'a Overlay) -> Self {
        let seen = engine.wants_preconditions().then(RefCell::default);
        Self { engine, keyring, group, mine: Overlay::default(), seen, by: None, broken: RefCell::default() }
    }

    /// Who asked for this write; `None` for the product itself.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal> {
        self.by.as_deref()
    }

    /// Reads through this write.
    pub fn reading<T>(&self, f: impl FnOnce(&ReadTx<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        f(&ReadTx {
            engine: self.engine,
            keyring: self.keyring,
            over: &[self.group, &self.mine],
            seen: self.seen.as_ref(),
            broken: Some(&self.broken),
        })
    }

    /// As [`ReadTx::get`].
    ///
    /// # Errors
    /// As there.
    pub fn get(&self, tree: Tree, key: impl RowKey) -> Result<Option<Bytes>, StoreError> {
        self.reading(|tx| tx.get(tree, key))
    }

    /// As [`ReadTx::contains`].
    ///
    /// # Errors
    /// As there.
    pub fn contains(&self, tree: Tree, key: impl RowKey) -> Result<bool, StoreError> {
        self.reading(|tx| tx.contains(tree, key))
    }

    /// As [`ReadTx::record`].
    ///
    /// # Errors
    /// As there.
    pub fn record<T: DeserializeOwned>(&self, tree: Tree, key: impl RowKey) -> Result<Option<T>, StoreError> {
        self.reading(|tx| tx.record(tree, key))
    }

    /// As [`ReadTx::raw`].
    ///
    /// # Errors
    /// As there.
    pub fn raw(&self, tree: Tree, key: impl RowKey) -> Result<Option<Bytes>, StoreError> {
        self.reading(|tx| tx.raw(tree, key))
    }

    /// As [`ReadTx::fixed`].
    ///
    /// # Errors
    /// As there.
    pub fn fixed(&self, tree: Tree, key: impl RowKey) -> Result<Option<Bytes>, StoreError> {
        self.reading(|tx| tx.fixed(tree, key))
    }

    /// As [`ReadTx::range`].
    ///
    /// # Errors
    /// As there.
    pub fn range(
        &self,
        tree: Tree,
        from: &[u8],
        to: Option<&[u8]>,
        direction: Direction,
        limit: usize,
    ) -> Result<Page, StoreError> {
        self.reading(|tx| tx.range(tree, from, to, direction, limit))
    }

    /// As [`ReadTx::prefix`].
    ///
    /// # Errors
    /// As there.
    pub fn prefix(
        &self,
        tree: Tree,
        prefix: impl RowKey,
        direction: Direction,
        limit: usize,
    ) -> Result<Page, StoreError> {
        self.reading(|tx| tx.prefix(tree, prefix, direction, limit))
    }

    /// As [`ReadTx::first`].
    ///
    /// # Errors
    /// As there.
    pub fn first(
        &self,
        tree: Tree,
        prefix: impl RowKey,
        direction: Direction,
    ) -> Result<Option<(Bytes, Bytes)>, StoreError> {
        self.reading(|tx| tx.first(tree, prefix, direction))
    }

    /// Writes an enveloped value. Any size is accepted.
    ///
    /// # Errors
    /// [`StoreError::KeyTooLong`] for a key over [`MAX_KEY`] bytes, which is a bug of the caller.
    pub fn put(&mut self, tree: Tree, key: impl RowKey, value: Bytes) -> Result<(), StoreError> {
        self.change(tree, &key, Some(value))
    }

    /// Writes a record.
    ///
    /// # Errors
    /// As [`WriteTx::put`].
    pub fn put_record<T: Serialize>(&mut self, tree: Tree, key: impl RowKey, record: &T) -> Result<(), StoreError> {
        let value = envelope::seal_record(tree, record)?;
        self.change(tree, &key, Some(value))
    }

    /// Writes bytes that are encoded already.
    ///
    /// # Errors
    /// As [`WriteTx::put`].
    pub fn put_raw(&mut self, tree: Tree, key: impl RowKey, body: &[u8]) -> Result<(), StoreError> {
        self.change(tree, &key, Some(envelope::seal(Codec::Raw, body)))
    }

    /// Writes an index row: numbers in a fixed order, or nothing.
    ///
    /// # Errors
    /// As [`WriteTx::put`].
    pub fn put_fixed(&mut self, tree: Tree, key: impl RowKey, body: &[u8]) -> Result<(), StoreError> {
        self.change(tree, &key, Some(envelope::seal(Codec::Fixed, body)))
    }

    /// Removes a row, whether or not it exists.
    ///
    /// # Errors
    /// As [`WriteTx::put`].
    pub fn delete(&mut self, tree: Tree, key: impl RowKey) -> Result<(), StoreError> {
        self.change(tree, &key, None)
    }

    /// Rows this write has changed so far: what the row budget is measured by.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.mine.rows()
    }

    fn change(&mut self, tree: Tree, key: &impl RowKey, value: Option<Bytes>) -> Result<(), StoreError> {
        let key = &*key.stored(tree, self.keyring);
        if key.len() > MAX_KEY {
            return Err(StoreError::KeyTooLong { tree: tree.name(), len: key.len() });
        }
        if value.as_ref().is_some_and(|value| value.first() == Some(&CUT)) {
            return Err(StoreError::corrupt(tree, "a value without an envelope was to be written"));
        }
        self.mine.set(tree, key, value);
        Ok(())
    }
}
