//! Accounts from their creation to the last row they leave.

use wasup_store::engine::Engine;
use wasup_store::id::{AccountId, Epoch};
use wasup_store::key::Key;
use wasup_store::records::{AccountState, Desired, Identity, MessageState, Phase, Reason};
use wasup_store::repo::account::{self, CreateError};
use wasup_store::repo::delivery::{self, Finished, Verdict};
use wasup_store::repo::send::{self, Idempotency, Settlement};
use wasup_store::repo::{endpoint, inbound, message, receipt, wa};
use wasup_store::{Durability, Store, StoreError, Tree, WriteTx};

use crate::support::{
    NOW, Rows, accept, arrived, batch, both, group, hook, lid, memory, new_account, new_send, owned, phone, read,
    receive, rows, write,
};

#[tokio::test]
async fn an_id_is_taken_once_and_free_again_after_the_end() {
    let (store, _engine) = memory();
    let first = owned(&store, "a").await;
    let new = new_account("a");
    let again = store.write(Durability::Durable, move |tx| account::create(tx, &new)).await;
    assert!(matches!(again, Err(CreateError::Exists)));
    let id = first.id.clone();
    assert!(write(&store, move |tx| account::delete(tx, &id, NOW)).await);
    let second = owned(&store, "a").await;
    assert_eq!((first.no.0, second.no.0), (1, 2), "a number never comes back");
    assert!(read(&store, |tx| account::by_no(tx, first.no)).await.is_none());
    let id = "nobody".parse::<AccountId>().unwrap();
    assert!(!write(&store, move |tx| account::delete(tx, &id, NOW)).await);
}

#[tokio::test]
async fn pages_of_accounts_follow_each_other() {
    let (store, _engine) = memory();
    let long = "x".repeat(90);
    for id in ["b", "a", "a-longer", "c", &long] {
        owned(&store, id).await;
    }
    let mut found: Vec<AccountId> = Vec::new();
    loop {
        let after = found.last().cloned();
        let page = read(&store, |tx| account::list(tx, after.as_ref(), 2)).await;
        if page.is_empty() {
            break;
        }
        found.extend(page.into_iter().map(|account| account.id));
    }
    let mut texts: Vec<&str> = found.iter().map(AccountId::as_str).collect();
    texts.sort_unstable();
    assert_eq!(texts, ["a", "a-longer", "b", "c", &long]);
}

/// Every write of an owner, made by an incarnation that is not the owner any more.
async fn refused(store: &Store, no: wasup_store::id::AccountNo, epoch: Epoch) {
    let stale = |answer: Result<(), StoreError>| assert!(matches!(answer, Err(StoreError::StaleEpoch)));
    let state = AccountState::default();
    let identity = Identity { jid: phone(62).jid, lid: None, push_name: None };
    let scope = wa::WaScope { no, link: wasup_store::id::LinkNo(1), epoch };
    let batch = inbound::InboundBatch { no, epoch, now_ms: NOW, messages: vec![arrived(1, &phone(62))] };
    stale(store.write(Durability::Durable, move |tx| inbound::commit(tx, &batch).map(drop)).await);
    stale(
        store
            .write(Durability::Durable, move |tx| account::set_state(tx, no, Some(epoch), &state, NOW).map(drop))
            .await,
    );
    let identify = move |tx: &mut WriteTx<'_>| account::set_identity(tx, no, epoch, &identity, NOW).map(drop);
    stale(store.write(Durability::Durable, identify).await);
    stale(store.write(Durability::Durable, move |tx| account::log_out(tx, no, epoch, NOW).map(drop)).await);
    stale(store.write(Durability::Durable, move |tx| send::take(tx, no, epoch, NOW, 9).map(drop)).await);
    stale(store.write(Durability::Durable, move |tx| send::again(tx, no, epoch, &[], NOW).map(drop)).await);
    stale(store.write(Durability::Durable, move |tx| send::settle(tx, no, epoch, &[], NOW)).await);
    let seen = MessageState::Read;
    stale(
        store.write(Durability::Durable, move |tx| receipt::apply(tx, no, epoch, &[], seen, NOW, NOW).map(drop)).await,
    );
    stale(store.write(Durability::Durable, move |tx| wa::fence(tx, scope)).await);
}

