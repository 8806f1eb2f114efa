//! The whole ledger checked against itself: every index, counter and queue made again from the records.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde::de::DeserializeOwned;
use wasup_store::Tree;
use wasup_store::engine::{Engine, Walk};
use wasup_store::envelope;
use wasup_store::id::{AccountNo, ChatNo, DeliveryId, EndpointId, MessageId, Position};
use wasup_store::jid::JidKind;
use wasup_store::key::{Key, Parts};
use wasup_store::records::{
    AccountCounters, Content, DeliveryRecord, DeliveryState, Direction, EndpointCounters, EndpointRecord, EventRecord,
    MessageRecord, MessageState,
};

type KeySet = BTreeSet<Vec<u8>>;

fn all(engine: &dyn Engine, tree: Tree) -> Vec<(Bytes, Bytes)> {
    let keyring = crate::support::keyring(engine);
    let open = |(key, value): (Bytes, Bytes)| {
        let value = keyring.open(tree, &key, value).unwrap();
        (key, value)
    };
    engine.range(tree, &[], None, Walk::Up, usize::MAX).unwrap().into_iter().map(open).collect()
}

fn records<T: DeserializeOwned>(engine: &dyn Engine, tree: Tree) -> Vec<(Bytes, T)> {
    let row = |(key, value): (Bytes, Bytes)| (key, envelope::open_record(tree, &value).unwrap());
    all(engine, tree).into_iter().map(row).collect()
}

fn keys(engine: &dyn Engine, tree: Tree) -> KeySet {
    all(engine, tree).into_iter().map(|(key, _)| key.to_vec()).collect()
}

fn counters<T: DeserializeOwned>(engine: &dyn Engine, prefix: &[u8]) -> BTreeMap<Vec<u8>, T> {
    let mine = all(engine, Tree::Meta).into_iter().filter(|(key, _)| key.starts_with(prefix));
    mine.map(|(key, value)| (key[prefix.len()..].to_vec(), envelope::open_record(Tree::Meta, &value).unwrap()))
        .collect()
}

/// Panics where anything disagrees. Answers the number of messages.
pub(crate) fn check(engine: &dyn Engine) -> usize {
    let messages: Vec<(MessageId, MessageRecord)> = records(engine, Tree::Msg)
        .into_iter()
        .map(|(key, record)| (MessageId::from_bytes(&key).unwrap(), record))
        .collect();
    indexes(engine, &messages);
    account_counters(engine, &messages);
    events(engine);
    deliveries(engine);
    messages.len()
}

fn indexes(engine: &dyn Engine, messages: &[(MessageId, MessageRecord)]) {
    let (mut by_chat, mut by_wid, mut by_sender) = (KeySet::new(), BTreeMap::new(), KeySet::new());
    let (mut open, mut outbox) = (KeySet::new(), KeySet::new());
    let mut newest: BTreeMap<(AccountNo, ChatNo), u64> = BTreeMap::new();
    for (id, message) in messages {
        let (no, key) = (id.account.0, id.key.to_bytes());
        let sender = message.sender_no.unwrap_or_default();
        by_chat.insert(Key::new().u32(no).u32(message.chat_no.0).bytes(&key).into_vec());
        let wid = Key::new().u32(no).wire(message.provider_id.as_bytes()).u32(message.chat_no.0).u32(sender.0);
        by_wid.insert(wid.into_vec(), key.to_vec());
        if message.chat.jid.kind() == JidKind::Group && sender.0 != 0 {
            by_sender.insert(Key::new().u32(no).u32(sender.0).bytes(&key).into_vec());
        }
        if message.state.is_open() {
            open.insert(Key::new().u32(no).u8(message.state as u8).bytes(&key).into_vec());
        }
        if matches!(message.state, MessageState::Queued | MessageState::Sending) {
            outbox.insert(Key::new().u32(no).u8(message.lane as u8).bytes(&key).into_vec());
        }
        let last = newest.entry((id.account, message.chat_no)).or_default();
        *last = (*last).max(id.key.ts_ms);
    }
    assert_eq!(keys(engine, Tree::MsgChat), by_chat);
    assert_eq!(keys(engine, Tree::MsgNum), by_sender);
    assert_eq!(keys(engine, Tree::MsgOpen), open);
    assert_eq!(keys(engine, Tree::Outbox), outbox);
    let wid = all(engine, Tree::MsgWid).into_iter().map(|(key, value)| (key.to_vec(), value[2..].to_vec()));
    assert_eq!(wid.collect::<BTreeMap<_, _>>(), by_wid);
    let recent = newest.iter().map(|((no, chat), last)| Key::new().u32(no.0).u64(!last).u32(chat.0).into_vec());
    assert_eq!(keys(engine, Tree::ChatRecent), recent.collect::<KeySet>());
}

