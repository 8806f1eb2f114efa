//! Lists of contacts: who is in them, by which tags they are found, and how many they are. Templates beside them.

use std::collections::BTreeMap;

use super::check::{Check, record, well_formed};
use super::finding::FindingCode;
use crate::Tree;
use crate::id::{ListId, TemplateId};
use crate::key::{Key, Parts};
use crate::records::{ContactList, ImportRecord, TemplateRecord};
use crate::repo::listed::{self, ContactBlock, Place, Row, Tagged};
use crate::repo::{lists, purge, template};

/// What a list says of itself, and what was counted.
#[derive(Default)]
struct Sums {
    says: u64,
    contacts: u64,
    /// Where the contact before stands.
    last: Option<(Place, String)>,
    /// Rows that lead from a tag to contacts: which there must be, and which there are.
    index: (u64, u64),
    /// How many have tags, by the index and by the tags themselves.
    tagged: (u64, u64),
}

pub(super) fn check(check: &mut Check<'_>) {
    templates(check);
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
            Row::Contacts(start) => contacts(check, (id, start), sums, key, value),
            Row::Tagged => {
                let body = crate::envelope::open(Tree::Contact, crate::envelope::Codec::Fixed, value)?;
                sums.index.1 += 1;
                sums.tagged.0 += Parts(&body).u64().unwrap_or(0);
                Ok(())
            }
            Row::Tag => {
                sums.tagged.1 += record::<Tagged>(Tree::Contact, value)?.contacts;
                Ok(())
            }
            Row::Import => record::<ImportRecord>(Tree::Contact, value).map(|_| ()),
            Row::Problems => well_formed(Tree::Contact, value),
        }
    });
    for (id, sums) in lists {
        if sums.says != sums.contacts || sums.tagged.0 != sums.tagged.1 {
            check.fail(FindingCode::CounterWrong, Tree::List, &id.to_bytes());
        }
        if sums.index.1 > sums.index.0 {
            check.fail(FindingCode::IndexStale, Tree::Contact, &id.to_bytes());
        }
    }
}

/// A row of contacts: each in its place, after the one before, and its tags known.
fn contacts(
    check: &mut Check<'_>,
    (id, start): (ListId, Place),
    sums: &mut Sums,
    key: &[u8],
    value: &bytes::Bytes,
) -> super::check::Looked {
    let contacts = ContactBlock::unpack(value)?;
    for contact in &contacts {
        let place = (listed::place(&contact.number), contact.number.clone());
        if place.0 < start || sums.last.as_ref().is_some_and(|last| *last >= place) {
            check.fail(FindingCode::BadKey, Tree::Contact, key);
        }
        sums.last = Some(place);
        sums.contacts += 1;
    }
    for (index, count) in listed::index_rows(id, start, &contacts) {
        sums.index.0 += 1;
        let found = check.tx.fixed(Tree::Contact, &index)?;
        if found.is_none_or(|found| Parts(&found).u64() != Some(count)) {
            check.fail(FindingCode::IndexMissing, Tree::Contact, key);
        }
    }
    Ok(())
}

fn templates(check: &mut Check<'_>) {
    check.all(Tree::Template, |check, key, value| {
        let found: TemplateRecord = record(Tree::Template, value)?;
        match TemplateId::from_bytes(key) {
            Some(id) => check.expect((Tree::Template, key), Tree::Own, &template::own_key(found.tenant, id)),
            None => {
                check.fail(FindingCode::BadKey, Tree::Template, key);
                Ok(())
            }
        }
    });
}
