//! An engine in memory: for tests, and the reference the others are compared with.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use bytes::Bytes;

use super::{Batch, Engine, Rows, Walk};
use crate::{EngineError, Tree};

pub(super) type Table = BTreeMap<(Tree, Box<[u8]>), Bytes>;

/// Rows in an ordered map. It checks preconditions, so tests over it prove that the writer's jobs are serial.
#[derive(Debug, Default)]
pub struct MemoryEngine {
    rows: RwLock<Table>,
}

impl MemoryEngine {
    pub(super) fn with_rows(rows: Table) -> Self {
        Self { rows: RwLock::new(rows) }
    }

    pub(super) fn rows(&self) -> RwLockReadGuard<'_, Table> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine for MemoryEngine {
    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        Ok(self.rows().get(&(tree, Box::from(key))).cloned())
    }

    fn range(&self, tree: Tree, from: &[u8], to: Option<&[u8]>, walk: Walk, limit: usize) -> Result<Rows, EngineError> {
        if to.is_some_and(|to| to <= from) {
            return Ok(Rows::new());
        }
        let rows = self.rows();
        let start = Bound::Included((tree, Box::from(from)));
        let found = match to {
            Some(to) => rows.range((start, Bound::Excluded((tree, Box::from(to))))),
            None => rows.range((start, Bound::Unbounded)),
        };
        let row = |((_, key), value): (&(Tree, Box<[u8]>), &Bytes)| (Bytes::copy_from_slice(key), value.clone());
        let mine = |entry: &(&(Tree, Box<[u8]>), &Bytes)| entry.0.0 == tree;
        Ok(match walk {
            Walk::Up => found.take_while(mine).take(limit).map(row).collect(),
            Walk::Down => found.rev().skip_while(|e| !mine(e)).take(limit).map(row).collect(),
        })
    }

    fn apply(&self, batch: &Batch) -> Result<(), EngineError> {
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        for seen in &batch.seen {
            if rows.get(&(seen.tree, seen.key.clone())) != seen.value.as_ref() {
                return Err(EngineError::Conflict);
            }
        }
        for change in &batch.changes {
            let place = (change.tree, change.key.clone());
            match &change.value {
                Some(value) => rows.insert(place, value.clone()),
                None => rows.remove(&place),
            };
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), EngineError> {
        Ok(())
    }

    fn wants_preconditions(&self) -> bool {
        true
    }
}