#[tokio::test]
async fn only_the_owner_writes() {
    let (store, engine) = memory();
    let old = owned(&store, "a").await;
    let id = old.id.clone();
    let new = write(&store, move |tx| account::take_over(tx, &id)).await.unwrap();
    assert_eq!(new.epoch, Epoch(old.epoch.0 + 1));
    let before = rows(&*engine);
    refused(&store, old.no, old.epoch).await;
    let (no, epoch) = (new.no, new.epoch);
    assert_eq!(rows(&*engine), before);
    write(&store, move |tx| account::fence(tx, no, epoch)).await;
    // Neither a logout nor a deletion leaves anybody owner.
    let out = write(&store, move |tx| account::log_out(tx, no, epoch, NOW)).await.unwrap();
    refused(&store, no, epoch).await;
    let id = out.id.clone();
    write(&store, move |tx| account::delete(tx, &id, NOW)).await;
    refused(&store, no, out.epoch).await;
    refused(&store, no, Epoch(out.epoch.0 + 1)).await;
}

#[tokio::test]
async fn a_state_is_told_once() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let (no, epoch) = (account.no, account.epoch);
    let tell = |phase, since_ms, now| {
        let state = AccountState { phase, reason: Reason::Linked, since_ms, ..AccountState::default() };
        write(&store, move |tx| account::set_state(tx, no, Some(epoch), &state, now))
    };
    assert!(tell(Phase::Connected, NOW, NOW).await);
    assert!(!tell(Phase::Connected, NOW + 5, NOW + 5).await, "the same state later is the same state");
    assert!(tell(Phase::Reconnecting, 0, NOW + 9).await);
    let record = read(&store, |tx| account::by_no(tx, no)).await.unwrap();
    assert_eq!((record.state.phase, record.state.since_ms), (Phase::Reconnecting, NOW + 9));
    let id = account.id.clone();
    let stopped = write(&store, move |tx| account::set_desired(tx, &id, Desired::Stopped, NOW)).await.unwrap();
    assert_eq!(stopped.desired, Desired::Stopped);
    assert_eq!(crate::recount::check(&*engine), 0);
    assert_eq!(rows(&*engine).keys().filter(|(tree, _)| *tree == Tree::Event).count(), 2);
}

async fn purge(store: &Store, limit: usize) -> usize {
    let mut steps = 0;
    while write(store, move |tx| account::purge_step(tx, limit)).await {
        steps += 1;
        assert!(steps < 10_000, "the janitor never ends");
    }
    steps
}

#[tokio::test]
async fn a_logout_ends_the_link_and_what_waited_for_it() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let (no, epoch, link) = (account.no, account.epoch, account.link);
    let mut sends = Vec::new();
    for n in 0..7 {
        // The last one was accepted by a clock that is ahead.
        let ahead = if n == 6 { 60_000 } else { 0 };
        let new = send::NewSend { now_ms: NOW + n + ahead, ..new_send(no, n, &phone(62)) };
        sends.push(accept(&store, new).await.id);
    }
    write(&store, move |tx| send::take(tx, no, epoch, NOW, 3)).await;
    let held = sends[0];
    write(&store, move |tx| send::settle(tx, no, epoch, &[(held, Settlement::Held(463))], NOW)).await;
    let key = wa::key(wa::WaScope { no, link, epoch }, wa::WaKind::Session);
    write(&store, move |tx| (0..50_u8).try_for_each(|n| tx.put_raw(Tree::Wa, key.clone().u8(n), &vec![n; 40_000])))
        .await;
    let out = write(&store, move |tx| account::log_out(tx, no, epoch, NOW + 10)).await.unwrap();
    assert_eq!((out.link.0, out.epoch.0), (link.0 + 1, epoch.0 + 1));
    let next = wa::key(wa::WaScope { no, link: out.link, epoch: out.epoch }, wa::WaKind::Session);
    write(&store, move |tx| tx.put_raw(Tree::Wa, &next, b"the new link's")).await;
    let later = accept(&store, send::NewSend { now_ms: NOW + 60_007, ..new_send(no, 77, &phone(62)) }).await.id;
    purge(&store, 16).await;
    for id in sends {
        let record = read(&store, |tx| message::get(tx, id)).await.unwrap();
        assert_eq!(record.state, MessageState::Rejected);
        assert_eq!(record.reason, Some(wasup_store::records::FailReason::LoggedOut));
    }
    assert_eq!(read(&store, |tx| message::get(tx, later)).await.unwrap().state, MessageState::Queued);
    let left = rows(&*engine);
    assert_eq!(left.keys().filter(|(tree, _)| *tree == Tree::Wa).count(), 1);
    assert_eq!(left.keys().filter(|(tree, _)| *tree == Tree::Chunk).count(), 0);
    crate::recount::check(&*engine);
}

