//! Who asks is carried by the commit: kept with what it leaves behind, and held to their own tenant.

use wasup_store::id::{DEFAULT_TENANT, Position, TenantNo};
use wasup_store::records::{Act, Author, ClockEvent, Desired, EndpointRecord, EventKind, Off, Who};
use wasup_store::repo::send::AcceptError;
use wasup_store::repo::{account, audit, counters, delivery, endpoint, event, send};
use wasup_store::{Durability, Principal, Store, StoreError, WriteTx};

use crate::support::{NOW, hook, memory, new_account, new_send, owned, phone, read, write};

fn asks(tenant: u32, request: &str) -> Principal {
    Principal { tenant: TenantNo(tenant), who: Who::RootKey, request_id: request.into() }
}

async fn by<T: Send + 'static>(
    store: &Store,
    principal: &Principal,
    f: impl Fn(&mut WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    store.write_by(principal, Durability::Durable, f).await
}

#[tokio::test]
async fn an_accepted_send_says_in_the_log_who_asked_for_it() {
    let (store, _engine) = memory();
    let account = owned(&store, "a").await;
    let new = new_send(account.no, 1, &phone(62));
    let accept = move |tx: &mut WriteTx<'_>| send::accept(tx, &new);
    store.write_by(&asks(1, "req_1"), Durability::Durable, accept).await.unwrap();
    let new = new_send(account.no, 2, &phone(62));
    store.write(Durability::Durable, move |tx| send::accept(tx, &new)).await.unwrap();
    let log = read(&store, |tx| event::page(tx, Position(0), 9)).await;
    let authors: Vec<_> = log.iter().map(|(_, event)| event.by.clone()).collect();
    assert_eq!(authors, [Some(Author { who: Who::RootKey, request_id: "req_1".into() }), None]);
}

#[tokio::test]
async fn acts_are_kept_in_order_with_their_author() {
    let (store, _engine) = memory();
    let (new, id) = (new_account("a"), new_account("a").id);
    store.write_by(&asks(1, "r1"), Durability::Durable, move |tx| account::create(tx, &new)).await.unwrap();
    let owner = read(&store, |tx| account::get(tx, &id)).await.unwrap();
    let gone = id.clone();
    by(&store, &asks(1, "r2"), move |tx| account::set_desired(tx, &gone, Desired::Stopped, NOW)).await.unwrap();
    let same = id.clone();
    by(&store, &asks(1, "r3"), move |tx| account::set_desired(tx, &same, Desired::Stopped, NOW)).await.unwrap();
    let hook = hook(&store, owner.no, 1).await;
    let (put, hook) = (EndpointRecord { off: Some(Off::Paused), ..hook.clone() }, hook.id);
    by(&store, &asks(1, "r4"), move |tx| endpoint::put(tx, &put, NOW)).await.unwrap();
    by(&store, &asks(1, "r5"), move |tx| endpoint::remove(tx, hook, NOW)).await.unwrap();
    let gone = id.clone();
    by(&store, &asks(1, "r6"), move |tx| account::delete(tx, &gone, NOW)).await.unwrap();
    let kept = read(&store, |tx| audit::newest(tx, DEFAULT_TENANT, 9)).await;
    let kept: Vec<_> = kept.into_iter().rev().map(|(_, row)| (row.by.request_id, row.act, row.account)).collect();
    let (set, removed) = (Act::EndpointSet(hook), Act::EndpointRemoved(hook));
    let acts = [
        ("r1", Act::AccountCreated),
        ("r2", Act::AccountStopped), // r3 changed nothing
        ("r4", set),
        ("r5", removed),
        ("r6", Act::AccountDeleted),
    ];
    assert_eq!(kept, acts.map(|(request, act)| (request.to_owned(), act, Some(id.clone()))));
}

#[tokio::test]
async fn another_tenants_account_is_out_of_reach_inside_the_commit() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let before = crate::support::rows(&*engine);
    let stranger = asks(2, "r");
    let new = new_send(account.no, 1, &phone(62));
    let refused = store.write_by(&stranger, Durability::Durable, move |tx| send::accept(tx, &new)).await;
    assert!(matches!(refused, Err(AcceptError::NoAccount)));
    let id = account.id.clone();
    assert_eq!(
        by(&store, &stranger, move |tx| account::set_desired(tx, &id, Desired::Stopped, NOW)).await.unwrap(),
        None
    );
    let id = account.id.clone();
    assert!(!by(&store, &stranger, move |tx| account::delete(tx, &id, NOW)).await.unwrap());
    let (no, epoch) = (account.no, account.epoch);
    let stale = by(&store, &stranger, move |tx| send::settle(tx, no, epoch, &[], NOW)).await;
    assert!(matches!(stale, Err(StoreError::StaleEpoch)));
    assert_eq!(crate::support::rows(&*engine), before);
}

#[tokio::test]
async fn tenants_are_counted_apart() {
    let (store, engine) = memory();
    let here = owned(&store, "a").await;
    let there = account::NewAccount { tenant: TenantNo(2), ..new_account("b") };
    let there = store.write(Durability::Durable, move |tx| account::create(tx, &there)).await.unwrap();
    for (no, sends) in [(here.no, 3), (there.no, 1)] {
        for n in 0..sends {
            let new = new_send(no, n, &phone(62));
            store.write(Durability::Durable, move |tx| send::accept(tx, &new)).await.unwrap();
        }
    }
    let count = async |tenant| {
        let sums = read(&store, |tx| counters::tenant(tx, TenantNo(tenant))).await;
        (sums.accounts, sums.messages, sums.outbox[0])
    };
    assert_eq!((count(1).await, count(2).await, count(3).await), ((1, 3, 3), (1, 1, 1), (0, 0, 0)));
    crate::recount::check(&*engine);
    let id = here.id.clone();
    write(&store, move |tx| account::delete(tx, &id, NOW)).await;
    assert_eq!((count(1).await, count(2).await), ((0, 0, 0), (1, 1, 1)));
}

#[tokio::test]
async fn what_the_server_tells_reaches_endpoints_for_every_account_only() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let own = hook(&store, account.no, 1).await;
    let every = hook(&store, endpoint::EVERY_ACCOUNT, 2).await;
    let change = ClockEvent { trusted: false, jump_ms: -7_200_000 };
    write(&store, move |tx| event::tell_clock(tx, change, NOW)).await;
    let deliveries = async |id| read(&store, |tx| delivery::list(tx, id, None, 9)).await.len();
    assert_eq!((deliveries(own.id).await, deliveries(every.id).await), (0, 1));
    let log = read(&store, |tx| event::page(tx, Position(0), 9)).await;
    assert_eq!((log[0].1.kind, &log[0].1.account, log[0].1.seq.0), (EventKind::ServerClock, &None, 1));
    crate::recount::check(&*engine);
}
