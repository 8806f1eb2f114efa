//! What is kept of attempts, and what follows from them: endpoints that are switched off, events that tell of it.

use wasup_store::id::{AccountNo, DeliveryId, EndpointId, Millis, Position};
use wasup_store::records::{
    AnswerBody, Attempt, AttemptOutcome, DiscardReason, EndpointRecord, EventData, EventKind, EventRecord, Octets, Off,
    Reply,
};
use wasup_store::repo::delivery::{self, Finished, Noted, ReplyWish, Verdict};
use wasup_store::repo::{counters, endpoint, event, message};
use wasup_store::{Store, Tree};

use crate::support::{NOW, arrived, hook, memory, new_send, owned, phone, read, receive, rows, write};

/// An endpoint of an account with one delivery.
async fn one(store: &Store) -> (AccountNo, EndpointId) {
    let account = owned(store, "a").await;
    let id = hook(store, account.no, 1).await.id;
    receive(store, &account, vec![arrived(1, &phone(62))]).await;
    (account.no, id)
}

async fn claim(store: &Store, endpoint: EndpointId, now: Millis) -> DeliveryId {
    write(store, move |tx| delivery::claim(tx, endpoint, now, now + 10, 1)).await[0].0
}

async fn finish(store: &Store, finished: Finished, now: Millis) -> Noted {
    write(store, move |tx| delivery::finish(tx, std::slice::from_ref(&finished), now)).await
}

fn answered(status: u16, url: &str, body: &[u8]) -> Attempt {
    let answer = AnswerBody { body: Octets(body.to_vec()), ..AnswerBody::default() };
    let outcome = AttemptOutcome::Answered { status };
    Attempt { url: Some(url.into()), answer: Some(answer), ..Attempt::new(NOW, 3, outcome) }
}

async fn events(store: &Store, kind: EventKind) -> Vec<EventRecord> {
    let page = read(store, |tx| event::page(tx, Position(0), 999)).await;
    page.into_iter().map(|(_, event)| event).filter(|event| event.kind == kind).collect()
}

