//! Sends that are held: put aside without a try, let go in order, counted, and in nobody's way.

use wasup_store::id::MessageId;
use wasup_store::records::{
    AccountCounters, AccountRecord, FailReason, Lane, MessageState, Restriction, TenantCounters,
};
use wasup_store::repo::inbound::NewInbound;
use wasup_store::repo::send::{self, NewSend, Settlement};
use wasup_store::repo::take::{ColdRule, TakeRule, Taken, take, take_paced};
use wasup_store::repo::{account, chat, counters, held, message, pace, restriction};
use wasup_store::{Durability, Store};

use crate::support::{
    NOW, accept, arrived, both, depth, group, lid, memory, new_send, owned, phone, read, receive, write,
};

/// Nobody who never wrote may be written to.
const FORBIDDEN: ColdRule = ColdRule { code: Some(463), most: 0, per_day: None, held_first: true };
const ALLOWED: ColdRule = ColdRule { code: None, most: usize::MAX, per_day: None, held_first: true };

async fn taken(store: &Store, of: &AccountRecord, limit: usize, cold: ColdRule) -> Taken {
    let (no, epoch, rule) = (of.no, of.epoch, TakeRule { limit, cold: Some(cold) });
    write(store, move |tx| take(tx, no, epoch, NOW + 100, &rule)).await
}

fn ids(taken: &Taken) -> Vec<MessageId> {
    taken.outgoing.iter().map(|(id, _)| *id).collect()
}

async fn states(store: &Store, all: &[MessageId]) -> Vec<MessageState> {
    let mut states = Vec::new();
    for id in all {
        states.push(read(store, |tx| message::get(tx, *id)).await.unwrap().state);
    }
    states
}

async fn settle(store: &Store, of: &AccountRecord, outcomes: Vec<(MessageId, Settlement)>) {
    let (no, epoch) = (of.no, of.epoch);
    write(store, move |tx| send::settle(tx, no, epoch, &outcomes, NOW + 200)).await;
}

