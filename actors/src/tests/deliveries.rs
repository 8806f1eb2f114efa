//! Deliveries by their endpoints' own rules: answers to chats, order, endpoints that switch themselves off, replays.

use std::time::Duration;

use wasup_store::id::{AccountNo, EndpointId};
use wasup_store::records::{
    DeliveryOrder, DeliveryPolicy, DeliveryRecord, DeliveryState, EndpointRecord, EventData, EventKind, MessageState,
    NotSent, Off, Phase, Reply, ReplyMode, StatusRange, StatusRules,
};
use wasup_store::repo::delivery::{self, DeliveryQuery, StateFilter};
use wasup_store::repo::{counters, endpoint};
use wasup_store::{Durability, StoreError};

use super::contract::{Becomes, CONTRACT, Does, SCHEDULE_S};
use super::receivers::Answer;
use super::world::{World, me, until};
use crate::ReplayWish;

impl World {
    /// Changes an endpoint's record.
    async fn alter(&self, id: EndpointId, change: impl FnOnce(EndpointRecord) -> EndpointRecord) {
        let before = self.store.read(|tx| endpoint::get(tx, id)).await.unwrap().unwrap();
        let (after, now_ms) = (change(before), self.store.now_ms());
        let write = move |tx: &mut wasup_store::WriteTx<'_>| endpoint::put(tx, &after, now_ms);
        self.store.write::<_, StoreError, _>(Durability::Durable, write).await.unwrap();
    }

    async fn off(&self, id: EndpointId) -> Option<Off> {
        self.store.read(|tx| endpoint::get(tx, id)).await.unwrap().unwrap().off
    }
}

fn outcome(record: &DeliveryRecord) -> (&'static str, Option<u16>) {
    let attempt = record.attempts.last().unwrap();
    (attempt.outcome.as_str(), attempt.outcome.status())
}

#[tokio::test]
async fn what_becomes_of_a_delivery_is_the_contract() {
    let mut world = World::new();
    world.settings.webhooks.schedule = SCHEDULE_S.map(Duration::from_secs).into();
    world.settings.webhooks.timeout = Duration::from_millis(100);
    world.start().await;
    for (n, (does, word, status, becomes)) in CONTRACT.into_iter().enumerate() {
        let (no, id, _) = world.endpoint(&format!("c{n}")).await;
        world.receivers.answer(move |_, _| match does {
            Does::Answers(status) => Answer::Status(status),
            Does::AsksToWait(status, seconds) => Answer::Wait(status, seconds),
            Does::Hangs | Does::DripsItsHead => Answer::Hang,
            Does::DripsItsBody | Does::HasNoEnd => Answer::Cut,
            Does::Resets | Does::SpeaksNoTls | Does::IsAbsent => Answer::Break,
        });
        let before_ms = world.store.now_ms();
        world.arrive(no, 1).await;
        let record = until(&format!("{does:?} is settled"), async || {
            let record = world.deliveries(id).await.into_iter().next()?;
            (!matches!(record.state, DeliveryState::Available | DeliveryState::Executing)).then_some(record)
        })
        .await;
        assert_eq!(outcome(&record), (word, status), "{does:?}");
        match becomes {
            Becomes::Completed => assert_eq!(record.state, DeliveryState::Completed, "{does:?}"),
            Becomes::Discarded(why) => assert_eq!(record.why.map(|why| why.as_str()), Some(why), "{does:?}"),
            Becomes::Again(seconds) => {
                let wait = record.due_ms - before_ms;
                assert!((seconds * 1_000..seconds * 1_000 + 5_000).contains(&wait), "{does:?}: {wait}");
            }
        }
        assert_eq!(world.off(id).await, (becomes == Becomes::Discarded("gone")).then_some(Off::Gone), "{does:?}");
    }
}

