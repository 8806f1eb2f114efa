//! Encrypted stores: everything that holds for plain ones, and what only they promise.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;
use wasup_store::engine::{Batch, Change, Engine, MemoryEngine, Walk};
use wasup_store::id::{AccountId, AccountNo, MessageId};
use wasup_store::jid::Jid;
use wasup_store::records::{EndpointRecord, Identity, Participant};
use wasup_store::repo::account::{self, NewAccount};
use wasup_store::repo::inbound::NewInbound;
use wasup_store::repo::send::{self, Idempotency, NewSend};
use wasup_store::repo::wa::{self, WaKind, WaScope};
use wasup_store::repo::{endpoint, message};
use wasup_store::{Direction, Durability, MasterKey, OpenError, Store, StoreError, Tree};

use crate::support::{
    ENCRYPTED, NOW, accept, arrived, both, clock, group, hook, master_key, new_account, new_send, owned, phone, read,
    receive, text, write,
};

/// What runs again over encrypted stores. The others look at bytes that have no values yet, or at the disk alone.
const AGAIN: [&str; 18] = [
    "accounts::",
    "budget::",
    "campaigns::",
    "conformance::",
    "crash::",
    "deliveries::",
    "durability::",
    "follow::",
    "group::",
    "inbound::",
    "jobs::",
    "lists::",
    "model::",
    "persons::",
    "receipts::",
    "retention::",
    "schedules::",
    "sends::",
];

/// Every engine's conformance, the model, the recounted ledger, kills: the same tests, in a process whose stores have a
/// key.
#[test]
fn the_same_tests_pass_over_encrypted_stores() {
    if std::env::var_os(ENCRYPTED).is_some() {
        return;
    }
    let again = Command::new(std::env::current_exe().unwrap())
        .args(AGAIN)
        .env(ENCRYPTED, "yes")
        .env("WASUP_KILL_ROUNDS", "3")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&again.stdout);
    assert!(again.status.success(), "{told}{}", String::from_utf8_lossy(&again.stderr));
    for subject in AGAIN {
        assert!(told.contains(&format!("test {subject}")), "nothing of {subject} ran");
    }
}

/// Everything that must not be readable, by what it is.
fn secrets() -> Vec<(&'static str, Vec<u8>)> {
    let texts = [
        ("a received text", "what was written to us"),
        ("a sent text", "what we have answered"),
        ("a phone number", "628111222333"),
        ("a LID", "90011122233344"),
        ("a group", "120363000111222333"),
        ("a shown name", "Siti Rahayu"),
        ("an account's id", "shop-in-bandung"),
        ("an account's name", "The Shop in Bandung"),
        ("its notes", "a note of the owner"),
        ("an endpoint's address", "hooks.example.org"),
        ("the caller's own id", "order-4711-of-siti"),
    ];
    let mut all: Vec<_> = texts.map(|(what, text)| (what, text.as_bytes().to_vec())).to_vec();
    all.push(("an endpoint's secret", SECRET.to_vec()));
    all.push(("a session", SESSION.to_vec()));
    all
}

const SECRET: &[u8] = b"whsec-of-the-endpoint-0123456789";
const SESSION: &[u8] = b"ratchet-and-root-key-of-a-session";

/// A little of everything that a gateway keeps.
async fn a_days_work(store: &Store) {
    let new = NewAccount {
        name: "The Shop in Bandung".into(),
        metadata: Some("{\"note\":\"a note of the owner\"}".into()),
        ..new_account("shop-in-bandung")
    };
    let made = store.write(Durability::Durable, move |tx| account::create(tx, &new)).await.unwrap();
    let (no, epoch) = (made.no, made.epoch);
    let human = both(90_011_122_233_344, 628_111_222_333);
    let identity =
        Identity { jid: Jid::phone("628111222333"), lid: human.lid.clone(), push_name: Some("Siti Rahayu".into()) };
    write(store, move |tx| account::set_identity(tx, no, epoch, &identity, NOW)).await;
    let endpoint = EndpointRecord {
        url: "https://hooks.example.org/wasup".into(),
        secret: SECRET.to_vec(),
        ..hook(store, no, 1).await
    };
    write(store, move |tx| endpoint::put(tx, &endpoint, NOW)).await;
    let of = |n, chat: &Participant, group| NewInbound {
        content: text("what was written to us"),
        context: None,
        secret: None,
        push_name: Some("Siti Rahayu".into()),
        chat: chat.clone(),
        group,
        ..arrived(n, &human)
    };
    let groups = group(120_363_000_111_222_333);
    receive(store, &made, vec![of(1, &human, false), of(2, &groups, true), of(3, &phone(628_111_222_333), false)])
        .await;
    let send = NewSend {
        content: text("what we have answered"),
        client_message_id: Some("order-4711-of-siti".into()),
        idempotency: Some(Idempotency::new("order-4711-of-siti", [1; 32], NOW + 1_000)),
        ..new_send(no, 1, &human)
    };
    accept(store, send).await;
    write(store, move |tx| send::take(tx, no, epoch, NOW, 9)).await;
    let rows = wa::key(WaScope { no, link: made.link, epoch }, WaKind::Session);
    let large = SESSION.repeat(4_000);
    write(store, move |tx| {
        tx.put_raw(Tree::Wa, rows.clone().personal(b"628111222333").personal(b"@s.whatsapp.net.0"), SESSION)?;
        tx.put_raw(Tree::Wa, rows.clone().personal(b"90011122233344").personal(b"@lid.0"), &large)
    })
    .await;
}

