//! An account's life in rows: its timeline, what is told of it and when, what is due for it, and whose phone it has.

use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use wasup_store::engine::MemoryEngine;
use wasup_store::id::{AccountNo, Millis, Position};
use wasup_store::insurance::FindingCode;
use wasup_store::records::{
    AccountState, Author, Desired, EventData, EventKind, Identity, Phase, Reason, TimelineRecord, UserAction, Who,
};
use wasup_store::repo::account::{self, Outlived, StateChange};
use wasup_store::repo::due::{self, DueKind};
use wasup_store::repo::{event, phone, timeline};
use wasup_store::{Store, StoreError, WriteTx, insurance};

use crate::support::{NOW, keyring, memory, owned, phone as human, read, write};

const EVERY: Millis = 1_000;

fn state(phase: Phase, reason: Reason) -> AccountState {
    AccountState { phase, reason, ..AccountState::default() }
}

async fn enter(store: &Store, no: AccountNo, state: AccountState, now_ms: Millis) -> bool {
    let change = StateChange { every_ms: EVERY, ..StateChange::told_at_once(&state) };
    write(store, move |tx| account::change_state(tx, no, None, &change, now_ms)).await
}

async fn tell(store: &Store, now_ms: Millis) -> usize {
    write(store, move |tx| account::tell_due(tx, now_ms, 64)).await
}

/// The phases that were told, each with the one before it.
async fn told(store: &Store) -> Vec<(Phase, Phase)> {
    let page = read(store, |tx| event::page(tx, Position(0), 10_000)).await;
    let phases = |event: wasup_store::records::EventRecord| match event.data {
        EventData::Account(change) => Some((change.previous, change.state.phase)),
        _ => None,
    };
    page.into_iter().filter_map(|(_, event)| phases(event)).collect()
}

fn is_whole(engine: &MemoryEngine) {
    let report = insurance::verify_engine(engine, &keyring(engine), 10);
    // Accounts that are linked here never had the protocol library's keys.
    assert!(report.findings.keys().all(|code| *code == FindingCode::Dangling), "{report:?}");
}

#[tokio::test]
async fn the_first_change_is_told_at_once_and_then_the_last_one() {
    let (store, engine) = memory();
    let no = owned(&store, "a").await.no;
    for (phase, at) in
        [(Phase::Connecting, 0), (Phase::Connected, 10), (Phase::Reconnecting, 20), (Phase::Connected, 30)]
    {
        assert!(enter(&store, no, state(phase, Reason::Requested), NOW + at).await);
    }
    assert_eq!(told(&store).await, [(Phase::Stopped, Phase::Connecting)]);
    assert_eq!(read(&store, |tx| due::next(tx, DueKind::StateEvent)).await, Some(NOW + EVERY));
    is_whole(&engine);
    assert_eq!(tell(&store, NOW + EVERY - 1).await, 0);
    assert_eq!(tell(&store, NOW + EVERY).await, 1);
    assert_eq!(told(&store).await[1..], [(Phase::Connecting, Phase::Connected)]);
    assert_eq!(read(&store, |tx| due::next(tx, DueKind::StateEvent)).await, None);
    is_whole(&engine);
    // What happened in between is not lost: it stands in the timeline.
    let rows = read(&store, |tx| timeline::list(tx, no, None, 10)).await;
    let ways: Vec<_> = rows.iter().rev().map(|(_, row)| (row.from, row.to)).collect();
    assert_eq!(
        ways,
        [
            (Phase::Stopped, Phase::Connecting),
            (Phase::Connecting, Phase::Connected),
            (Phase::Connected, Phase::Reconnecting),
            (Phase::Reconnecting, Phase::Connected),
        ]
    );
}

