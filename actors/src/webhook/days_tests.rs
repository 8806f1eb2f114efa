//! Days of deliveries in no time: rows of a real store, the real rules, a receiver that is a function, and a clock that
//! is a number. Everything but the actor around them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::time::Instant;
use wasup_store::engine::MemoryEngine;
use wasup_store::id::{AccountNo, DEFAULT_TENANT, EndpointId, Epoch, Millis};
use wasup_store::jid::Jid;
use wasup_store::records::{
    AccountSettings, AccountSource, Attempt, Content, DeliveryRecord, DeliveryState, Desired, DiscardReason,
    EndpointRecord, EventKind, Off, Participant,
};
use wasup_store::repo::delivery::{self, Finished, Verdict};
use wasup_store::repo::inbound::{self, InboundBatch, NewInbound};
use wasup_store::repo::{account, endpoint};
use wasup_store::{Durability, Store, StoreError, SystemClock, WriteTx};

use super::claims::{claim_all, millis};
use super::lane::Lanes;
use super::{Answered, WebhookAnswer, resolve, retry};
use crate::settings::WebhookSettings;

const SECOND: Millis = 1_000;
const MINUTE: Millis = 60 * SECOND;
const HOUR: Millis = 60 * MINUTE;
const DAY: Millis = 24 * HOUR;
/// How often it looks whether the breaker lets a probe through.
const LOOK: Millis = 15 * SECOND;

/// One endpoint and its receiver.
struct Days {
    store: Store,
    settings: WebhookSettings,
    no: AccountNo,
    epoch: Epoch,
    endpoint: EndpointId,
    begin_ms: Millis,
    begin: Instant,
    /// Since the begin.
    now: Millis,
    lanes: Lanes,
    rng: StdRng,
    /// When attempts were made.
    attempts: Vec<Millis>,
    /// When it was switched off, and why.
    off: Option<(Millis, Off)>,
    arrived: u64,
}

impl Days {
    async fn new() -> Self {
        let store = Store::over(Arc::new(MemoryEngine::default()), Arc::new(SystemClock), Path::new("memory")).unwrap();
        let begin_ms = store.now_ms();
        let new = account::NewAccount {
            id: "a".parse().unwrap(),
            tenant: DEFAULT_TENANT,
            name: String::new(),
            desired: Desired::Stopped,
            default_region: None,
            autostart: false,
            metadata: None,
            note: None,
            settings: AccountSettings::default(),
            source: AccountSource::Api,
            now_ms: begin_ms,
        };
        let owner = store.write(Durability::Durable, move |tx| account::create(tx, &new)).await.unwrap();
        let plain =
            EndpointRecord::new(EndpointId::new(begin_ms, 1), owner.no, "http://a/".into(), vec![7; 32], begin_ms);
        let record = EndpointRecord { events: vec![EventKind::MessageReceived], ..plain };
        let put = record.clone();
        let days = Self {
            store,
            settings: WebhookSettings { jitter: 0.0, ..WebhookSettings::default() },
            no: owner.no,
            epoch: owner.epoch,
            endpoint: record.id,
            begin_ms,
            begin: Instant::now(),
            now: 0,
            lanes: Lanes::default(),
            rng: StdRng::seed_from_u64(5),
            attempts: Vec::new(),
            off: None,
            arrived: 0,
        };
        days.write(move |tx| endpoint::put(tx, &put, begin_ms)).await;
        days
    }