#[tokio::test]
async fn each_endpoint_has_rules_of_its_own() {
    let world = World::running().await;
    let (no, id, _) = world.endpoint("a").await;
    let statuses =
        StatusRules { gone: Vec::new(), overloaded: Vec::new(), refused: vec![StatusRange { from: 500, to: 500 }] };
    let policy = DeliveryPolicy {
        schedule_ms: Some(vec![0, 5, 5, 5, 5, 5]),
        concurrency: Some(1),
        statuses: Some(statuses),
        ..DeliveryPolicy::default()
    };
    world.alter(id, |record| EndpointRecord { policy, ..record }).await;
    // 410 means nothing to it, 500 the end.
    world.receivers.answer(|_, times| Answer::Status([410, 404, 429, 410, 500][times.min(5) - 1]));
    world.arrive(no, 1).await;
    let all = world.delivered(id, 1, DeliveryState::Discarded).await;
    assert_eq!((all[0].tries, world.off(id).await), (5, None));
    // One at a time, however many there are and however much room the server has.
    world.receivers.answer(|_, _| Answer::Slow);
    world.arrive(no, 10).await;
    until("all are delivered", async || {
        let all = world.deliveries(id).await;
        (all.iter().filter(|record| record.state == DeliveryState::Completed).count() == 10).then_some(())
    })
    .await;
    assert_eq!(world.receivers.at_once("http://a/"), 1);
}

#[tokio::test]
async fn an_endpoint_that_only_fails_is_switched_off_told_of_and_taken_up_again() {
    let world = World::running().await;
    let (no, id, _) = world.endpoint("a").await;
    let policy = DeliveryPolicy {
        schedule_ms: Some(vec![0, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20]),
        disable_after_ms: Some(100),
        ..DeliveryPolicy::default()
    };
    world.alter(id, |record| EndpointRecord { policy, ..record }).await;
    world.receivers.answer(|_, _| Answer::Status(500));
    // One: ten failures in a row would open the breaker.
    world.arrive(no, 1).await;
    until("it is off", async || (world.off(id).await == Some(Off::Failing)).then_some(())).await;
    let told = world.events().await.into_iter().filter(|event| event.kind == EventKind::EndpointDisabled);
    let told: Vec<_> = told.map(|event| event.data).collect();
    assert_eq!(told, [EventData::Endpoint { id: id.to_string(), reason: "failing".into() }]);
    let tried = world.receivers.at("http://a/").len();
    assert!(tried >= 5, "{tried}");
    world.receivers.answer(|_, _| Answer::Status(200));
    world.tree().endpoints.resume(&me(), id).await.unwrap();
    world.delivered(id, 1, DeliveryState::Completed).await;
    let counts = world.store.read(|tx| counters::endpoint(tx, id)).await.unwrap();
    assert_eq!((counts.failing_since_ms, counts.oldest), (None, None));
}

/// A running account with an endpoint that may answer.
async fn answering() -> (World, AccountNo, EndpointId) {
    let world = World::running().await;
    world.connected(&["a"]).await;
    let (no, id, _) = world.endpoint_of("a", world.no("a").await).await;
    world.alter(id, |record| EndpointRecord { reply: ReplyMode::Answer, ..record }).await;
    (world, no, id)
}

#[tokio::test]
async fn an_answer_reaches_the_chat_once_however_often_its_event_is_delivered() {
    let (world, no, id) = answering().await;
    world.receivers.answer(|_, times| match times {
        // Heard, and then lost: the delivery comes again.
        1 => Answer::Panic,
        _ => Answer::Says(200, "application/json", "{\"text\":\"welcome\"}"),
    });
    world.arrive(no, 1).await;
    let all = world.delivered(id, 1, DeliveryState::Completed).await;
    let Some(Reply::Sent(sent)) = all[0].reply else { panic!("{all:?}") };
    world.state(sent, MessageState::Sent).await;
    assert_eq!(world.wire("a").await, ["welcome"]);
    let delivery_id = world.store.read(|tx| delivery::list(tx, id, None, 1)).await.unwrap()[0].0;
    for times in 3..6 {
        world.tree().deliveries.replay(&me(), delivery_id).await.unwrap();
        until("it was delivered again", async || (world.receivers.at("http://a/").len() == times).then_some(())).await;
        let all = world.delivered(id, 1, DeliveryState::Completed).await;
        assert_eq!(all[0].reply, Some(Reply::Sent(sent)));
    }
    assert_eq!(world.wire("a").await, ["welcome"]);
    assert_eq!(world.phase("a", Phase::Connected).await.state.phase, Phase::Connected);
}

