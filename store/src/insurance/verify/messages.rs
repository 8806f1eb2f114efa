//! Messages, their indexes, and the counters of accounts.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::check::{Check, Looked, Standing, fixed, record};
use super::finding::FindingCode;
use crate::id::{AccountNo, ChatNo, MessageId, MessageKey};
use crate::jid::JidKind;
use crate::key::{Key, Parts};
use crate::records::{AccountCounters, Content, Direction, MarkRecord, MessageRecord, MessageState};
use crate::repo::{chat, counters, message, recent};
use crate::{Tree, envelope};

/// What an account's messages add up to.
#[derive(Debug, Default)]
struct Tally {
    counters: AccountCounters,
    by_sender: u64,
    by_chat: u64,
    open: u64,
}

type Tallies = BTreeMap<u32, Tally>;

pub(super) fn check(check: &mut Check<'_>) {
    let mut tallies = Tallies::new();
    check.owned(Tree::Msg, |check, no, key, value| {
        let Some(id) = MessageId::from_bytes(key) else {
            check.fail(FindingCode::BadKey, Tree::Msg, key);
            return Ok(());
        };
        let found: MessageRecord = record(Tree::Msg, value)?;
        add(tallies.entry(no).or_default(), &found, check.schema);
        indexes(check, key, id, &found)
    });
    let of = |no: &u32, count: fn(&Tally) -> u64| tallies.get(no).map_or(0, count);
    numbered(check, Tree::MsgWid, |no| of(no, |t| t.counters.messages + t.counters.fleeting), stale_wid);
    numbered(check, Tree::MsgNum, |no| of(no, |t| t.by_sender), |_, key| message_at(key, 8));
    numbered(check, Tree::MsgOpen, |no| of(no, |t| t.open), |_, key| message_at(key, 5));
    numbered(check, Tree::Outbox, |no| of(no, |t| t.counters.outbox_depth()), |_, key| message_at(key, 5));
    let chats = by_chat(check, |no| of(no, |t| t.by_chat));
    marks(check);
    for (no, chats) in chats {
        let counters = &mut tallies.entry(no).or_default().counters;
        (counters.chats, counters.unread) = (chats.chats, chats.unread);
    }
    account_counters(check, &tallies);
}

fn add(tally: &mut Tally, found: &MessageRecord, schema: u32) {
    let counters = &mut tally.counters;
    if found.fleeting {
        counters.fleeting += 1;
    } else {
        counters.messages += 1;
        counters.message_bytes += found.content.bytes();
    }
    counters.received += u64::from(found.direction == Direction::Inbound && !found.is_imported());
    counters.unavailable += u64::from(found.content == Content::Unavailable);
    match found.state {
        MessageState::Queued | MessageState::Sending => *counters.lane(found.lane) += 1,
        MessageState::Rejected | MessageState::Failed | MessageState::Cancelled => counters.unsent += 1,
        // Before the third layout nobody counted them.
        MessageState::Held => counters.held += u64::from(schema >= 3),
        // What another device of the account wrote was never on our wire.
        _ if found.tries > 0 => counters.sent += 1,
        _ => {}
    }
    tally.by_sender += u64::from(by_sender(found));
    tally.by_chat += u64::from(message::is_listed(found));
    tally.open += u64::from(is_open(found.state, schema));
}

fn by_sender(found: &MessageRecord) -> bool {
    message::is_listed(found) && found.chat.jid.kind() == JidKind::Group && found.sender_no.unwrap_or_default().0 != 0
}

/// Whether `msg_open` lists messages in this state.
const fn is_open(state: MessageState, schema: u32) -> bool {
    // The first layout had the queued ones there, too.
    state.is_open() || (schema == 1 && matches!(state, MessageState::Queued))
}

fn indexes(check: &mut Check<'_>, row: &[u8], id: MessageId, found: &MessageRecord) -> Looked {
    let (no, key) = (id.account.0, id.key.to_bytes());
    let sender = found.sender_no.unwrap_or_default().0;
    let of = (Tree::Msg, row);
    if message::is_listed(found) {
        check.expect(of, Tree::MsgChat, &Key::new().u32(no).u32(found.chat_no.0).bytes(&key))?;
    }
    let wid = Key::new().u32(no).wire(found.provider_id.as_bytes()).u32(found.chat_no.0).u32(sender);
    check.expect_fixed(of, Tree::MsgWid, &wid, &key)?;
    if by_sender(found) {
        check.expect(of, Tree::MsgNum, &Key::new().u32(no).u32(sender).bytes(&key))?;
    }
    if is_open(found.state, check.schema) {
        check.expect(of, Tree::MsgOpen, &Key::new().u32(no).u8(found.state as u8).bytes(&key))?;
    }
    if matches!(found.state, MessageState::Queued | MessageState::Sending) {
        check.expect(of, Tree::Outbox, &Key::new().u32(no).u8(found.lane as u8).bytes(&key))?;
    }
    Ok(())
}

