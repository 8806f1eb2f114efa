use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use metrics::Counter;
use standardwebhooks::Webhook;
use wasup_sessions::meters::Counters;
use wasup_store::id::{AccountNo, EndpointId, Millis};
use wasup_store::records::{
    AccountSettings, AccountSource, AttemptOutcome, Content, DeliveryRecord, DeliveryState, Desired, DiscardReason,
    EventKind, Off,
};
use wasup_store::repo::inbound::{InboundBatch, NewInbound};
use wasup_store::repo::{account as accounts, delivery, inbound};
use wasup_store::{Durability, StoreError};

use super::receivers::Answer;
use super::world::{World, account, me, peer, until};
use crate::{AccountCounts, AttemptResult, EndpointSpec, NewSecret};

impl World {
    /// An account that does not run, with an endpoint that gets its messages.
    pub(super) async fn endpoint(&self, id: &str) -> (AccountNo, EndpointId, Option<NewSecret>) {
        let new = accounts::NewAccount {
            id: account(id),
            tenant: wasup_store::id::DEFAULT_TENANT,
            name: String::new(),
            desired: Desired::Stopped,
            default_region: None,
            autostart: false,
            metadata: None,
            note: None,
            settings: AccountSettings::default(),
            source: AccountSource::Api,
            now_ms: self.store.now_ms(),
        };
        let record = self.store.write(Durability::Durable, move |tx| accounts::create(tx, &new)).await.unwrap();
        self.endpoint_of(id, record.no).await
    }

    /// An endpoint of an account that is there.
    pub(super) async fn endpoint_of(&self, id: &str, no: AccountNo) -> (AccountNo, EndpointId, Option<NewSecret>) {
        let spec =
            EndpointSpec { url: format!("http://{id}/"), secret: None, events: vec![EventKind::MessageReceived] };
        let (endpoint, secret) = self.tree().endpoints.set(&me(), &account(id), spec).await.unwrap();
        (no, endpoint.id, secret)
    }

    /// Messages arrive at an account.
    pub(super) async fn arrive(&self, no: AccountNo, count: u64) {
        let now_ms = self.store.now_ms();
        let (first, owner) = (rand::random::<u32>(), self.store.read(|tx| accounts::by_no(tx, no)).await.unwrap());
        let epoch = owner.unwrap().epoch;
        let message = |n: u64| NewInbound {
            provider_id: format!("IN{n}-{first}"),
            chat: peer(),
            sender: Some(peer()),
            from_me: false,
            group: false,
            ts_ms: now_ms,
            rand: n,
            content: Content::text(format!("{n}")),
            context: None,
            secret: None,
            push_name: None,
        };
        let batch = InboundBatch { no, epoch, now_ms, messages: (0..count).map(message).collect() };
        let write = move |tx: &mut wasup_store::WriteTx<'_>| inbound::commit(tx, &batch);
        self.store.write::<_, StoreError, _>(Durability::Durable, write).await.unwrap();
        self.tree().nudges.deliveries();
    }

    pub(super) async fn deliveries(&self, endpoint: EndpointId) -> Vec<DeliveryRecord> {
        let page = self.store.read(|tx| delivery::list(tx, endpoint, None, 1_000)).await.unwrap();
        page.into_iter().map(|(_, record)| record).collect()
    }

    /// Waits until all of an endpoint's deliveries, so many, are in a state.
    pub(super) async fn delivered(
        &self,
        endpoint: EndpointId,
        count: usize,
        state: DeliveryState,
    ) -> Vec<DeliveryRecord> {
        until(&format!("{count} deliveries are {state:?}"), async || {
            let all = self.deliveries(endpoint).await;
            (all.len() == count && all.iter().all(|record| record.state == state)).then_some(all)
        })
        .await
    }
}

fn statuses(record: &DeliveryRecord) -> Vec<AttemptOutcome> {
    record.attempts.iter().map(|attempt| attempt.outcome).collect()
}

const fn answered(status: u16) -> AttemptOutcome {
    AttemptOutcome::Answered { status }
}

