//! The contacts of a list, by phone number.
//!
//! `contact`: list id · 0 · number → contact; list id · 1 · tag · number → (); list id · 2 · tag → how many have it
//! (u64). Tags differ in more than the case of their letters. In an encrypted store neither numbers nor tags can be
//! read in the keys, and the order of a list is any lasting one.

use std::collections::{BTreeMap, BTreeSet};

use super::lists;
use crate::id::{ListId, Millis, TenantNo};
use crate::key::Key;
use crate::records::{ContactList, ListedContact};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx, envelope};

const CONTACT: u8 = 0;
const TAGGED: u8 = 1;
const TAG: u8 = 2;

/// Most tags of a contact.
pub const TAGS_MAX: usize = 32;

fn prefix(id: ListId, kind: u8) -> Key {
    Key::new().bytes(&id.to_bytes()).u8(kind)
}

fn contact_key(id: ListId, number: &str) -> Key {
    prefix(id, CONTACT).personal(number.as_bytes())
}

fn tagged_prefix(id: ListId, tag: &str) -> Key {
    prefix(id, TAGGED).personal(tag.to_lowercase().as_bytes())
}

fn tag_key(id: ListId, tag: &str) -> Key {
    prefix(id, TAG).personal(tag.to_lowercase().as_bytes())
}

/// What becomes of a contact whose number is in the list already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Twice {
    /// It stays as it is.
    Keep,
    /// What is new goes over what was: a name, fields by their names, tags beside the others.
    Merge,
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
    let (mut outcomes, mut tags) = (Vec::with_capacity(contacts.len()), TagCounts::default());
    for contact in contacts {
        let key = contact_key(id, &contact.number);
        let before: Option<ListedContact> = tx.record(Tree::Contact, &key)?;
        let after = match (&before, twice) {
            (None, _) => ListedContact { added_ms: now_ms, ..contact.clone() },
            (Some(before), Twice::Keep) => before.clone(),
            (Some(before), Twice::Merge) => merged(before, contact),
        };
        outcomes.push(match &before {
            None => Listed::Added,
            Some(before) if *before == after => Listed::Known,
            Some(_) => Listed::Changed,
        });
        if before.as_ref() != Some(&after) {
            tx.put_record(Tree::Contact, &key, &after)?;
            index(tx, id, before.as_ref(), Some(&after), &mut tags)?;
        }
    }
    tags.write(tx, id)?;
    let added = outcomes.iter().filter(|outcome| **outcome == Listed::Added).count();
    if outcomes.iter().any(|outcome| *outcome != Listed::Known) {
        let contacts = list.contacts.saturating_add(added as u64);
        lists::put(tx, id, &ContactList { contacts, changed_ms: now_ms, ..list })?;
    }
    Ok(Some(outcomes))
}

fn merged(before: &ListedContact, new: &ListedContact) -> ListedContact {
    let mut after = before.clone();
    after.name = new.name.clone().or(after.name);
    after.fields.extend(new.fields.clone());
    after.tags.extend(new.tags.iter().take(TAGS_MAX.saturating_sub(after.tags.len())).cloned());
    after
}

/// Replaces a contact that is there; `false` where it, or the list, is not.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn replace(
    tx: &mut WriteTx<'_>,
    tenant: TenantNo,
    id: ListId,
    contact: &ListedContact,
    now_ms: Millis,
) -> Result<bool, StoreError> {
    change(tx, tenant, id, &contact.number, Some(contact), now_ms)
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
    change(tx, tenant, id, number, None, now_ms)
}

fn change(
    tx: &mut WriteTx<'_>,
    tenant: TenantNo,
    id: ListId,
    number: &str,
    to: Option<&ListedContact>,
    now_ms: Millis,
) -> Result<bool, StoreError> {
    let Some(list) = tx.reading(|tx| lists::get(tx, tenant, id))? else { return Ok(false) };
    let key = contact_key(id, number);
    let before: Option<ListedContact> = tx.record(Tree::Contact, &key)?;
    let Some(before) = before else { return Ok(false) };
    let after = to.map(|to| ListedContact { added_ms: before.added_ms, ..to.clone() });
    match &after {
        Some(after) => tx.put_record(Tree::Contact, &key, after)?,
        None => tx.delete(Tree::Contact, &key)?,
    }
    let mut tags = TagCounts::default();
    index(tx, id, Some(&before), after.as_ref(), &mut tags)?;
    tags.write(tx, id)?;
    let contacts = list.contacts.saturating_sub(u64::from(after.is_none()));
    lists::put(tx, id, &ContactList { contacts, changed_ms: now_ms, ..list })?;
    Ok(true)
}

