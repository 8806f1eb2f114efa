//! What an account sent lately, for whoever keeps it to a pace. Only accounts with such a limit have rows here.
//!
//! `pace`: no · 0 · at_ms u64 → u32, sends taken for the wire at that time; no · 1 · at_ms u64 · chat u32 → (), chats whose
//! other side never wrote and that were written to then; no · 2 is [`super::held`]'s, and no · 3
//! [`super::bulk`]'s.

use std::collections::BTreeMap;

use crate::id::{AccountNo, ChatNo, Millis};
use crate::key::{Key, Parts};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx, envelope};

pub(crate) const SENDS: u8 = 0;
pub(crate) const COLD: u8 = 1;
pub(crate) const MAY_GO: u8 = 2;
pub(crate) const BULK: u8 = 3;

/// How long a chat counts against the limit of a day.
pub const DAY_MS: Millis = 86_400_000;
/// Most rows that are looked at, or cleared at once.
const PAGE: usize = 4_096;
const CLEARED_AT_ONCE: usize = 64;

fn key(no: AccountNo, kind: u8) -> Key {
    Key::new().u32(no.0).u8(kind)
}

/// Sends since a time, the oldest first, as far as they were noted.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn sends_since(tx: &ReadTx<'_>, no: AccountNo, since_ms: Millis) -> Result<Vec<(Millis, u32)>, StoreError> {
    let (from, to) = (key(no, SENDS).u64(since_ms), key(no, COLD));
    let rows = tx.range(Tree::Pace, from.as_slice(), Some(to.as_slice()), Direction::Forward, PAGE)?;
    let bad = || StoreError::corrupt(Tree::Pace, "a row of sends is damaged");
    let mut found = Vec::with_capacity(rows.len());
    for (key, value) in &rows {
        let at_ms = Parts(key.get(5..).unwrap_or_default()).u64().ok_or_else(bad)?;
        let body = envelope::open(Tree::Pace, envelope::Codec::Fixed, value)?;
        let count = Parts(&body).u32().ok_or_else(bad)?;
        found.push((at_ms, count));
    }
    Ok(found)
}

/// Notes sends, and forgets those that were `keep_ms` ago or earlier.
pub(super) fn note_sends(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    count: usize,
    keep_ms: Millis,
    now_ms: Millis,
) -> Result<(), StoreError> {
    if count == 0 {
        return Ok(());
    }
    let row = key(no, SENDS).u64(now_ms);
    let before = tx.fixed(Tree::Pace, &row)?.and_then(|body| Parts(&body).u32()).unwrap_or(0);
    let count = before.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
    tx.put_fixed(Tree::Pace, row, &count.to_be_bytes())?;
    forget(tx, no, SENDS, now_ms.saturating_sub(keep_ms))
}

fn forget(tx: &mut WriteTx<'_>, no: AccountNo, kind: u8, until_ms: Millis) -> Result<(), StoreError> {
    let (from, to) = (key(no, kind), key(no, kind).u64(until_ms.saturating_add(1)));
    let old = tx.range(Tree::Pace, from.as_slice(), Some(to.as_slice()), Direction::Forward, CLEARED_AT_ONCE)?;
    old.iter().try_for_each(|(key, _)| tx.delete(Tree::Pace, key))
}

/// The chats that an account wrote to within a day although their other sides never wrote.
#[derive(Debug)]
pub(super) struct ColdChats {
    no: AccountNo,
    most: usize,
    now_ms: Millis,
    /// When each was first written to within the day.
    chats: BTreeMap<ChatNo, Millis>,
}

impl ColdChats {
    pub(super) fn load(tx: &ReadTx<'_>, no: AccountNo, most: u32, now_ms: Millis) -> Result<Self, StoreError> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let from = key(no, COLD).u64(now_ms.saturating_sub(DAY_MS).saturating_add(1));
        let to = key(no, MAY_GO);
        // One more than the limit says all there is to know.
        let rows =
            tx.range(Tree::Pace, from.as_slice(), Some(to.as_slice()), Direction::Forward, PAGE.min(most + 1))?;
        let mut chats = BTreeMap::new();
        for (key, _) in &rows {
            let mut parts = Parts(key.get(5..).unwrap_or_default());
            let (Some(at_ms), Some(chat)) = (parts.u64(), parts.u32()) else {
                return Err(StoreError::corrupt(Tree::Pace, "a row of a chat is damaged"));
            };
            chats.entry(ChatNo(chat)).or_insert(at_ms);
        }
        Ok(Self { no, most, now_ms, chats })
    }

    /// Whether the chat counts already: more messages to it cost nothing.
    pub(super) fn has(&self, chat: ChatNo) -> bool {
        self.chats.contains_key(&chat)
    }

    /// Whether one more may be written to.
    pub(super) fn has_room(&self) -> bool {
        self.chats.len() < self.most
    }

    /// When one more may be written to; `None` for now.
    pub(super) fn room_at_ms(&self) -> Option<Millis> {
        let oldest = self.chats.values().min().copied().unwrap_or(self.now_ms);
        (!self.has_room()).then(|| oldest.saturating_add(DAY_MS))
    }

    /// Notes that it is written to now.
    pub(super) fn add(&mut self, tx: &mut WriteTx<'_>, chat: ChatNo) -> Result<(), StoreError> {
        if self.chats.insert(chat, self.now_ms).is_some() {
            return Ok(());
        }
        tx.put_fixed(Tree::Pace, key(self.no, COLD).u64(self.now_ms).u32(chat.0), &[])?;
        forget(tx, self.no, COLD, self.now_ms.saturating_sub(DAY_MS))
    }
}
