//! Schedules: a run, what it makes and the next time are one commit.

use wasup_store::Store;
use wasup_store::id::{AccountNo, JobId, MediaId, Millis, ScheduleId};
use wasup_store::records::{
    DelayRange, EventData, EventKind, ItemState, JobState, Load, Media, MediaFileRecord, MissedPolicy, Octets,
    PlannedJob, RunId, RunItem, RunOutcome, SchedulePlan, ScheduleReason, ScheduleRecord, ScheduleRun, ScheduleState,
    ScheduleWhat, ScheduleWhen, StateTimes,
};
use wasup_store::repo::job::{self, Draw, NewJob};
use wasup_store::repo::schedule::{
    self, Change, Changed, Created, Fire, Fired, Make, Miss, NewSchedule, RanNow, Rules, SchedulesOf, Wished,
};
use wasup_store::repo::send::Idempotency;
use wasup_store::repo::{account, event, media, message, run};

use crate::support::{NOW, depth, memory, owned, phone, read, text, write};

const HOUR: Millis = 3_600_000;
const RULES: Rules = Rules { outbox_max: 3, history: 4, keep_ms: 10 * HOUR, files_ms: HOUR };

fn plan(what: ScheduleWhat) -> SchedulePlan {
    SchedulePlan {
        name: Some("daily".into()),
        when: ScheduleWhen::Cron { pattern: "0 * * * *".into(), zone: "UTC".into() },
        start_ms: None,
        end_ms: None,
        missed: MissedPolicy::RunOnce,
        what,
        files: Vec::new(),
    }
}

fn says(words: &str) -> ScheduleWhat {
    let load = Load { content: text(words), context: None, client_message_id: None };
    ScheduleWhat::Message { chat: phone(62_000), load: Box::new(load) }
}

fn item(n: u64) -> RunItem {
    RunItem {
        chat: Some(phone(62_000 + n)),
        load: Some(Box::new(Load { content: text(format!("item {n}")), context: None, client_message_id: None })),
        state: ItemState::Pending,
        message: None,
        times: StateTimes::default(),
        trouble: None,
        sender: None,
        replied_ms: None,
    }
}

fn new(no: AccountNo, n: u64, what: ScheduleWhat) -> NewSchedule {
    NewSchedule {
        id: ScheduleId::new(NOW + n, n),
        no,
        plan: plan(what),
        next_ms: Some(NOW + HOUR),
        prepared_ms: None,
        files_ms: NOW,
        idempotency: None,
        now_ms: NOW + n,
    }
}

async fn created(store: &Store, new: NewSchedule) -> ScheduleId {
    let id = new.id;
    assert!(matches!(write(store, move |tx| schedule::create(tx, &new)).await, Created::Done(_)));
    id
}

/// A schedule that sends a message every hour.
pub(crate) async fn hourly(store: &Store, no: AccountNo, n: u64) -> ScheduleId {
    created(store, new(no, n, says("hello"))).await
}

/// A schedule that starts a job of so many items every hour.
pub(crate) async fn hourly_job(store: &Store, no: AccountNo, n: u64, items: u64) -> ScheduleId {
    let id = ScheduleId::new(NOW + n, n);
    write(store, move |tx| schedule::begin(tx, id, NOW + n)).await;
    let all: Vec<_> = (0..items).map(item).collect();
    let mut rows = 0;
    for some in all.chunks(2) {
        let (some, row) = (some.to_vec(), rows);
        write(store, move |tx| schedule::add_items(tx, id, (5, row), &some)).await;
        rows += 1;
    }
    let count = u32::try_from(items).unwrap();
    let job = PlannedJob { name: None, delay: DelayRange::default(), items: count, load: 5, rows };
    created(store, NewSchedule { prepared_ms: Some(NOW + n), ..new(no, n, ScheduleWhat::Job(job)) }).await
}

async fn record(store: &Store, id: ScheduleId) -> ScheduleRecord {
    read(store, |tx| schedule::get(tx, id)).await.unwrap()
}

