//! Contacts come into lists, change and go: from row to row, in the order of their places.

use std::collections::BTreeMap;

use super::block::{ContactBlock, Ordered, Place, cut, place};
use super::{block_key, block_start, blocks, small, tag_key, tagged_key};
use crate::id::ListId;
use crate::records::ListedContact;
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx};

/// A row that is being changed.
struct Open {
    start: Place,
    /// Where the next row begins.
    end: Option<Place>,
    contacts: Ordered,
    /// How many had which tags before.
    tags: BTreeMap<String, u64>,
    changed: bool,
}

/// A walk over a list's rows, forward only.
pub(super) struct Rows {
    id: ListId,
    open: Option<Open>,
    /// Rows before this place are done with.
    floor: Place,
    tags: TagCounts,
}

impl Rows {
    pub(super) fn of(id: ListId) -> Self {
        Self { id, open: None, floor: 0, tags: TagCounts::default() }
    }

    /// Puts something in the place of what stands under a number. Numbers come in the order of their places.
    pub(super) fn change<T>(
        &mut self,
        tx: &mut WriteTx<'_>,
        number: &str,
        to: impl FnOnce(Option<&ListedContact>) -> (Option<ListedContact>, T),
    ) -> Result<T, StoreError> {
        let at = place(number);
        if self.open.as_ref().is_some_and(|open| open.end.is_some_and(|end| end <= at)) {
            self.close(tx)?;
        }
        let open = match &mut self.open {
            Some(open) => open,
            none => none.insert(tx.reading(|tx| find(tx, self.id, at, self.floor))?),
        };
        let key = (at, number.to_owned());
        let before = open.contacts.get(&key);
        let (after, told) = to(before);
        if before != after.as_ref() {
            open.changed = true;
            match after {
                Some(after) => open.contacts.insert(key, after),
                None => open.contacts.remove(&key),
            };
        }
        Ok(told)
    }

    /// Writes the open row.
    fn close(&mut self, tx: &mut WriteTx<'_>) -> Result<(), StoreError> {
        let Some(open) = self.open.take() else { return Ok(()) };
        self.floor = open.end.unwrap_or(self.floor);
        if !open.changed {
            return Ok(());
        }
        let mut before = open.tags;
        before.iter().for_each(|(tag, count)| self.tags.add(tag, -count.cast_signed()));
        if open.contacts.is_empty() {
            tx.delete(Tree::Contact, block_key(self.id, open.start))?;
        }
        for (n, part) in cut(&open.contacts).into_iter().filter(|part| !part.is_empty()).enumerate() {
            let start = part.first().filter(|_| n > 0).map_or(open.start, |first| place(&first.number));
            tx.put_raw(Tree::Contact, block_key(self.id, start), &ContactBlock::of(part.iter().copied()).pack()?)?;
            for (tag, count) in tag_counts(part.iter().copied()) {
                self.tags.add(&tag, count.cast_signed());
                let known = if n == 0 { before.remove(&tag) } else { None };
                if known != Some(count) {
                    tx.put_fixed(Tree::Contact, tagged_key(self.id, &tag, start), &count.to_be_bytes())?;
                }
            }
        }
        for tag in before.keys() {
            tx.delete(Tree::Contact, tagged_key(self.id, tag, open.start))?;
        }
        Ok(())
    }

    /// Writes what is left.
    pub(super) fn end(mut self, tx: &mut WriteTx<'_>) -> Result<(), StoreError> {
        self.close(tx)?;
        self.tags.write(tx, self.id)
    }
}

/// The row of a place, where no row before `floor` can be it.
fn find(tx: &ReadTx<'_>, id: ListId, at: Place, floor: Place) -> Result<Open, StoreError> {
    let (from, past) = (block_key(id, floor), block_key(id, at).u8(0));
    let found = tx.range(Tree::Contact, from.as_slice(), Some(past.as_slice()), Direction::Backward, 1)?.pop();
    let (start, contacts) = match &found {
        Some((key, value)) => (block_start(key)?, ContactBlock::unpack(value)?),
        None => (floor, Vec::new()),
    };
    let (past, to) = (block_key(id, at).u8(0), crate::key::prefix_end(blocks(id).as_slice()));
    let next = tx.range(Tree::Contact, past.as_slice(), to.as_deref(), Direction::Forward, 1)?.pop();
    let end = next.map(|(key, _)| block_start(&key)).transpose()?;
    let tags = tag_counts(contacts.iter());
    let contacts = contacts.into_iter().map(|one| ((place(&one.number), one.number.clone()), one)).collect();
    Ok(Open { start, end, contacts, tags, changed: false })
}

/// How many of these have which tags, in small letters.
pub(crate) fn tag_counts<'a>(contacts: impl Iterator<Item = &'a ListedContact>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for tag in contacts.flat_map(small) {
        match counts.get_mut(&tag) {
            Some(count) => *count += 1,
            None => drop(counts.insert(tag, 1)),
        }
    }
    counts
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
            let before: Option<super::Tagged> = tx.record(Tree::Contact, &key)?;
            let contacts = before.unwrap_or_default().contacts.saturating_add_signed(by);
            match contacts {
                0 => tx.delete(Tree::Contact, &key)?,
                contacts => tx.put_record(Tree::Contact, &key, &super::Tagged { tag, contacts })?,
            }
        }
        Ok(())
    }
}