/// Everything an account can own so far.
async fn live(store: &Store, id: &str) {
    let account = owned(store, id).await;
    let (no, epoch) = (account.no, account.epoch);
    let own = hook(store, no, u64::from(no.0) * 10).await;
    let key = wa::key(wa::WaScope { no, link: account.link, epoch }, wa::WaKind::Session);
    write(store, move |tx| tx.put_raw(Tree::Wa, &key, &vec![1; 100_000])).await;
    for n in 0..30 {
        let mut message = arrived(n, &phone(620 + n % 3));
        if n % 2 == 0 {
            message = inbound::NewInbound { chat: group(9), group: true, ..message };
        }
        receive(store, &account, vec![message]).await;
    }
    // Two humans who turn out to be one.
    receive(store, &account, vec![arrived(40, &lid(900)), arrived(41, &both(900, 620))]).await;
    for n in 0..20 {
        let idempotency = Some(Idempotency::new(&format!("key {n}"), [1; 32], NOW + 1_000 + n));
        accept(store, send::NewSend { idempotency, ..new_send(no, n, &phone(62)) }).await;
    }
    let taken = write(store, move |tx| send::take(tx, no, epoch, NOW, 9)).await;
    let outcomes = [Settlement::Sent, Settlement::Rejected(400), Settlement::Held(463)].into_iter().cycle();
    let outcomes = taken.iter().zip(outcomes);
    let outcomes: Vec<_> = outcomes.map(|((id, _), outcome)| (*id, outcome)).collect();
    write(store, move |tx| send::settle(tx, no, epoch, &outcomes, NOW)).await;
    try_deliveries(store, own.id).await;
    // A link that ended before, not cleared yet.
    write(store, move |tx| account::log_out(tx, no, epoch, NOW)).await;
}

async fn try_deliveries(store: &Store, id: wasup_store::id::EndpointId) {
    for round in 0..5 {
        let now = NOW + round * 100;
        let claimed = write(store, move |tx| delivery::claim(tx, id, now, now + 50, 6)).await;
        let attempt = wasup_store::records::Attempt::new(now, 1, wasup_store::records::AttemptOutcome::TimedOut);
        let verdict = |n: usize| match n % 3 {
            0 => Verdict::Completed,
            1 => Verdict::RetryAt(now + 60),
            _ => Verdict::Discarded(wasup_store::records::DiscardReason::Exhausted),
        };
        let done: Vec<_> =
            claimed.iter().enumerate().map(|(n, (id, _))| Finished::new(*id, attempt.clone(), verdict(n))).collect();
        // One is left in a worker's hands.
        write(store, move |tx| delivery::finish(tx, &done[1..], now)).await;
    }
}

fn without(rows: &Rows, gone: &[&str]) -> Rows {
    // The commit's own row moves with every group, the next number with every account.
    let own = |key: &[u8]| gone.iter().any(|name| *name == String::from_utf8_lossy(key));
    rows.iter()
        .filter(|((tree, key), _)| !(*tree == Tree::Meta && own(key)))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}

