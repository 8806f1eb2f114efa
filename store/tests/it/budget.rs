//! The row budget of ledger section 4: what a message costs, counted in rows that the engine really changed. Left out are
//! the rows that a group writes once for all its jobs, up to 256: its own (number, time, newest position) and, where
//! messages are counted, their tenant's counters.

use std::collections::BTreeMap;

use wasup_store::id::DEFAULT_TENANT;
use wasup_store::records::{AccountRecord, Attempt, AttemptOutcome, Content, EndpointRecord, Target};
use wasup_store::repo::counters;
use wasup_store::repo::delivery::{self, Finished, Verdict};
use wasup_store::repo::inbound::NewInbound;
use wasup_store::repo::send::{self, Idempotency, Settlement};
use wasup_store::{Durability, Store, Tree};

use crate::support::{
    NOW, Rows, accept, arrived, both, group, hook, memory, new_send, owned, phone, read, receive, rows, write,
};

/// Rows that a step changed, without those of its groups.
async fn cost<T>(store: &Store, step: impl Future<Output = T>) -> (u64, T) {
    let tenant = async || read(store, |tx| counters::tenant(tx, DEFAULT_TENANT)).await;
    let (before, counted) = (store.stats(), tenant().await);
    let answer = step.await;
    let after = store.stats();
    let groups = after.groups - before.groups;
    assert!(groups <= 1, "a step is one group here");
    let shared = groups + u64::from(tenant().await != counted);
    (after.rows - before.rows - shared, answer)
}

async fn claim(store: &Store, endpoint: &EndpointRecord) -> Vec<Finished> {
    let id = endpoint.id;
    let claimed = store.write(Durability::Relaxed, move |tx| delivery::claim(tx, id, NOW, NOW + 60_000, 99)).await;
    let claimed: Result<Vec<_>, wasup_store::StoreError> = claimed;
    let attempt = Attempt::new(NOW, 1, AttemptOutcome::Answered { status: 200 });
    claimed.unwrap().iter().map(|(id, _)| Finished::new(*id, attempt.clone(), Verdict::Completed)).collect()
}

async fn finish(store: &Store, finished: Vec<Finished>) {
    write(store, move |tx| delivery::finish(tx, &finished, NOW)).await;
}

async fn received(store: &Store, account: &AccountRecord, message: NewInbound) -> u64 {
    cost(store, receive(store, account, vec![message])).await.0
}

#[tokio::test]
async fn a_received_message_costs_at_most_fourteen_rows() {
    let (store, _engine) = memory();
    let account = owned(&store, "a").await;
    let endpoint = hook(&store, account.no, 1).await;
    let in_group = |n| NewInbound { chat: group(7), group: true, ..arrived(n, &phone(62)) };
    let mut costs = Vec::new();
    costs.push(("first of a human known by phone", received(&store, &account, arrived(1, &phone(62))).await));
    let done = claim(&store, &endpoint).await;
    costs.push(("one more while a delivery is out", received(&store, &account, arrived(2, &phone(62))).await));
    finish(&store, done).await;
    let done = claim(&store, &endpoint).await;
    finish(&store, done).await;
    costs.push(("the ordinary one", received(&store, &account, arrived(3, &phone(62))).await));
    costs.push(("with its endpoint behind", received(&store, &account, arrived(4, &phone(62))).await));
    let done = claim(&store, &endpoint).await;
    finish(&store, done).await;
    costs.push(("first of a human known by both", received(&store, &account, arrived(5, &both(99, 63))).await));
    costs.push(("first of a group", received(&store, &account, in_group(6)).await));
    let done = claim(&store, &endpoint).await;
    costs.push(("in a group while a delivery is out", received(&store, &account, in_group(7)).await));
    finish(&store, done).await;
    let target =
        Target { provider_id: arrived(6, &phone(62)).provider_id, from_me: false, sender: None, message: None };
    let emoji = Content::Reaction { target, emoji: Some("👍".into()) };
    costs.push(("a reaction", received(&store, &account, NewInbound { content: emoji, ..in_group(8) }).await));
    println!("rows of a received message: {costs:?}");
    assert!(costs.iter().all(|(_, cost)| *cost <= 14), "{costs:?}");
    assert!(costs[2].1 <= 12, "the ordinary message became dearer: {costs:?}");
    assert_eq!(received(&store, &account, arrived(3, &phone(62))).await, 1, "a repeat is only counted");
}

#[tokio::test]
async fn a_delivery_costs_at_most_four_rows() {
    let (store, _engine) = memory();
    let account = owned(&store, "a").await;
    let endpoint = hook(&store, account.no, 1).await;
    receive(&store, &account, vec![arrived(1, &phone(62)), arrived(2, &phone(62))]).await;
    let mut done = claim(&store, &endpoint).await;
    let last = done.split_off(1);
    let (first, ()) = cost(&store, finish(&store, done)).await;
    let (last, ()) = cost(&store, finish(&store, last)).await;
    println!("rows of a delivery: {first}, the last one {last}");
    assert!(first <= 4 && last <= 4, "{first} {last}");
}

#[tokio::test]
async fn an_accepted_send_costs_at_most_twelve_rows() {
    let (store, _engine) = memory();
    let account = owned(&store, "a").await;
    let (no, epoch) = (account.no, account.epoch);
    hook(&store, no, 1).await;
    let with_key = |n| {
        let idempotency = Some(Idempotency::new(&format!("key {n}"), [1; 32], NOW + 1_000));
        send::NewSend { idempotency, ..new_send(no, n, &phone(62)) }
    };
    let (first, _) = cost(&store, accept(&store, with_key(1))).await;
    let (ordinary, _) = cost(&store, accept(&store, with_key(2))).await;
    let (bare, sent) = cost(&store, accept(&store, new_send(no, 3, &phone(62)))).await;
    let (taken, _) = cost(&store, write(&store, move |tx| send::take(tx, no, epoch, NOW, 9))).await;
    let outcome = [(sent.id, Settlement::Sent)];
    let (settled, ()) = cost(&store, write(&store, move |tx| send::settle(tx, no, epoch, &outcome, NOW))).await;
    println!(
        "rows of a send: accepted {ordinary}, without a key {bare}, in a new chat {first}; three taken {taken}; sent {settled}"
    );
    assert!(bare < ordinary && ordinary <= 12, "{ordinary} {bare}");
    assert!(first <= 12, "a new human: {first}");
    assert!(taken <= 3 * 3 && settled <= 11, "{taken} {settled}");
}

fn per_tree(rows: &Rows) -> BTreeMap<&'static str, usize> {
    let mut count = BTreeMap::new();
    for (tree, _) in rows.keys() {
        *count.entry(Tree::name(*tree)).or_insert(0) += 1;
    }
    count
}

#[tokio::test]
async fn a_message_at_rest_is_at_most_eight_rows() {
    const MORE: u64 = 100;
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let endpoint = hook(&store, account.no, 1).await;
    let mut counts = Vec::new();
    for n in 0..=MORE {
        let message = NewInbound { chat: group(7), group: true, ..arrived(n, &phone(62)) };
        receive(&store, &account, vec![message]).await;
        let done = claim(&store, &endpoint).await;
        finish(&store, done).await;
        if n == 0 || n == MORE {
            counts.push(rows(&*engine));
        }
    }
    let more = counts[1].len() - counts[0].len();
    println!("at rest: {:.2} rows a message of a group; {:?}", more as f64 / MORE as f64, per_tree(&counts[1]));
    assert!(more as u64 <= 8 * MORE);
    crate::recount::check(&*engine);
}