/// Which of the secrets stand somewhere in the keys and values that the engine holds.
fn readable(engine: &dyn Engine) -> BTreeSet<&'static str> {
    let mut found = BTreeSet::new();
    for tree in Tree::ALL {
        for (key, value) in engine.range(*tree, &[], None, Walk::Up, usize::MAX).unwrap() {
            for (what, secret) in secrets() {
                let holds = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret);
                if holds(&key) || holds(&value) {
                    found.insert(what);
                }
            }
        }
    }
    found
}

fn with(engine: &Arc<MemoryEngine>, key: Option<&MasterKey>) -> Result<Store, OpenError> {
    let engine: Arc<dyn Engine> = Arc::clone(engine) as _;
    Store::over_with(engine, clock(), Path::new("test"), key)
}

#[tokio::test]
async fn nothing_of_what_was_said_and_by_whom_is_readable() {
    let plain = Arc::new(MemoryEngine::default());
    a_days_work(&with(&plain, None).unwrap()).await;
    let all: BTreeSet<_> = secrets().into_iter().map(|(what, _)| what).collect();
    assert_eq!(readable(&*plain), all, "the search would not find everything that there is");
    let sealed = Arc::new(MemoryEngine::default());
    a_days_work(&with(&sealed, Some(&master_key(1))).unwrap()).await;
    assert_eq!(readable(&*sealed), BTreeSet::new());
}

#[tokio::test]
async fn the_same_days_work_is_read_back_with_the_key() {
    let (plain, sealed) = (Arc::new(MemoryEngine::default()), Arc::new(MemoryEngine::default()));
    a_days_work(&with(&plain, None).unwrap()).await;
    a_days_work(&with(&sealed, Some(&master_key(1))).unwrap()).await;
    let (plain, sealed) = (with(&plain, None).unwrap(), with(&sealed, Some(&master_key(1))).unwrap());
    for tree in Tree::ALL.iter().filter(|tree| **tree != Tree::Meta && **tree != Tree::Chunk) {
        let values = async |store: &Store| {
            let page = read(store, |tx| tx.range(*tree, &[], None, Direction::Forward, usize::MAX)).await;
            page.into_iter().map(|(_, value)| value).collect::<BTreeSet<Bytes>>()
        };
        assert!(values(&plain).await == values(&sealed).await, "{}", tree.name());
    }
    let id: AccountId = "shop-in-bandung".parse().unwrap();
    assert!(read(&sealed, |tx| account::get(tx, &id)).await.is_some());
    let of = read(&sealed, |tx| message::list(tx, AccountNo(1), Some(&phone(628_111_222_333)), None, 9)).await;
    assert_eq!(of.len(), 3, "found by the address in a veiled key");
}

/// The wrong key, none, or one too many: told apart, and not a byte is changed.
#[tokio::test]
async fn a_key_that_does_not_fit_is_refused_and_nothing_touched() {
    let (plain, sealed) = (Arc::new(MemoryEngine::default()), Arc::new(MemoryEngine::default()));
    a_days_work(&with(&plain, None).unwrap()).await;
    a_days_work(&with(&sealed, Some(&master_key(1))).unwrap()).await;
    let raw = |engine: &MemoryEngine| {
        let rows = |tree: &Tree| engine.range(*tree, &[], None, Walk::Up, usize::MAX).unwrap();
        Tree::ALL.iter().map(rows).collect::<Vec<_>>()
    };
    let before = (raw(&plain), raw(&sealed));
    assert!(matches!(with(&sealed, None), Err(OpenError::KeyMissing { .. })));
    assert!(matches!(with(&sealed, Some(&master_key(2))), Err(OpenError::WrongKey { .. })));
    assert!(matches!(with(&plain, Some(&master_key(1))), Err(OpenError::NotEncrypted { .. })));
    assert!((raw(&plain), raw(&sealed)) == before);
    assert!(with(&sealed, Some(&master_key(1))).is_ok() && with(&plain, None).is_ok());
}

