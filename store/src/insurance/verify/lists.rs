//! Lists of contacts: who is in them, by which tags they are found, and how many they are.

use std::collections::BTreeMap;

use super::check::{Check, record, well_formed};
use super::finding::FindingCode;
use crate::Tree;
use crate::id::ListId;
use crate::key::Key;
use crate::records::{ContactList, ListedContact};
use crate::repo::listed::{self, Row, Tagged};
use crate::repo::{lists, purge};

/// What a list says of itself, and what was counted.
#[derive(Default)]
struct Sums {
    says: u64,
    contacts: u64,
    /// Rows that lead from a tag to somebody: what contacts have, and what there is.
    tags: (u64, u64),
    /// ... and as the tags themselves count.
    tagged: u64,
}

pub(super) fn check(check: &mut Check<'_>) {
    let mut lists: BTreeMap<ListId, Sums> = BTreeMap::new();
    check.all(Tree::List, |check, key, value| {
        let list: ContactList = record(Tree::List, value)?;
        match ListId::from_bytes(key) {
            Some(id) => {
                lists.insert(id, Sums { says: list.contacts, ..Sums::default() });
                check.expect((Tree::List, key), Tree::Own, &lists::own_key(list.tenant, id))
            }
            None => {
                check.fail(FindingCode::BadKey, Tree::List, key);
                Ok(())
            }
        }
    });
    check.all(Tree::Contact, |check, key, value| {
        let Some((id, row)) = listed::row_of(key) else {
            check.fail(FindingCode::BadKey, Tree::Contact, key);
            return Ok(());
        };
        let Some(sums) = lists.get_mut(&id) else {
            if !check.purging.contains(Key::new().u8(purge::LIST).bytes(&id.to_bytes()).as_slice()) {
                check.fail(FindingCode::Orphan, Tree::Contact, key);
            }
            return Ok(());
        };
        match row {
            Row::Contact => {
                let contact: ListedContact = record(Tree::Contact, value)?;
                sums.contacts += 1;
                for index in listed::index_keys(id, &contact) {
                    sums.tags.0 += 1;
                    check.expect((Tree::Contact, key), Tree::Contact, &index)?;
                }
                Ok(())
            }
            Row::Tagged => {
                sums.tags.1 += 1;
                well_formed(Tree::Contact, value)
            }
            Row::Tag => {
                sums.tagged += record::<Tagged>(Tree::Contact, value)?.contacts;
                Ok(())
            }
        }
    });
    for (id, sums) in lists {
        if sums.says != sums.contacts || sums.tagged != sums.tags.0 {
            check.fail(FindingCode::CounterWrong, Tree::List, &id.to_bytes());
        }
        if sums.tags.1 > sums.tags.0 {
            check.fail(FindingCode::IndexStale, Tree::Contact, &id.to_bytes());
        }
    }
}
