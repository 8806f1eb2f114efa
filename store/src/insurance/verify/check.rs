//! The state of a walk, and how it reads.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::finding::{Finding, FindingCode, Findings};
use super::report::{FilesSeen, TreeCount, VerifyReport};
use crate::commit::CommitRow;
use crate::engine::{Engine, Walk};
use crate::envelope::{self, Codec};
use crate::insurance::Fingerprint;
use crate::key::{Key, Parts, prefix_end};
use crate::keyring::Keyring;
use crate::{Direction, Page, ReadTx, StoreError, Tree, repo};

/// Rows read at once.
const PAGE: usize = 512;

/// What is known of an account number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is there, with this link.
    Live(u32),
    /// It was deleted and its rows are being cleared.
    Purging,
    /// It was deleted, and nothing may be left.
    Gone,
}

/// A walk under way.
pub(super) struct Check<'a> {
    pub(super) engine: &'a dyn Engine,
    pub(super) tx: ReadTx<'a>,
    pub(super) schema: u32,
    pub(super) commit: CommitRow,
    pub(super) found: Findings,
    pub(super) accounts: BTreeMap<u32, Standing>,
    /// Links and endpoints whose rows are being cleared.
    pub(super) purging: BTreeSet<Vec<u8>>,
    trees: BTreeMap<&'static str, TreeCount>,
}

/// What a look at one row answers: an error means that something it needs can't be read.
pub(super) type Looked = Result<(), StoreError>;

impl<'a> Check<'a> {
    pub(super) fn new(engine: &'a dyn Engine, keyring: &'a Keyring, shown: usize) -> Self {
        Self {
            engine,
            tx: ReadTx::new(engine, keyring),
            schema: 0,
            commit: CommitRow::default(),
            found: Findings { most: shown, ..Findings::default() },
            accounts: BTreeMap::new(),
            purging: BTreeSet::new(),
            trees: BTreeMap::new(),
        }
    }

    /// The rows that every store has.
    pub(super) fn identity(&mut self) {
        let schema = repo::schema::version(self.engine, Path::new(""));
        let commit = CommitRow::load(self.engine);
        if schema.as_ref().is_ok_and(|found| *found > 0) && commit.is_ok() && repo::schema::identity(&self.tx).is_ok() {
            self.schema = schema.unwrap_or_default();
            self.commit = commit.unwrap_or_default();
        } else {
            self.found.add(Finding::of_store(FindingCode::NoIdentity));
        }
    }

    /// Compares all rows with what the newest commit says of them; a store of the first layout says nothing.
    pub(super) fn fingerprint(&mut self) {
        match (self.commit.fingerprint, Fingerprint::of(self.engine)) {
            (Some(noted), Ok(found)) if noted != found => {
                self.found.add(Finding::of_store(FindingCode::RowsDiffer));
            }
            (_, Err(_)) => self.found.add(Finding::of_store(FindingCode::Unreadable)),
            (None, _) if self.schema > 1 => self.found.add(Finding::of_store(FindingCode::NoIdentity)),
            _ => {}
        }
    }

    pub(super) fn fail(&mut self, code: FindingCode, tree: Tree, key: &[u8]) {
        self.found.add(Finding::new(code, tree, key));
    }

    /// Looks at every row of a tree, once: they are counted.
    pub(super) fn all(&mut self, tree: Tree, mut look: impl FnMut(&mut Self, &[u8], &Bytes) -> Looked) {
        self.under(tree, &[], |check, key, value| {
            let count = check.trees.entry(tree.name()).or_default();
            count.rows += 1;
            count.bytes += (key.len() + value.len()) as u64;
            look(check, key, value)
        });
    }

    /// Looks at every row of a tree whose keys begin with an account's number, where that account is there.
    pub(super) fn owned(&mut self, tree: Tree, mut look: impl FnMut(&mut Self, u32, &[u8], &Bytes) -> Looked) {
        self.all(tree, |check, key, value| {
            let Some(no) = Parts(key).u32() else {
                check.fail(FindingCode::BadKey, tree, key);
                return Ok(());
            };
            match check.accounts.get(&no) {
                Some(Standing::Live(_)) => look(check, no, key, value),
                Some(Standing::Purging) => Ok(()),
                Some(Standing::Gone) | None => {
                    check.fail(FindingCode::Orphan, tree, key);
                    Ok(())
                }
            }
        });
    }

