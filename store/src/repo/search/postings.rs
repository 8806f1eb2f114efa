//! The keys of messages that have a word, in blocks.

use super::keys::{Cursor, Order, number};
use crate::id::{AccountNo, MessageKey};
use crate::key::{Key, prefix_end};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx, envelope};

/// Most keys of a block: 4 KiB.
const BLOCK: usize = 256;
/// Bytes of a key.
const KEY: usize = 16;

/// What becomes of a message under a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It is found by it.
    Add(MessageKey),
    /// It is not.
    Remove(MessageKey),
}

impl Change {
    const fn key(self) -> MessageKey {
        match self {
            Self::Add(key) | Self::Remove(key) => key,
        }
    }
}

/// What the blocks of a word begin with.
pub(super) fn prefix(no: AccountNo, term: &str) -> Key {
    Key::new().u32(no.0).personal(term.as_bytes())
}

fn unpack(body: &[u8]) -> Result<Vec<u128>, StoreError> {
    let keys: Option<Vec<u128>> = body.chunks(KEY).map(|key| Some(u128::from_be_bytes(key.try_into().ok()?))).collect();
    keys.ok_or_else(|| StoreError::corrupt(Tree::MsgText, "a block is cut off"))
}

fn pack(keys: &[u128]) -> Vec<u8> {
    keys.iter().flat_map(|key| key.to_be_bytes()).collect()
}

/// A block: its own key, and the messages in it.
type Block = (u128, Vec<u128>);

fn block(at: usize, row: (bytes::Bytes, bytes::Bytes)) -> Result<Block, StoreError> {
    let (key, value) = row;
    let bad = || StoreError::corrupt(Tree::MsgText, "a key names no block");
    let base = key.get(at..).and_then(|base| base.try_into().ok()).map(u128::from_be_bytes).ok_or_else(bad)?;
    let body = envelope::open(Tree::MsgText, envelope::Codec::Fixed, &value)?;
    Ok((base, unpack(&body)?))
}

/// The last block that begins at or before a key.
fn block_at(tx: &ReadTx<'_>, prefix: &[u8], key: u128) -> Result<Option<Block>, StoreError> {
    let to = [prefix, &key.to_be_bytes(), &[0]].concat();
    let row = tx.range(Tree::MsgText, prefix, Some(&to), Direction::Backward, 1)?.pop();
    row.map(|row| block(prefix.len(), row)).transpose()
}

/// The first block that begins at or after a key.
fn block_after(tx: &ReadTx<'_>, prefix: &[u8], key: u128) -> Result<Option<Block>, StoreError> {
    let from = [prefix, &key.to_be_bytes()].concat();
    let row = tx.range(Tree::MsgText, &from, prefix_end(prefix).as_deref(), Direction::Forward, 1)?.pop();
    row.map(|row| block(prefix.len(), row)).transpose()
}

/// A block that is being changed.
struct Open {
    /// Under which key its row stands now.
    stored: Option<u128>,
    base: u128,
    keys: Vec<u128>,
    /// Where the next block begins.
    until: u128,
    changed: bool,
    /// The last change put something at its end.
    appended: bool,
}

impl Open {
    /// The block in which a key is, or is to be.
    fn at(tx: &ReadTx<'_>, prefix: &[u8], key: u128) -> Result<Self, StoreError> {
        // What is older than everything goes into the first block, which begins with it then.
        let found = match block_at(tx, prefix, key)? {
            Some(found) => Some(found),
            None => block_after(tx, prefix, 0)?,
        };
        let Some((stored, keys)) = found else {
            return Ok(Self {
                stored: None,
                base: key,
                keys: Vec::new(),
                until: u128::MAX,
                changed: false,
                appended: false,
            });
        };
        let next = block_after(tx, prefix, stored.saturating_add(1))?.filter(|(next, _)| *next > stored);
        let until = next.map_or(u128::MAX, |(next, _)| next);
        Ok(Self { stored: Some(stored), base: stored.min(key), keys, until, changed: false, appended: false })
    }

    fn covers(&self, key: u128) -> bool {
        (self.base..self.until).contains(&key)
    }

    fn change(&mut self, change: Change) {
        let key = number(change.key());
        match (self.keys.binary_search(&key), change) {
            (Ok(at), Change::Remove(_)) => drop(self.keys.remove(at)),
            (Err(at), Change::Add(_)) => {
                self.appended = at == self.keys.len();
                self.keys.insert(at, key);
            }
            _ => return,
        }
        self.changed = true;
    }