    async fn write<T: Send + 'static>(
        &self,
        job: impl Fn(&mut WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> T {
        self.store.write(Durability::Relaxed, job).await.unwrap()
    }

    /// A message arrives now.
    async fn arrive(&mut self) {
        self.arrived += 1;
        let from = Participant { jid: Jid::phone("628222"), phone: Some("628222".into()), lid: None };
        let now_ms = self.begin_ms + self.now;
        let message = NewInbound {
            provider_id: format!("IN{}", self.arrived),
            chat: from.clone(),
            sender: Some(from),
            from_me: false,
            group: false,
            ts_ms: now_ms,
            rand: self.arrived,
            content: Content::text("x"),
            context: None,
            secret: None,
            push_name: None,
        };
        let batch = InboundBatch { no: self.no, epoch: self.epoch, now_ms, messages: vec![message] };
        self.write(move |tx| inbound::commit(tx, &batch)).await;
    }

    /// Lets time pass; the receiver is asked what it answers at a time since the begin.
    async fn pass(&mut self, until: Millis, receiver: impl Fn(Millis) -> WebhookAnswer) {
        loop {
            let wake = self.store.read(delivery::next_wake).await.unwrap();
            let due = wake.map(|at| at.saturating_sub(self.begin_ms)).filter(|at| *at <= until);
            let Some(due) = due else { break };
            self.now = self.now.max(due);
            let at = self.begin + Duration::from_millis(self.now);
            let shares = self.lanes.share(&[self.endpoint], 64, self.settings.concurrency_per_endpoint, at);
            if shares.is_empty() {
                // The breaker holds it.
                self.now += LOOK;
                if self.now > until {
                    break;
                }
                continue;
            }
            let (settings, now_ms) = (self.settings.clone(), self.begin_ms + self.now);
            let claims = self.write(move |tx| claim_all(tx, &shares, &settings, now_ms)).await;
            self.attempt(claims.taken.into_iter().map(|(id, record)| (id, record.tries)), at, &receiver).await;
        }
        self.now = until;
    }

    async fn attempt(
        &mut self,
        claimed: impl Iterator<Item = (wasup_store::id::DeliveryId, u32)>,
        at: Instant,
        receiver: &impl Fn(Millis) -> WebhookAnswer,
    ) {
        let record = self.store.read(|tx| endpoint::get(tx, self.endpoint)).await.unwrap().unwrap();
        let (policy, now_ms) = (resolve(&record, &self.settings), self.begin_ms + self.now);
        let mut done = Vec::new();
        for (id, tries) in claimed {
            self.lanes.begun(self.endpoint, Some(policy.concurrency));
            self.attempts.push(self.now);
            let answer = receiver(self.now);
            let verdict = retry::decide(tries, Some(&answer), &policy, now_ms, &mut self.rng);
            let attempt = Attempt::new(now_ms, 1, retry::outcome(Some(&answer)));
            let disable_after_ms = policy.disable_after.map(millis);
            done.push(Finished { disable_after_ms, ..Finished::new(id, attempt, verdict) });
            self.lanes.ended(self.endpoint, verdict == Verdict::Completed, at, &mut self.rng);
        }
        let noted = self.write(move |tx| delivery::finish(tx, &done, now_ms)).await;
        if let Some((_, why)) = noted.off.first() {
            self.off = Some((self.now, *why));
        }
    }

    async fn deliveries(&self) -> Vec<DeliveryRecord> {
        let all = self.store.read(|tx| delivery::list(tx, self.endpoint, None, 10_000)).await.unwrap();
        all.into_iter().map(|(_, record)| record).collect()
    }
}

fn says(status: u16) -> WebhookAnswer {
    WebhookAnswer::Answered(Answered::status(status))
}

#[tokio::test]
async fn a_delivery_is_tried_over_three_days_at_these_times() {
    let wait = |seconds| {
        WebhookAnswer::Answered(Answered { retry_after: Some(Duration::from_secs(seconds)), ..Answered::status(429) })
    };
    // Seconds since the event.
    let plain = [0, 5, 305, 2_105, 9_305, 27_305, 63_305, 113_705, 185_705, 272_105];
    let overloaded = plain.map(|at| if at == 0 { 0 } else { at + 55 });
    let asked: Vec<u64> = (0..10).map(|n| n * 86_400).collect();
    for (name, answer, times) in [
        ("500", says(500), plain.to_vec()),
        ("no connection", WebhookAnswer::Unreachable, plain.to_vec()),
        ("a redirect", says(302), plain.to_vec()),
        ("503", says(503), overloaded.to_vec()),
        ("silence", WebhookAnswer::TimedOut, overloaded.to_vec()),
        ("a year, please", wait(31_536_000), asked),
        ("404", says(404), vec![0]),
        ("410", says(410), vec![0]),
        ("200", says(200), vec![0]),
    ] {
        let mut days = Days::new().await;
        days.settings.disable_after = None;
        days.arrive().await;
        days.pass(20 * DAY, |_| answer.clone()).await;
        let tried: Vec<u64> = days.attempts.iter().map(|at| at / SECOND).collect();
        assert_eq!(tried, times, "{name}");
        let all = days.deliveries().await;
        assert!(all[0].state.is_final(), "{name}: {all:?}");
        assert_eq!(all[0].why == Some(DiscardReason::Exhausted), times.len() == 10, "{name}");
        assert_eq!(days.off.map(|(_, why)| why), (name == "410").then_some(Off::Gone), "{name}");
    }
}

#[tokio::test]
async fn a_dead_receiver_costs_a_few_probes_and_gets_everything_when_it_is_back() {
    let mut days = Days::new().await;
    for _ in 0..50 {
        days.arrive().await;
    }
    let back = |at: Millis| if at < DAY { WebhookAnswer::Unreachable } else { says(200) };
    days.pass(DAY - 1, back).await;
    // Ten in a row open the breaker; those on their way with the tenth do no harm.
    let (first, probes): (Vec<Millis>, Vec<Millis>) = days.attempts.iter().partition(|at| **at < 24 * SECOND);
    assert!((10..=24).contains(&first.len()), "{first:?}");
    let gaps: Vec<Millis> = probes.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| (24 * SECOND..=19 * MINUTE).contains(gap)), "{gaps:?}");
    assert!(gaps[6..].iter().all(|gap| *gap >= 12 * MINUTE), "{gaps:?}");
    assert!(probes.len() < 24 * 5 + 8, "{} probes in a day", probes.len());
    assert!(days.deliveries().await.iter().all(|record| !record.state.is_final()), "nothing was given up");
    // Within the wait of one probe, and of one retry, all of it is there.
    days.pass(DAY + 19 * MINUTE, back).await;
    let all = days.deliveries().await;
    let done = all.iter().filter(|record| record.state == DeliveryState::Completed).count();
    assert!(done >= 40, "{done} of 50 twenty minutes after");
    days.pass(2 * DAY, back).await;
    assert!(days.deliveries().await.iter().all(|record| record.state == DeliveryState::Completed));
}

#[tokio::test]
async fn five_days_of_failures_only_switch_an_endpoint_off_and_one_success_gives_it_five_more() {
    for (success, day) in [(None, 5), (Some(4 * DAY), 9)] {
        let mut days = Days::new().await;
        let receiver = move |at: Millis| match success {
            // For an hour it works.
            Some(begin) if (begin..begin + HOUR).contains(&at) => says(200),
            _ => says(500),
        };
        for hour in 0..24 * 12 {
            days.pass(hour * HOUR, receiver).await;
            if days.off.is_some() {
                break;
            }
            days.arrive().await;
        }
        let (at, why) = days.off.unwrap();
        assert_eq!(why, Off::Failing);
        assert!((day * DAY..day * DAY + 2 * HOUR).contains(&at), "{success:?}: after {} hours", at / HOUR);
        // It keeps what comes from then on.
        let tried = days.attempts.len();
        days.arrive().await;
        days.pass(at + 5 * DAY, receiver).await;
        assert_eq!(days.attempts.len(), tried);
        assert_eq!(days.deliveries().await[0].state, DeliveryState::Available);
    }
}
