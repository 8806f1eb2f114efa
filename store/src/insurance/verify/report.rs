//! What a walk over a store answers.

use std::collections::BTreeMap;

use serde::Serialize;

use super::finding::{Finding, FindingCode};

/// What is in a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct TreeCount {
    /// Rows.
    pub rows: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
}

/// The files that are kept beside the rows. What is missing or stray does not make the store less sound: after a restore
/// files are missing until somebody puts them there, and a crash may leave one that never got its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct FilesSeen {
    /// Rows of files.
    pub rows: u64,
    /// ... whose file is not there, or has another size.
    pub missing: u64,
    /// Files without a row.
    pub stray: u64,
}

/// What was seen of a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// Version of the layout.
    pub schema: u32,
    /// Number of the newest commit.
    pub commit: u64,
    /// Rows and bytes by tree; empty trees are left out.
    pub trees: BTreeMap<&'static str, TreeCount>,
    /// How often each thing is wrong. Empty for a sound store.
    pub findings: BTreeMap<FindingCode, u64>,
    /// The first of them.
    pub shown: Vec<Finding>,
    /// The files beside the rows; zeroes where only rows were looked at.
    pub files: FilesSeen,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

impl VerifyReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    /// All rows.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.trees.values().map(|count| count.rows).sum()
    }

    /// Rows of a tree.
    #[must_use]
    pub fn rows_of(&self, tree: crate::Tree) -> u64 {
        self.trees.get(tree.name()).map_or(0, |count| count.rows)
    }

    pub(super) fn add(&mut self, finding: Finding) {
        *self.findings.entry(finding.code).or_default() += 1;
        self.shown.insert(0, finding);
    }
}