#[tokio::test]
async fn an_end_waits_for_nobody_and_a_crash_swallows_nothing() {
    let (store, engine) = memory();
    let no = owned(&store, "a").await.no;
    enter(&store, no, state(Phase::Connected, Reason::Requested), NOW).await;
    enter(&store, no, state(Phase::Stopped, Reason::Requested), NOW + 1).await;
    enter(&store, no, state(Phase::Quarantined, Reason::RestartBudget), NOW + 2).await;
    assert_eq!(told(&store).await.last(), Some(&(Phase::Connected, Phase::Quarantined)));
    assert_eq!(read(&store, |tx| due::next(tx, DueKind::StateEvent)).await, None, "nothing is left to be told");
    enter(&store, no, state(Phase::Stopped, Reason::Requested), NOW + 3).await;
    // The process dies here; the next one finds in the store what is still to be told.
    drop(store);
    let store = crate::support::over(&engine);
    assert_eq!(tell(&store, NOW + 2 + EVERY).await, 1);
    assert_eq!(told(&store).await.last(), Some(&(Phase::Quarantined, Phase::Stopped)));
}

/// Whatever happens at whatever times, in the end the last event is the last state, and no two events that may wait are
/// closer than they may be.
#[tokio::test]
async fn the_last_event_is_the_last_state() {
    for seed in 0..40 {
        let mut rng = StdRng::seed_from_u64(seed);
        let (store, engine) = memory();
        let no = owned(&store, "a").await.no;
        let mut now = NOW;
        for _ in 0..30 {
            now += rng.random_range(0..400);
            let phase = Phase::ALL[rng.random_range(0..Phase::ALL.len())];
            let reason = Reason::ALL[rng.random_range(0..Reason::ALL.len())];
            let retry_at_ms = rng.random_bool(0.3).then_some(now + 5);
            enter(&store, no, AccountState { retry_at_ms, ..state(phase, reason) }, now).await;
            if rng.random_bool(0.5) {
                tell(&store, now).await;
            }
        }
        tell(&store, now + EVERY).await;
        let record = read(&store, |tx| account::by_no(tx, no)).await.unwrap();
        let page = read(&store, |tx| event::page(tx, Position(0), 10_000)).await;
        let EventData::Account(last) = &page.last().unwrap().1.data else { panic!("seed {seed}") };
        assert_eq!(last.state, record.state, "seed {seed}");
        let mut before = None;
        for (_, event) in &page {
            let EventData::Account(change) = &event.data else { continue };
            let is_end = matches!(
                change.state.phase,
                Phase::LoggedOut | Phase::Replaced | Phase::Banned | Phase::Outdated | Phase::Quarantined
            );
            if let Some(before) = before {
                assert!(is_end || event.at_ms >= before + EVERY, "seed {seed}");
            }
            before = Some(event.at_ms);
        }
        is_whole(&engine);
    }
}

#[tokio::test]
async fn a_timeline_says_who_and_why_and_does_not_grow_for_ever() {
    let (store, engine) = memory();
    let no = owned(&store, "a").await.no;
    let by = Author { who: Who::RootKey, request_id: "r7".into() };
    let change = StateChange {
        state: AccountState {
            retry_at_ms: Some(NOW + 9),
            user_action: UserAction::Wait,
            ..state(Phase::BackingOff, Reason::Crashed)
        },
        every_ms: 0,
        cause: Some("a broken invariant".into()),
        by: Some(by.clone()),
    };
    write(&store, move |tx| account::change_state(tx, no, None, &change, NOW)).await;
    let rows = read(&store, |tx| timeline::list(tx, no, None, 10)).await;
    let [((NOW, 0), row)] = &rows[..] else { panic!("{rows:?}") };
    let expected = TimelineRecord {
        from: Phase::Stopped,
        to: Phase::BackingOff,
        reason: Reason::Crashed,
        user_action: UserAction::Wait,
        retry_at_ms: Some(NOW + 9),
        epoch: wasup_store::id::Epoch(2),
        cause: Some("a broken invariant".into()),
        by: Some(by),
    };
    assert_eq!(*row, expected);
    for n in 0..u64::from(timeline::ROWS_MAX) + 50 {
        let phase = if n % 2 == 0 { Phase::Connected } else { Phase::Reconnecting };
        enter(&store, no, state(phase, Reason::Requested), NOW + n).await;
    }
    let all = read(&store, |tx| timeline::list(tx, no, None, usize::MAX)).await;
    assert_eq!(all.len(), timeline::ROWS_MAX as usize);
    assert!(all.is_sorted_by(|a, b| a.0 > b.0), "the newest first");
    let next = read(&store, |tx| timeline::list(tx, no, Some(all[9].0), 10)).await;
    assert_eq!(next[..], all[10..20], "a page goes on where the one before it ended");
    is_whole(&engine);
}