#[tokio::test]
async fn cold_sends_are_put_aside_and_stand_in_nobodys_way() {
    use MessageState::{Held, Sending};
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    receive(&store, &account, vec![arrived(1, &phone(62))]).await;
    let mut cold = Vec::new();
    for n in 0..20 {
        cold.push(accept(&store, new_send(account.no, n, &phone(700 + n))).await.id);
    }
    let warm = accept(&store, new_send(account.no, 50, &phone(62))).await.id;
    let to_group = accept(&store, NewSend { lane: Lane::Bulk, ..new_send(account.no, 51, &group(7)) }).await.id;
    let took = taken(&store, &account, 2, FORBIDDEN).await;
    assert_eq!(ids(&took), [warm, to_group], "replies and groups pass twenty that may not go");
    assert_eq!((took.held.clone(), took.cold.clone()), (cold.clone(), vec![]));
    assert_eq!(states(&store, &[cold[0], warm]).await, [Held, Sending]);
    let first = read(&store, |tx| message::get(tx, cold[0])).await.unwrap();
    assert_eq!((first.reason, first.tries), (Some(FailReason::Server { error: 463 }), 0));
    assert_eq!(depth(&store, account.no).await, 2);
    assert_eq!(read(&store, |tx| counters::account(tx, account.no)).await.held, 20);
    crate::recount::check(&*engine);
    // They come back oldest first, with the same ids of the network, and count as unsettled meanwhile.
    let full = store
        .write(Durability::Durable, {
            let new = NewSend { outbox_max: 22, ..new_send(account.no, 60, &phone(62)) };
            move |tx| send::accept(tx, &new)
        })
        .await;
    assert!(matches!(full, Err(send::AcceptError::OutboxFull)));
    let took = taken(&store, &account, 3, ColdRule { most: 3, ..FORBIDDEN }).await;
    assert_eq!((ids(&took), took.cold), (cold[..3].to_vec(), cold[..3].to_vec()));
    let record = &took.outgoing[0].1;
    assert_eq!((record.provider_id.clone(), record.tries), (first.provider_id, 1));
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn more_than_a_commit_may_move_is_moved_by_several() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    for n in 0..150 {
        accept(&store, new_send(account.no, n, &phone(700 + n))).await;
    }
    let mut moved = Vec::new();
    loop {
        let took = taken(&store, &account, 16, FORBIDDEN).await;
        moved.push(took.held.len());
        if !took.more {
            break;
        }
    }
    assert_eq!((moved.iter().sum::<usize>(), moved.iter().max()), (150, Some(&64)), "{moved:?}");
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn what_is_held_goes_in_order_when_the_other_side_writes() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let (no, mut to_them) = (account.no, Vec::new());
    for n in 0..3 {
        to_them.push(accept(&store, new_send(no, n, &phone(62))).await.id);
        accept(&store, new_send(no, 10 + n, &phone(63))).await;
    }
    taken(&store, &account, 16, FORBIDDEN).await;
    assert!(!read(&store, |tx| held::outlook(tx, no, None, NOW)).await.may_go);
    // What the account writes elsewhere says nothing about the other side.
    receive(&store, &account, vec![NewInbound { from_me: true, ..arrived(1, &phone(62)) }]).await;
    assert!(!read(&store, |tx| held::outlook(tx, no, None, NOW)).await.may_go);
    // They answer under another address than the one written to, which becomes known by it.
    receive(&store, &account, vec![arrived(2, &both(900, 62))]).await;
    assert!(read(&store, |tx| held::outlook(tx, no, None, NOW)).await.may_go);
    crate::recount::check(&*engine);
    let newer = accept(&store, new_send(no, 90, &both(900, 62))).await.id;
    let took = taken(&store, &account, 16, FORBIDDEN).await;
    assert_eq!(ids(&took), [to_them[0], to_them[1], to_them[2], newer]);
    let look = read(&store, |tx| held::outlook(tx, no, None, NOW)).await;
    assert_eq!((look.held, look.may_go), (3, false));
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn a_stranger_who_turns_out_to_be_somebody_who_wrote_is_none() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let no = account.no;
    receive(&store, &account, vec![arrived(1, &lid(900))]).await;
    let held = accept(&store, new_send(no, 1, &phone(62))).await.id;
    taken(&store, &account, 16, FORBIDDEN).await;
    assert_eq!(states(&store, &[held]).await, [MessageState::Held], "nobody knows yet that 62 is 900");
    receive(&store, &account, vec![NewInbound { from_me: true, ..arrived(3, &both(900, 62)) }]).await;
    assert_eq!(ids(&taken(&store, &account, 16, FORBIDDEN).await), [held]);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn rows_of_an_earlier_version_are_looked_through() {
    let (store, _engine) = memory();
    let account = owned(&store, "a").await;
    let no = account.no;
    receive(&store, &account, vec![arrived(1, &phone(62))]).await;
    let silent = accept(&store, new_send(no, 1, &phone(63))).await.record.chat_no;
    let known = read(&store, |tx| chat::find(tx, no, &phone(62))).await[0];
    for chat in [known, silent] {
        write(&store, move |tx| {
            let key = wasup_store::key::Key::new().u32(no.0).u8(0).u32(chat.0);
            let mut record: wasup_store::records::PersonRecord = tx.record(wasup_store::Tree::Person, &key)?.unwrap();
            record.heard = None;
            tx.put_record(wasup_store::Tree::Person, key, &record)
        })
        .await;
    }
    assert!(read(&store, |tx| chat::heard(tx, no, known)).await);
    assert!(!read(&store, |tx| chat::heard(tx, no, silent)).await);
}

#[tokio::test]
async fn the_limit_of_a_day_counts_chats_and_the_others_wait() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let (no, epoch) = (account.no, account.epoch);
    let rule = ColdRule { per_day: Some(2), ..ALLOWED };
    let mut sent = Vec::new();
    for (n, to) in [(1, 71), (2, 71), (3, 72), (4, 73), (5, 74)] {
        sent.push(accept(&store, new_send(no, n, &phone(to))).await.id);
    }
    let took = taken(&store, &account, 16, rule).await;
    assert_eq!((ids(&took), took.held), (sent[..3].to_vec(), sent[3..].to_vec()), "three messages, two chats");
    let record = read(&store, |tx| message::get(tx, sent[3])).await.unwrap();
    assert_eq!(record.reason, Some(FailReason::Paced));
    // A chat that counts today goes on, although others wait.
    let more = accept(&store, new_send(no, 6, &phone(72))).await.id;
    assert_eq!(ids(&taken(&store, &account, 16, rule).await), [more]);
    let look = read(&store, |tx| held::outlook(tx, no, Some(2), NOW + 100)).await;
    assert_eq!((look.held, look.room_at_ms), (2, Some(NOW + 100 + pace::DAY_MS)));
    assert_eq!(ids(&taken(&store, &account, 16, rule).await), []);
    // A day later both have room.
    let rule = TakeRule { limit: 16, cold: Some(rule) };
    let at = NOW + 100 + pace::DAY_MS;
    let took = write(&store, move |tx| take(tx, no, epoch, at, &rule)).await;
    assert_eq!(ids(&took), sent[3..]);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn those_that_were_held_and_those_that_wait_share_the_places() {
    let (store, _engine) = memory();
    let account = owned(&store, "a").await;
    receive(&store, &account, vec![arrived(1, &phone(62))]).await;
    for n in 0..6 {
        accept(&store, new_send(account.no, n, &phone(700 + n))).await;
    }
    taken(&store, &account, 16, FORBIDDEN).await;
    for n in 10..16 {
        accept(&store, new_send(account.no, n, &phone(62))).await;
    }
    let took = taken(&store, &account, 5, ALLOWED).await;
    assert_eq!((took.cold.len(), took.outgoing.len()), (3, 5));
    let took = taken(&store, &account, 1, ColdRule { held_first: false, ..ALLOWED }).await;
    assert_eq!((took.cold.len(), took.outgoing.len()), (0, 1));
    let took = taken(&store, &account, 1, ALLOWED).await;
    assert_eq!((took.cold.len(), took.outgoing.len()), (1, 1));
}

#[tokio::test]
async fn a_late_proof_of_what_is_held_counts_once() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let id = accept(&store, new_send(account.no, 1, &phone(62))).await.id;
    taken(&store, &account, 1, ALLOWED).await;
    settle(&store, &account, vec![(id, Settlement::Held(475))]).await;
    taken(&store, &account, 1, ALLOWED).await;
    settle(&store, &account, vec![(id, Settlement::Held(475))]).await;
    settle(&store, &account, vec![(id, Settlement::Sent)]).await;
    let counts = read(&store, |tx| counters::account(tx, account.no)).await;
    assert_eq!((counts.held, counts.sent), (0, 1));
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn a_restriction_is_told_once_and_ends_with_the_link() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let (no, epoch) = (account.no, account.epoch);
    let found = Restriction { code: 463, since_ms: NOW, until_ms: NOW + 9, told: false, refusals: 1 };
    let set = |restriction, tell| write(&store, move |tx| restriction::set(tx, no, epoch, restriction, tell, NOW));
    assert!(set(Some(found), true).await);
    assert!(!set(Some(found), true).await, "nothing changed");
    assert!(set(Some(Restriction { until_ms: NOW, ..found }), false).await);
    assert_eq!(read(&store, |tx| account::by_no(tx, no)).await.unwrap().restriction.unwrap().until_ms, NOW);
    assert!(set(None, true).await);
    let told = read(&store, |tx| wasup_store::repo::event::page(tx, wasup_store::id::Position(0), 9)).await;
    let told: Vec<_> = told
        .into_iter()
        .filter_map(|(_, event)| match event.data {
            wasup_store::records::EventData::Restricted(told) => Some((told.active, told.code, told.until_ms)),
            _ => None,
        })
        .collect();
    assert_eq!(told, [(true, 463, Some(NOW + 9)), (false, 463, None)]);
    set(Some(found), true).await;
    write(&store, move |tx| account::log_out(tx, no, epoch, NOW)).await;
    assert_eq!(read(&store, |tx| account::by_no(tx, no)).await.unwrap().restriction, None);
    let stale = store.write(Durability::Durable, move |tx| restriction::set(tx, no, epoch, None, true, NOW)).await;
    assert!(stale.is_err());
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn what_was_sent_within_a_window_is_known_and_the_rest_is_forgotten() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let (no, epoch) = (account.no, account.epoch);
    for n in 0..6 {
        accept(&store, new_send(no, n, &phone(62))).await;
    }
    let rule = TakeRule { limit: 2, cold: None };
    for at in [NOW, NOW, NOW + 70] {
        write(&store, move |tx| take_paced(tx, no, epoch, at, &rule, 60)).await;
    }
    // Nothing was taken, so nothing is noted.
    write(&store, move |tx| take_paced(tx, no, epoch, NOW + 80, &rule, 60)).await;
    assert_eq!(read(&store, |tx| pace::sends_since(tx, no, 0)).await, [(NOW + 70, 2)]);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn what_an_earlier_version_held_is_counted_when_the_store_is_opened() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    for n in 0..5 {
        accept(&store, new_send(account.no, n, &phone(700 + n))).await;
    }
    taken(&store, &account, 3, ALLOWED).await;
    taken(&store, &account, 3, FORBIDDEN).await;
    let counted = read(&store, |tx| counters::account(tx, account.no)).await;
    assert_eq!(counted.held, 2);
    // As the second layout had it.
    write(&store, move |tx| {
        let row = wasup_store::key::Key::new().bytes(b"count/account/").u32(account.no.0);
        tx.put_record(wasup_store::Tree::Meta, row, &AccountCounters { held: 0, chats: 0, unread: 0, ..counted })?;
        let row = wasup_store::key::Key::new().bytes(b"count/tenant/").u32(account.tenant.0);
        let sums = tx.reading(|tx| counters::tenant(tx, account.tenant))?;
        tx.put_record(wasup_store::Tree::Meta, row, &TenantCounters { held: 0, ..sums })?;
        tx.put_fixed(wasup_store::Tree::Meta, b"schema", &2_u32.to_be_bytes())
    })
    .await;
    drop(store);
    let store = crate::support::over(&engine);
    assert_eq!(read(&store, |tx| counters::account(tx, account.no)).await, counted);
    crate::recount::check(&*engine);
}
