//! Chats that are being cleared or deleted. They may have more messages than one commit takes, so what is wanted stands in
//! the store until the last of them is gone: who comes after a crash goes on with it.
//!
//! `due`: 8 · when it was wanted · no u32 · chat u32 · up to which message 16 · whole u8 → ().

use super::due::{self, DueKind};
use super::scope::AccountScope;
use super::{chat, chat_marks, forget};
use crate::id::{AccountNo, ChatNo, MessageId, MessageKey, Millis};
use crate::key::{Key, Parts};
use crate::records::ChatSettings;
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx};

/// Messages forgotten in one commit; each changes about eight rows.
const AT_ONCE: usize = 128;

/// A chat that is to lose its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clearing {
    /// The account.
    pub no: AccountNo,
    /// The chat, with those merged with it.
    pub chat: ChatNo,
    /// The newest message that goes.
    pub upto: MessageKey,
    /// The chat is deleted: what was set for it goes, too, and an event tells it at the end.
    pub whole: bool,
    /// When it was wanted.
    pub since_ms: Millis,
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cleared {
    /// Messages that are gone.
    pub gone: u64,
    /// Behind which message to go on; `None` at the end.
    pub next: Option<MessageKey>,
}

impl Clearing {
    fn id(&self) -> Vec<u8> {
        let key = Key::new().u32(self.no.0).u32(self.chat.0).bytes(&self.upto.to_bytes()).u8(u8::from(self.whole));
        key.into_vec()
    }

    /// The one that a key of `due` stands for.
    pub(crate) fn from_key(key: &[u8]) -> Option<Self> {
        let mut parts = Parts(key);
        parts.u8().filter(|kind| *kind == DueKind::Clear as u8)?;
        let since_ms = parts.u64()?;
        let (no, chat) = (AccountNo(parts.u32()?), ChatNo(parts.u32()?));
        let upto = parts.take(16).and_then(MessageKey::from_bytes)?;
        let whole = parts.u8()? == 1;
        parts.rest().is_empty().then_some(Self { no, chat, upto, whole, since_ms })
    }
}

/// One that was begun and has not come to its end, the oldest first.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn first(tx: &ReadTx<'_>) -> Result<Option<Clearing>, StoreError> {
    let row = tx.first(Tree::Due, Key::new().u8(DueKind::Clear as u8), Direction::Forward)?;
    let bad = || StoreError::corrupt(Tree::Due, "a key names no chat");
    row.map(|(key, _)| Clearing::from_key(&key).ok_or_else(bad)).transpose()
}

/// Notes what is wanted, and does as much of it as goes into this commit.
///
/// # Errors
/// [`StoreError::StaleEpoch`] where there is no such account.
pub fn begin(tx: &mut WriteTx<'_>, wanted: &Clearing) -> Result<Cleared, StoreError> {
    due::reset(tx, DueKind::Clear, &wanted.id(), None, Some(wanted.since_ms))?;
    step(tx, wanted, MessageKey::new(0, 0), wanted.since_ms)
}

/// Goes on behind a message; nothing where somebody else came to the end meanwhile. Sends that are not settled stay.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn step(tx: &mut WriteTx<'_>, wanted: &Clearing, after: MessageKey, now_ms: Millis) -> Result<Cleared, StoreError> {
    if !tx.contains(Tree::Due, due::key(DueKind::Clear, wanted.since_ms, &wanted.id()))? {
        return Ok(Cleared::default());
    }
    let mut scope = match AccountScope::open(tx, wanted.no) {
        Err(StoreError::StaleEpoch) => {
            // The account went, and everything of it goes.
            end(tx, wanted)?;
            return Ok(Cleared::default());
        }
        scope => scope?,
    };
    let range = (after, wanted.upto);
    let ids = tx.reading(|tx| forget::oldest_of_chat(tx, wanted.no, wanted.chat, range, AT_ONCE))?;
    let mut cleared = Cleared::default();
    for id in &ids {
        cleared.gone += u64::from(forget::message(tx, &mut scope, *id)?);
    }
    cleared.next = ids.last().filter(|_| ids.len() == AT_ONCE).map(|last: &MessageId| last.key);
    if cleared.next.is_none() {
        end(tx, wanted)?;
        if wanted.whole {
            for one in tx.reading(|tx| chat::siblings(tx, wanted.no, wanted.chat))? {
                chat::change(tx, wanted.no, one, |record| record.settings = ChatSettings::default())?;
            }
            chat_marks::tell(tx, &mut scope, wanted.chat, true, now_ms)?;
        }
    }
    scope.close(tx)?;
    Ok(cleared)
}

fn end(tx: &mut WriteTx<'_>, wanted: &Clearing) -> Result<(), StoreError> {
    due::reset(tx, DueKind::Clear, &wanted.id(), Some(wanted.since_ms), None)
}