fn account_counters(engine: &dyn Engine, messages: &[(MessageId, MessageRecord)]) {
    let stored: BTreeMap<Vec<u8>, AccountCounters> = counters(engine, b"count/account/");
    for (no, stored) in stored {
        let no = AccountNo(Parts(&no).u32().unwrap());
        let mut counted = AccountCounters {
            last_chat: stored.last_chat,
            last_person: stored.last_person,
            repeats: stored.repeats,
            ..AccountCounters::default()
        };
        for (_, message) in messages.iter().filter(|(id, _)| id.account == no) {
            counted.messages += 1;
            counted.message_bytes += message.content.bytes();
            counted.received += u64::from(message.direction == Direction::Inbound);
            counted.unavailable += u64::from(message.content == Content::Unavailable);
            match message.state {
                MessageState::Queued | MessageState::Sending => *counted.lane(message.lane) += 1,
                MessageState::Rejected | MessageState::Failed | MessageState::Cancelled => counted.unsent += 1,
                MessageState::Held => {}
                // What another device of the account wrote was never on our wire.
                _ if message.tries > 0 => counted.sent += 1,
                _ => {}
            }
        }
        let seqs = keys(engine, Tree::EventAcct).into_iter().filter(|key| key.starts_with(&no.0.to_be_bytes()));
        counted.seq.0 = seqs.max().map_or(0, |key| Parts(&key[4..]).u64().unwrap());
        assert_eq!(stored, counted, "account {no}");
    }
}

fn events(engine: &dyn Engine) {
    let events: Vec<(Bytes, EventRecord)> = records(engine, Tree::Event);
    let mut by_account: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    for (at, (key, event)) in events.iter().enumerate() {
        assert_eq!(Parts(key).u64(), Some(at as u64 + 1), "the log has a hole");
        by_account.insert(Key::new().u32(event.no.0).u64(event.seq.0).into_vec(), key.to_vec());
    }
    let stored = all(engine, Tree::EventAcct).into_iter().map(|(key, value)| (key.to_vec(), value[2..].to_vec()));
    assert_eq!(stored.collect::<BTreeMap<_, _>>(), by_account);
    let mut before = (0, 0);
    for key in by_account.keys() {
        let (no, seq) = (Parts(key).u32().unwrap(), Parts(&key[4..]).u64().unwrap());
        let expected = if no == before.0 { before.1 + 1 } else { 1 };
        assert_eq!(seq, expected, "account {no}'s sequence has a hole");
        before = (no, seq);
    }
}

fn deliveries(engine: &dyn Engine) {
    let (mut todo, mut bad) = (KeySet::new(), KeySet::new());
    let mut counted: BTreeMap<Vec<u8>, EndpointCounters> = BTreeMap::new();
    let mut first: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    for (key, delivery) in records::<DeliveryRecord>(engine, Tree::Delivery) {
        let DeliveryId { endpoint, position: Position(position) } = DeliveryId::from_bytes(&key).unwrap();
        let id = endpoint.to_bytes().to_vec();
        let counts = counted.entry(id.clone()).or_default();
        match delivery.state {
            DeliveryState::Completed => counts.completed += 1,
            DeliveryState::Discarded => {
                counts.discarded += 1;
                bad.insert(Key::new().bytes(&id).u64(delivery.ended_ms.unwrap()).u64(position).into_vec());
            }
            _ => {
                counts.pending += 1;
                todo.insert(Key::new().bytes(&id).u64(delivery.due_ms).u64(position).into_vec());
                let due = first.entry(id).or_insert(u64::MAX);
                *due = (*due).min(delivery.due_ms);
            }
        }
    }
    assert_eq!(keys(engine, Tree::DeliveryTodo), todo);
    assert_eq!(keys(engine, Tree::DeliveryBad), bad);
    let mut wakes = KeySet::new();
    for (id, stored) in counters::<EndpointCounters>(engine, b"count/endpoint/") {
        let expected = counted.remove(&id).unwrap_or_default();
        let expected =
            EndpointCounters { failed_attempts: stored.failed_attempts, wake_ms: stored.wake_ms, ..expected };
        assert_eq!(stored, expected);
        wakes.extend(stored.wake_ms.map(|at| Key::new().u8(1).u64(at).bytes(&id).into_vec()));
        if let Some(due) = first.get(&id).filter(|_| enabled(engine, &id)) {
            assert!(stored.wake_ms.is_some_and(|wake| wake <= *due), "the endpoint would wake too late");
        }
    }
    assert_eq!(keys(engine, Tree::Due), wakes);
    assert!(counted.is_empty(), "deliveries of an endpoint without counters");
}

fn enabled(engine: &dyn Engine, id: &[u8]) -> bool {
    let own = all(engine, Tree::Endpoint).into_iter().filter(|(key, _)| !key.starts_with(&[0xff; 4]));
    let mut own = own.map(|(_, value)| envelope::open_record::<EndpointRecord>(Tree::Endpoint, &value).unwrap());
    own.any(|endpoint| Some(endpoint.id) == EndpointId::from_bytes(id) && endpoint.enabled)
}
