//! Contacts in a row: some hundred, packed, of one stretch of places.
//!
//! They are deflated as a whole: neighbours are alike, and what is written is what an import waits for and what the engine
//! holds in memory meanwhile. A million contacts in rows of their own would be millions of entries for the engine, each with its share of memory and of
//! the time of an opening. Their order is the places' that their numbers hash to, so that any list fills evenly and the keys
//! say nothing about anybody: a place has 24 bits, and thousands of numbers share it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{Read as _, Write as _};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::envelope::{self, Codec};
use crate::id::Millis;
use crate::records::ListedContact;
use crate::{StoreError, Tree};

/// Bytes of contacts in a row that is cut when it has more, about.
const MOST: usize = 48 * 1_024;
/// Bytes of each part of a row that is cut, about.
const PART: usize = 32 * 1_024;
/// What a contact takes beside its texts, about.
const FRAME: usize = 16;

/// First byte of a row: how the rest of it is laid out.
const DEFLATED: u8 = 1;
/// Longest row that is unpacked, in bytes: some thousand contacts of one place, with all that they may have.
const UNPACKED_MAX: u64 = 256 << 20;

/// Where a contact stands in its list.
pub(crate) type Place = u32;

/// Where a number stands in every list.
pub fn place(number: &str) -> Place {
    let hash = Sha256::digest(number.as_bytes());
    u32::from_be_bytes([0, hash[0], hash[1], hash[2]])
}

/// Contacts by place and number: the order of a list.
pub(super) type Ordered = BTreeMap<(Place, String), ListedContact>;

/// A row as it is stored. Tags and the names of fields stand in it once.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ContactBlock {
    words: Vec<String>,
    contacts: Vec<Slot>,
}

/// Number, name, fields, tags, when they came.
#[derive(Debug, Serialize, Deserialize)]
struct Slot(String, Option<String>, Vec<(u32, String)>, Vec<u32>, Millis);

impl ContactBlock {
    pub(crate) fn of<'a>(contacts: impl Iterator<Item = &'a ListedContact>) -> Self {
        let (mut block, mut known) = (Self::default(), HashMap::new());
        for contact in contacts {
            let mut word = |word: &'a str| {
                *known.entry(word).or_insert_with(|| {
                    block.words.push(word.to_owned());
                    u32::try_from(block.words.len() - 1).unwrap_or(u32::MAX)
                })
            };
            let fields = contact.fields.iter().map(|(name, value)| (word(name), value.clone())).collect();
            let tags = contact.tags.iter().map(|tag| word(tag)).collect();
            block.contacts.push(Slot(contact.number.clone(), contact.name.clone(), fields, tags, contact.added_ms));
        }
        block
    }

    /// The row as it is stored.
    pub(crate) fn pack(&self) -> Result<Vec<u8>, StoreError> {
        let damaged = || StoreError::corrupt(Tree::Contact, "contacts can't be packed");
        let plain = rmp_serde::to_vec_named(self).map_err(|_| damaged())?;
        let mut packer = DeflateEncoder::new(vec![DEFLATED], Compression::fast());
        packer.write_all(&plain).and_then(|()| packer.finish()).map_err(|_| damaged())
    }

    /// A row as it was stored.
    pub(crate) fn unpack(row: &Bytes) -> Result<Vec<ListedContact>, StoreError> {
        let damaged = || StoreError::corrupt(Tree::Contact, "a row of contacts is damaged");
        let body = envelope::open(Tree::Contact, Codec::Raw, row)?;
        let packed = body.strip_prefix(&[DEFLATED]).ok_or_else(damaged)?;
        let mut plain = Vec::with_capacity(packed.len() * 4);
        DeflateDecoder::new(packed).take(UNPACKED_MAX).read_to_end(&mut plain).map_err(|_| damaged())?;
        let block: Self = rmp_serde::from_slice(&plain).map_err(|_| damaged())?;
        block.open().ok_or_else(damaged)
    }

    /// The contacts, in their order; `None` for one that names a word that is not there.
    fn open(self) -> Option<Vec<ListedContact>> {
        let Self { words, contacts } = self;
        let word = |at: u32| words.get(usize::try_from(at).ok()?).cloned();
        contacts
            .into_iter()
            .map(|Slot(number, name, fields, tags, added_ms)| {
                let fields = fields.into_iter().map(|(name, value)| Some((word(name)?, value)));
                let fields = fields.collect::<Option<BTreeMap<_, _>>>()?;
                let tags = tags.into_iter().map(word).collect::<Option<BTreeSet<_>>>()?;
                Some(ListedContact { number, name, fields, tags, added_ms })
            })
            .collect()
    }
}