/// Counts an index by account; where there are more rows than records ask for, finds those that point at no message.
fn numbered(
    check: &mut Check<'_>,
    tree: Tree,
    expected: impl Fn(&u32) -> u64,
    target: impl Fn(&Bytes, &[u8]) -> Option<MessageKey>,
) {
    let mut rows: BTreeMap<u32, u64> = BTreeMap::new();
    check.owned(tree, |_, no, _, value| {
        *rows.entry(no).or_default() += 1;
        fixed(tree, value).map(|_| ())
    });
    for (no, rows) in rows {
        if rows <= expected(&no) {
            continue;
        }
        check.under(tree, &no.to_be_bytes(), |check, key, value| {
            let id = target(value, key).map(|key| MessageId { account: AccountNo(no), key });
            let found = id.map(|id| message::get(&check.tx, id)).transpose()?.flatten();
            let named = found
                .zip(id)
                .is_some_and(|(found, id)| index_keys(&found, id, tree, check.schema) == Some(key.to_vec()));
            if !named {
                check.fail(FindingCode::IndexStale, tree, key);
            }
            Ok(())
        });
    }
}

/// The key that a message has in an index, where it has one.
fn index_keys(found: &MessageRecord, id: MessageId, tree: Tree, schema: u32) -> Option<Vec<u8>> {
    let (no, key) = (Key::new().u32(id.account.0), id.key.to_bytes());
    let sender = found.sender_no.unwrap_or_default().0;
    let waits = matches!(found.state, MessageState::Queued | MessageState::Sending);
    let key = match tree {
        Tree::MsgWid => no.wire(found.provider_id.as_bytes()).u32(found.chat_no.0).u32(sender),
        Tree::MsgNum if by_sender(found) => no.u32(sender).bytes(&key),
        Tree::MsgOpen if is_open(found.state, schema) => no.u8(found.state as u8).bytes(&key),
        Tree::Outbox if waits => no.u8(found.lane as u8).bytes(&key),
        Tree::MsgChat if message::is_listed(found) => no.u32(found.chat_no.0).bytes(&key),
        _ => return None,
    };
    Some(key.into_vec())
}

fn message_at(key: &[u8], at: usize) -> Option<MessageKey> {
    MessageKey::from_bytes(key.get(at..)?)
}

fn stale_wid(value: &Bytes, _: &[u8]) -> Option<MessageKey> {
    let body = envelope::open(Tree::MsgWid, envelope::Codec::Fixed, value).ok()?;
    MessageKey::from_bytes(&body)
}

/// `msg_chat` leads to the chats that have messages, and each of those to its place in the order of recent ones.
fn by_chat(check: &mut Check<'_>, expected: impl Fn(&u32) -> u64) -> BTreeMap<u32, ChatTally> {
    let mut tallies = BTreeMap::new();
    let (mut rows, mut chats): (BTreeMap<u32, u64>, BTreeMap<u32, u64>) = Default::default();
    let mut newest: Option<(u32, u32, u64)> = None;
    check.owned(Tree::MsgChat, |check, no, key, value| {
        *rows.entry(no).or_default() += 1;
        fixed(Tree::MsgChat, value)?;
        let chat = Parts(key.get(4..).unwrap_or_default()).u32();
        let (Some(chat), Some(message)) = (chat, message_at(key, 8)) else {
            check.fail(FindingCode::BadKey, Tree::MsgChat, key);
            return Ok(());
        };
        if let Some(last) = newest.filter(|(of, at, _)| (*of, *at) != (no, chat)) {
            end_of_chat(check, last, &mut tallies)?;
        }
        if newest.is_none_or(|(of, at, _)| (of, at) != (no, chat)) {
            *chats.entry(no).or_default() += 1;
        }
        newest = Some((no, chat, message.ts_ms));
        Ok(())
    });
    if let Some(last) = newest
        && end_of_chat(check, last, &mut tallies).is_err()
    {
        check.fail(FindingCode::BadRow, Tree::MsgChat, &last.0.to_be_bytes());
    }
    for (no, rows) in rows {
        if rows > expected(&no) {
            stale_by_chat(check, no);
        }
    }
    let mut recent: BTreeMap<u32, u64> = BTreeMap::new();
    check.owned(Tree::ChatRecent, |_, no, _, value| {
        *recent.entry(no).or_default() += 1;
        fixed(Tree::ChatRecent, value).map(|_| ())
    });
    for (no, rows) in recent {
        if rows > chats.get(&no).copied().unwrap_or(0) {
            check.fail(FindingCode::IndexStale, Tree::ChatRecent, &no.to_be_bytes());
        }
    }
    tallies
}

