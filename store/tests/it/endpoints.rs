//! Endpoints: who hears of what, and tests of one alone.

use wasup_store::id::{DEFAULT_TENANT, DeliveryId, EndpointId, Position, TenantNo};
use wasup_store::records::{
    AccountRecord, EndpointRecord, EventData, EventFilter, EventKind, Off, Participant, Phase, Reason, UserAction,
};
use wasup_store::repo::{account, counters, delivery, endpoint, event};
use wasup_store::{Durability, Principal, Store, StoreError};

use crate::support::{NOW, arrived, both, group, hook, memory, new_account, owned, phone, read, receive, write};

async fn put(store: &Store, record: EndpointRecord) -> EndpointId {
    let id = record.id;
    write(store, move |tx| endpoint::put(tx, &record, NOW)).await;
    id
}

async fn deliveries(store: &Store, id: EndpointId) -> Vec<DeliveryId> {
    read(store, |tx| delivery::list(tx, id, None, 999)).await.into_iter().map(|(id, _)| id).collect()
}

async fn of_tenant(store: &Store, id: &str, tenant: u32) -> AccountRecord {
    let new = account::NewAccount { tenant: TenantNo(tenant), ..new_account(id) };
    let made = store.write(Durability::Durable, move |tx| account::create(tx, &new)).await.unwrap();
    write(store, move |tx| account::take_over(tx, &made.id)).await.unwrap()
}

#[tokio::test]
async fn an_endpoint_for_every_account_hears_of_its_own_tenants_only() {
    let (store, engine) = memory();
    let (here, there) = (owned(&store, "a").await, of_tenant(&store, "b", 2).await);
    let plain = hook(&store, endpoint::EVERY_ACCOUNT, 1).await;
    let others =
        put(&store, EndpointRecord { id: EndpointId::new(NOW, 2), tenant: TenantNo(2), ..plain.clone() }).await;
    receive(&store, &here, vec![arrived(1, &phone(62)), arrived(2, &phone(62))]).await;
    receive(&store, &there, vec![arrived(1, &phone(62))]).await;
    assert_eq!((deliveries(&store, plain.id).await.len(), deliveries(&store, others).await.len()), (2, 1));
    let listed = |tenant| endpoint_ids(&store, tenant);
    assert_eq!((listed(1).await, listed(2).await), (vec![plain.id], vec![others]));
    // Also one that names another tenant's account, however it came about.
    let stray = put(
        &store,
        EndpointRecord { id: EndpointId::new(NOW, 3), tenant: TenantNo(2), account: here.no, ..plain.clone() },
    )
    .await;
    receive(&store, &here, vec![arrived(3, &phone(62))]).await;
    assert_eq!((deliveries(&store, plain.id).await.len(), deliveries(&store, stray).await.len()), (3, 0));
    crate::recount::check(&*engine);
}

async fn endpoint_ids(store: &Store, tenant: u32) -> Vec<EndpointId> {
    let found = read(store, |tx| endpoint::of_tenant(tx, endpoint::EVERY_ACCOUNT, TenantNo(tenant))).await;
    found.into_iter().map(|endpoint| endpoint.id).collect()
}