fn drawn(n: u64) -> Make {
    Make::Message(Draw { provider_id: format!("3EBSCH{n:012X}"), rand: n, secret: None })
}

async fn fired(store: &Store, id: ScheduleId, at_ms: Millis, next_ms: Option<Millis>, make: Make) -> Fired {
    let version = record(store, id).await.version;
    let fire = Fire { id, version, at_ms, next_ms, make, now_ms: at_ms + 3 };
    write(store, move |tx| schedule::fire(tx, &fire, &RULES)).await
}

/// Runs a schedule at its next time.
pub(crate) async fn fire(store: &Store, id: ScheduleId) -> ScheduleRun {
    let at_ms = record(store, id).await.next_ms.unwrap();
    let version = record(store, id).await.version;
    let next_ms = Some(at_ms + HOUR);
    let fire = Fire { id, version, at_ms, next_ms, make: drawn(at_ms), now_ms: at_ms + 3 };
    let rules = Rules { outbox_max: 1_000, ..RULES };
    match write(store, move |tx| schedule::fire(tx, &fire, &rules)).await {
        Fired::Ran(_, run) => run,
        other => panic!("{other:?}"),
    }
}

async fn due(store: &Store) -> Vec<ScheduleId> {
    read(store, |tx| schedule::due_between(tx, (0, Millis::MAX - 1), 100)).await
}

async fn told(store: &Store) -> Vec<(EventKind, ScheduleId, u32, Option<Millis>)> {
    let events = read(store, |tx| event::page(tx, wasup_store::id::Position(0), 1_000)).await;
    let of = |data| match data {
        EventData::Schedule(run) => Some(run),
        _ => None,
    };
    let all = events.into_iter().filter_map(|(_, event)| of(event.data).map(|run| (event.kind, run)));
    all.map(|(kind, run)| (kind, run.id, run.no, run.next_ms)).collect()
}

