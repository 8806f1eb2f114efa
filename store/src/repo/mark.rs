//! What people put on messages: one emoji and one vote each.
//!
//! `msg_mark`: no · message ts · rand · kind u8 · person u32 → mark; person 0 is the account itself.

use super::person;
use crate::id::{MessageId, Millis, PersonNo};
use crate::key::{Key, Parts};
use crate::records::{MarkKind, MarkRecord};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx, envelope};

/// Most marks of one kind that are kept on a message; a group has at most 1,024 members. Further ones are told as events,
/// and not kept.
pub const MAX_MARKS: usize = 1_024;

fn prefix(id: MessageId, kind: MarkKind) -> Key {
    Key::new().bytes(&id.to_bytes()).u8(kind as u8)
}

/// Whether one time is after another. The network tells whole seconds, and what we do ourselves is known to the millisecond:
/// within a second the order of arrival counts.
pub(super) const fn is_newer(at_ms: Millis, than_ms: Millis) -> bool {
    at_ms / 1_000 > than_ms / 1_000
}

/// Puts a human's mark on a message in the place of their earlier one; one without emoji and answers takes it off.
pub(super) fn put(
    tx: &mut WriteTx<'_>,
    id: MessageId,
    kind: MarkKind,
    who: Option<PersonNo>,
    mark: &MarkRecord,
) -> Result<(), StoreError> {
    let who = who.unwrap_or_default();
    let (who, absorbed) = match who {
        PersonNo(0) => (who, Vec::new()),
        _ => tx.reading(|tx| {
            let canonical = person::canonical(tx, id.account, who)?;
            Ok((canonical, person::absorbed(tx, id.account, canonical)?))
        })?,
    };
    // What they put on it before it was known that they are one human.
    let mut known = false;
    for person in std::iter::once(who).chain(absorbed) {
        let key = prefix(id, kind).u32(person.0);
        let Some(before) = tx.record::<MarkRecord>(Tree::MsgMark, &key)? else { continue };
        if is_newer(before.at_ms, mark.at_ms) {
            return Ok(());
        }
        (known, _) = (true, tx.delete(Tree::MsgMark, &key)?);
    }
    if mark.emoji.is_none() && mark.options.is_empty() {
        return Ok(());
    }
    if !known && tx.prefix(Tree::MsgMark, prefix(id, kind), Direction::Forward, MAX_MARKS)?.len() >= MAX_MARKS {
        return Ok(());
    }
    tx.put_record(Tree::MsgMark, prefix(id, kind).u32(who.0), mark)
}

/// The marks of a kind on a message, one a human, in the order of time.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn list(tx: &ReadTx<'_>, id: MessageId, kind: MarkKind) -> Result<Vec<MarkRecord>, StoreError> {
    let mut marks: Vec<(PersonNo, MarkRecord)> = Vec::new();
    for (key, value) in tx.prefix(Tree::MsgMark, prefix(id, kind), Direction::Forward, MAX_MARKS)? {
        let who = Parts(key.get(21..).unwrap_or_default()).u32().map(PersonNo);
        let who = who.ok_or_else(|| StoreError::corrupt(Tree::MsgMark, "a key names no human"))?;
        let who = if who == PersonNo(0) { who } else { person::canonical(tx, id.account, who)? };
        let mark: MarkRecord = envelope::open_record(Tree::MsgMark, &value)?;
        match marks.iter_mut().find(|(other, _)| *other == who) {
            Some((_, known)) if known.at_ms >= mark.at_ms => {}
            Some((_, known)) => *known = mark,
            None => marks.push((who, mark)),
        }
    }
    marks.sort_by_key(|(who, mark)| (mark.at_ms, who.0));
    Ok(marks.into_iter().map(|(_, mark)| mark).collect())
}