#[tokio::test]
async fn every_message_arrives_once_signed_and_with_an_id_of_its_own() {
    let world = World::running().await;
    let (no, endpoint, secret) = world.endpoint("a").await;
    world.arrive(no, 25).await;
    world.delivered(endpoint, 25, DeliveryState::Completed).await;
    let seen = world.receivers.at("http://a/");
    let mut ids: Vec<_> = seen.iter().map(|request| request.id.clone()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((seen.len(), ids.len()), (25, 25));
    let official = Webhook::new(&secret.unwrap().0).unwrap();
    for request in &seen {
        let headers = request.headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        official.verify(&request.body, &headers.collect()).unwrap();
    }
}

#[tokio::test]
async fn failures_are_retried_with_the_same_id_until_they_are_exhausted() {
    let world = World::running().await;
    let (no, endpoint, _) = world.endpoint("a").await;
    world.receivers.answer(|_, times| Answer::Status([302, 500, 200][times.min(3) - 1]));
    world.arrive(no, 1).await;
    let all = world.delivered(endpoint, 1, DeliveryState::Completed).await;
    assert_eq!(statuses(&all[0]), [answered(302), answered(500), answered(200)]);
    let seen = world.receivers.at("http://a/");
    assert!(seen.iter().all(|request| request.id == seen[0].id));

    let (no, endpoint, _) = world.endpoint("b").await;
    world.receivers.answer(|_, _| Answer::Status(500));
    world.arrive(no, 1).await;
    let all = world.delivered(endpoint, 1, DeliveryState::Discarded).await;
    assert_eq!((all[0].tries, all[0].why), (4, Some(DiscardReason::Exhausted)));
    assert_eq!(world.receivers.at("http://b/").len(), 4);
}

#[tokio::test]
async fn an_overloaded_or_silent_receiver_gets_a_minute() {
    let world = World::running().await;
    for (id, answer) in [("a", Answer::Status(429)), ("b", Answer::Hang)] {
        let (no, endpoint, _) = world.endpoint(id).await;
        world.receivers.answer(move |_, _| answer);
        let before: Millis = world.store.now_ms();
        world.arrive(no, 1).await;
        let all = world.delivered(endpoint, 1, DeliveryState::Retryable).await;
        assert!(all[0].due_ms >= before + 60_000, "{id}");
    }
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_switched_off_and_can_be_switched_on_again() {
    let world = World::running().await;
    let (no, endpoint, _) = world.endpoint("a").await;
    world.receivers.answer(|_, _| Answer::Status(410));
    world.arrive(no, 1).await;
    let all = world.delivered(endpoint, 1, DeliveryState::Discarded).await;
    assert_eq!(all[0].why, Some(DiscardReason::Gone));
    let shown = world.tree().endpoints.get(&me(), endpoint).await.unwrap();
    assert_eq!(shown.record.off, Some(Off::Gone));
    // Events queue while it is off, and go out when it is on.
    world.receivers.answer(|_, _| Answer::Status(200));
    world.arrive(no, 2).await;
    let other = world.endpoint("b").await;
    world.arrive(other.0, 1).await;
    world.delivered(other.1, 1, DeliveryState::Completed).await;
    assert_eq!(world.receivers.at("http://a/").len(), 1);
    let spec = EndpointSpec { url: "http://a/".into(), secret: None, events: vec![EventKind::MessageReceived] };
    let (_, drawn) = world.tree().endpoints.set(&me(), &account("a"), spec).await.unwrap();
    assert!(drawn.is_none(), "the secret stays");
    until("the queue is empty", async || (world.receivers.at("http://a/").len() == 3).then_some(())).await;
}

#[tokio::test]
async fn a_refusal_and_a_panic_are_told_apart() {
    let world = World::running().await;
    let (no, endpoint, _) = world.endpoint("a").await;
    world.receivers.answer(|_, _| Answer::Status(404));
    world.arrive(no, 1).await;
    let all = world.delivered(endpoint, 1, DeliveryState::Discarded).await;
    assert_eq!((all[0].tries, all[0].why), (1, Some(DiscardReason::Refused)));
    let (no, endpoint, _) = world.endpoint("b").await;
    world.receivers.answer(|_, times| if times == 1 { Answer::Panic } else { Answer::Status(200) });
    world.arrive(no, 1).await;
    let all = world.delivered(endpoint, 1, DeliveryState::Completed).await;
    assert_eq!(statuses(&all[0]), [AttemptOutcome::Lost, answered(200)]);
}

#[tokio::test]
async fn the_lease_of_a_dead_worker_ends() {
    let mut world = World::new();
    let lost = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&lost);
    world.meters.attempts = Counters::new([AttemptResult::Lost], move |_| Counter::from_arc(Arc::clone(&count)));
    world.start().await;
    let (no, endpoint, _) = world.endpoint("a").await;
    world.receivers.answer(|_, _| Answer::Status(503));
    world.arrive(no, 1).await;
    world.delivered(endpoint, 1, DeliveryState::Retryable).await;
    // A worker of another life takes it, and dies.
    let later = world.store.now_ms() + 3_600_000;
    let lease_ms = world.store.now_ms() + 300;
    let claim = move |tx: &mut wasup_store::WriteTx<'_>| delivery::claim(tx, endpoint, later, lease_ms, 10);
    let claimed = world.store.write::<_, StoreError, _>(Durability::Durable, claim).await.unwrap();
    assert_eq!(claimed.len(), 1);
    world.receivers.answer(|_, _| Answer::Status(200));
    world.tree().nudges.deliveries();
    let all = world.delivered(endpoint, 1, DeliveryState::Completed).await;
    assert!(world.store.now_ms() >= lease_ms);
    assert_eq!(statuses(&all[0]), [answered(503), AttemptOutcome::Lost, answered(200)]);
    assert_eq!(all[0].tries, 3);
    assert_eq!(lost.load(Ordering::SeqCst), 1);
    // It is counted once it is noted.
    let counted = AccountCounts { reconnects: 0, attempts_ok: 1, attempts_failed: 2 };
    until("it is counted", async || (world.meters.per_account.of(no) == counted).then_some(())).await;
}

#[tokio::test]
async fn a_dead_endpoint_stands_in_nobodys_way() {
    let mut world = World::new();
    world.settings.webhooks.timeout = Duration::from_secs(60);
    world.start().await;
    world.receivers.answer(|request, _| if request.url == "http://dead/" { Answer::Hang } else { Answer::Status(200) });
    let (no, dead, _) = world.endpoint("dead").await;
    world.arrive(no, 30).await;
    until("the dead one has all it may have", async || (world.receivers.at("http://dead/").len() == 2).then_some(()))
        .await;
    let mut healthy = Vec::new();
    for n in 0..20 {
        healthy.push(world.endpoint(&format!("h{n}")).await);
    }
    for (no, _, _) in &healthy {
        world.arrive(*no, 10).await;
    }
    for (_, endpoint, _) in &healthy {
        let all = world.delivered(*endpoint, 10, DeliveryState::Completed).await;
        assert!(all.iter().all(|record| record.tries == 1));
    }
    assert_eq!(world.receivers.at("http://dead/").len(), 2);
    let waiting = world.deliveries(dead).await.into_iter().filter(|d| d.state == DeliveryState::Available).count();
    assert_eq!(waiting, 28);
}

#[tokio::test]
async fn a_restart_keeps_deliveries() {
    let mut world = World::running().await;
    let (no, endpoint, _) = world.endpoint("a").await;
    world.receivers.answer(|_, _| Answer::Status(503));
    world.arrive(no, 5).await;
    world.delivered(endpoint, 5, DeliveryState::Retryable).await;
    world.receivers.answer(|_, _| Answer::Status(200));
    assert!(world.shut_down().await.late.is_empty());
    // The minute of an overloaded receiver is over.
    let later = world.store.now_ms() + 3_600_000;
    let claim = move |tx: &mut wasup_store::WriteTx<'_>| delivery::claim(tx, endpoint, later, 1, 10);
    world.store.write::<_, StoreError, _>(Durability::Durable, claim).await.unwrap();
    world.start().await;
    world.delivered(endpoint, 5, DeliveryState::Completed).await;
}