fn index(
    tx: &mut WriteTx<'_>,
    id: ListId,
    before: Option<&ListedContact>,
    after: Option<&ListedContact>,
    counts: &mut TagCounts,
) -> Result<(), StoreError> {
    let Some(number) = before.or(after).map(|contact| contact.number.as_bytes()) else { return Ok(()) };
    let (had, has) = (before.map(small).unwrap_or_default(), after.map(small).unwrap_or_default());
    for tag in had.difference(&has) {
        tx.delete(Tree::Contact, tagged_prefix(id, tag).personal(number))?;
        counts.add(tag, -1);
    }
    for tag in has.difference(&had) {
        tx.put_raw(Tree::Contact, tagged_prefix(id, tag).personal(number), number)?;
        counts.add(tag, 1);
    }
    Ok(())
}

/// How a write changes how many have a tag: one row a tag, not one a contact.
#[derive(Default)]
struct TagCounts(BTreeMap<String, i64>);

impl TagCounts {
    fn add(&mut self, tag: &str, by: i64) {
        match self.0.get_mut(tag) {
            Some(sum) => *sum += by,
            None => drop(self.0.insert(tag.to_owned(), by)),
        }
    }

    fn write(self, tx: &mut WriteTx<'_>, id: ListId) -> Result<(), StoreError> {
        for (tag, by) in self.0.into_iter().filter(|(_, by)| *by != 0) {
            let key = tag_key(id, &tag);
            let before: Option<Tagged> = tx.record(Tree::Contact, &key)?;
            let contacts = before.unwrap_or_default().contacts.saturating_add_signed(by);
            match contacts {
                0 => tx.delete(Tree::Contact, &key)?,
                contacts => tx.put_record(Tree::Contact, &key, &Tagged { tag, contacts })?,
            }
        }
        Ok(())
    }
}

/// A tag of a list's contacts.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Tagged {
    /// The tag, in small letters.
    pub tag: String,
    /// How many have it.
    pub contacts: u64,
}

/// The tags of a list, at most `limit`.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn tags(tx: &ReadTx<'_>, id: ListId, limit: usize) -> Result<Vec<Tagged>, StoreError> {
    let rows = tx.prefix(Tree::Contact, prefix(id, TAG), Direction::Forward, limit)?;
    rows.iter().map(|(_, value)| envelope::open_record(Tree::Contact, value)).collect()
}

/// How many of a list's contacts have a tag.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn with_tag(tx: &ReadTx<'_>, id: ListId, tag: &str) -> Result<u64, StoreError> {
    Ok(tx.record::<Tagged>(Tree::Contact, tag_key(id, tag))?.unwrap_or_default().contacts)
}

/// Somebody in a list.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn get(tx: &ReadTx<'_>, id: ListId, number: &str) -> Result<Option<ListedContact>, StoreError> {
    tx.record(Tree::Contact, contact_key(id, number))
}

/// At most `limit` contacts of a list after a number, all of them or those with a tag.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn page(
    tx: &ReadTx<'_>,
    id: ListId,
    tag: Option<&str>,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<ListedContact>, StoreError> {
    let all = tag.map_or_else(|| prefix(id, CONTACT), |tag| tagged_prefix(id, tag));
    let all = tx.stored(Tree::Contact, all);
    let from = match (tag, after) {
        (_, None) => all.clone(),
        (None, Some(after)) => tx.stored(Tree::Contact, contact_key(id, after).u8(0)),
        (Some(tag), Some(after)) => tx.stored(Tree::Contact, tagged_prefix(id, tag).personal(after.as_bytes()).u8(0)),
    };
    let to = crate::key::prefix_end(&all);
    let rows = tx.range(Tree::Contact, &from, to.as_deref(), Direction::Forward, limit)?;
    if tag.is_none() {
        return rows.iter().map(|(_, value)| envelope::open_record(Tree::Contact, value)).collect();
    }
    let mut found = Vec::with_capacity(rows.len());
    for (_, value) in &rows {
        let number = envelope::open(Tree::Contact, envelope::Codec::Raw, value)?;
        let bad = || StoreError::corrupt(Tree::Contact, "a tag leads to nobody");
        let number = std::str::from_utf8(&number).map_err(|_| bad())?;
        found.push(get(tx, id, number)?.ok_or_else(bad)?);
    }
    Ok(found)
}

/// What a row of the tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Row {
    /// Somebody.
    Contact,
    /// That somebody has a tag.
    Tagged,
    /// How many have a tag.
    Tag,
}

/// The list of a row, and what it is.
pub(crate) fn row_of(key: &[u8]) -> Option<(ListId, Row)> {
    let (id, kind) = (ListId::from_bytes(key.get(..16)?)?, *key.get(16)?);
    let row = match kind {
        CONTACT => Row::Contact,
        TAGGED => Row::Tagged,
        TAG => Row::Tag,
        _ => return None,
    };
    Some((id, row))
}

/// The index rows that a contact must have.
pub(crate) fn index_keys(id: ListId, contact: &ListedContact) -> Vec<Key> {
    small(contact).iter().map(|tag| tagged_prefix(id, tag).personal(contact.number.as_bytes())).collect()
}

fn small(contact: &ListedContact) -> BTreeSet<String> {
    contact.tags.iter().map(|tag| tag.to_lowercase()).collect()
}