    /// Writes it back: as two where it became too long, and not at all where nothing is left of it.
    fn close(mut self, tx: &mut WriteTx<'_>, prefix: &[u8]) -> Result<(), StoreError> {
        if !self.changed {
            return Ok(());
        }
        let row = |base: u128| [prefix, &base.to_be_bytes()].concat();
        if let Some(stored) = self.stored.filter(|stored| *stored != self.base || self.keys.is_empty()) {
            tx.delete(Tree::MsgText, row(stored))?;
        }
        if self.keys.len() > BLOCK {
            // What comes in order fills its blocks; what comes between others leaves room for more.
            let rest = self.keys.split_off(if self.appended { BLOCK } else { BLOCK / 2 });
            if let Some(first) = rest.first() {
                tx.put_fixed(Tree::MsgText, row(*first), &pack(&rest))?;
            }
        }
        if self.keys.is_empty() { Ok(()) } else { tx.put_fixed(Tree::MsgText, row(self.base), &pack(&self.keys)) }
    }
}

/// Adds messages to a word and removes others, in this order.
pub(super) fn apply(tx: &mut WriteTx<'_>, no: AccountNo, term: &str, changes: &[Change]) -> Result<(), StoreError> {
    let prefix = tx.reading(|tx| Ok(tx.stored(Tree::MsgText, prefix(no, term))))?;
    let mut open: Option<Open> = None;
    for change in changes {
        let key = number(change.key());
        if let Some(other) = open.take_if(|open| !open.covers(key) || open.keys.len() > BLOCK) {
            other.close(tx, &prefix)?;
        }
        let block = match open.take() {
            Some(block) => block,
            None => tx.reading(|tx| Open::at(tx, &prefix, key))?,
        };
        open.insert(block).change(*change);
    }
    match open {
        Some(last) => last.close(tx, &prefix),
        None => Ok(()),
    }
}

/// The messages of a word, in either order.
pub(super) struct Postings {
    prefix: Vec<u8>,
    /// A block, and up to where no other one begins.
    open: Option<(Block, u128)>,
    pub(super) reads: usize,
}

impl Postings {
    pub(super) fn new(tx: &ReadTx<'_>, no: AccountNo, term: &str) -> Self {
        Self { prefix: tx.stored(Tree::MsgText, prefix(no, term)), open: None, reads: 0 }
    }

    /// The block in which a key would be.
    fn open(&mut self, tx: &ReadTx<'_>, key: u128) -> Result<bool, StoreError> {
        if self.open.as_ref().is_some_and(|((base, _), upto)| (*base..=*upto).contains(&key)) {
            return Ok(true);
        }
        self.reads += 1;
        self.open = block_at(tx, &self.prefix, key)?.map(|block| {
            let upto = block.1.last().map_or(key, |last| key.max(*last));
            (block, upto)
        });
        Ok(self.open.is_some())
    }
}

impl Cursor for Postings {
    fn seek(&mut self, tx: &ReadTx<'_>, order: Order, key: u128) -> Result<Option<u128>, StoreError> {
        match order {
            Order::Down => {
                let mut from = key;
                while self.open(tx, from)? {
                    let Some(((base, keys), _)) = &self.open else { break };
                    let at = keys.partition_point(|one| *one <= key);
                    if at > 0 {
                        return Ok(Some(keys[at - 1]));
                    }
                    let Some(before) = base.checked_sub(1) else { break };
                    from = before;
                }
                Ok(None)
            }
            Order::Up => {
                if self.open(tx, key)?
                    && let Some(((_, keys), _)) = &self.open
                    && let Some(found) = keys.get(keys.partition_point(|one| *one < key))
                {
                    return Ok(Some(*found));
                }
                self.reads += 1;
                self.open = block_after(tx, &self.prefix, key)?.map(|block| {
                    let upto = block.1.last().copied().unwrap_or(block.0);
                    (block, upto)
                });
                Ok(self.open.as_ref().and_then(|((_, keys), _)| keys.first().copied()))
            }
        }
    }

    fn reads(&self) -> usize {
        self.reads
    }
}

/// At most `most` words that begin so; `None` where there are more. Of an encrypted store nobody knows.
pub(super) fn beginning_with(
    tx: &ReadTx<'_>,
    no: AccountNo,
    begun: &str,
    most: usize,
) -> Result<Option<Vec<String>>, StoreError> {
    let whole = Key::new().u32(no.0).bytes(begun.as_bytes());
    let end = prefix_end(whole.as_slice());
    let (mut from, mut found) = (whole.into_vec(), Vec::new());
    loop {
        let Some((key, _)) = tx.range(Tree::MsgText, &from, end.as_deref(), Direction::Forward, 1)?.pop() else {
            return Ok(Some(found));
        };
        let term = key.get(4..).unwrap_or_default().split(|byte| *byte == 0).next().unwrap_or_default();
        let word = std::str::from_utf8(term);
        let word = word.map_err(|_| StoreError::corrupt(Tree::MsgText, "a key names no word"))?;
        if found.len() == most {
            return Ok(None);
        }
        found.push(word.to_owned());
        // The first key behind all blocks of the word: its end is a zero.
        from = [&no.0.to_be_bytes()[..], term, &[1]].concat();
    }
}