#[tokio::test]
async fn old_rows_of_every_timeline_go() {
    let (store, engine) = memory();
    let mut numbers = Vec::new();
    for id in ["a", "b", "c"] {
        let no = owned(&store, id).await.no;
        for n in 0..4 {
            let phase = if n % 2 == 0 { Phase::Connected } else { Phase::Reconnecting };
            enter(&store, no, state(phase, Reason::Requested), NOW + n * 10).await;
        }
        numbers.push(no);
    }
    let (mut from, mut gone) = (Some(AccountNo(0)), 0);
    while let Some(no) = from {
        let pruned = write(&store, move |tx| timeline::prune(tx, no, NOW + 20, 3)).await;
        (from, gone) = (pruned.next, gone + pruned.rows);
    }
    assert_eq!(gone, 6);
    for no in numbers {
        let left = read(&store, |tx| timeline::list(tx, no, None, 10)).await;
        assert!(left.iter().all(|((at_ms, _), _)| *at_ms >= NOW + 20) && left.len() == 2);
    }
    is_whole(&engine);
}

#[tokio::test]
async fn a_restart_is_due_as_long_as_it_is_wanted() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let no = account.no;
    let banned = AccountState { retry_at_ms: Some(NOW + 500), ..state(Phase::Banned, Reason::TemporaryBan) };
    enter(&store, no, banned, NOW).await;
    let due = |store: &Store, at: Millis| {
        let store = store.clone();
        async move { read(&store, |tx| account::restarts_due(tx, NOW + at, 9)).await }
    };
    assert_eq!((due(&store, 499).await, due(&store, 500).await), (vec![], vec![no]));
    is_whole(&engine);
    for (desired, expected) in [(Desired::Stopped, vec![]), (Desired::Running, vec![no])] {
        let id = account.id.clone();
        write(&store, move |tx| account::set_desired(tx, &id, desired, NOW)).await;
        assert_eq!(due(&store, 500).await, expected, "{desired:?}");
        is_whole(&engine);
    }
    enter(&store, no, state(Phase::Connecting, Reason::Requested), NOW + 600).await;
    assert_eq!(due(&store, 9_999).await, vec![]);
    assert_eq!(read(&store, |tx| due::next(tx, DueKind::Restart)).await, None);
}

fn identity(digits: u64) -> Identity {
    Identity { jid: human(digits).jid, lid: None, push_name: None }
}

async fn link(store: &Store, of: &wasup_store::records::AccountRecord, digits: u64) -> Vec<String> {
    let (no, epoch) = (of.no, of.epoch);
    let others = write(store, move |tx| account::set_identity(tx, no, epoch, &identity(digits), NOW)).await;
    others.iter().map(ToString::to_string).collect()
}

async fn same_phone_events(store: &Store) -> Vec<Vec<String>> {
    let page = read(store, |tx| event::page(tx, Position(0), 1_000)).await;
    let others = |data| match data {
        EventData::SamePhone { others } => Some(others.iter().map(ToString::to_string).collect()),
        _ => None,
    };
    page.into_iter().filter(|(_, e)| e.kind == EventKind::SamePhone).filter_map(|(_, e)| others(e.data)).collect()
}

