//! Sends that are held: they stand in nobody's way, and go on when the other side writes or when they may.
//!
//! `msg_open` lists them. `pace`: no · 2 · person u32 → (): somebody wrote, or became known as one who wrote, while sends of
//! the account were held; theirs may go.

use super::scope::AccountScope;
use super::{chat, counters, message, outbox, pace};
use crate::id::{AccountNo, MessageId, Millis, PersonNo};
use crate::key::{Key, Parts};
use crate::records::{FailReason, MessageRecord, MessageState};
use crate::{Direction as Walk, ReadTx, StoreError, Tree, WriteTx};

/// Messages of a chat, the newest, among which held ones are looked for when the other side writes. Those before them go when
/// all go.
const LOOK_BACK: usize = 512;

fn marker(no: AccountNo) -> Key {
    Key::new().u32(no.0).u8(pace::MAY_GO)
}

/// Keeps the counter when a message goes from one state to another.
pub(super) fn count(scope: &mut AccountScope, before: MessageState, after: MessageState) {
    match (before == MessageState::Held, after == MessageState::Held) {
        (false, true) => scope.counters.held += 1,
        (true, false) => scope.counters.held = scope.counters.held.saturating_sub(1),
        _ => {}
    }
}

/// Notes that what is held for a human may go.
pub(super) fn may_go(tx: &mut WriteTx<'_>, no: AccountNo, person: PersonNo) -> Result<(), StoreError> {
    tx.put_fixed(Tree::Pace, marker(no).u32(person.0), &[])
}

/// Whether something is held for humans who wrote meanwhile.
pub(super) fn any_may_go(tx: &ReadTx<'_>, no: AccountNo) -> Result<bool, StoreError> {
    Ok(tx.first(Tree::Pace, marker(no), Walk::Forward)?.is_some())
}

/// Puts a queued send aside.
pub(super) fn hold(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    id: MessageId,
    mut record: MessageRecord,
    why: FailReason,
    now_ms: Millis,
) -> Result<(), StoreError> {
    let before = record.state;
    (record.state, record.reason) = (MessageState::Held, Some(why));
    outbox::remove(tx, scope, record.lane, id.key)?;
    count(scope, before, record.state);
    message::restate(tx, id, before, &record)?;
    message::tell_state(tx, scope, id, &record, now_ms)
}

/// Puts a held send back into its lane, under the same key and the same id of the network. Its tries and its age begin anew:
/// it did not wait for want of an answer.
pub(super) fn let_go(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    id: MessageId,
    mut record: MessageRecord,
    now_ms: Millis,
) -> Result<(), StoreError> {
    if record.state != MessageState::Held {
        return Ok(());
    }
    (record.state, record.reason) = (MessageState::Queued, None);
    (record.tries, record.times.sending_ms) = (0, None);
    outbox::insert(tx, scope, record.lane, id.key)?;
    count(scope, MessageState::Held, record.state);
    message::restate(tx, id, MessageState::Held, &record)?;
    message::tell_state(tx, scope, id, &record, now_ms)
}

/// Lets go at most `most` of what is held for humans who wrote meanwhile, each chat's in order. Answers how many, and whether
/// that was all.
pub(super) fn let_go_of_writers(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    most: usize,
    now_ms: Millis,
) -> Result<(usize, bool), StoreError> {
    let no = scope.no;
    let mut gone = 0;
    for (key, _) in tx.prefix(Tree::Pace, marker(no), Walk::Forward, most)? {
        let person = Parts(key.get(5..).unwrap_or_default()).u32().map(PersonNo);
        let person = person.ok_or_else(|| StoreError::corrupt(Tree::Pace, "a key names no human"))?;
        let mut waiting = tx.reading(|tx| held_for(tx, no, person))?;
        let rest = waiting.split_off(waiting.len().min(most - gone));
        for id in waiting {
            if let Some(record) = tx.reading(|tx| message::get(tx, id))? {
                let_go(tx, scope, id, record, now_ms)?;
                gone += 1;
            }
        }
        if !rest.is_empty() {
            break;
        }
        tx.delete(Tree::Pace, &key)?;
    }
    Ok((gone, !tx.reading(|tx| any_may_go(tx, no))?))
}

/// What is held in the chats with a human, the oldest first.
fn held_for(tx: &ReadTx<'_>, no: AccountNo, person: PersonNo) -> Result<Vec<MessageId>, StoreError> {
    let mut found = Vec::new();
    for chat in chat::of_human(tx, no, person)? {
        for key in message::newest_of_chat(tx, no, chat, LOOK_BACK)? {
            if tx.contains(Tree::MsgOpen, message::open_key(no, MessageState::Held, key))? {
                found.push(MessageId { account: no, key });
            }
        }
    }
    // Those that are not kept stand in no chat.
    for id in super::send::open_ids(tx, no, MessageState::Held, LOOK_BACK)? {
        let theirs = match message::get(tx, id)?.filter(|message| message.fleeting) {
            Some(message) => {
                chat::human(message.chat_no).map(|human| super::inbound::same_person(tx, no, human, person))
            }
            None => None,
        };
        if theirs.transpose()?.unwrap_or(false) {
            found.push(id);
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// What is held of an account, at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outlook {
    /// Sends that are held.
    pub held: u64,
    /// Some of them are for humans who wrote meanwhile.
    pub may_go: bool,
    /// When one more new chat is within the limit of a day; `None` for now.
    pub room_at_ms: Option<Millis>,
}

/// Looks at what is held; `per_day` is the account's limit of new chats.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn outlook(tx: &ReadTx<'_>, no: AccountNo, per_day: Option<u32>, now_ms: Millis) -> Result<Outlook, StoreError> {
    let held = counters::account(tx, no)?.held;
    if held == 0 {
        return Ok(Outlook::default());
    }
    let room_at_ms = match per_day {
        Some(most) => pace::ColdChats::load(tx, no, most, now_ms)?.room_at_ms(),
        None => None,
    };
    Ok(Outlook { held, may_go: any_may_go(tx, no)?, room_at_ms })
}
