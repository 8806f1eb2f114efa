//! Jobs: lines, turns, and one outcome for each item.

use wasup_store::id::{AccountNo, JobId, MessageId};
use wasup_store::records::{
    DelayRange, EventData, FailReason, ItemState, ItemTrouble, JobReason, JobState, Load, MessageState, RunId, RunItem,
    RunTally, StateTimes,
};
use wasup_store::repo::job::{self, Accepted, Draw, JobsOf, NewJob, Turn, Wish, Wished};
use wasup_store::repo::send::{self, Idempotency, Settlement};
use wasup_store::repo::{account, event, receipt, run};
use wasup_store::{Store, Tree};

use crate::support::{NOW, depth, memory, new_send, owned, phone, read, rows, text, write};

pub(crate) fn new_job(no: AccountNo, n: u64) -> NewJob {
    NewJob { id: JobId::new(NOW + n, n), no, name: None, delay: DelayRange::default(), now_ms: NOW + n }
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

fn bad() -> RunItem {
    RunItem {
        chat: None,
        load: None,
        state: ItemState::Failed,
        trouble: Some(ItemTrouble::Bad("no number".into())),
        ..item(0)
    }
}

async fn with(store: &Store, no: AccountNo, n: u64, items: Vec<RunItem>) -> JobId {
    let new = new_job(no, n);
    let id = new.id;
    write(store, move |tx| job::begin(tx, &new)).await.unwrap();
    write(store, move |tx| job::add(tx, id, &items)).await;
    assert!(matches!(write(store, move |tx| job::ready(tx, id, None, NOW + n)).await, Accepted::InLine(_)));
    id
}

/// A job of so many items, in its account's line.
pub(crate) async fn in_line(store: &Store, no: AccountNo, n: u64, items: u64) -> JobId {
    with(store, no, n, (0..items).map(item).collect()).await
}

/// Gives a job its turn.
pub(crate) async fn turn(store: &Store, id: JobId, rand: u64) -> Turn {
    let next = read(store, |tx| job::next_item(tx, id)).await;
    let seq = next.map_or(0, |(seq, _)| seq);
    let draw = Draw { provider_id: format!("3EBJOB{rand:012X}{seq}"), rand, secret: None };
    write(store, move |tx| job::enqueue(tx, id, (seq, &draw), (NOW + 10, 1_000))).await
}

async fn accepted(store: &Store, id: JobId, rand: u64) -> MessageId {
    match turn(store, id, rand).await {
        Turn::Accepted(message) => message,
        other => panic!("{other:?}"),
    }
}

async fn state(store: &Store, id: JobId) -> JobState {
    read(store, |tx| job::find(tx, id)).await.unwrap().state
}

async fn tally(store: &Store, id: JobId) -> RunTally {
    read(store, |tx| run::tally(tx, RunId::Job(id))).await
}

async fn states(store: &Store, id: JobId) -> Vec<ItemState> {
    let items = read(store, |tx| run::page(tx, RunId::Job(id), None, 0, 100)).await;
    items.into_iter().map(|(_, item)| item.state).collect()
}

async fn settle(store: &Store, of: &wasup_store::records::AccountRecord, outcomes: Vec<(MessageId, Settlement)>) {
    let (no, epoch) = (of.no, of.epoch);
    write(store, move |tx| send::take(tx, no, epoch, NOW + 20, 100)).await;
    write(store, move |tx| send::settle(tx, no, epoch, &outcomes, NOW + 30)).await;
}

async fn finished(store: &Store) -> Vec<(JobId, JobState, RunTally)> {
    let events = read(store, |tx| event::page(tx, wasup_store::id::Position(0), 1_000)).await;
    let job = |data| match data {
        EventData::Job(job) => Some((job.id, job.state, job.tally)),
        _ => None,
    };
    events.into_iter().filter_map(|(_, event)| job(event.data)).collect()
}

#[tokio::test]
async fn every_item_moves_with_its_message_and_the_last_outcome_ends_the_job() {
    use ItemState::{Delivered, Failed, Pending, Queued, Read, Sent};
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let id = in_line(&store, account.no, 1, 3).await;
    assert_eq!((state(&store, id).await, depth(&store, account.no).await), (JobState::Queued, 0));
    let one = accepted(&store, id, 1).await;
    assert_eq!(
        (state(&store, id).await, states(&store, id).await),
        (JobState::Running, vec![Queued, Pending, Pending])
    );
    settle(&store, &account, vec![(one, Settlement::Sent)]).await;
    let (two, three) = (accepted(&store, id, 2).await, accepted(&store, id, 3).await);
    assert_eq!(turn(&store, id, 4).await, Turn::NotInLine, "the next job is served");
    assert_eq!(read(&store, |tx| job::first(tx, account.no)).await, None);
    assert_eq!(states(&store, id).await, [Sent, Queued, Queued]);
    let refused = Settlement::Failed(FailReason::NoAck);
    settle(&store, &account, vec![(two, refused)]).await;
    assert_eq!((state(&store, id).await, finished(&store).await), (JobState::Running, vec![]));
    settle(&store, &account, vec![(three, Settlement::Sent)]).await;
    let record = read(&store, |tx| job::find(tx, id)).await.unwrap();
    assert_eq!(
        (record.state, record.started_ms, record.ended_ms),
        (JobState::Completed, Some(NOW + 10), Some(NOW + 30))
    );
    assert_eq!(finished(&store).await, [(id, JobState::Completed, tally(&store, id).await)]);
    // What becomes known later still counts, and tells nothing a second time.
    let ids: Vec<_> = [one, two, three].into_iter().map(|id| provider_id(&store, id)).collect();
    let ids = in_turn(ids).await;
    for (seen, which) in [(MessageState::Delivered, 0), (MessageState::Read, 2), (MessageState::Sent, 1)] {
        let (no, epoch, ids) = (account.no, account.epoch, vec![ids[which].clone()]);
        write(&store, move |tx| receipt::apply(tx, no, epoch, &ids, seen, NOW + 40, NOW + 40)).await;
    }
    assert_eq!(states(&store, id).await, [Delivered, Sent, Read]);
    let now = tally(&store, id).await;
    assert_eq!((now.success(), now.of(Failed), now.ended(), now.total), (3, 0, 3, 3));
    assert_eq!(finished(&store).await.len(), 1);
    let failed = read(&store, |tx| run::page(tx, RunId::Job(id), Some(Read), 0, 10)).await;
    assert_eq!(failed.into_iter().map(|(seq, item)| (seq, item.message)).collect::<Vec<_>>(), [(2, Some(three))]);
    crate::recount::check(&*engine);
}

async fn provider_id(store: &Store, id: MessageId) -> String {
    read(store, |tx| wasup_store::repo::message::get(tx, id)).await.unwrap().provider_id
}

async fn in_turn<F: Future>(all: Vec<F>) -> Vec<F::Output> {
    let mut out = Vec::new();
    for one in all {
        out.push(one.await);
    }
    out
}

#[tokio::test]
async fn a_line_is_served_in_order_and_a_paused_job_keeps_its_place() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let other = owned(&store, "b").await;
    let first = async |no| read(&store, |tx| job::first(tx, no)).await.map(|(id, _)| id);
    let (one, two) = (in_line(&store, account.no, 1, 2).await, in_line(&store, account.no, 2, 2).await);
    let elsewhere = in_line(&store, other.no, 3, 1).await;
    assert_eq!(read(&store, |tx| job::lines(tx, None, 10)).await, [account.no, other.no]);
    assert_eq!(read(&store, |tx| job::lines(tx, Some(account.no), 10)).await, [other.no]);
    assert_eq!((first(account.no).await, first(other.no).await), (Some(one), Some(elsewhere)));
    accepted(&store, one, 1).await;
    let wish = async |id, wish| write(&store, move |tx| job::wish(tx, id, wish, NOW + 5)).await;
    for _ in 0..2 {
        assert!(matches!(wish(one, Wish::Pause).await, Wished::Done(job) if job.state == JobState::Paused));
        assert_eq!((first(account.no).await, turn(&store, one, 2).await), (Some(two), Turn::NotInLine));
    }
    accepted(&store, two, 3).await;
    for _ in 0..2 {
        assert!(matches!(wish(one, Wish::Resume).await, Wished::Done(job) if job.state == JobState::Running));
        assert_eq!(first(account.no).await, Some(one));
    }
    let listed = read(&store, |tx| job::page(tx, JobsOf::Account(account.no), None, 10)).await;
    assert_eq!(listed.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [two, one]);
    let tenant = JobsOf::Tenant(account.tenant);
    let listed = read(&store, |tx| job::page(tx, tenant, Some(elsewhere), 1)).await;
    assert_eq!(listed.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [two]);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn a_cancelled_job_takes_back_what_waits_and_counts_the_rest_as_cancelled() {
    use ItemState::{Cancelled, Queued, Sent};
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let id = in_line(&store, account.no, 1, 5).await;
    let one = accepted(&store, id, 1).await;
    settle(&store, &account, vec![(one, Settlement::Sent)]).await;
    let on_the_wire = accepted(&store, id, 2).await;
    let (no, epoch) = (account.no, account.epoch);
    write(&store, move |tx| send::take(tx, no, epoch, NOW, 1)).await;
    accepted(&store, id, 3).await;
    assert!(matches!(write(&store, move |tx| job::wish(tx, id, Wish::Cancel, NOW + 50)).await, Wished::Done(_)));
    assert_eq!(states(&store, id).await, [Sent, Queued, Cancelled, Cancelled, Cancelled]);
    assert_eq!((depth(&store, no).await, tally(&store, id).await.of(Cancelled)), (1, 3));
    let listed = read(&store, |tx| run::page(tx, RunId::Job(id), Some(Cancelled), 3, 10)).await;
    assert_eq!(listed.into_iter().map(|(seq, _)| seq).collect::<Vec<_>>(), [3, 4]);
    for wish in [Wish::Pause, Wish::Resume] {
        assert!(matches!(write(&store, move |tx| job::wish(tx, id, wish, NOW)).await, Wished::Over(_)));
    }
    assert_eq!(finished(&store).await.len(), 1);
    crate::recount::check(&*engine);
    // What was on the wire gets its outcome all the same.
    settle(&store, &account, vec![(on_the_wire, Settlement::Sent)]).await;
    assert_eq!(states(&store, id).await, [Sent, Sent, Cancelled, Cancelled, Cancelled]);
    assert_eq!((state(&store, id).await, finished(&store).await.len()), (JobState::Cancelled, 1));
    crate::recount::check(&*engine);
    // Deleted with its items; its messages stay.
    assert!(write(&store, move |tx| job::delete(tx, id, NOW + 60)).await);
    crate::recount::check(&*engine);
    while write(&store, |tx| account::purge_step(tx, 3)).await {
        crate::recount::check(&*engine);
    }
    let trees = [Tree::Job, Tree::Recipient, Tree::RecipientState];
    assert!(!rows(&*engine).keys().any(|(tree, _)| trees.contains(tree)));
    assert!(read(&store, |tx| wasup_store::repo::message::get(tx, one)).await.is_some());
}

#[tokio::test]
async fn a_job_that_is_cancelled_while_its_last_item_waits_ends_once() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let id = in_line(&store, account.no, 1, 1).await;
    accepted(&store, id, 1).await;
    assert!(matches!(write(&store, move |tx| job::wish(tx, id, Wish::Cancel, NOW + 50)).await, Wished::Done(_)));
    assert_eq!((state(&store, id).await, states(&store, id).await), (JobState::Cancelled, vec![ItemState::Cancelled]));
    assert_eq!(finished(&store).await, [(id, JobState::Cancelled, tally(&store, id).await)]);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn bad_items_are_passed_over_and_a_job_of_nothing_else_is_over_at_once() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let id = with(&store, account.no, 1, vec![bad(), item(1), bad(), bad()]).await;
    let message = accepted(&store, id, 1).await;
    assert_eq!(turn(&store, id, 2).await, Turn::NothingLeft);
    settle(&store, &account, vec![(message, Settlement::Sent)]).await;
    assert_eq!(state(&store, id).await, JobState::Completed);
    let nothing = with(&store, account.no, 2, vec![bad(), bad()]).await;
    assert_eq!(state(&store, nothing).await, JobState::Completed);
    let many = with(&store, account.no, 3, (0..300).map(|_| bad()).chain([item(9)]).collect()).await;
    assert_eq!(turn(&store, many, 3).await, Turn::Again);
    accepted(&store, many, 4).await;
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn a_repeated_request_is_the_first_job_and_no_message() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let request = |body| Idempotency::new("key", [body; 32], NOW + 60_000);
    let begin = async |n, request: Idempotency| {
        let new = new_job(account.no, n);
        let id = new.id;
        write(&store, move |tx| job::begin(tx, &new)).await.unwrap();
        write(&store, move |tx| job::add(tx, id, &[item(n)])).await;
        write(&store, move |tx| job::ready(tx, id, Some(&request), NOW)).await
    };
    assert!(matches!(begin(1, request(1)).await, Accepted::InLine(_)));
    let first = JobId::new(NOW + 1, 1);
    assert_eq!(begin(2, request(1)).await, Accepted::Replayed(first));
    assert_eq!(begin(3, request(2)).await, Accepted::KeyReused);
    let known = read(&store, |tx| job::replayed(tx, account.no, &request(1), NOW)).await;
    assert_eq!(known, Some(Accepted::Replayed(first)));
    let new = send::NewSend { idempotency: Some(request(1)), ..new_send(account.no, 1, &phone(62)) };
    let refused = store.write(wasup_store::Durability::Durable, move |tx| send::accept(tx, &new)).await;
    assert!(matches!(refused, Err(send::AcceptError::KeyReused)));
    assert_eq!(read(&store, |tx| job::page(tx, JobsOf::Account(account.no), None, 10)).await.len(), 1);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn a_job_whose_writer_died_is_dropped_and_never_seen() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let (new, kept) = (new_job(account.no, 1), new_job(account.no, 9_000));
    let id = new.id;
    write(&store, move |tx| job::begin(tx, &new)).await.unwrap();
    write(&store, move |tx| job::begin(tx, &kept)).await.unwrap();
    write(&store, move |tx| job::add(tx, id, &[item(1), item(2)])).await;
    assert_eq!(read(&store, |tx| job::find(tx, id)).await, None);
    assert_eq!(read(&store, |tx| job::lines(tx, None, 10)).await, []);
    assert_eq!(write(&store, |tx| job::drop_abandoned(tx, NOW + 5_000, 10)).await, 1);
    while write(&store, |tx| account::purge_step(tx, 10)).await {}
    crate::recount::check(&*engine);
    assert_eq!(write(&store, move |tx| job::ready(tx, id, None, NOW)).await, Accepted::NoAccount);
}

#[tokio::test]
async fn jobs_end_with_their_account() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let (one, two) = (in_line(&store, account.no, 1, 3).await, in_line(&store, account.no, 2, 1).await);
    accepted(&store, one, 1).await;
    write(&store, move |tx| job::wish(tx, two, Wish::Pause, NOW)).await;
    let name = account.id.clone();
    write(&store, move |tx| account::delete(tx, &name, NOW + 60)).await;
    assert_eq!(turn(&store, one, 2).await, Turn::AccountGone);
    assert!(matches!(write(&store, move |tx| job::wish(tx, two, Wish::Resume, NOW + 61)).await, Wished::Over(_)));
    while write(&store, |tx| account::purge_step(tx, 7)).await {
        crate::recount::check(&*engine);
    }
    for id in [one, two] {
        let job = read(&store, |tx| job::find(tx, id)).await.unwrap();
        assert_eq!((job.state, job.reason), (JobState::Failed, Some(JobReason::AccountGone)));
        let tally = tally(&store, id).await;
        assert_eq!(tally.of(ItemState::Failed), tally.total);
    }
    crate::recount::check(&*engine);
}
