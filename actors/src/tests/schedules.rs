//! Schedules: their times by a clock that the test moves, machines that stood still, breaks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wasup_sessions::ports::DisconnectReason;
use wasup_store::id::{Millis, ScheduleId};
use wasup_store::records::{
    Content, DelayRange, Load, MissedPolicy, Phase, RunOutcome, ScheduleReason, ScheduleState, ScheduleWhen,
};

use super::world::{World, account, me, peer, until};
use crate::scheduler::SchedulerMsg;
use crate::{
    Fault, JobItem, Planned, RunSeen, ScheduleChange, ScheduleCommand, ScheduleError, ScheduleSeen, ScheduleSpec,
};

const MINUTE: Millis = 60_000;
/// 2027-03-28T00:50:00Z: ten minutes before the clock of Berlin leaves an hour out.
const BEGIN: Millis = 1_806_195_000_000;

/// A wall clock that the test moves.
struct Hands(AtomicU64);

impl wasup_store::Clock for Hands {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A world by such a clock.
struct Timed {
    world: World,
    hands: Arc<Hands>,
}

fn says(text: &str) -> Load {
    Load { content: Content::text(text), context: None, client_message_id: None }
}

fn message(text: &str) -> Planned {
    Planned::Message { chat: peer(), load: Box::new(says(text)) }
}

fn cron(pattern: &str, zone: &str) -> ScheduleWhen {
    ScheduleWhen::Cron { pattern: pattern.into(), zone: zone.into() }
}

impl Timed {
    async fn running() -> Self {
        let hands = Arc::new(Hands(AtomicU64::new(BEGIN)));
        let mut world = World::by(Arc::clone(&hands) as _);
        world.settings.schedules.keep = Duration::from_secs(300);
        world.start().await;
        world.connected(&["a"]).await;
        Self { world, hands }
    }

    /// Moves the clock, and lets the scheduler see it.
    fn pass(&self, minutes: u64) {
        self.hands.0.fetch_add(minutes * MINUTE, Ordering::SeqCst);
        self.world.nudges.scheduler();
    }

    async fn schedule(&self, when: ScheduleWhen, missed: MissedPolicy, what: Planned) -> ScheduleId {
        let spec = ScheduleSpec { name: None, when, start_ms: None, end_ms: None, missed, what };
        let command = ScheduleCommand { account: account("a"), spec, paused: false, idempotency: None };
        self.world.tree().schedules.create(&me(), command).await.unwrap().id
    }

    async fn seen(&self, id: ScheduleId) -> ScheduleSeen {
        self.world.tree().schedules.get(&me(), id, None).await.unwrap()
    }

    async fn runs(&self, id: ScheduleId) -> Vec<RunSeen> {
        self.world.tree().schedules.runs(&me(), id, None, 1_000).await.unwrap()
    }

    /// Waits for so many rows of a history; hands back what they came to and the minutes after the beginning that were meant,
    /// the oldest first.
    async fn history(&self, id: ScheduleId, rows: usize) -> Vec<(&'static str, Option<u64>)> {
        let runs = until(&format!("there are {rows} runs"), async || {
            let runs = self.runs(id).await;
            (runs.len() >= rows).then_some(runs)
        })
        .await;
        let word = |outcome| match outcome {
            RunOutcome::Message(_) => "message",
            RunOutcome::Job(_) => "job",
            RunOutcome::Campaign(_) => "campaign",
            RunOutcome::Missed { .. } => "missed",
            RunOutcome::Failed(_) => "failed",
        };
        let minutes = |at_ms: Millis| (at_ms - BEGIN) / MINUTE;
        runs.iter().rev().map(|seen| (word(seen.run.outcome), seen.run.at_ms.map(minutes))).collect()
    }

