//! Endpoints: what one tenant does is nothing to another.

use wasup_store::id::{AccountId, TenantNo};
use wasup_store::repo::endpoint::MAX_PER_OWNER;

use super::world::{World, account, me};
use crate::{Endpoint, EndpointChange, EndpointError, EndpointQuery, NewAccount, NewEndpoint, Principal, Rotation};

fn other() -> Principal {
    Principal { tenant: TenantNo(2), ..me() }
}

fn new(account: Option<AccountId>) -> NewEndpoint {
    NewEndpoint { account, url: "http://a/".into(), secret: None, settings: EndpointChange::default() }
}

impl World {
    /// An account of somebody, which does not run.
    async fn account_of(&self, who: &Principal, id: &str) {
        let new = NewAccount {
            id: account(id),
            name: None,
            default_region: None,
            autostart: false,
            metadata: None,
            note: None,
            settings: wasup_store::records::AccountSettings::default(),
            source: wasup_store::records::AccountSource::Api,
            start: false,
            default_webhook: true,
        };
        self.tree().accounts.create(who, new).await.unwrap();
    }

    async fn made(&self, who: &Principal, of: Option<&str>) -> Endpoint {
        self.tree().endpoints.create(who, new(of.map(account))).await.unwrap().0
    }
}

fn not_found<T: std::fmt::Debug>(answer: Result<T, EndpointError>) {
    assert!(matches!(answer, Err(EndpointError::NotFound)), "{answer:?}");
}

#[tokio::test]
async fn another_tenants_endpoints_are_neither_seen_nor_touched() {
    let world = World::running().await;
    world.account_of(&me(), "mine").await;
    world.account_of(&other(), "theirs").await;
    let mine = [world.made(&me(), None).await, world.made(&me(), Some("mine")).await];
    let theirs = [world.made(&other(), None).await, world.made(&other(), Some("theirs")).await];
    let endpoints = &world.tree().endpoints;
    for (who, own) in [(me(), &mine), (other(), &theirs)] {
        let all = EndpointQuery { limit: 99, ..EndpointQuery::default() };
        let listed = endpoints.list(&who, &all).await.unwrap();
        let mut expected: Vec<_> = own.iter().map(|one| one.record.id).collect();
        expected.sort_unstable();
        assert_eq!(listed.iter().map(|one| one.record.id).collect::<Vec<_>>(), expected);
    }
    for one in &theirs {
        let id = one.record.id;
        not_found(endpoints.get(&me(), id).await);
        not_found(endpoints.change(&me(), id, EndpointChange::default()).await);
        not_found(endpoints.pause(&me(), id).await);
        not_found(endpoints.resume(&me(), id).await);
        not_found(endpoints.rotate_secret(&me(), id, Rotation::default()).await);
        not_found(endpoints.test(&me(), id).await);
        not_found(endpoints.remove(&me(), id).await);
        assert_eq!(endpoints.get(&other(), id).await.unwrap().record, one.record);
    }
    // Nor can one be given to, or asked for by, an account of somebody else.
    let given = EndpointChange { account: Some(Some(account("theirs"))), ..EndpointChange::default() };
    for answer in [
        endpoints.create(&me(), new(Some(account("theirs")))).await.map(drop),
        endpoints.change(&me(), mine[0].record.id, given).await.map(drop),
        endpoints.webhook(&me(), &account("theirs")).await.map(drop),
        endpoints.remove_webhook(&me(), &account("theirs")).await.map(drop),
        endpoints
            .list(&me(), &EndpointQuery { account: Some(account("theirs")), after: None, limit: 9 })
            .await
            .map(drop),
    ] {
        assert!(matches!(answer, Err(EndpointError::AccountNotFound)), "{answer:?}");
    }
}

#[tokio::test]
async fn each_tenant_has_room_of_its_own() {
    let world = World::running().await;
    for _ in 0..MAX_PER_OWNER {
        world.made(&other(), None).await;
    }
    let full = world.tree().endpoints.create(&other(), new(None)).await;
    assert!(matches!(full, Err(EndpointError::TooMany)), "{full:?}");
    world.made(&me(), None).await;
}

#[tokio::test]
async fn the_simple_form_never_takes_an_endpoint_of_another_tenant_for_the_first() {
    let world = World::running().await;
    world.account_of(&me(), "mine").await;
    let two = [world.made(&me(), Some("mine")).await.record.id, world.made(&me(), Some("mine")).await.record.id];
    // The older one; made in the same millisecond, either may be.
    let first = two.into_iter().min();
    let shown = world.tree().endpoints.webhook(&me(), &account("mine")).await.unwrap().unwrap();
    assert_eq!((Some(shown.record.id), shown.account), (first, Some(account("mine"))));
}