#[test]
fn a_key_that_does_not_fit_leaves_the_files_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (plain, sealed) = (folder.path().join("plain"), folder.path().join("sealed"));
    drop(Store::open(&plain, 8 << 20).unwrap());
    drop(Store::open_with(&sealed, 8 << 20, Some(&master_key(1))).unwrap());
    assert!(matches!(Store::open(&sealed, 8 << 20), Err(OpenError::KeyMissing { .. })));
    let wrong = Store::open_with(&sealed, 8 << 20, Some(&master_key(2)));
    assert!(matches!(wrong, Err(OpenError::WrongKey { .. })));
    assert!(matches!(Store::open_with(&plain, 8 << 20, Some(&master_key(1))), Err(OpenError::NotEncrypted { .. })));
    drop(Store::open_with(&sealed, 8 << 20, Some(&master_key(1))).unwrap());
}

/// Every sealed row of a store, swapped with another one or bent: the reader hears of it.
#[tokio::test]
async fn a_row_that_was_moved_or_bent_below_the_store_is_refused() {
    let engine = Arc::new(MemoryEngine::default());
    let store = with(&engine, Some(&master_key(1))).unwrap();
    a_days_work(&store).await;
    let put = |tree: Tree, key: &[u8], value: Bytes| {
        let changes = vec![Change { tree, key: Box::from(key), value: Some(value) }];
        engine.apply(&Batch { changes, seen: Vec::new() }).unwrap();
    };
    let rows = |tree: Tree| engine.range(tree, &[], None, Walk::Up, usize::MAX).unwrap();
    let messages = rows(Tree::Msg);
    let (first, second) = (messages[0].clone(), messages[1].clone());
    let id = MessageId::from_bytes(&first.0).unwrap();
    let look = async || store.read(|tx| message::get(tx, id)).await;
    assert!(look().await.unwrap().is_some());
    for other in [second.1.clone(), rows(Tree::Event)[0].1.clone(), rows(Tree::Account)[0].1.clone()] {
        put(Tree::Msg, &first.0, other);
        assert!(matches!(look().await, Err(StoreError::Corrupt { tree: "msg", .. })));
    }
    for at in 0..first.1.len() {
        let mut bent = first.1.to_vec();
        bent[at] ^= 0x10;
        put(Tree::Msg, &first.0, bent.into());
        assert!(look().await.is_err(), "byte {at}");
    }
    put(Tree::Msg, &first.0, first.1.clone());
    assert!(look().await.unwrap().is_some());
    // The pieces of a large value are covered by the whole's tag.
    let large = rows(Tree::Chunk);
    assert!(large.len() > 3);
    let key = Bytes::copy_from_slice(&large[0].0[1..large[0].0.len() - 2]);
    let whole = async || store.read(|tx| tx.raw(Tree::Wa, &key)).await;
    assert!(whole().await.unwrap().is_some());
    put(Tree::Chunk, &large[1].0, large[2].1.clone());
    assert!(matches!(whole().await, Err(StoreError::Corrupt { tree: "wa", .. })));
}

/// The same value written twice is stored differently.
#[tokio::test]
async fn every_write_draws_a_nonce_of_its_own() {
    let engine = Arc::new(MemoryEngine::default());
    let store = with(&engine, Some(&master_key(1))).unwrap();
    let mut seen = BTreeSet::new();
    for _ in 0..50 {
        write(&store, |tx| (0..4_u8).try_for_each(|n| tx.put_raw(Tree::Wa, [n], b"the same"))).await;
        for (_, value) in engine.range(Tree::Wa, &[], None, Walk::Up, usize::MAX).unwrap() {
            assert!(seen.insert(value[2..26].to_vec()), "a nonce came again");
        }
    }
    assert_eq!(seen.len(), 200);
}

/// Ids in veiled keys have no order, and pages still follow each other.
#[tokio::test]
async fn accounts_are_paged_whatever_their_order() {
    let store = with(&Arc::new(MemoryEngine::default()), Some(&master_key(1))).unwrap();
    let mut made = BTreeSet::new();
    for n in 0..23 {
        made.insert(owned(&store, &format!("account-{n}")).await.id);
    }
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = read(&store, |tx| account::list(tx, after.as_ref(), 5)).await;
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        found.extend(page.into_iter().map(|account| account.id));
    }
    assert_eq!(found.len(), 23);
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), made);
}
