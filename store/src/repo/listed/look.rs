//! Contacts of a list are looked up and listed.

use super::block::{ContactBlock, Place, place};
use super::{block_key, block_start, blocks, tag_key, tagged_key, tagged_prefix};
use crate::id::ListId;
use crate::key::{Key, prefix_end};
use crate::records::ListedContact;
use crate::{Direction, ReadTx, StoreError, Tree, envelope};

/// Rows of contacts that are read at once.
const AT_ONCE: usize = 4;

/// A tag of a list's contacts.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Tagged {
    /// The tag, in small letters.
    pub tag: String,
    /// How many have it.
    pub contacts: u64,
}

/// The tags of a list after one, at most `limit`.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn tags(tx: &ReadTx<'_>, id: ListId, after: Option<&str>, limit: usize) -> Result<Vec<Tagged>, StoreError> {
    let all = super::prefix(id, super::TAG);
    let from =
        after.map_or_else(|| tx.stored(Tree::Contact, &all), |tag| tx.stored(Tree::Contact, tag_key(id, tag).u8(0)));
    let to = prefix_end(all.as_slice());
    let rows = tx.range(Tree::Contact, &from, to.as_deref(), Direction::Forward, limit)?;
    rows.iter().map(|(_, value)| envelope::open_record(Tree::Contact, value)).collect()
}

/// How many of a list's contacts have a tag.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn with_tag(tx: &ReadTx<'_>, id: ListId, tag: &str) -> Result<u64, StoreError> {
    Ok(tx.record::<Tagged>(Tree::Contact, tag_key(id, tag))?.unwrap_or_default().contacts)
}

/// The row of a place, where the list has any.
fn row_at(tx: &ReadTx<'_>, id: ListId, at: Place) -> Result<Option<(Place, Vec<ListedContact>)>, StoreError> {
    let (from, past) = (blocks(id), block_key(id, at).u8(0));
    let found = tx.range(Tree::Contact, from.as_slice(), Some(past.as_slice()), Direction::Backward, 1)?.pop();
    found.map(|(key, value)| Ok((block_start(&key)?, ContactBlock::unpack(&value)?))).transpose()
}

/// Somebody in a list.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn get(tx: &ReadTx<'_>, id: ListId, number: &str) -> Result<Option<ListedContact>, StoreError> {
    let row = row_at(tx, id, place(number))?;
    Ok(row.and_then(|(_, contacts)| contacts.into_iter().find(|one| one.number == number)))
}

/// At most `limit` contacts of a list after a number, all of them or those with a tag. Their order lasts, and is no order
/// of anything.
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
    let start = match after {
        Some(after) => row_at(tx, id, place(after))?.map_or(0, |(start, _)| start),
        None => 0,
    };
    let beyond = after.map(|after| (place(after), after.to_owned()));
    let tag = tag.map(str::to_lowercase);
    let is_wanted = |one: &ListedContact| {
        let later =
            beyond.as_ref().is_none_or(|beyond| (place(&one.number), one.number.as_str()) > (beyond.0, &beyond.1));
        later && tag.as_ref().is_none_or(|tag| one.tags.iter().any(|has| has.to_lowercase() == *tag))
    };
    let mut found: Vec<ListedContact> = Vec::new();
    let (prefix, mut from): (Key, Key) = match &tag {
        None => (blocks(id), block_key(id, start)),
        Some(tag) => (tagged_prefix(id, tag), tagged_key(id, tag, start)),
    };
    let to = prefix_end(&tx.stored(Tree::Contact, prefix));
    while found.len() < limit {
        let from_bytes = tx.stored(Tree::Contact, &from);
        let rows = tx.range(Tree::Contact, &from_bytes, to.as_deref(), Direction::Forward, AT_ONCE)?;
        for (key, value) in &rows {
            let contacts = match &tag {
                None => ContactBlock::unpack(value)?,
                Some(_) => of_index(tx, id, block_start(key)?)?,
            };
            found.extend(contacts.into_iter().filter(&is_wanted).take(limit - found.len()));
            if found.len() >= limit {
                break;
            }
        }
        match rows.last() {
            Some((key, _)) if rows.len() == AT_ONCE => {
                let next = block_start(key)? + 1;
                from = tag.as_ref().map_or_else(|| block_key(id, next), |tag| tagged_key(id, tag, next));
            }
            _ => break,
        }
    }
    Ok(found)
}

/// The contacts of the row that an index row leads to.
fn of_index(tx: &ReadTx<'_>, id: ListId, start: Place) -> Result<Vec<ListedContact>, StoreError> {
    let row = tx.get(Tree::Contact, block_key(id, start))?;
    ContactBlock::unpack(&row.ok_or_else(|| StoreError::corrupt(Tree::Contact, "a tag leads nowhere"))?)
}