    /// Looks at every row under a prefix.
    pub(super) fn under(
        &mut self,
        tree: Tree,
        prefix: &[u8],
        mut look: impl FnMut(&mut Self, &[u8], &Bytes) -> Looked,
    ) {
        let end = prefix_end(prefix);
        let mut from = prefix.to_vec();
        loop {
            let Some((page, last)) = self.page(tree, &from, end.as_deref()) else { return };
            for (key, value) in &page {
                if look(self, key, value).is_err() {
                    self.fail(FindingCode::BadRow, tree, key);
                }
            }
            let Some(last) = last else { return };
            from = [last.as_ref(), &[0]].concat();
        }
    }

    /// A page, and its last key where more may follow. A row that can't be read is noted and left out.
    fn page(&mut self, tree: Tree, from: &[u8], to: Option<&[u8]>) -> Option<(Page, Option<Bytes>)> {
        let full = |page: &[(Bytes, Bytes)]| page.last().filter(|_| page.len() == PAGE).map(|(key, _)| key.clone());
        // Pieces are parts of values, and no values of their own.
        let plain = match tree {
            Tree::Chunk => self.engine.range(tree, from, to, Walk::Up, PAGE).map_err(StoreError::from),
            _ => self.tx.range(tree, from, to, Direction::Forward, PAGE),
        };
        if let Ok(page) = plain {
            let last = full(&page);
            return Some((page, last));
        }
        let Ok(raw) = self.engine.range(tree, from, to, Walk::Up, PAGE) else {
            self.fail(FindingCode::Unreadable, tree, from);
            return None;
        };
        let last = full(&raw);
        let mut page = Vec::with_capacity(raw.len());
        for (key, _) in raw {
            match self.tx.get(tree, &key) {
                Ok(Some(value)) => page.push((key, value)),
                Ok(None) | Err(_) => self.fail(FindingCode::BadRow, tree, &key),
            }
        }
        Some((page, last))
    }

    /// Notes a record's index row that is not there.
    pub(super) fn expect(&mut self, of: (Tree, &[u8]), index: Tree, key: &Key) -> Looked {
        if !self.tx.contains(index, key)? {
            self.fail(FindingCode::IndexMissing, of.0, of.1);
        }
        Ok(())
    }

    /// Notes an index row whose number is not this one.
    pub(super) fn expect_fixed(&mut self, of: (Tree, &[u8]), index: Tree, key: &Key, body: &[u8]) -> Looked {
        if self.tx.fixed(index, key)?.is_none_or(|found| found != body) {
            self.fail(FindingCode::IndexMissing, of.0, of.1);
        }
        Ok(())
    }

    pub(super) fn report(self, took: Duration) -> VerifyReport {
        VerifyReport {
            schema: self.schema,
            commit: self.commit.commit,
            trees: self.trees,
            findings: self.found.by_code,
            shown: self.found.shown,
            files: FilesSeen::default(),
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// The record in an envelope.
pub(super) fn record<T: DeserializeOwned>(tree: Tree, value: &Bytes) -> Result<T, StoreError> {
    envelope::open_record(tree, value)
}

/// The numbers in an envelope.
pub(super) fn fixed(tree: Tree, value: &Bytes) -> Result<Bytes, StoreError> {
    envelope::open(tree, Codec::Fixed, value)
}

/// Whether a row whose type is not known here is laid out as some row.
pub(super) fn well_formed(tree: Tree, value: &Bytes) -> Looked {
    if envelope::open(tree, Codec::Record, value).is_ok() {
        return envelope::open_record::<IgnoredAny>(tree, value).map(|_| ());
    }
    envelope::open(tree, Codec::Raw, value).or_else(|_| envelope::open(tree, Codec::Fixed, value)).map(|_| ())
}
