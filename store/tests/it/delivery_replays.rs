//! Replays: one, a range, and all that failed; a little in each commit.

use wasup_store::id::{DeliveryId, EndpointId, Millis, Position};
use wasup_store::records::{Attempt, AttemptOutcome, DeliveryState, DiscardReason, EndpointRecord, EventKind, Off};
use wasup_store::repo::delivery::{self, Finished, ReplayRange, Verdict};
use wasup_store::repo::{counters, endpoint, event};
use wasup_store::{Store, Tree};

use crate::support::{NOW, arrived, hook, memory, owned, phone, read, receive, rows, write};

const BAD: AttemptOutcome = AttemptOutcome::Answered { status: 400 };

/// Claims all that is due and ends it.
async fn end(store: &Store, endpoint: EndpointId, verdict: Verdict, now: Millis) -> Vec<DeliveryId> {
    let claimed = write(store, move |tx| delivery::claim(tx, endpoint, now, now + 10, 99)).await;
    let ids: Vec<_> = claimed.iter().map(|(id, _)| *id).collect();
    let finished: Vec<_> = ids.iter().map(|id| Finished::new(*id, Attempt::new(now, 1, BAD), verdict)).collect();
    write(store, move |tx| delivery::finish(tx, &finished, now)).await;
    ids
}

async fn run(store: &Store, endpoint: EndpointId, range: ReplayRange, now: Millis) -> (u32, u64) {
    assert!(write(store, move |tx| delivery::begin_replay(tx, endpoint, range, now)).await);
    assert!(!write(store, move |tx| delivery::begin_replay(tx, endpoint, range, now)).await, "one at a time");
    let mut steps = 0;
    while write(store, move |tx| delivery::replay_step(tx, 3, now)).await {
        steps += 1;
    }
    let replay = read(store, |tx| delivery::get_replay(tx, endpoint)).await.unwrap();
    assert_eq!(replay.ended_ms, Some(now));
    (steps, replay.queued)
}

fn picky(endpoint: EndpointRecord) -> EndpointRecord {
    EndpointRecord { events: vec![EventKind::MessageReceived], ..endpoint }
}

