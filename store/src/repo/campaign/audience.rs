//! Who gets a campaign, in order, some hundred packed to a row: a million recipients whose turn has not come cost some
//! thousand rows, and no more.

use bytes::Bytes;

use super::{AUDIENCE, owned};
use crate::id::CampaignId;
use crate::key::{Key, Parts, prefix_end};
use crate::records::ListedContact;
use crate::repo::listed::ContactBlock;
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx};

/// Most recipients of a row.
pub const PACK: usize = 250;

/// Recipients as they are stored, so that whoever writes them has nothing left to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    row: Vec<u8>,
    count: u32,
}

impl Packed {
    /// At most [`PACK`] recipients.
    ///
    /// # Errors
    /// [`StoreError`] where they can't be packed.
    pub fn of(recipients: &[ListedContact]) -> Result<Self, StoreError> {
        let count = u32::try_from(recipients.len()).unwrap_or(u32::MAX);
        Ok(Self { row: ContactBlock::of(recipients.iter()).pack()?, count })
    }

    /// How many they are.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }
}

fn rows(id: CampaignId) -> Key {
    owned(id).u8(AUDIENCE)
}

pub(super) fn put(tx: &mut WriteTx<'_>, id: CampaignId, first: u32, packed: &Packed) -> Result<(), StoreError> {
    tx.put_raw(Tree::Campaign, rows(id).u32(first), &packed.row)
}

fn first_of(key: &[u8]) -> Result<u32, StoreError> {
    let first = key.get(18..).and_then(|first| Parts(first).u32());
    first.ok_or_else(|| StoreError::corrupt(Tree::Campaign, "a key holds no place"))
}

/// At most `limit` recipients from a place on, with their places.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn recipients(
    tx: &ReadTx<'_>,
    id: CampaignId,
    from: u32,
    limit: usize,
) -> Result<Vec<(u32, ListedContact)>, StoreError> {
    let all = rows(id);
    let after = all.clone().u32(from).u8(0);
    let holding = tx.range(Tree::Campaign, all.as_slice(), Some(after.as_slice()), Direction::Backward, 1)?;
    let mut next: Option<(Bytes, Bytes)> = holding.into_iter().next();
    let (mut found, end) = (Vec::new(), prefix_end(all.as_slice()));
    while let Some((key, value)) = next {
        let first = first_of(&key)?;
        let some = (first..).zip(ContactBlock::unpack(&value)?).filter(|(seq, _)| *seq >= from);
        found.extend(some.take(limit - found.len()));
        if found.len() >= limit {
            break;
        }
        let beyond = all.clone().u32(first.saturating_add(1));
        let rows = tx.range(Tree::Campaign, beyond.as_slice(), end.as_deref(), Direction::Forward, 1)?;
        next = rows.into_iter().next();
    }
    Ok(found)
}

/// How many recipients a row holds, for whoever walks over all of them.
pub(crate) fn pack_size(value: &Bytes) -> Result<u32, StoreError> {
    Ok(u32::try_from(ContactBlock::unpack(value)?.len()).unwrap_or(u32::MAX))
}

/// The recipients whose turn has not come.
pub(crate) fn unpacked_from(
    tx: &ReadTx<'_>,
    id: CampaignId,
    from: u32,
    limit: usize,
) -> Result<Vec<(u32, ListedContact)>, StoreError> {
    if limit == 0 { Ok(Vec::new()) } else { recipients(tx, id, from, limit) }
}