    async fn wired(&self, count: usize) -> Vec<String> {
        until(&format!("{count} are on the wire"), async || {
            let wire = self.world.wire("a").await;
            (wire.len() >= count).then_some(wire)
        })
        .await
    }
}

#[tokio::test]
async fn each_time_is_one_message_whatever_breaks_and_whatever_the_clock_leaves_out() {
    let timed = Timed::running().await;
    let hourly = timed.schedule(cron("0 * * * *", "Europe/Berlin"), MissedPolicy::Skip, message("hour")).await;
    let daily = timed.schedule(cron("30 2 * * *", "Europe/Berlin"), MissedPolicy::Skip, message("day")).await;
    let once = ScheduleWhen::Once { at_ms: BEGIN + 70 * MINUTE, zone: None };
    let once = timed.schedule(once, MissedPolicy::Skip, message("once")).await;
    timed.pass(9);
    assert_eq!(timed.runs(hourly).await, []);
    timed.pass(1);
    // 02:00 and 02:30 are not there: both come at 03:00 on Berlin's clocks, which is 01:00 UTC.
    assert_eq!(timed.history(hourly, 1).await, [("message", Some(10))]);
    assert_eq!(timed.history(daily, 1).await, [("message", Some(10))]);
    assert_eq!(timed.seen(daily).await.record.next_ms, Some(BEGIN + 10 * MINUTE + 23 * 60 * MINUTE + 30 * MINUTE));
    let scheduler = timed.world.nudges.doors.scheduler.inside().unwrap();
    scheduler.cast(SchedulerMsg::Fault(Fault::Panic)).unwrap();
    timed.pass(30);
    until("another scheduler is there", async || {
        let inside = timed.world.nudges.doors.scheduler.inside();
        inside.filter(|inside| inside.get_id() != scheduler.get_id()).map(drop)
    })
    .await;
    timed.pass(30);
    assert_eq!(timed.history(hourly, 2).await[1..], [("message", Some(70))]);
    assert_eq!(timed.history(once, 1).await, [("message", Some(70))]);
    let over = timed.seen(once).await.record;
    assert_eq!((over.state, over.reason), (ScheduleState::Ended, Some(ScheduleReason::Done)));
    let mut wire = timed.wired(4).await;
    wire.sort_unstable();
    assert_eq!(wire, ["day", "hour", "hour", "once"]);
    // What has ended is forgotten some time later, and only then.
    timed.pass(4);
    timed.seen(once).await;
    timed.pass(2);
    until("what has ended is forgotten", async || {
        let found = timed.world.tree().schedules.get(&me(), once, None).await;
        matches!(found, Err(ScheduleError::NotFound)).then_some(())
    })
    .await;
    timed.world.tree().schedules.delete(&me(), daily).await.unwrap();
    assert!(matches!(timed.world.tree().schedules.get(&me(), daily, None).await, Err(ScheduleError::NotFound)));
    super::world::verify(&*timed.world.engine);
}

#[tokio::test]
async fn times_of_a_stopped_machine_wait_until_its_clock_is_believed_and_then_have_their_policy() {
    let mut timed = Timed::running().await;
    let mut made = Vec::new();
    for missed in [MissedPolicy::Skip, MissedPolicy::RunOnce, MissedPolicy::RunAll(2)] {
        made.push(timed.schedule(cron("0 * * * *", "UTC"), missed, message("x")).await);
    }
    // Off from 00:50 to 05:50: 01:00, 02:00, 03:00, 04:00 and 05:00 pass, the tests' keys live for a minute.
    assert_eq!(timed.world.shut_down().await, crate::ShutdownReport::default());
    timed.hands.0.fetch_add(300 * MINUTE, Ordering::SeqCst);
    timed.world.start_again().await;
    timed.world.phase("a", Phase::Connected).await;
    assert!(!timed.world.tree().clock.standing().trusted);
    // What comes now is not late and runs at once, which shows that the scheduler has looked at the others, too.
    let now = ScheduleWhen::Once { at_ms: BEGIN + 301 * MINUTE, zone: None };
    let now = timed.schedule(now, MissedPolicy::RunOnce, message("now")).await;
    timed.pass(1);
    assert_eq!(timed.history(now, 1).await, [("message", Some(301))]);
    for id in &made {
        assert_eq!(timed.runs(*id).await, []);
    }
    timed.world.tree().clock.trust(&me()).await.unwrap();
    timed.world.nudges.scheduler();
    assert_eq!(timed.history(made[0], 1).await, [("missed", Some(10))]);
    assert_eq!(timed.history(made[1], 2).await, [("missed", Some(10)), ("message", Some(250))]);
    let all = timed.history(made[2], 3).await;
    assert_eq!(all, [("missed", Some(10)), ("message", Some(190)), ("message", Some(250))]);
    let runs = timed.runs(made[1]).await;
    assert_eq!(runs[1].run.outcome, RunOutcome::Missed { until_ms: BEGIN + 190 * MINUTE, count: 4 });
    for id in made {
        assert_eq!(timed.seen(id).await.record.next_ms, Some(BEGIN + 310 * MINUTE));
    }
    assert_eq!(timed.wired(4).await.len(), 4);
    super::world::verify(&*timed.world.engine);
}

#[tokio::test]
async fn a_job_is_made_whole_at_its_time_and_changes_hold_from_then_on() {
    let timed = Timed::running().await;
    let item = |n: usize| JobItem::Message { chat: peer(), load: Box::new(says(&format!("item {n}"))) };
    let job = |count: usize| Planned::Job {
        name: None,
        delay: DelayRange { min_ms: 0, max_ms: 0 },
        items: (0..count).map(item).collect(),
    };
    let id = timed.schedule(cron("*/10 * * * *", "UTC"), MissedPolicy::RunOnce, job(230)).await;
    timed.pass(10);
    assert_eq!(timed.history(id, 1).await, [("job", Some(10))]);
    let RunOutcome::Job(made) = timed.runs(id).await[0].run.outcome else { panic!() };
    let jobs = &timed.world.tree().jobs;
    assert_eq!(jobs.get(&me(), made).await.unwrap().tally.total, 230);
    jobs.wish(&me(), made, crate::JobWish::Cancel).await.unwrap();
    let schedules = &timed.world.tree().schedules;
    let change = ScheduleChange { what: Some(job(2)), ..ScheduleChange::default() };
    let changed = schedules.change(&me(), id, change).await.unwrap();
    assert_eq!(changed.record.next_ms, Some(BEGIN + 20 * MINUTE), "its times are as they were");
    assert!(schedules.pause(&me(), id).await.unwrap().upcoming.is_empty());
    timed.pass(15);
    let resumed = schedules.resume(&me(), id).await.unwrap();
    assert_eq!(resumed.upcoming[..2], [BEGIN + 30 * MINUTE, BEGIN + 40 * MINUTE]);
    let by_hand = schedules.run_now(&me(), id, None).await.unwrap();
    assert_eq!((by_hand.no, by_hand.run.at_ms), (2, None));
    timed.pass(5);
    assert_eq!(timed.history(id, 3).await, [("job", Some(10)), ("job", None), ("job", Some(30))]);
    let RunOutcome::Job(last) = timed.runs(id).await[0].run.outcome else { panic!() };
    until("the last job is over", async || {
        let seen = jobs.get(&me(), last).await.unwrap();
        (seen.tally.success() == 2).then_some(())
    })
    .await;
    super::world::verify(&*timed.world.engine);
}

#[tokio::test]
async fn a_full_outbox_puts_a_time_off_and_loses_none() {
    let mut timed = Timed::running().await;
    assert_eq!(timed.world.shut_down().await, crate::ShutdownReport::default());
    timed.world.settings.send.outbox_max = 1;
    timed.world.start_again().await;
    timed.world.phase("a", Phase::Connected).await;
    let no = timed.world.no("a").await;
    timed.world.network.last(no).lose(DisconnectReason::ConnectionLost);
    timed.world.phase("a", Phase::Reconnecting).await;
    let id = timed.schedule(cron("*/10 * * * *", "UTC"), MissedPolicy::RunAll(9), message("x")).await;
    timed.pass(10);
    timed.history(id, 1).await;
    timed.pass(10);
    until("the second one waits", async || {
        let record = timed.seen(id).await.record;
        (record.wake_ms > record.next_ms).then_some(())
    })
    .await;
    assert_eq!(timed.seen(id).await.record.next_ms, Some(BEGIN + 20 * MINUTE));
    timed.world.network.last(no).connect();
    timed.wired(1).await;
    until("the outbox is empty", async || {
        let depth = timed.world.store.read(|tx| wasup_store::repo::counters::account(tx, no)).await.unwrap();
        (depth.unsettled() == 0).then_some(())
    })
    .await;
    timed.pass(1);
    assert_eq!(timed.history(id, 2).await, [("message", Some(10)), ("message", Some(20))]);
    super::world::verify(&*timed.world.engine);
}
