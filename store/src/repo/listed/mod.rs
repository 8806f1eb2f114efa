//! The contacts of a list, by phone number.
//!
//! `contact`: list id · 0 · place (3 bytes) → some hundred contacts whose places begin there; list id · 1 · tag · place → how
//! many in that row have the tag (u64); list id · 2 · tag → how many of the list have it. What else stands under a list's
//! id: [`super::imports`]. Tags differ in more than the case of their letters. In an encrypted store neither numbers nor
//! tags can be read in the keys.

mod block;
mod change;
mod look;

use std::collections::BTreeSet;

use super::lists;
use crate::id::{ListId, Millis, TenantNo};
use crate::key::Key;
use crate::records::{ContactList, FIELDS_MAX, ListedContact, TAGS_MAX};
use crate::{StoreError, Tree, WriteTx};

pub use block::place;
pub(crate) use block::{ContactBlock, Place};
use change::Rows;
pub(crate) use change::tag_counts;
pub use look::{Tagged, get, page, tags, with_tag};

const CONTACTS: u8 = 0;
const TAGGED: u8 = 1;
const TAG: u8 = 2;
pub(super) const IMPORT: u8 = 3;
pub(super) const PROBLEMS: u8 = 4;

pub(super) fn prefix(id: ListId, kind: u8) -> Key {
    Key::new().bytes(&id.to_bytes()).u8(kind)
}

fn blocks(id: ListId) -> Key {
    prefix(id, CONTACTS)
}

fn at(key: Key, place: Place) -> Key {
    key.bytes(&place.to_be_bytes()[1..])
}

fn block_key(id: ListId, start: Place) -> Key {
    at(blocks(id), start)
}

/// The place where the row of a key begins.
fn block_start(key: &[u8]) -> Result<Place, StoreError> {
    let start = key.last_chunk().map(|[a, b, c]| u32::from_be_bytes([0, *a, *b, *c]));
    start.ok_or_else(|| StoreError::corrupt(Tree::Contact, "a key holds no place"))
}

fn tagged_prefix(id: ListId, tag: &str) -> Key {
    prefix(id, TAGGED).personal(tag.to_lowercase().as_bytes())
}

fn tagged_key(id: ListId, tag: &str, start: Place) -> Key {
    at(tagged_prefix(id, tag), start)
}

fn tag_key(id: ListId, tag: &str) -> Key {
    prefix(id, TAG).personal(tag.to_lowercase().as_bytes())
}

/// What becomes of a contact whose number is in the list already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Twice {
    /// It stays as it is.
    Keep,
    /// What is new goes over what was: a name, fields by their names, tags beside the others.
    #[default]
    Merge,
    /// The new one stands in its place.
    Replace,
}

/// What became of a contact that was to come into a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// It was not there, and is now.
    Added,
    /// It was there, and is another now.
    Changed,
    /// It was there, and stays as it was.
    Known,
}

/// Puts contacts into a list; `None` where there is none of that id. What is said twice within one call counts in order.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn put(
    tx: &mut WriteTx<'_>,
    tenant: TenantNo,
    id: ListId,
    contacts: &[ListedContact],
    twice: Twice,
    now_ms: Millis,
) -> Result<Option<Vec<Listed>>, StoreError> {
    let Some(list) = tx.reading(|tx| lists::get(tx, tenant, id))? else { return Ok(None) };
    let mut order: Vec<usize> = (0..contacts.len()).collect();
    order.sort_by_cached_key(|at| place(&contacts[*at].number));
    let (mut rows, mut outcomes) = (Rows::of(id), vec![Listed::Known; contacts.len()]);
    for n in order {
        let new = &contacts[n];
        outcomes[n] = rows.change(tx, &new.number, |before| {
            let after = match (before, twice) {
                (None, _) => ListedContact { added_ms: now_ms, ..new.clone() },
                (Some(before), Twice::Keep) => before.clone(),
                (Some(before), Twice::Merge) => merged(before, new),
                (Some(before), Twice::Replace) => ListedContact { added_ms: before.added_ms, ..new.clone() },
            };
            let outcome = match before {
                None => Listed::Added,
                Some(before) if *before == after => Listed::Known,
                Some(_) => Listed::Changed,
            };
            (Some(after), outcome)
        })?;
    }
    rows.end(tx)?;
    let added = outcomes.iter().filter(|outcome| **outcome == Listed::Added).count();
    if outcomes.iter().any(|outcome| *outcome != Listed::Known) {
        let contacts = list.contacts.saturating_add(added as u64);
        lists::put(tx, id, &ContactList { contacts, changed_ms: now_ms, ..list })?;
    }
    Ok(Some(outcomes))
}