/// What an account's chats add up to.
#[derive(Debug, Default)]
struct ChatTally {
    chats: u64,
    unread: u64,
}

fn end_of_chat(
    check: &mut Check<'_>,
    (no, at, last_ms): (u32, u32, u64),
    tallies: &mut BTreeMap<u32, ChatTally>,
) -> Looked {
    let key = Key::new().u32(no).u32(at);
    if check.schema >= 4 {
        let (account, chat) = (AccountNo(no), ChatNo(at));
        let tally = tallies.entry(no).or_default();
        tally.chats += u64::from(recent::stands_for_all(&check.tx, account, chat)?);
        let unread = recent::of_chat(&check.tx, account, chat)?.map(|(_, unread)| unread);
        tally.unread += unread.as_ref().map_or(0, recent::Unread::total);
        let wrong = match unread {
            Some(unread) => recent::recount(&check.tx, account, chat, unread.upto)? != unread.count,
            None => false,
        };
        if wrong {
            check.fail(FindingCode::CounterWrong, Tree::ChatRecent, key.as_slice());
        }
    }
    if chat::get(&check.tx, AccountNo(no), ChatNo(at))?.is_none() {
        check.fail(FindingCode::Dangling, Tree::MsgChat, key.as_slice());
    }
    check.expect((Tree::MsgChat, key.as_slice()), Tree::ChatRecent, &Key::new().u32(no).u64(!last_ms).u32(at))
}

fn stale_by_chat(check: &mut Check<'_>, no: u32) {
    check.under(Tree::MsgChat, &no.to_be_bytes(), |check, key, _| {
        let id = message_at(key, 8).map(|key| MessageId { account: AccountNo(no), key });
        let found = id.map(|id| message::get(&check.tx, id)).transpose()?.flatten();
        if found
            .zip(id)
            .is_none_or(|(found, id)| index_keys(&found, id, Tree::MsgChat, check.schema) != Some(key.to_vec()))
        {
            check.fail(FindingCode::IndexStale, Tree::MsgChat, key);
        }
        Ok(())
    });
}

/// Each mark is on a message, and of a kind that is known.
fn marks(check: &mut Check<'_>) {
    check.owned(Tree::MsgMark, |check, no, key, value| {
        record::<MarkRecord>(Tree::MsgMark, value)?;
        let (message, rest) = (key.get(4..20).and_then(MessageKey::from_bytes), key.get(20..).unwrap_or_default());
        let known = matches!(rest.first(), Some(&1 | &2)) && rest.len() == 5;
        let Some(key_of) = message.filter(|_| known) else {
            check.fail(FindingCode::BadKey, Tree::MsgMark, key);
            return Ok(());
        };
        let id = MessageId { account: AccountNo(no), key: key_of };
        if !check.tx.contains(Tree::Msg, Key::new().bytes(&id.to_bytes()))? {
            check.fail(FindingCode::Dangling, Tree::MsgMark, key);
        }
        Ok(())
    });
}

fn account_counters(check: &mut Check<'_>, tallies: &Tallies) {
    let live: Vec<u32> =
        check.accounts.iter().filter(|(_, s)| matches!(s, Standing::Live(_))).map(|(no, _)| *no).collect();
    for no in live {
        let Ok(stored) = counters::account(&check.tx, AccountNo(no)) else {
            check.fail(FindingCode::BadRow, Tree::Meta, &no.to_be_bytes());
            continue;
        };
        // These only ever grow, and nothing but the counter knows them.
        let counted = AccountCounters {
            seq: stored.seq,
            last_chat: stored.last_chat,
            last_person: stored.last_person,
            repeats: stored.repeats,
            gone: stored.gone,
            this_hour: stored.this_hour,
            ..tallies.get(&no).map(|tally| tally.counters).unwrap_or_default()
        };
        let counted = with_gone(counted);
        if stored != counted {
            check.fail(FindingCode::CounterWrong, Tree::Msg, &no.to_be_bytes());
        }
    }
}

/// Together with what the counters hold of messages that are not kept any more.
const fn with_gone(kept: AccountCounters) -> AccountCounters {
    AccountCounters {
        received: kept.received + kept.gone.received,
        unavailable: kept.unavailable + kept.gone.unavailable,
        sent: kept.sent + kept.gone.sent,
        unsent: kept.unsent + kept.gone.unsent,
        ..kept
    }
}