#[tokio::test]
async fn a_deleted_account_leaves_its_tombstone_and_nothing_else() {
    let (store, engine) = memory();
    live(&store, "neighbour").await;
    purge(&store, 16).await;
    // It hears nothing of the neighbour: what it gives up would be told in the neighbour's log.
    let every = hook(&store, endpoint::EVERY_ACCOUNT, 1).await;
    let before = rows(&*engine);
    live(&store, "a").await;
    try_deliveries(&store, every.id).await;
    let id: AccountId = "a".parse().unwrap();
    let no = read(&store, |tx| account::get(tx, &id)).await.unwrap().no;
    let own = read(&store, |tx| endpoint::owned_by(tx, no)).await[0].id;
    let open = write(&store, move |tx| delivery::claim(tx, own, NOW + 9_000, NOW + 9_050, 3)).await;
    write(&store, move |tx| account::delete(tx, &id, NOW)).await;
    let steps = purge(&store, 16).await;
    assert!(steps > 20, "{steps} steps: it goes by little steps");
    // A worker that was out with a delivery comes home late.
    let attempt = wasup_store::records::Attempt::new(NOW, 1, wasup_store::records::AttemptOutcome::Lost);
    let late: Vec<_> =
        open.iter().map(|(id, _)| Finished::new(*id, attempt.clone(), Verdict::RetryAt(NOW + 1))).collect();
    assert!(!late.is_empty());
    write(&store, move |tx| delivery::finish(tx, &late, NOW)).await;
    let after = rows(&*engine);
    let moved = ["commit", "next_no"];
    let mut left = without(&after, &moved);
    assert!(left.remove(&(Tree::AccountNo, Key::new().u32(no.0).into_vec())).is_some(), "the tombstone stays");
    // What the shared endpoint has counted of its deliveries stays counted; its neighbour's deliveries went on.
    let shared = |rows: &Rows| {
        let mut rows = without(rows, &moved);
        rows.retain(|(tree, key), _| {
            let of_shared = key.windows(16).any(|part| part == every.id.to_bytes());
            !(of_shared
                && matches!(
                    tree,
                    Tree::Meta | Tree::Due | Tree::Delivery | Tree::DeliveryTodo | Tree::DeliveryBad | Tree::Attempt
                ))
        });
        rows
    };
    assert_eq!(shared(&left), shared(&before));
    for tree in [Tree::Delivery, Tree::DeliveryTodo, Tree::DeliveryBad, Tree::Attempt] {
        let positions: Vec<u64> = left.keys().filter(|(t, _)| *t == tree).map(|(_, key)| position(tree, key)).collect();
        assert!(
            positions.iter().all(|position| *position <= events(&before)),
            "{tree:?} holds deliveries of the deleted"
        );
    }
    write(&store, |tx| account::purge_step(tx, 16)).await;
}

fn position(tree: Tree, key: &[u8]) -> u64 {
    let at = if matches!(tree, Tree::Delivery | Tree::Attempt) { 16 } else { 24 };
    u64::from_be_bytes(key[at..at + 8].try_into().unwrap())
}

fn events(rows: &Rows) -> u64 {
    let last = rows.keys().rfind(|(tree, _)| *tree == Tree::Event);
    last.map_or(0, |(_, key)| u64::from_be_bytes(key[..8].try_into().unwrap()))
}

#[tokio::test]
async fn a_step_stays_small() {
    let (store, engine) = memory();
    hook(&store, endpoint::EVERY_ACCOUNT, 1).await;
    let account = owned(&store, "a").await;
    for n in 0..8 {
        let messages = (0..32).map(|m| arrived(n * 32 + m, &phone(62))).collect();
        let batch = batch(&account, messages);
        write(&store, move |tx| inbound::commit(tx, &batch)).await;
    }
    let id = account.id.clone();
    write(&store, move |tx| account::delete(tx, &id, NOW)).await;
    let mut most = 0;
    loop {
        let before = store.stats().rows;
        if !write(&store, |tx| account::purge_step(tx, 100)).await {
            break;
        }
        most = most.max(store.stats().rows - before);
    }
    assert!(most <= 140, "a step of 100 rows changed {most}");
    assert!(engine.range(Tree::Event, &[], None, wasup_store::engine::Walk::Up, 1).unwrap().is_empty());
}
