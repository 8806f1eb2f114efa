//! Stores to test, and the things to put into them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wasup_store::engine::{Engine, Fault, FaultyEngine, MemoryEngine, Walk};
use wasup_store::id::{AccountNo, EndpointId, MessageId, Millis};
use wasup_store::jid::Jid;
use wasup_store::records::{AccountRecord, Content, Desired, EndpointRecord, Lane, Participant};
use wasup_store::repo::account::{self, NewAccount};
use wasup_store::repo::inbound::{self, InboundBatch, InboundOutcome, NewInbound};
use wasup_store::repo::send::{self, Accepted, NewSend};
use wasup_store::repo::{counters, endpoint};
use wasup_store::{Clock, Durability, ReadTx, Store, StoreError, Tree, WriteTx};

/// The moment at which every test happens.
pub(crate) const NOW: Millis = 1_800_000_000_000;

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub(crate) struct StoppedClock(pub(crate) AtomicU64);

impl Clock for StoppedClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

pub(crate) fn clock() -> Arc<StoppedClock> {
    Arc::new(StoppedClock(AtomicU64::new(NOW)))
}

pub(crate) fn over(engine: &Arc<impl Engine>) -> Store {
    let engine: Arc<dyn Engine> = Arc::clone(engine) as _;
    Store::over(engine, clock(), Path::new("test")).unwrap()
}

pub(crate) fn memory() -> (Store, Arc<MemoryEngine>) {
    let engine = Arc::new(MemoryEngine::default());
    (over(&engine), engine)
}

pub(crate) fn faulty(fault: Fault) -> (Store, Arc<FaultyEngine>) {
    let engine = Arc::new(FaultyEngine::new(fault));
    (over(&engine), engine)
}

/// Every row there is.
pub(crate) type Rows = BTreeMap<(Tree, Vec<u8>), Vec<u8>>;

pub(crate) fn rows(engine: &dyn Engine) -> Rows {
    let mut all = Rows::new();
    for tree in Tree::ALL {
        for (key, value) in engine.range(*tree, &[], None, Walk::Up, usize::MAX).unwrap() {
            all.insert((*tree, key.to_vec()), value.to_vec());
        }
    }
    all
}

/// A durable write.
pub(crate) async fn write<T: Send + 'static>(
    store: &Store,
    f: impl Fn(&mut WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
) -> T {
    store.write(Durability::Durable, f).await.unwrap()
}

pub(crate) async fn read<T>(store: &Store, f: impl FnOnce(&ReadTx<'_>) -> Result<T, StoreError>) -> T {
    store.read(f).await.unwrap()
}

pub(crate) fn new_account(id: &str) -> NewAccount {
    NewAccount {
        id: id.parse().unwrap(),
        tenant: wasup_store::id::DEFAULT_TENANT,
        name: String::new(),
        desired: Desired::Running,
        default_region: None,
        autostart: true,
        metadata: None,
        now_ms: NOW,
    }
}

/// An account with an owner.
pub(crate) async fn owned(store: &Store, id: &str) -> AccountRecord {
    let new = new_account(id);
    let made = store.write(Durability::Durable, move |tx| account::create(tx, &new)).await.unwrap();
    write(store, move |tx| account::take_over(tx, &made.id)).await.unwrap()
}

pub(crate) async fn hook(store: &Store, no: AccountNo, id: u64) -> EndpointRecord {
    let record = EndpointRecord {
        id: EndpointId::new(NOW, id),
        tenant: wasup_store::id::DEFAULT_TENANT,
        account: no,
        url: "http://127.0.0.1:1/".into(),
        secret: vec![7; 32],
        events: Vec::new(),
        enabled: true,
        disabled_reason: None,
        created_ms: NOW,
    };
    let put = record.clone();
    write(store, move |tx| endpoint::put(tx, &put, NOW)).await;
    record
}

/// A human known by phone number only.
pub(crate) fn phone(digits: u64) -> Participant {
    Participant { jid: Jid::phone(&digits.to_string()), phone: Some(digits.to_string()), lid: None }
}

/// A human known by LID only.
pub(crate) fn lid(number: u64) -> Participant {
    let jid: Jid = format!("{number}@lid").parse().unwrap();
    Participant { jid: jid.clone(), phone: None, lid: Some(jid) }
}

/// A human known by both.
pub(crate) fn both(number: u64, digits: u64) -> Participant {
    Participant { phone: Some(digits.to_string()), ..lid(number) }
}

pub(crate) fn group(number: u64) -> Participant {
    Participant { jid: format!("{number}@g.us").parse().unwrap(), phone: None, lid: None }
}

pub(crate) fn text(body: impl Into<String>) -> Content {
    Content::Text { body: body.into() }
}

/// The `n`-th message from a human in the chat with them.
pub(crate) fn arrived(n: u64, from: &Participant) -> NewInbound {
    NewInbound {
        provider_id: format!("3EB0{n:016X}"),
        chat: from.clone(),
        sender: Some(from.clone()),
        from_me: false,
        group: false,
        ts_ms: NOW - 60_000 + n,
        rand: n,
        content: text(format!("message {n}")),
        push_name: Some("Someone".into()),
    }
}

pub(crate) fn batch(of: &AccountRecord, messages: Vec<NewInbound>) -> InboundBatch {
    InboundBatch { no: of.no, epoch: of.epoch, now_ms: NOW, messages }
}

pub(crate) async fn receive(store: &Store, of: &AccountRecord, messages: Vec<NewInbound>) -> Vec<InboundOutcome> {
    let batch = batch(of, messages);
    write(store, move |tx| inbound::commit(tx, &batch)).await
}

pub(crate) fn stored(outcome: &InboundOutcome) -> MessageId {
    match outcome {
        InboundOutcome::Stored(id) => *id,
        other => panic!("not stored as new: {other:?}"),
    }
}

pub(crate) fn new_send(no: AccountNo, n: u64, to: &Participant) -> NewSend {
    NewSend {
        no,
        chat: to.clone(),
        content: text(format!("send {n}")),
        lane: Lane::Interactive,
        provider_id: format!("3EB0AAAA{n:012X}"),
        rand: n,
        now_ms: NOW + n,
        client_message_id: None,
        idempotency: None,
        outbox_max: 1_000,
    }
}

pub(crate) async fn accept(store: &Store, new: NewSend) -> Accepted {
    store.write(Durability::Durable, move |tx| send::accept(tx, &new)).await.unwrap()
}

pub(crate) async fn depth(store: &Store, no: AccountNo) -> u64 {
    read(store, |tx| counters::account(tx, no)).await.outbox_depth()
}