#[tokio::test]
async fn a_run_its_message_and_the_next_time_are_one() {
    let (store, engine) = memory();
    let no = owned(&store, "a").await.no;
    let id = hourly(&store, no, 1).await;
    assert_eq!(due(&store).await, [id]);
    assert_eq!(read(&store, |tx| schedule::next_wake(tx, NOW)).await, Some(NOW + HOUR));
    let run = fire(&store, id).await;
    let RunOutcome::Message(sent) = run.outcome else { panic!("{run:?}") };
    assert_eq!((run.at_ms, run.ran_ms), (Some(NOW + HOUR), NOW + HOUR + 3));
    assert_eq!(read(&store, |tx| message::get(tx, sent)).await.unwrap().content, text("hello"));
    // The same time once more, as after a crash that came between the commit and its answer.
    assert_eq!(fired(&store, id, NOW + HOUR, Some(NOW + 2 * HOUR), drawn(9)).await, Fired::Stale);
    assert_eq!((depth(&store, no).await, record(&store, id).await.next_ms), (1, Some(NOW + 2 * HOUR)));
    assert_eq!(read(&store, |tx| schedule::next_wake(tx, NOW)).await, Some(NOW + 2 * HOUR));
    assert_eq!(told(&store).await, [(EventKind::ScheduleFired, id, 1, Some(NOW + 2 * HOUR))]);
    // The outbox takes three: the fourth waits, and its time stays what it is.
    fire(&store, id).await;
    fire(&store, id).await;
    let at_ms = record(&store, id).await.next_ms.unwrap();
    assert_eq!(fired(&store, id, at_ms, None, drawn(4)).await, Fired::OutboxFull);
    let waits = record(&store, id).await;
    assert_eq!((waits.next_ms, waits.runs), (Some(at_ms), 3));
    assert!(waits.wake_ms > waits.next_ms);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn files_stay_for_the_next_time_and_are_not_written_with_every_run() {
    let (store, engine) = memory();
    let no = owned(&store, "a").await.no;
    let file = MediaFileRecord {
        id: MediaId::new(NOW, 9),
        tenant: wasup_store::id::DEFAULT_TENANT,
        account: None,
        message: None,
        media: Media::default(),
        sha256: Octets(vec![7; 32]),
        created_ms: NOW,
        expires_ms: NOW + HOUR,
        uploads: Vec::new(),
    };
    let id = file.id;
    write(&store, move |tx| media::put_new(tx, &file)).await;
    let stays = async || read(&store, |tx| media::get(tx, id)).await.unwrap().expires_ms;
    let mut with_file = new(no, 1, says("look"));
    (with_file.plan.files, with_file.files_ms) = (vec![id], NOW + 2 * HOUR);
    let schedule = created(&store, with_file).await;
    let first = stays().await;
    assert!(first > NOW + 2 * HOUR);
    for _ in 0..3 {
        fire(&store, schedule).await;
        assert_eq!(stays().await, first, "long enough already");
    }
    let at_ms = record(&store, schedule).await.next_ms.unwrap();
    let year_ms = at_ms + 365 * 24 * HOUR;
    let (version, make) = (record(&store, schedule).await.version, drawn(7));
    let far = Fire { id: schedule, version, at_ms, next_ms: Some(year_ms), make, now_ms: at_ms };
    let rules = Rules { outbox_max: 1_000, ..RULES };
    assert!(matches!(write(&store, move |tx| schedule::fire(tx, &far, &rules)).await, Fired::Ran(..)));
    assert!(stays().await >= year_ms + RULES.files_ms);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn a_history_is_as_long_as_it_may_be_and_missed_times_are_in_it() {
    let (store, engine) = memory();
    let no = owned(&store, "a").await.no;
    let id = hourly(&store, no, 1).await;
    fire(&store, id).await;
    for n in 1..5 {
        let before = record(&store, id).await;
        let at_ms = before.next_ms.unwrap();
        let (until_ms, next_ms) = (at_ms + 2 * HOUR, Some(at_ms + 3 * HOUR));
        let (version, now_ms) = (before.version, at_ms + 9 * HOUR);
        let miss = Miss { id, version, at_ms, until_ms, count: 3, next_ms, now_ms };
        assert!(write(&store, move |tx| schedule::miss(tx, &miss, &RULES)).await);
        assert!(!write(&store, move |tx| schedule::miss(tx, &miss, &RULES)).await, "once");
        let runs = read(&store, |tx| schedule::runs(tx, id, None, 10)).await;
        assert_eq!(runs.iter().map(|(no, _)| *no).collect::<Vec<_>>(), (1..=n + 1).rev().take(4).collect::<Vec<_>>());
        assert_eq!(runs[0].1.outcome, RunOutcome::Missed { until_ms, count: 3 });
        crate::recount::check(&*engine);
    }
    let older = read(&store, |tx| schedule::runs(tx, id, Some(4), 10)).await;
    assert_eq!(older.iter().map(|(no, _)| *no).collect::<Vec<_>>(), [3, 2]);
    assert_eq!(told(&store).await.last().unwrap().0, EventKind::ScheduleMissed);
    // The last time: it ends, and is forgotten when its time is over.
    let at_ms = record(&store, id).await.next_ms.unwrap();
    assert!(matches!(fired(&store, id, at_ms, None, drawn(1)).await, Fired::Ran(..)));
    let over = record(&store, id).await;
    let forget_ms = over.wake_ms.unwrap();
    assert_eq!((over.state, over.reason, over.next_ms), (ScheduleState::Ended, Some(ScheduleReason::Done), None));
    assert!(!write(&store, move |tx| schedule::forget(tx, id, forget_ms - 1)).await);
    crate::recount::check(&*engine);
    assert!(write(&store, move |tx| schedule::forget(tx, id, forget_ms)).await);
    while write(&store, |tx| account::purge_step(tx, 2)).await {
        crate::recount::check(&*engine);
    }
    assert_eq!(read(&store, |tx| schedule::runs(tx, id, None, 10)).await, []);
    assert_eq!((due(&store).await, depth(&store, no).await), (vec![], 2));
}

#[tokio::test]
async fn a_job_stands_in_its_line_with_the_run_that_made_it() {
    let (store, engine) = memory();
    let no = owned(&store, "a").await.no;
    let id = hourly_job(&store, no, 1, 5).await;
    crate::recount::check(&*engine);
    let ready = JobId::new(NOW, 77);
    let new = NewJob { id: ready, no, name: None, delay: DelayRange::default(), now_ms: NOW };
    write(&store, move |tx| job::begin(tx, &new)).await.unwrap();
    for row in 0..3 {
        let items = read(&store, |tx| schedule::items(tx, id, (5, row))).await.unwrap();
        write(&store, move |tx| job::add(tx, ready, &items)).await;
    }
    assert_eq!(read(&store, |tx| job::find(tx, ready)).await, None);
    let fired_it = fired(&store, id, NOW + HOUR, Some(NOW + 2 * HOUR), Make::Job(ready)).await;
    assert!(matches!(fired_it, Fired::Ran(_, ScheduleRun { outcome: RunOutcome::Job(made), .. }) if made == ready));
    assert_eq!(read(&store, |tx| job::find(tx, ready)).await.unwrap().state, JobState::Queued);
    assert_eq!(read(&store, |tx| run::tally(tx, RunId::Job(ready))).await.total, 5);
    // A job that was given up meanwhile is none.
    assert_eq!(fired(&store, id, NOW + 2 * HOUR, None, Make::Job(JobId::new(1, 1))).await, Fired::Stale);
    crate::recount::check(&*engine);
    write(&store, move |tx| schedule::delete(tx, id, NOW)).await;
    while write(&store, |tx| account::purge_step(tx, 2)).await {
        crate::recount::check(&*engine);
    }
    assert_eq!(read(&store, |tx| schedule::items(tx, id, (5, 0))).await, None);
    assert!(read(&store, |tx| job::find(tx, ready)).await.is_some());
}

#[tokio::test]
async fn what_was_looked_at_before_a_change_does_nothing() {
    let (store, engine) = memory();
    let no = owned(&store, "a").await.no;
    let id = hourly_job(&store, no, 1, 3).await;
    let was = record(&store, id).await;
    let change = Change {
        id,
        version: was.version,
        was_ms: was.next_ms,
        plan: plan(says("other")),
        next_ms: Some(NOW + 5 * HOUR),
        prepared_ms: None,
        files_ms: NOW,
        now_ms: NOW,
    };
    let again = change.clone();
    assert!(matches!(write(&store, move |tx| schedule::change(tx, &change)).await, Changed::Done(_)));
    assert_eq!(write(&store, move |tx| schedule::change(tx, &again)).await, Changed::Stale);
    assert_eq!(read(&store, |tx| schedule::items(tx, id, (5, 0))).await, None, "the old items are gone");
    crate::recount::check(&*engine);
    let old = Fire { id, version: was.version, at_ms: NOW + HOUR, next_ms: None, make: drawn(1), now_ms: NOW + HOUR };
    assert_eq!(write(&store, move |tx| schedule::fire(tx, &old, &RULES)).await, Fired::Stale);
    let Wished::Done(paused) = write(&store, move |tx| schedule::pause(tx, id, NOW)).await else { panic!() };
    assert_eq!((paused.state, paused.next_ms), (ScheduleState::Paused, None));
    assert_eq!(due(&store).await, []);
    crate::recount::check(&*engine);
    let resume = |version| {
        move |tx: &mut wasup_store::WriteTx<'_>| schedule::resume(tx, (id, version), NOW + 7 * HOUR, (NOW, HOUR))
    };
    assert_eq!(write(&store, resume(was.version)).await, Wished::Stale);
    assert!(matches!(write(&store, resume(paused.version)).await, Wished::Done(_)));
    assert_eq!(record(&store, id).await.next_ms, Some(NOW + 7 * HOUR));
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn a_run_beside_the_times_leaves_them_and_is_made_once_for_a_key() {
    let (store, engine) = memory();
    let no = owned(&store, "a").await.no;
    let id = hourly(&store, no, 1).await;
    let request = |body| Idempotency::new("key", [body; 32], NOW + HOUR);
    let now = async |version, body, n| {
        let request = request(body);
        write(&store, move |tx| schedule::run_now(tx, (id, version, NOW), &drawn(n), Some(&request), &RULES)).await
    };
    assert_eq!(now(9, 1, 1).await, RanNow::Stale);
    let RanNow::Ran(1, run) = now(1, 1, 2).await else { panic!() };
    assert_eq!((run.at_ms, record(&store, id).await.next_ms), (None, Some(NOW + HOUR)));
    assert_eq!((now(1, 1, 3).await, now(1, 2, 4).await), (RanNow::Replayed(1), RanNow::KeyReused));
    let replayed = read(&store, |tx| schedule::replayed(tx, no, &request(1), NOW)).await;
    assert_eq!((replayed, depth(&store, no).await), (Some(Created::Replayed(id, 1)), 1));
    // A repeated wish for a schedule is the first one.
    let keyed =
        NewSchedule { idempotency: Some(Idempotency::new("other", [1; 32], NOW + HOUR)), ..new(no, 2, says("two")) };
    let first = created(&store, keyed.clone()).await;
    let again = NewSchedule { id: ScheduleId::new(NOW, 99), ..keyed };
    assert_eq!(write(&store, move |tx| schedule::create(tx, &again)).await, Created::Replayed(first, 0));
    let listed = read(&store, |tx| schedule::page(tx, SchedulesOf::Account(no), None, 10)).await;
    assert_eq!(listed.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [first, id]);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn schedules_end_with_their_account() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let (one, two, three) = (
        hourly(&store, account.no, 1).await,
        hourly(&store, account.no, 2).await,
        hourly_job(&store, account.no, 3, 3).await,
    );
    write(&store, move |tx| schedule::pause(tx, two, NOW)).await;
    let name = account.id.clone();
    write(&store, move |tx| account::delete(tx, &name, NOW + HOUR + 5)).await;
    // One whose time comes before the janitor has come to it.
    assert_eq!(fired(&store, one, NOW + HOUR, None, drawn(1)).await, Fired::AccountGone);
    let runs = read(&store, |tx| schedule::runs(tx, one, None, 9)).await;
    assert_eq!(runs[0].1.outcome, RunOutcome::Failed(ScheduleReason::AccountGone));
    while write(&store, |tx| account::purge_step(tx, 5)).await {
        crate::recount::check(&*engine);
    }
    for id in [one, two, three] {
        let gone = record(&store, id).await;
        assert_eq!((gone.state, gone.reason), (ScheduleState::Ended, Some(ScheduleReason::AccountGone)));
    }
    let tenant = wasup_store::id::DEFAULT_TENANT;
    assert_eq!(read(&store, |tx| schedule::page(tx, SchedulesOf::Tenant(tenant), None, 9)).await.len(), 3);
    assert_eq!(read(&store, |tx| schedule::page(tx, SchedulesOf::Account(account.no), None, 9)).await, []);
}

#[tokio::test]
async fn items_whose_writer_died_are_dropped() {
    let (store, engine) = memory();
    let no = owned(&store, "a").await.no;
    let (kept, never) = (hourly_job(&store, no, 1, 3).await, ScheduleId::new(NOW, 50));
    for id in [kept, never] {
        write(&store, move |tx| schedule::begin(tx, id, NOW + 9)).await;
        write(&store, move |tx| schedule::add_items(tx, id, (8, 0), &[item(1)])).await;
    }
    crate::recount::check(&*engine);
    assert_eq!(write(&store, |tx| schedule::drop_abandoned(tx, NOW + 9, 10)).await, 0);
    assert_eq!(write(&store, |tx| schedule::drop_abandoned(tx, NOW + 10, 10)).await, 2);
    while write(&store, |tx| account::purge_step(tx, 5)).await {}
    crate::recount::check(&*engine);
    assert_eq!(read(&store, |tx| schedule::items(tx, never, (8, 0))).await, None);
    assert_eq!(read(&store, |tx| schedule::items(tx, kept, (8, 0))).await, None);
    assert!(read(&store, |tx| schedule::items(tx, kept, (5, 1))).await.is_some());
}