/// What a contact is when something more is said of it. What would be one field or tag too many stays away.
#[must_use]
pub fn merged(before: &ListedContact, new: &ListedContact) -> ListedContact {
    let mut after = before.clone();
    after.name = new.name.clone().or(after.name);
    for (name, value) in &new.fields {
        if after.fields.len() < FIELDS_MAX || after.fields.contains_key(name) {
            after.fields.insert(name.clone(), value.clone());
        }
    }
    after.tags.extend(new.tags.iter().take(TAGS_MAX.saturating_sub(after.tags.len())).cloned());
    after
}

/// Changes a contact that is there by a rule; `None` where it, or the list, is not.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn change(
    tx: &mut WriteTx<'_>,
    tenant: TenantNo,
    id: ListId,
    number: &str,
    rule: impl FnOnce(&ListedContact) -> ListedContact,
    now_ms: Millis,
) -> Result<Option<ListedContact>, StoreError> {
    let to = |before: &ListedContact| {
        let after = rule(before);
        Some(ListedContact { number: before.number.clone(), added_ms: before.added_ms, ..after })
    };
    Ok(alter(tx, tenant, id, number, to, now_ms)?.flatten())
}

/// Takes somebody out of a list; `false` where they, or the list, were not there.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn remove(
    tx: &mut WriteTx<'_>,
    tenant: TenantNo,
    id: ListId,
    number: &str,
    now_ms: Millis,
) -> Result<bool, StoreError> {
    Ok(alter(tx, tenant, id, number, |_| None, now_ms)?.is_some())
}

/// Outer `None` where nobody of that number, or no such list, is there.
fn alter(
    tx: &mut WriteTx<'_>,
    tenant: TenantNo,
    id: ListId,
    number: &str,
    to: impl FnOnce(&ListedContact) -> Option<ListedContact>,
    now_ms: Millis,
) -> Result<Option<Option<ListedContact>>, StoreError> {
    let Some(list) = tx.reading(|tx| lists::get(tx, tenant, id))? else { return Ok(None) };
    let mut rows = Rows::of(id);
    let told = rows.change(tx, number, |before| match before {
        None => (None, None),
        Some(before) => {
            let after = to(before);
            let changed = after.as_ref() != Some(before);
            (after.clone(), Some((after, changed)))
        }
    })?;
    rows.end(tx)?;
    let Some((after, changed)) = told else { return Ok(None) };
    if changed {
        let contacts = list.contacts.saturating_sub(u64::from(after.is_none()));
        lists::put(tx, id, &ContactList { contacts, changed_ms: now_ms, ..list })?;
    }
    Ok(Some(after))
}

/// What a row of the tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Row {
    /// Contacts, from this place on.
    Contacts(Place),
    /// How many of a row have a tag.
    Tagged,
    /// How many of the list have a tag.
    Tag,
    /// An import.
    Import,
    /// Rows of a file that were not taken.
    Problems,
}

/// The list of a row, and what it is.
pub(crate) fn row_of(key: &[u8]) -> Option<(ListId, Row)> {
    let (id, kind) = (ListId::from_bytes(key.get(..16)?)?, *key.get(16)?);
    let row = match kind {
        CONTACTS => Row::Contacts(block_start(key).ok().filter(|_| key.len() == 20)?),
        TAGGED => Row::Tagged,
        TAG => Row::Tag,
        IMPORT => Row::Import,
        PROBLEMS => Row::Problems,
        _ => return None,
    };
    Some((id, row))
}

/// The index rows that a row of contacts must have, with their counts.
pub(crate) fn index_rows(id: ListId, start: Place, contacts: &[ListedContact]) -> Vec<(Key, u64)> {
    let counts = tag_counts(contacts.iter());
    counts.into_iter().map(|(tag, count)| (tagged_key(id, &tag, start), count)).collect()
}

fn small(contact: &ListedContact) -> BTreeSet<String> {
    contact.tags.iter().map(|tag| tag.to_lowercase()).collect()
}
