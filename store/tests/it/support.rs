//! Stores to test, and the things to put into them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wasup_store::engine::{Engine, Fault, FaultyEngine, MemoryEngine, Walk};
use wasup_store::id::{AccountNo, EndpointId, MessageId, Millis};
use wasup_store::jid::Jid;
use wasup_store::keyring::{Keyring, MasterKey};
use wasup_store::records::{
    AccountRecord, AccountSettings, AccountSource, Content, Desired, EndpointRecord, Lane, Participant,
};
use wasup_store::repo::account::{self, NewAccount};
use wasup_store::repo::inbound::{self, InboundBatch, InboundOutcome, NewInbound};
use wasup_store::repo::send::{self, Accepted, NewSend};
use wasup_store::repo::{counters, endpoint, schema};
use wasup_store::{Clock, Durability, OpenError, ReadTx, Store, StoreError, Tree, WriteTx};

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

/// Set where a test runs over an encrypted store; see [`crate::encrypted`].
pub(crate) const ENCRYPTED: &str = "WASUP_STORE_TESTS_ENCRYPTED";

/// The key of the stores under test, where they are encrypted.
pub(crate) fn key() -> Option<MasterKey> {
    std::env::var_os(ENCRYPTED).map(|_| master_key(1))
}

pub(crate) fn master_key(first: u8) -> MasterKey {
    MasterKey::new(std::array::from_fn(|at| first.wrapping_add(u8::try_from(at).unwrap())))
}

/// The store in a folder.
pub(crate) fn open(folder: &Path, cache: u64) -> Result<Store, OpenError> {
    Store::open_with(folder, cache, key().as_ref())
}

pub(crate) fn over(engine: &Arc<impl Engine>) -> Store {
    over_dyn(Arc::clone(engine) as _)
}

pub(crate) fn over_dyn(engine: Arc<dyn Engine>) -> Store {
    Store::over_with(engine, clock(), Path::new("test"), key().as_ref()).unwrap()
}

/// What opens the rows of an engine.
pub(crate) fn keyring(engine: &dyn Engine) -> Keyring {
    schema::unlock(engine, Path::new("test"), key().as_ref()).unwrap()
}

pub(crate) fn memory() -> (Store, Arc<MemoryEngine>) {
    let engine = Arc::new(MemoryEngine::default());
    (over(&engine), engine)
}

pub(crate) fn faulty(fault: Fault) -> (Store, Arc<FaultyEngine>) {
    let engine = Arc::new(FaultyEngine::new(fault));
    (over(&engine), engine)
}

/// Every row there is, its value opened.
pub(crate) type Rows = BTreeMap<(Tree, Vec<u8>), Vec<u8>>;

pub(crate) fn rows(engine: &dyn Engine) -> Rows {
    let mut all = Rows::new();
    let keyring = keyring(engine);
    for tree in Tree::ALL {
        for (key, mut value) in engine.range(*tree, &[], None, Walk::Up, usize::MAX).unwrap() {
            if *tree != Tree::Chunk {
                value = keyring.open(*tree, &key, value).unwrap();
            }
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
        note: None,
        settings: AccountSettings::default(),
        source: AccountSource::Api,
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
    let record = EndpointRecord::new(EndpointId::new(NOW, id), no, "http://127.0.0.1:1/".into(), vec![7; 32], NOW);
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
    Content::text(body)
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
        context: None,
        secret: None,
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
        context: None,
        secret: None,
        lane: Lane::Interactive,
        provider_id: format!("3EB0AAAA{n:012X}"),
        rand: n,
        now_ms: NOW + n,
        client_message_id: None,
        idempotency: None,
        outbox_max: 1_000,
        run: None,
    }
}

pub(crate) async fn accept(store: &Store, new: NewSend) -> Accepted {
    store.write(Durability::Durable, move |tx| send::accept(tx, &new)).await.unwrap()
}

pub(crate) async fn depth(store: &Store, no: AccountNo) -> u64 {
    read(store, |tx| counters::account(tx, no)).await.outbox_depth()
}