#[tokio::test]
async fn every_attempt_is_kept_with_its_answer() {
    let (store, engine) = memory();
    let (_, id) = one(&store).await;
    let long = vec![b'x'; 9_000];
    let bodies: [&[u8]; 6] = [b"short", &long, b"", &long, b"fifth", b""];
    for (n, body) in bodies.iter().enumerate() {
        let now = NOW + n as u64 * 100;
        let delivery = claim(&store, id, now).await;
        let url = if n < 2 { "http://a/" } else { "http://b/" };
        finish(&store, Finished::new(delivery, answered(500, url, body), Verdict::RetryAt(now + 50)), now).await;
    }
    let (delivery, record) = read(&store, |tx| delivery::list(tx, id, None, 1)).await.remove(0);
    assert_eq!((record.tries, record.attempts.len()), (6, 3));
    let inline: Vec<_> = record.attempts.iter().map(|attempt| attempt.url.as_deref()).collect();
    assert_eq!(inline, [Some("http://a/"), None, Some("http://b/")]);
    assert!(record.attempts.iter().all(|attempt| attempt.answer.as_ref().unwrap().body.0.len() < 300));
    let all = read(&store, |tx| delivery::attempts(tx, delivery, &record)).await;
    assert_eq!(all.iter().map(|attempt| attempt.n).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    let kept: Vec<&[u8]> = all.iter().map(|attempt| &attempt.answer.as_ref().unwrap().body.0[..]).collect();
    assert_eq!(kept, bodies);
    let urls: Vec<_> = all.iter().map(|attempt| attempt.url.as_deref().unwrap()).collect();
    assert_eq!(urls[..3], ["http://a/", "http://a/", "http://b/"]);
    let attempts = rows(&*engine).keys().filter(|(tree, _)| *tree == Tree::Attempt).count();
    assert_eq!(attempts, 4, "a long one, and those beyond the third");
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn a_worker_that_comes_home_late_corrects_what_was_noted_of_it() {
    let (store, engine) = memory();
    let (_, id) = one(&store).await;
    claim(&store, id, NOW).await;
    let delivery = claim(&store, id, NOW + 20).await;
    let late = Attempt { n: 1, ..answered(503, "http://a/", b"") };
    finish(&store, Finished::new(delivery, late, Verdict::RetryAt(NOW + 40)), NOW + 30).await;
    let (_, record) = read(&store, |tx| delivery::list(tx, id, None, 1)).await.remove(0);
    let outcomes: Vec<_> = record.attempts.iter().map(|attempt| (attempt.n, attempt.outcome)).collect();
    assert_eq!(outcomes, [(1, AttemptOutcome::Answered { status: 503 })]);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn failures_only_for_too_long_switch_an_endpoint_off_and_a_success_starts_anew() {
    let (store, engine) = memory();
    let (no, id) = one(&store).await;
    let watcher = hook(&store, no, 2).await.id;
    let failed = |delivery, now, outcome| Finished {
        disable_after_ms: Some(1_000),
        ..Finished::new(delivery, Attempt::new(now, 1, outcome), Verdict::RetryAt(now + 1))
    };
    let bad = AttemptOutcome::Answered { status: 500 };
    let mut off = Vec::new();
    for (now, outcome, verdict) in [
        (NOW, AttemptOutcome::Lost, None), // says nothing of the receiver
        (NOW + 900, bad, None),
        (NOW + 1_500, bad, None),
        (NOW + 1_800, AttemptOutcome::Answered { status: 200 }, Some(Verdict::Completed)),
        (NOW + 2_000, bad, None),
        (NOW + 2_999, AttemptOutcome::TimedOut, None),
        (NOW + 3_000, bad, None),
    ] {
        let delivery = claim(&store, id, now).await;
        let mut finished = failed(delivery, now, outcome);
        finished.verdict = verdict.unwrap_or(finished.verdict);
        off.extend(finish(&store, finished, now).await.off.into_iter().map(|off| (now, off)));
        if verdict.is_some() {
            let account = read(&store, |tx| wasup_store::repo::account::by_no(tx, no)).await.unwrap();
            receive(&store, &account, vec![arrived(2, &phone(62))]).await;
        }
    }
    assert_eq!(off, [(NOW + 3_000, (id, Off::Failing))]);
    assert_eq!(read(&store, |tx| endpoint::get(tx, id)).await.unwrap().off, Some(Off::Failing));
    let told = events(&store, EventKind::EndpointDisabled).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].data, EventData::Endpoint { id: id.to_string(), reason: "failing".into() });
    // Its neighbour hears of it now; its own queue keeps it.
    let pending = async |id| read(&store, |tx| counters::endpoint(tx, id)).await.pending;
    assert_eq!((pending(watcher).await, pending(id).await), (2, 2));
    crate::recount::check(&*engine);
    // On again, it has its whole time before it.
    let on = EndpointRecord { off: None, ..read(&store, |tx| endpoint::get(tx, id)).await.unwrap() };
    write(&store, move |tx| endpoint::put(tx, &on, NOW + 3_100)).await;
    assert_eq!(read(&store, |tx| counters::endpoint(tx, id)).await.failing_since_ms, None);
    let delivery = claim(&store, id, NOW + 3_100).await;
    assert_eq!(finish(&store, failed(delivery, NOW + 3_100, bad), NOW + 3_100).await.off, []);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn what_is_given_up_is_told_once_and_never_feeds_itself() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    // Hears of everything, and refuses everything.
    let id = hook(&store, account.no, 1).await.id;
    receive(&store, &account, vec![arrived(1, &phone(62)), arrived(2, &phone(62))]).await;
    for _ in 0..9 {
        let claimed = write(&store, move |tx| delivery::claim(tx, id, NOW, NOW + 10, 9)).await;
        for (delivery, _) in claimed {
            let refused = Verdict::Discarded(DiscardReason::Refused);
            finish(&store, Finished::new(delivery, answered(404, "http://a/", b"no"), refused), NOW).await;
        }
    }
    let told = events(&store, EventKind::DeliveryDiscarded).await;
    assert_eq!(told.len(), 2, "one for each message, none for what told of it");
    let EventData::Discarded(first) = &told[0].data else { panic!("{told:?}") };
    assert_eq!((first.why, first.status, first.attempts), (DiscardReason::Refused, Some(404), 1));
    assert_eq!((first.kind, first.endpoint.as_str()), (EventKind::MessageReceived, id.to_string().as_str()));
    let counts = read(&store, |tx| counters::endpoint(tx, id)).await;
    assert_eq!((counts.pending, counts.discarded), (0, 4));
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_off_in_the_same_commit() {
    let (store, engine) = memory();
    let (_, id) = one(&store).await;
    let delivery = claim(&store, id, NOW).await;
    let gone = Finished::new(delivery, answered(410, "http://a/", b""), Verdict::Discarded(DiscardReason::Gone));
    assert_eq!(finish(&store, gone, NOW).await.off, [(id, Off::Gone)]);
    assert_eq!(events(&store, EventKind::EndpointDisabled).await.len(), 1);
    assert_eq!(read(&store, delivery::next_wake).await, None);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn an_answer_becomes_one_message_however_often_it_is_delivered() {
    let (store, engine) = memory();
    let (no, id) = one(&store).await;
    let mut replies = Vec::new();
    for n in 0..3 {
        let now = NOW + n * 100;
        let delivery = claim(&store, id, now).await;
        let wish = ReplyWish::Send(Box::new(new_send(no, 50, &phone(62))));
        let done = Finished {
            reply: Some(wish),
            ..Finished::new(delivery, answered(200, "http://a/", b"hello"), Verdict::Completed)
        };
        replies.extend(finish(&store, done, now).await.replies);
        write(&store, move |tx| delivery::replay(tx, delivery, now)).await;
    }
    assert_eq!(replies.len(), 1);
    let (to, Reply::Sent(sent)) = replies[0] else { panic!("{replies:?}") };
    assert_eq!(to, no);
    assert!(read(&store, |tx| message::get(tx, sent)).await.is_some());
    assert_eq!(read(&store, |tx| counters::account(tx, no)).await.outbox_depth(), 1);
    let (_, record) = read(&store, |tx| delivery::list(tx, id, None, 1)).await.remove(0);
    assert_eq!(record.reply, Some(Reply::Sent(sent)));
    crate::recount::check(&*engine);
}