#[tokio::test]
async fn two_accounts_of_one_phone_are_known_and_told_once() {
    let (store, engine) = memory();
    let (a, b, c) = (owned(&store, "a").await, owned(&store, "b").await, owned(&store, "c").await);
    assert!(link(&store, &a, 62).await.is_empty());
    assert!(link(&store, &c, 621).await.is_empty(), "a longer number is another one");
    assert_eq!(link(&store, &b, 62).await, ["a"]);
    assert_eq!(link(&store, &b, 62).await, ["a"], "each connection says it");
    assert_eq!(same_phone_events(&store).await, [["a"]], "... and the first one tells it");
    is_whole(&engine);
    // Who changes the phone, logs out or goes is not found any more.
    assert!(link(&store, &b, 63).await.is_empty());
    let (no, epoch) = (a.no, a.epoch);
    let linked = |store: &Store| {
        let store = store.clone();
        async move { read(&store, |tx| phone::linked_to(tx, wasup_store::id::DEFAULT_TENANT, "62")).await }
    };
    assert_eq!(linked(&store).await, [a.no]);
    write(&store, move |tx| account::log_out(tx, no, epoch, NOW)).await;
    assert!(linked(&store).await.is_empty());
    assert!(link(&store, &b, 62).await.is_empty());
    let id = b.id.clone();
    write(&store, move |tx| account::delete(tx, &id, NOW)).await;
    assert!(linked(&store).await.is_empty());
    is_whole(&engine);
}

#[tokio::test]
async fn an_account_expires_with_an_event_unless_it_was_linked() {
    let (store, engine) = memory();
    let (a, b) = (owned(&store, "a").await, owned(&store, "b").await);
    link(&store, &b, 62).await;
    let expire = |id: wasup_store::id::AccountId| {
        move |tx: &mut WriteTx<'_>| account::expire(tx, &id, Outlived::NeverLinked, NOW)
    };
    assert!(write(&store, expire(a.id.clone())).await);
    assert!(!write(&store, expire(b.id.clone())).await);
    assert!(!write(&store, expire(a.id.clone())).await, "it is gone");
    let page = read(&store, |tx| event::page(tx, Position(0), 1_000)).await;
    let (_, last) = page.last().unwrap();
    assert_eq!((last.kind, &last.account), (EventKind::AccountExpired, &None));
    assert_eq!(last.data, EventData::Expired { account: a.id, reason: "never_linked".into() });
    is_whole(&engine);
}

#[tokio::test]
async fn a_wish_to_leave_stands_until_it_is_done() {
    let (store, engine) = memory();
    let a = owned(&store, "a").await;
    link(&store, &a, 62).await;
    let id = a.id.clone();
    let wish = move |tx: &mut WriteTx<'_>| account::wish_log_out(tx, &id, NOW);
    let wished = write(&store, wish.clone()).await.unwrap();
    assert!(wished.leaving && wished.desired == Desired::Stopped);
    drop(store);
    let store = crate::support::over_dyn(Arc::clone(&engine) as _);
    let id = a.id.clone();
    let taken = write(&store, move |tx| account::take_over(tx, &id)).await.unwrap();
    assert!(taken.leaving, "whoever owns it next knows");
    let (no, epoch) = (taken.no, taken.epoch);
    let out = write(&store, move |tx| account::log_out(tx, no, epoch, NOW)).await.unwrap();
    assert!(!out.leaving && out.identity.is_none());
    enter(&store, no, state(Phase::LoggedOut, Reason::Requested), NOW).await;
    assert!(!write(&store, wish).await.unwrap().leaving, "one that has left has nothing to leave");
    let refused: Result<(), StoreError> = store
        .write(wasup_store::Durability::Durable, move |tx| {
            account::turn_away(tx, no, epoch, &state(Phase::Stopped, Reason::SamePhone), NOW)
        })
        .await;
    assert!(matches!(refused, Err(StoreError::StaleEpoch)), "only its owner turns it away");
}