#[tokio::test]
async fn filters_hold_in_the_commit_of_the_event() {
    let (store, _engine) = memory();
    let account = owned(&store, "a").await;
    let plain = hook(&store, account.no, 1).await;
    let filter = |chats: &[&Participant], types: &[&str]| EventFilter {
        chats: chats.iter().map(|chat| chat.jid.to_string()).collect(),
        message_types: types.iter().map(|word| (*word).to_owned()).collect(),
    };
    let with = |n, filter| EndpointRecord { id: EndpointId::new(NOW, n), filter, ..plain.clone() };
    let of_number = put(&store, with(2, filter(&[&phone(62)], &[]))).await;
    let of_group = put(&store, with(3, filter(&[&group(7)], &["text"]))).await;
    let of_no_text = put(&store, with(4, filter(&[], &["unsupported"]))).await;
    let only_state =
        put(&store, EndpointRecord { events: vec![EventKind::AccountState], ..with(5, filter(&[&group(7)], &[])) })
            .await;
    // Known under both of its addresses, a person is found by the number.
    receive(&store, &account, vec![arrived(1, &both(900, 62)), arrived(2, &phone(63)), arrived(3, &group(7))]).await;
    for (id, expected) in [(plain.id, 3), (of_number, 1), (of_group, 1), (of_no_text, 0), (only_state, 0)] {
        assert_eq!(deliveries(&store, id).await.len(), expected);
    }
    // What is about no chat goes by no list of chats.
    let state = wasup_store::records::AccountState {
        phase: Phase::Connected,
        reason: Reason::Requested,
        since_ms: NOW,
        retry_at_ms: None,
        user_action: UserAction::None,
    };
    let no = account.no;
    assert!(write(&store, move |tx| account::set_state(tx, no, None, &state, NOW)).await);
    for (id, expected) in [(plain.id, 4), (of_number, 2), (of_group, 2), (of_no_text, 1), (only_state, 1)] {
        assert_eq!(deliveries(&store, id).await.len(), expected);
    }
}

#[tokio::test]
async fn a_test_reaches_its_endpoint_alone_whatever_it_listens_to() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let (own, every) = (hook(&store, account.no, 1).await, hook(&store, endpoint::EVERY_ACCOUNT, 2).await);
    let picky = EndpointRecord { events: vec![EventKind::MessageStatus], ..own.clone() };
    put(&store, picky).await;
    for (tested, other, no) in [(own.id, every.id, account.no), (every.id, own.id, endpoint::EVERY_ACCOUNT)] {
        let before = deliveries(&store, other).await;
        let seq = read(&store, |tx| counters::account(tx, no)).await.seq;
        let sent = write(&store, move |tx| endpoint::test(tx, tested, NOW)).await.unwrap();
        assert_eq!((deliveries(&store, tested).await, deliveries(&store, other).await), (vec![sent], before));
        let told = read(&store, |tx| event::get(tx, sent.position)).await.unwrap();
        assert_eq!((told.kind, told.no, told.seq.0), (EventKind::EndpointTest, no, seq.0 + 1));
        assert_eq!(told.data, EventData::Test { id: tested.to_string() });
        assert!(read(&store, |tx| delivery::due_endpoints(tx, NOW, 9)).await.contains(&tested));
    }
    assert_eq!(write(&store, |tx| endpoint::test(tx, EndpointId::new(NOW, 99), NOW)).await, None);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn nobody_tests_another_tenants_endpoint() {
    let (store, _engine) = memory();
    let there = of_tenant(&store, "b", 2).await;
    let id = put(&store, EndpointRecord { tenant: TenantNo(2), ..hook(&store, there.no, 1).await }).await;
    let caller = Principal { tenant: DEFAULT_TENANT, ..Principal::system("req_1") };
    let tested = store.write_by(&caller, Durability::Durable, move |tx| endpoint::test(tx, id, NOW)).await;
    assert!(matches!(tested, Err(StoreError::StaleEpoch)), "{tested:?}");
    assert_eq!(read(&store, event::last).await, Position(0));
}

#[tokio::test]
async fn a_test_of_an_endpoint_that_is_off_waits_for_it() {
    let (store, _engine) = memory();
    let account = owned(&store, "a").await;
    let on = hook(&store, account.no, 1).await;
    let id = put(&store, EndpointRecord { off: Some(Off::Paused), ..on.clone() }).await;
    write(&store, move |tx| endpoint::test(tx, id, NOW)).await.unwrap();
    assert_eq!(read(&store, |tx| delivery::due_endpoints(tx, NOW, 9)).await, vec![]);
    put(&store, on).await;
    assert_eq!(read(&store, |tx| delivery::due_endpoints(tx, NOW, 9)).await, vec![id]);
}