#[tokio::test]
async fn only_answers_to_received_messages_are_replies() {
    let (world, no, id) = answering().await;
    world.receivers.answer(|_, _| Answer::Says(200, "application/json", "{\"message\":\"Workflow was started\"}"));
    world.arrive(no, 1).await;
    assert_eq!(world.delivered(id, 1, DeliveryState::Completed).await[0].reply, None);
    let long: &'static str = "x".repeat(4_097).leak();
    world.receivers.answer(move |_, _| Answer::Says(200, "text/plain", long));
    world.arrive(no, 1).await;
    let all = world.delivered(id, 2, DeliveryState::Completed).await;
    assert_eq!(all[0].reply, Some(Reply::NotSent(NotSent::TooLong)));
    // Not its own test event, and not with another status than success.
    world.receivers.answer(|_, times| Answer::Says(if times == 1 { 500 } else { 201 }, "text/plain", "hello"));
    world.tree().endpoints.test(&me(), id).await.unwrap();
    let all = world.delivered(id, 3, DeliveryState::Completed).await;
    assert_eq!(all[0].reply, None);
    world.arrive(no, 1).await;
    let all = world.delivered(id, 4, DeliveryState::Completed).await;
    let Some(Reply::Sent(sent)) = all[0].reply else { panic!("{all:?}") };
    world.state(sent, MessageState::Sent).await;
    assert_eq!(world.wire("a").await, ["hello"]);
    // Off is off.
    world.alter(id, |record| EndpointRecord { reply: ReplyMode::Off, ..record }).await;
    world.arrive(no, 1).await;
    assert_eq!(world.delivered(id, 5, DeliveryState::Completed).await[0].reply, None);
    assert_eq!(world.wire("a").await, ["hello"]);
}

#[tokio::test]
async fn a_chat_keeps_its_order_over_failures_a_restart_and_a_replay() {
    let mut world = World::running().await;
    let (no, id, _) = world.endpoint("a").await;
    let ordered = |record| EndpointRecord { order: DeliveryOrder::Chat, ..record };
    world.alter(id, ordered).await;
    // The third fails twice.
    world
        .receivers
        .answer(|request, times| Answer::Status(if request.body.ends_with(b"3}") && times < 3 { 500 } else { 200 }));
    for _ in 0..3 {
        world.arrive(no, 2).await;
    }
    world.delivered(id, 6, DeliveryState::Completed).await;
    let order = |world: &World| {
        let mut ids: Vec<_> = world.receivers.at("http://a/").into_iter().map(|request| request.id).collect();
        ids.dedup();
        ids
    };
    let first = order(&world);
    assert_eq!(first.len(), 6);
    assert!(first.is_sorted(), "{first:?}");
    // Its head hangs on a bad receiver while the gateway restarts.
    world.receivers.answer(|_, _| Answer::Status(500));
    world.arrive(no, 4).await;
    until("the head failed", async || (world.receivers.at("http://a/").len() > 8).then_some(())).await;
    world.receivers.answer(|_, _| Answer::Status(200));
    world.restart().await;
    let all = until("all have ended", async || {
        let all = world.deliveries(id).await;
        all.iter().all(|record| record.state.is_final()).then_some(all)
    })
    .await;
    assert_eq!(all.len(), 10);
    let ids = order(&world);
    assert!(ids.is_sorted(), "{ids:?}");
}

#[tokio::test]
async fn many_are_replayed_in_the_background_and_seen_by_state() {
    let world = World::running().await;
    let (no, id, _) = world.endpoint("a").await;
    world.receivers.answer(|_, _| Answer::Status(400));
    // Ten in a row would open the breaker.
    world.arrive(no, 9).await;
    world.delivered(id, 9, DeliveryState::Discarded).await;
    let (log, caller) = (&world.tree().deliveries, me());
    let query = |state| DeliveryQuery { endpoint: id, state, since_ms: None, until_ms: None, after: None, limit: 300 };
    let dead = StateFilter::One(DeliveryState::Discarded);
    assert_eq!(log.list(&caller, &query(dead)).await.unwrap().rows.len(), 9);
    world.receivers.answer(|_, _| Answer::Status(200));
    let replay = log.replay_many(&caller, id, ReplayWish::Failed { since_ms: 0 }).await.unwrap();
    assert_eq!(replay.ended_ms, None);
    world.delivered(id, 9, DeliveryState::Completed).await;
    let done = log.newest_replay(&caller, id).await.unwrap().unwrap();
    assert_eq!((done.queued, done.looked), (9, 9));
    assert_eq!(log.list(&caller, &query(dead)).await.unwrap().rows.len(), 0);
    // All of them once more, by their time.
    log.replay_many(&caller, id, ReplayWish::Events { since_ms: 0, until_ms: None }).await.unwrap();
    until("all came again", async || (world.receivers.at("http://a/").len() == 27).then_some(())).await;
    let stranger = crate::Principal { tenant: wasup_store::id::TenantNo(9), ..me() };
    assert!(log.list(&stranger, &query(dead)).await.is_err());
}
