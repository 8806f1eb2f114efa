//! The event log as it is read on behalf of somebody: whole, in order, once, and nobody else's.

use std::sync::Arc;
use std::time::Duration;

use wasup_store::cursor::EventCursor;
use wasup_store::id::{AccountNo, DEFAULT_TENANT, Position, TenantNo};
use wasup_store::records::{AccountRecord, ClockEvent, EventKind, EventRecord};
use wasup_store::repo::account::{self, NewAccount};
use wasup_store::repo::follow::{Bounds, Followed, Sight, read_on};
use wasup_store::repo::{event, schema};
use wasup_store::{Durability, Store};

use crate::support::{NOW, accept, arrived, memory, new_account, new_send, open, owned, phone, read, receive, write};

const PATIENCE: Duration = Duration::from_secs(60);

fn sees_all() -> Sight {
    Sight { tenant: DEFAULT_TENANT, server: true, account: None, kinds: Vec::new() }
}

const fn bounds(events: usize) -> Bounds {
    Bounds { events, looks: 1_000, bytes: 1 << 20 }
}

async fn look(store: &Store, sight: &Sight, after: u64, bounds: Bounds) -> (Vec<(Position, EventRecord)>, Position) {
    let upto = *store.durable_position().borrow();
    match read(store, |tx| read_on(tx, sight, Position(after), upto, bounds)).await {
        Followed::Read { events, reached } => (events, reached),
        Followed::Gone { floor } => panic!("gone up to {floor}"),
    }
}

/// Everything from a position on, piece by piece.
async fn all(store: &Store, sight: &Sight, after: u64, bounds: Bounds) -> Vec<Position> {
    let (mut found, mut at) = (Vec::new(), Position(after));
    let last = *store.durable_position().borrow();
    while at < last {
        let (events, reached) = look(store, sight, at.0, bounds).await;
        assert!(reached > at, "a reader must get on");
        assert!(events.len() <= bounds.events && events.iter().all(|(position, _)| *position <= reached));
        found.extend(events.into_iter().map(|(position, _)| position));
        at = reached;
    }
    found
}

async fn of_tenant(store: &Store, id: &str, tenant: u32) -> AccountRecord {
    let new = NewAccount { tenant: TenantNo(tenant), ..new_account(id) };
    let made = store.write(Durability::Durable, move |tx| account::create(tx, &new)).await.unwrap();
    write(store, move |tx| account::take_over(tx, &made.id)).await.unwrap()
}

/// Three accounts of two tenants and the server, one after the other.
async fn mixed() -> (Store, [AccountRecord; 3], Vec<EventRecord>) {
    let (store, _engine) = memory();
    let accounts = [of_tenant(&store, "a", 1).await, of_tenant(&store, "b", 1).await, of_tenant(&store, "c", 2).await];
    for n in 0..40_u64 {
        let account = &accounts[usize::try_from(n * n % 7 % 3).unwrap()];
        if n.is_multiple_of(5) {
            accept(&store, new_send(account.no, n, &phone(62))).await;
        } else {
            receive(&store, account, vec![arrived(n, &phone(62)), arrived(100 + n, &phone(63))]).await;
        }
        if n.is_multiple_of(9) {
            let change = ClockEvent { trusted: true, jump_ms: 0 };
            write(&store, move |tx| event::tell_clock(tx, change, NOW)).await;
        }
    }
    let log = read(&store, |tx| event::page(tx, Position(0), 999)).await;
    (store, accounts, log.into_iter().map(|(_, event)| event).collect())
}

#[tokio::test]
async fn every_filter_finds_what_it_names_from_everywhere_in_any_piece() {
    let (store, [a, b, c], log) = mixed().await;
    let everything = sees_all();
    let sights = [
        everything.clone(),
        Sight { server: false, ..everything.clone() },
        Sight { account: Some(a.no), ..everything.clone() },
        Sight { account: Some(b.no), kinds: vec![EventKind::MessageStatus], ..everything.clone() },
        Sight { kinds: vec![EventKind::ServerClock, EventKind::MessageStatus], ..everything.clone() },
        Sight { tenant: TenantNo(2), server: false, ..everything.clone() },
        Sight { account: Some(AccountNo(0)), ..everything },
    ];
    for sight in sights {
        let wanted = |event: &EventRecord| {
            let own = match event.no {
                AccountNo(0) => sight.server,
                no => sight.tenant == if no == c.no { TenantNo(2) } else { DEFAULT_TENANT },
            };
            own && sight.account.is_none_or(|no| no == event.no)
                && (sight.kinds.is_empty() || sight.kinds.contains(&event.kind))
        };
        let wanted: Vec<_> =
            (1..).zip(&log).filter(|(_, event)| wanted(event)).map(|(position, _)| Position(position)).collect();
        assert!(!wanted.is_empty());
        for after in 0..=log.len() as u64 {
            let rest: Vec<_> = wanted.iter().copied().filter(|position| position.0 > after).collect();
            for few in [Bounds { looks: 7, ..bounds(999) }, Bounds { bytes: 1, ..bounds(50) }, bounds(3), bounds(64)] {
                assert_eq!(all(&store, &sight, after, few).await, rest, "{sight:?} after {after} with {few:?}");
            }
        }
    }
}