fn weight(contact: &ListedContact) -> usize {
    let texts = contact.fields.values().map(|value| value.len() + 4).sum::<usize>() + contact.tags.len() * 2;
    FRAME + contact.number.len() + contact.name.as_ref().map_or(0, String::len) + texts
}

/// Cuts a row that has too much into equal parts, between places. Equal, so that the next contact anywhere has room.
pub(super) fn cut(contacts: &Ordered) -> Vec<Vec<&ListedContact>> {
    let all: usize = contacts.values().map(weight).sum();
    let part = if all <= MOST { usize::MAX } else { all / all.div_ceil(PART) + 1 };
    let (mut parts, mut current, mut full, mut last) = (Vec::new(), Vec::new(), 0, None);
    for ((place, _), contact) in contacts {
        if full >= part && last != Some(*place) {
            parts.push(std::mem::take(&mut current));
            full = 0;
        }
        full += weight(contact);
        last = Some(*place);
        current.push(contact);
    }
    parts.push(current);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contacts(n: u32) -> Vec<ListedContact> {
        (0..n)
            .map(|n| ListedContact {
                number: format!("62812{n:07}"),
                name: (n % 3 != 0).then(|| format!("Name {n}")),
                fields: BTreeMap::from([("city".into(), format!("Town {}", n % 9)), ("order".into(), n.to_string())]),
                tags: BTreeSet::from(["city".into(), format!("t{}", n % 4)]),
                added_ms: u64::from(n),
            })
            .collect()
    }

    #[test]
    fn what_is_packed_comes_out_and_words_stand_once() {
        let all = contacts(50);
        let block = ContactBlock::of(all.iter());
        assert_eq!(block.words.len(), 2 + 4, "{:?}", block.words);
        let row = envelope::seal(Codec::Raw, &block.pack().unwrap());
        assert!(row.len() < 50 * 25, "{} bytes", row.len());
        assert_eq!(ContactBlock::unpack(&row).unwrap(), all);
        assert!(ContactBlock::unpack(&row.slice(..row.len() - 9)).is_err(), "cut off");
        assert!(ContactBlock::unpack(&envelope::seal(Codec::Raw, &[7, 1])).is_err(), "of another layout");
        let broken = ContactBlock { words: Vec::new(), contacts: ContactBlock::of(all.iter()).contacts };
        assert!(broken.open().is_none());
    }

    #[test]
    fn a_row_with_too_much_is_cut_into_equal_parts_between_places() {
        let ordered: Ordered =
            contacts(5_000).into_iter().map(|one| ((place(&one.number), one.number.clone()), one)).collect();
        let parts = cut(&ordered);
        let weights: Vec<usize> = parts.iter().map(|part| part.iter().map(|one| weight(one)).sum()).collect();
        assert!(weights.iter().all(|weight| (PART / 2..=MOST).contains(weight)), "{weights:?}");
        assert_eq!(parts.iter().map(Vec::len).sum::<usize>(), 5_000);
        for pair in parts.windows(2) {
            assert!(place(&pair[0].last().unwrap().number) < place(&pair[1][0].number));
        }
        // All at one place: there is no cut.
        let same: Ordered = contacts(2_000).into_iter().map(|one| ((7, one.number.clone()), one)).collect();
        assert_eq!(cut(&same).len(), 1);
    }

    /// It is on disk: it may never change.
    #[test]
    fn places_are_the_ones_on_disk() {
        assert_eq!((place("628120000001"), place("491712345678")), (2_983_138, 5_754_146));
    }
}
