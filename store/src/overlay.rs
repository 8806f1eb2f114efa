//! Writes that are decided but not applied yet: a job's own, and those of the group it belongs to.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;

use crate::Tree;

type Place = (Tree, Box<[u8]>);

/// Changed rows by place; `None` is a deletion. Values are whole (not chunked) and enveloped.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    rows: BTreeMap<Place, Option<Bytes>>,
    bytes: usize,
}

impl Overlay {
    pub(crate) fn set(&mut self, tree: Tree, key: &[u8], value: Option<Bytes>) {
        self.bytes += key.len() + value.as_ref().map_or(0, Bytes::len);
        self.rows.insert((tree, Box::from(key)), value);
    }

    /// The change of a row: outer `None` where this overlay says nothing about it.
    pub(crate) fn get(&self, tree: Tree, key: &[u8]) -> Option<Option<Bytes>> {
        if self.rows.is_empty() {
            return None;
        }
        self.rows.get(&(tree, Box::from(key))).cloned()
    }

    pub(crate) fn range(
        &self,
        tree: Tree,
        from: &[u8],
        to: Option<&[u8]>,
    ) -> impl Iterator<Item = (&[u8], &Option<Bytes>)> {
        let empty = self.rows.is_empty() || to.is_some_and(|to| to <= from);
        let start = Bound::Included((tree, Box::from(from)));
        let end = match to {
            _ if empty => Bound::Excluded((tree, Box::from(from))),
            Some(to) => Bound::Excluded((tree, Box::from(to))),
            None => Bound::Unbounded,
        };
        self.rows.range((start, end)).take_while(move |((t, _), _)| *t == tree).map(|((_, k), v)| (&**k, v))
    }

    /// Takes over a finished job's rows, newer ones winning.
    pub(crate) fn absorb(&mut self, later: Overlay) {
        self.bytes += later.bytes;
        self.rows.extend(later.rows);
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Bytes written into it, overwritten ones included: what bounds a group.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn into_rows(self) -> impl Iterator<Item = (Place, Option<Bytes>)> {
        self.rows.into_iter()
    }
}
