//! A fingerprint of all rows, kept by the writer in the row that every group writes: how many there are, and the sum of
//! their hashes. A walk that adds up the same hashes proves that no row was lost, turned back to an older version or
//! changed, in whichever order and whichever tree.
//!
//! It guards against accidents, not against somebody who can write the files: such a one can write it, too.

use crate::commit::COMMIT_ROW;
use crate::engine::{Change, Engine, Walk};
use crate::{EngineError, Tree};

/// Rows read at once by a walk.
const PAGE: usize = 1_024;

/// Rows and the sum of their hashes, the commit's own row left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fingerprint {
    /// How many rows there are.
    pub rows: u64,
    /// The sum of their hashes, wrapping.
    pub sum: u128,
}

impl Fingerprint {
    /// Of everything in an engine that nobody writes to.
    ///
    /// # Errors
    /// [`EngineError`] when a row can't be read.
    pub fn of(engine: &dyn Engine) -> Result<Self, EngineError> {
        let mut all = Self::default();
        for tree in Tree::ALL {
            let mut from = Vec::new();
            loop {
                let page = engine.range(*tree, &from, None, Walk::Up, PAGE)?;
                page.iter().for_each(|(key, value)| all.add(*tree, key, value));
                match page.last() {
                    Some((last, _)) if page.len() == PAGE => from = [last.as_ref(), &[0]].concat(),
                    _ => break,
                }
            }
        }
        Ok(all)
    }

    /// Takes a row in.
    pub(crate) fn add(&mut self, tree: Tree, key: &[u8], value: &[u8]) {
        if !is_commit(tree, key) {
            self.rows += 1;
            self.sum = self.sum.wrapping_add(hash(tree, key, value));
        }
    }

    fn remove(&mut self, tree: Tree, key: &[u8], value: &[u8]) {
        self.rows = self.rows.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(hash(tree, key, value));
    }

    /// What it is after these changes, each row of which stands there once.
    pub(crate) fn after(mut self, engine: &dyn Engine, changes: &[Change]) -> Result<Self, EngineError> {
        for Change { tree, key, value } in changes.iter().filter(|change| !is_commit(change.tree, &change.key)) {
            let before = engine.get(*tree, key)?;
            if before == *value {
                continue;
            }
            if let Some(before) = before {
                self.remove(*tree, key, &before);
            }
            if let Some(value) = value {
                self.add(*tree, key, value);
            }
        }
        Ok(self)
    }
}

fn is_commit(tree: Tree, key: &[u8]) -> bool {
    tree == Tree::Meta && key == COMMIT_ROW
}

fn hash(tree: Tree, key: &[u8], value: &[u8]) -> u128 {
    let mut hasher = Hasher::default();
    hasher.word(u64::from(tree.number()) << 32 | key.len() as u64);
    hasher.bytes(key);
    hasher.bytes(value);
    hasher.end()
}

/// A fast hash of 128 bits without a secret: two lanes of multiply and rotate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hasher {
    lanes: [u64; 2],
    length: u64,
}

impl Default for Hasher {
    fn default() -> Self {
        Self { lanes: [0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f], length: 0 }
    }
}

impl Hasher {
    #[inline]
    fn word(&mut self, word: u64) {
        let [a, b] = self.lanes;
        self.lanes = [
            (a ^ word).wrapping_mul(0xff51_afd7_ed55_8ccd).rotate_left(31),
            (b.rotate_left(27) ^ word).wrapping_mul(0x9fb2_1c65_1e98_df25),
        ];
    }

    /// Takes bytes in. The cut between two calls does not count where it falls on a multiple of eight.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.length = self.length.wrapping_add(bytes.len() as u64);
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.word(u64::from_le_bytes(last));
        }
    }

    pub(crate) fn end(self) -> u128 {
        let [a, b] = self.lanes.map(|lane| lane ^ self.length);
        u128::from(finish(a.wrapping_add(b))) << 64 | u128::from(finish(b ^ a.rotate_left(32)))
    }
}

const fn finish(mut word: u64) -> u64 {
    word ^= word >> 33;
    word = word.wrapping_mul(0xff51_afd7_ed55_8ccd);
    word ^= word >> 33;
    word = word.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    word ^ word >> 33
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It is on disk: it may never change.
    #[test]
    fn the_hash_is_the_one_on_disk() {
        assert_eq!(
            format!("{:032x}", hash(Tree::Msg, b"key", b"a value of some length")),
            "cf1bcaded0674a361b9604c6b7fbc8cf"
        );
    }

    #[test]
    fn close_rows_are_far_apart() {
        let mut seen = std::collections::HashSet::new();
        for n in 0..2_000_u32 {
            let key = n.to_be_bytes();
            assert!(seen.insert(hash(Tree::Msg, &key, &[])), "{n}");
            assert!(seen.insert(hash(Tree::MsgChat, &key, &[])), "{n}");
            assert!(seen.insert(hash(Tree::Msg, &[], &key)), "{n}");
            let flips = (hash(Tree::Msg, &key, b"x") ^ hash(Tree::Msg, &key, b"y")).count_ones();
            assert!((30..100).contains(&flips), "{n}: {flips} bits differ");
        }
    }
}
