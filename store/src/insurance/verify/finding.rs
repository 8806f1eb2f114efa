//! What can be wrong with a store.

use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::Tree;
use crate::id::MessageId;
use crate::key::Parts;

/// What is wrong, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingCode {
    /// The engine can't read a part of its files; what lies behind it was not looked at.
    Unreadable,
    /// The store stands before a commit that it has been at.
    CommitsLost,
    /// The rows are not the ones that the newest commit left.
    RowsDiffer,
    /// A row of every store is missing or damaged: schema, identity, commit.
    NoIdentity,
    /// A row can't be decoded.
    BadRow,
    /// A key does not have the form of its tree's keys.
    BadKey,
    /// A row belongs to an account, link or endpoint that is not there.
    Orphan,
    /// A record's index row is missing or points elsewhere.
    IndexMissing,
    /// An index row has no record.
    IndexStale,
    /// A counter is not what its rows add up to.
    CounterWrong,
    /// The event log or an account's sequence has a hole.
    Hole,
    /// An endpoint would wake later than its first delivery is due.
    WakeLate,
    /// A record names another one that is not there.
    Dangling,
}

/// One thing that is wrong. Holds no content: what keys hold may be a phone number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What is wrong.
    pub code: FindingCode,
    /// The tree it was noticed in.
    pub tree: &'static str,
    /// Which row: a message's id, an event's position, or the account and the beginning of the key's SHA-256.
    pub row: String,
}

impl Finding {
    /// Something wrong with a row.
    pub(super) fn new(code: FindingCode, tree: Tree, key: &[u8]) -> Self {
        Self { code, tree: tree.name(), row: row_name(tree, key) }
    }

    /// Something wrong with the store as a whole.
    pub(super) fn of_store(code: FindingCode) -> Self {
        Self { code, tree: Tree::Meta.name(), row: String::new() }
    }
}

fn row_name(tree: Tree, key: &[u8]) -> String {
    let number = |at: usize| key.get(at..).and_then(|rest| Parts(rest).u32()).unwrap_or(0);
    let message = |bytes: Option<&[u8]>| bytes.and_then(MessageId::from_bytes).map(|id| id.to_string());
    let digest = || data_encoding::HEXLOWER.encode(&Sha256::digest(key)[..6]);
    match tree {
        Tree::Msg => message(Some(key)).unwrap_or_else(digest),
        Tree::Event => format!("position {}", Parts(key).u64().unwrap_or(0)),
        Tree::EventAcct => {
            format!("account {} seq {}", number(0), Parts(key.get(4..).unwrap_or_default()).u64().unwrap_or(0))
        }
        Tree::Meta | Tree::Account | Tree::Endpoint | Tree::Delivery | Tree::DeliveryTodo | Tree::DeliveryBad => {
            digest()
        }
        _ => format!("account {} row {}", number(0), digest()),
    }
}

/// What was found so far: the first ones whole, all counted by code.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) shown: Vec<Finding>,
    pub(super) by_code: BTreeMap<FindingCode, u64>,
    pub(super) most: usize,
}

impl Findings {
    pub(super) fn add(&mut self, finding: Finding) {
        *self.by_code.entry(finding.code).or_default() += 1;
        if self.shown.len() < self.most {
            self.shown.push(finding);
        }
    }
}