#[tokio::test]
async fn a_replay_begins_the_schedule_anew_and_keeps_what_was_tried() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let endpoint = picky(hook(&store, account.no, 1).await);
    let id = endpoint.id;
    write(&store, move |tx| endpoint::put(tx, &endpoint, NOW)).await;
    receive(&store, &account, vec![arrived(1, &phone(62))]).await;
    let first = end(&store, id, Verdict::RetryAt(NOW + 50), NOW).await[0];
    // Waiting for its next attempt: due now.
    let record = write(&store, move |tx| delivery::replay(tx, first, NOW + 1)).await.unwrap();
    assert_eq!((record.state, record.tries, record.due_ms), (DeliveryState::Available, 0, NOW + 1));
    end(&store, id, Verdict::Discarded(DiscardReason::Refused), NOW + 1).await;
    crate::recount::check(&*engine);
    for now in [NOW + 2, NOW + 3] {
        let record = write(&store, move |tx| delivery::replay(tx, first, now)).await.unwrap();
        assert_eq!((record.state, record.why, record.ended_ms), (DeliveryState::Available, None, None));
        assert_eq!(read(&store, delivery::next_wake).await, Some(now));
        assert!(rows(&*engine).keys().all(|(tree, _)| *tree != Tree::DeliveryBad));
        crate::recount::check(&*engine);
        assert_eq!(end(&store, id, Verdict::Completed, now).await, [first]);
    }
    let record = read(&store, |tx| delivery::get(tx, first)).await.unwrap();
    assert_eq!((record.state, record.tries, record.earlier), (DeliveryState::Completed, 1, 3));
    let all = read(&store, |tx| delivery::attempts(tx, first, &record)).await;
    assert_eq!(all.iter().map(|attempt| attempt.n).collect::<Vec<_>>(), [1, 2, 3, 4]);
    // One that a worker has stays as it is.
    write(&store, move |tx| delivery::replay(tx, first, NOW + 4)).await;
    write(&store, move |tx| delivery::claim(tx, id, NOW + 4, NOW + 40, 1)).await;
    let record = write(&store, move |tx| delivery::replay(tx, first, NOW + 5)).await.unwrap();
    assert_eq!((record.state, record.due_ms), (DeliveryState::Executing, NOW + 40));
    let unknown = DeliveryId { position: Position(99), ..first };
    assert_eq!(write(&store, move |tx| delivery::replay(tx, unknown, NOW)).await, None);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn a_range_replays_also_what_was_never_queued() {
    let (store, engine) = memory();
    let (account, other) = (owned(&store, "a").await, owned(&store, "b").await);
    receive(&store, &account, (1..=4).map(|n| arrived(n, &phone(62))).collect()).await;
    receive(&store, &other, vec![arrived(1, &phone(62))]).await;
    let endpoint = picky(hook(&store, account.no, 1).await);
    let id = endpoint.id;
    write(&store, move |tx| endpoint::put(tx, &endpoint, NOW)).await;
    receive(&store, &account, vec![arrived(5, &phone(62)), arrived(6, &phone(62))]).await;
    let done = end(&store, id, Verdict::Completed, NOW).await;
    receive(&store, &account, vec![arrived(7, &phone(62))]).await;
    let last = read(&store, event::last).await;
    let range = ReplayRange::Events { after: Position(0), until: last };
    let (steps, queued) = run(&store, id, range, NOW + 5).await;
    assert_eq!((steps, queued), (u32::try_from(last.0 / 3 + 1).unwrap(), 6), "four unheard of, two again, one waits");
    crate::recount::check(&*engine);
    let all = end(&store, id, Verdict::Completed, NOW + 5).await;
    assert_eq!(all.len(), 7);
    assert!(done.iter().all(|id| all.contains(id)));
    // Only the end of it, up to where it was asked for.
    let range = ReplayRange::Events { after: Position(done[0].position.0 - 1), until: done[1].position };
    assert_eq!(run(&store, id, range, NOW + 6).await.1, 2);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn what_failed_since_a_time_is_replayed_and_an_endpoint_that_is_off_keeps_it() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let endpoint = picky(hook(&store, account.no, 1).await);
    let id = endpoint.id;
    let put = endpoint.clone();
    write(&store, move |tx| endpoint::put(tx, &put, NOW)).await;
    for (n, verdict) in [
        (0, Verdict::Discarded(DiscardReason::Refused)),
        (10, Verdict::Discarded(DiscardReason::Exhausted)),
        (20, Verdict::Completed),
    ] {
        let batch = (1..=4).map(|m| arrived(n * 10 + m, &phone(62))).collect();
        receive(&store, &account, batch).await;
        end(&store, id, verdict, NOW + n).await;
    }
    let off = EndpointRecord { off: Some(Off::Gone), ..endpoint.clone() };
    write(&store, move |tx| endpoint::put(tx, &off, NOW)).await;
    let (steps, queued) =
        run(&store, id, ReplayRange::Failed { since_ms: NOW + 10, after: Position(0) }, NOW + 30).await;
    assert_eq!((steps, queued), (2, 4));
    assert_eq!(read(&store, delivery::next_wake).await, None);
    write(&store, move |tx| endpoint::put(tx, &endpoint, NOW + 31)).await;
    assert_eq!(end(&store, id, Verdict::Completed, NOW + 31).await.len(), 4);
    let (_, queued) = run(&store, id, ReplayRange::Failed { since_ms: 0, after: Position(0) }, NOW + 40).await;
    assert_eq!(queued, 4, "the first four");
    let counts = read(&store, |tx| counters::endpoint(tx, id)).await;
    assert_eq!(counts.pending, 4);
    crate::recount::check(&*engine);
    // Removed in the middle, it leaves no replay behind.
    let range = ReplayRange::Events { after: Position(0), until: Position(999) };
    write(&store, move |tx| delivery::begin_replay(tx, id, range, NOW)).await;
    write(&store, move |tx| endpoint::remove(tx, id, NOW)).await;
    assert!(!write(&store, |tx| delivery::replay_step(tx, 3, NOW)).await);
    assert_eq!(read(&store, |tx| delivery::get_replay(tx, id)).await, None);
}