#[tokio::test]
async fn another_tenants_account_is_an_empty_log() {
    let (store, [a, _, c], log) = mixed().await;
    for (tenant, account) in [(1, c.no), (2, a.no), (3, a.no), (1, AccountNo(77))] {
        let sight = Sight { tenant: TenantNo(tenant), account: Some(account), ..sees_all() };
        let (events, reached) = look(&store, &sight, 0, bounds(99)).await;
        assert_eq!((events.len(), reached), (0, Position(log.len() as u64)));
    }
    let stranger = Sight { tenant: TenantNo(3), server: false, ..sees_all() };
    assert_eq!(all(&store, &stranger, 0, bounds(9)).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_writers_and_a_reader_that_reconnects_leave_no_gap_and_no_repeat() {
    const WRITERS: u64 = 64;
    const EACH: u64 = 12;
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), 16 << 20).unwrap();
    let mut accounts = Vec::new();
    for id in ["a", "b", "c", "d"] {
        accounts.push(owned(&store, id).await);
    }
    let incarnation = read(&store, schema::identity).await.incarnation;
    let reader = tokio::spawn({
        let store = store.clone();
        async move {
            let (mut seen, mut connections) = (Vec::new(), 0_u32);
            let mut cursor = EventCursor::new(incarnation, Position(0)).to_string();
            while seen.len() < usize::try_from(WRITERS * EACH * 2).unwrap() {
                connections += 1;
                let mut at = cursor.parse::<EventCursor>().unwrap().position;
                let mut durable = store.durable_position();
                for _ in 0..rand::random_range(1..8) {
                    let upto = *durable.wait_for(|newest| *newest > at).await.unwrap();
                    let few = bounds(rand::random_range(1..20));
                    let found = read(&store, |tx| read_on(tx, &sees_all(), at, upto, few)).await;
                    let Followed::Read { events, reached } = found else { panic!("{found:?}") };
                    // A connection may break after any event that was taken.
                    let taken = rand::random_range(0..=events.len());
                    let whole = taken == events.len();
                    for (position, event) in events.into_iter().take(taken) {
                        at = position;
                        seen.push((position.0, event.no, event.seq.0));
                    }
                    if whole {
                        at = reached;
                    }
                    cursor = EventCursor::new(incarnation, at).to_string();
                    if !whole || seen.len() >= usize::try_from(WRITERS * EACH * 2).unwrap() {
                        break;
                    }
                }
            }
            (seen, connections)
        }
    });
    let accounts = Arc::new(accounts);
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (store, accounts) = (store.clone(), Arc::clone(&accounts));
            tokio::spawn(async move {
                let account = &accounts[usize::try_from(writer % 4).unwrap()];
                for n in 0..EACH {
                    let n = writer * 1_000 + n;
                    receive(&store, account, vec![arrived(n, &phone(62_000 + writer))]).await;
                    accept(&store, new_send(account.no, n, &phone(62_000 + writer))).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let (seen, connections) = tokio::time::timeout(PATIENCE, reader).await.expect("the reader stood still").unwrap();
    assert!(connections > 50, "{connections} connections are no test");
    let positions: Vec<_> = seen.iter().map(|(position, ..)| *position).collect();
    assert_eq!(positions, (1..=WRITERS * EACH * 2).collect::<Vec<_>>());
    for account in accounts.iter() {
        let numbers: Vec<_> = seen.iter().filter(|(_, no, _)| *no == account.no).map(|(.., seq)| *seq).collect();
        assert_eq!(numbers, (1..=WRITERS * EACH / 2).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn an_open_store_knows_what_is_durable_and_wakes_nobody_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), 16 << 20).unwrap();
    assert_eq!(*store.durable_position().borrow(), Position(0));
    let account = owned(&store, "a").await;
    let mut durable = store.durable_position();
    receive(&store, &account, vec![arrived(1, &phone(62)), arrived(2, &phone(62))]).await;
    assert!(durable.has_changed().unwrap());
    assert_eq!(*durable.borrow_and_update(), Position(2));
    write(&store, |tx| tx.put_fixed(wasup_store::Tree::Meta, b"test", &[])).await;
    assert!(!durable.has_changed().unwrap(), "that sync brought no event");
    drop((store, durable));
    let store = open(folder.path(), 16 << 20).unwrap();
    assert_eq!(*store.durable_position().borrow(), Position(2));
}
