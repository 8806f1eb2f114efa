//! What is not kept: told and delivered as all else, shown in no list, erased afterwards, and known when it comes again.

use wasup_store::id::{AccountNo, MessageId, Position};
use wasup_store::records::{
    AccountRecord, AllowedNumber, Attempt, AttemptOutcome, Content, EventData, EventRecord, Identity, KeepLimits,
    KeepPolicy, KeepRecord, MessageState, Target,
};
use wasup_store::repo::chat_list::{self, ChatFilter};
use wasup_store::repo::delivery::{self, Finished, Verdict};
use wasup_store::repo::history::{self, ChunkKey, OldBatch, OldMessage};
use wasup_store::repo::inbound::{InboundOutcome, NewInbound};
use wasup_store::repo::message_list::{self, MessageFilter, MessagePlace};
use wasup_store::repo::persistence::{self, ERASE_AFTER_MS, Standing};
use wasup_store::repo::send::{self, Settlement};
use wasup_store::repo::{account, counters, event, fleeting, message, receipt};
use wasup_store::{Direction, Durability, Store, Tree};

use crate::support::{
    NOW, accept, arrived, group, hook, memory, new_send, owned, phone, read, receive, stored, text, write,
};

/// Sets an account's policy.
async fn policy(store: &Store, of: &AccountRecord, policy: KeepPolicy, allowed: &[(&str, bool)]) {
    let allowed =
        allowed.iter().map(|(phone, active)| AllowedNumber { phone: (*phone).into(), active: *active }).collect();
    let record = KeepRecord { policy: Some(policy), allowed, set_ms: NOW, ..KeepRecord::default() };
    let id = of.id.clone();
    assert_eq!(write(store, move |tx| persistence::set(tx, &id, &record)).await, Some(of.no));
}

/// Links an account to this number.
async fn link(store: &Store, of: &AccountRecord, digits: u64) {
    let (no, epoch) = (of.no, of.epoch);
    let identity = Identity { jid: phone(digits).jid, lid: None, push_name: None };
    write(store, move |tx| account::set_identity(tx, no, epoch, &identity, NOW)).await;
}

async fn standing(store: &Store, no: AccountNo) -> Standing {
    read(store, |tx| persistence::standing(tx, no)).await
}

/// Everything that lists show of an account: messages, chats, unread ones.
async fn shown(store: &Store, no: AccountNo) -> (usize, usize, u64) {
    let place = MessagePlace { order: Direction::Backward, after: None, limit: 100 };
    let messages = read(store, |tx| message_list::page(tx, no, &MessageFilter::default(), place)).await;
    let chats = read(store, |tx| chat_list::page(tx, no, None, &ChatFilter::default(), (100, 100))).await;
    (messages.found.len(), chats.lines.len(), read(store, |tx| counters::account(tx, no)).await.unread)
}

async fn erase(store: &Store, now_ms: u64) -> u64 {
    write(store, move |tx| fleeting::step(tx, now_ms, 100)).await.erased
}

async fn events(store: &Store) -> Vec<(Position, EventRecord)> {
    read(store, |tx| event::page(tx, Position(0), 100)).await
}

async fn body(store: &Store, id: MessageId) -> Content {
    read(store, |tx| message::get(tx, id)).await.unwrap().content
}

/// What an event says of its message.
fn said(event: &EventRecord) -> Option<&Content> {
    match &event.data {
        EventData::Message(message) => Some(&message.content),
        _ => None,
    }
}

#[tokio::test]
async fn the_own_number_decides_where_numbers_are_allowed() {
    let (store, _engine) = memory();
    let account = owned(&store, "a").await;
    let no = account.no;
    assert_eq!(standing(&store, no).await, Standing::All, "nothing is set");
    policy(&store, &account, KeepPolicy::Allowed, &[("6281", true)]).await;
    assert_eq!(standing(&store, no).await, Standing::NumberUnknown);
    link(&store, &account, 6281).await;
    assert_eq!(standing(&store, no).await, Standing::NumberAllowed);
    for (allowed, expected) in [
        (&[("6281", false)][..], Standing::NumberNotAllowed),
        (&[("6282", true)], Standing::NumberNotAllowed),
        (&[("628", true), ("62811", true)], Standing::NumberNotAllowed),
        (&[], Standing::NumberNotAllowed),
        (&[("6282", false), ("6281", true)], Standing::NumberAllowed),
    ] {
        policy(&store, &account, KeepPolicy::Allowed, allowed).await;
        assert_eq!(standing(&store, no).await, expected, "{allowed:?}");
    }
    policy(&store, &account, KeepPolicy::None, &[("6281", true)]).await;
    assert_eq!(standing(&store, no).await, Standing::None);
}

#[tokio::test]
async fn what_cannot_be_read_means_that_nothing_is_stored() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let no = account.no;
    let put = |no: u32, bytes: &'static [u8]| {
        write(&store, move |tx| tx.put(Tree::Keep, no.to_be_bytes(), bytes::Bytes::from_static(bytes)))
    };
    // Of another layout, cut off, and a policy of a later version: {"policy": "most"}.
    for bad in [&b"\x01\x00\x81"[..], b"\x02\x00x", b"\x01\x00\x81\xa6policy\xa4most"] {
        put(no.0, bad).await;
        assert_eq!(standing(&store, no).await, Standing::Unreadable, "{bad:?}");
    }
    let outcome = receive(&store, &account, vec![arrived(1, &phone(62))]).await;
    assert!(matches!(outcome[0], InboundOutcome::Stored(_)), "it is told all the same");
    assert_eq!(shown(&store, no).await, (0, 0, 0));
    policy(&store, &account, KeepPolicy::All, &[]).await;
    // The installation's is not asked for where the account has its own.
    put(0, b"\x01\x00\x81").await;
    assert_eq!(standing(&store, no).await, Standing::All);
    let other = owned(&store, "b").await;
    assert_eq!(standing(&store, other.no).await, Standing::Unreadable);
    let ours = KeepRecord { policy: Some(KeepPolicy::None), ..KeepRecord::default() };
    write(&store, move |tx| persistence::set_installation(tx, &ours)).await;
    assert_eq!(standing(&store, other.no).await, Standing::None);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn a_message_that_is_not_kept_is_told_delivered_erased_and_known() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let endpoint = hook(&store, account.no, 1).await.id;
    policy(&store, &account, KeepPolicy::None, &[]).await;
    let outcomes = receive(&store, &account, vec![arrived(1, &phone(62))]).await;
    let id = stored(&outcomes[0]);
    assert_eq!(shown(&store, account.no).await, (0, 0, 0));
    let counted = read(&store, |tx| counters::account(tx, account.no)).await;
    assert_eq!((counted.messages, counted.received, counted.fleeting), (0, 1, 1));
    crate::recount::check(&*engine);
    // Nothing is delivered yet: it stays, however old it gets.
    assert_eq!(erase(&store, NOW + 2 * ERASE_AFTER_MS).await, 0);
    let claim = store.write(Durability::Durable, move |tx| delivery::claim(tx, endpoint, NOW, NOW + 60_000, 9)).await;
    let claimed: Result<Vec<_>, wasup_store::StoreError> = claim;
    let told = events(&store).await;
    assert_eq!(said(&told.last().unwrap().1), Some(&text("message 1")), "the receiver gets it whole");
    let ended_ms = NOW + 3 * ERASE_AFTER_MS;
    let attempt = Attempt::new(ended_ms, 1, AttemptOutcome::Answered { status: 200 });
    let done: Vec<_> =
        claimed.unwrap().iter().map(|(id, _)| Finished::new(*id, attempt.clone(), Verdict::Completed)).collect();
    write(&store, move |tx| delivery::finish(tx, &done, ended_ms)).await;
    // A link to its file is good for a while after that.
    assert_eq!(erase(&store, ended_ms + ERASE_AFTER_MS / 2).await, 0);
    assert_eq!(body(&store, id).await, text("message 1"));
    assert_eq!(erase(&store, ended_ms + 2 * ERASE_AFTER_MS).await, 1);
    assert_eq!(body(&store, id).await, Content::Erased);
    assert_eq!(said(&events(&store).await.last().unwrap().1), Some(&Content::Erased));
    let rows = crate::support::rows(&*engine);
    let holds = |value: &[u8]| value.windows(9).any(|part| part == b"message 1");
    assert!(!rows.values().any(|value| holds(value)), "no row holds what it said");
    // The network brings it again: nothing is told, before or after it was erased.
    let again = receive(&store, &account, vec![arrived(1, &phone(62))]).await;
    assert_eq!(again, [InboundOutcome::Repeat(id)]);
    assert_eq!(erase(&store, NOW + 99 * ERASE_AFTER_MS).await, 0);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn a_send_that_is_not_kept_has_an_outcome_and_receipts() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let (no, epoch) = (account.no, account.epoch);
    policy(&store, &account, KeepPolicy::None, &[]).await;
    let id = accept(&store, new_send(no, 1, &phone(62))).await.id;
    assert_eq!(erase(&store, NOW + 9 * ERASE_AFTER_MS).await, 0, "it waits to be sent");
    let taken = write(&store, move |tx| send::take(tx, no, epoch, NOW, 9)).await;
    assert_eq!(taken[0].1.content, text("send 1"));
    let outcome = [(id, Settlement::Sent)];
    write(&store, move |tx| send::settle(tx, no, epoch, &outcome, NOW)).await;
    assert_eq!(erase(&store, NOW + 40 * ERASE_AFTER_MS).await, 1);
    let seen = [taken[0].1.provider_id.clone()];
    let moved =
        write(&store, move |tx| receipt::apply(tx, no, epoch, &seen, MessageState::Read, NOW + 5, NOW + 6)).await;
    assert_eq!(moved, [id]);
    let record = read(&store, |tx| message::get(tx, id)).await.unwrap();
    assert_eq!((record.state, record.content), (MessageState::Read, Content::Erased));
    assert_eq!(read(&store, |tx| counters::account(tx, no)).await.sent, 1);
    assert_eq!(shown(&store, no).await, (0, 0, 0));
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn acts_leave_nothing_on_what_is_not_kept_and_only_take_back_what_is() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let ann = phone(62);
    let act = |n, content| NewInbound { content, ..arrived(n, &ann) };
    let target = |n| Target { provider_id: arrived(n, &ann).provider_id, from_me: false, sender: None, message: None };
    let kept = stored(&receive(&store, &account, vec![arrived(1, &ann)]).await[0]);
    let other = stored(&receive(&store, &account, vec![arrived(2, &ann)]).await[0]);
    policy(&store, &account, KeepPolicy::None, &[]).await;
    receive(
        &store,
        &account,
        vec![
            arrived(3, &ann),
            act(4, Content::Edit { target: target(3), body: "other words".into() }),
            act(5, Content::Reaction { target: target(3), emoji: Some("👍".into()) }),
            act(6, Content::Reaction { target: target(1), emoji: Some("👍".into()) }),
            act(7, Content::Edit { target: target(1), body: "not to be stored".into() }),
            act(8, Content::Revoke { target: target(2) }),
        ],
    )
    .await;
    assert_eq!(body(&store, kept).await, text("message 1"));
    assert_eq!(body(&store, other).await, Content::Revoked);
    assert_eq!(erase(&store, NOW + 2 * ERASE_AFTER_MS).await, 6);
    let rows = crate::support::rows(&*engine);
    assert!(!rows.keys().any(|(tree, _)| *tree == Tree::MsgMark), "no mark is kept");
    assert!(!rows.values().any(|value| value.windows(6).any(|part| part == b"stored" || part == b"other ")));
    assert_eq!(shown(&store, account.no).await, (2, 1, 2));
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn history_is_left_out_where_nothing_is_kept_and_where_it_is_too_old() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let fence = (account.no, account.epoch);
    let chunk = ChunkKey::new(NOW, 1);
    let begin = async || {
        let record = wasup_store::records::HistoryChunk {
            kind: wasup_store::records::HistoryKind::Full,
            order: None,
            progress: None,
            size: 1,
            rows: 0,
            chats_done: 0,
            passed: 0,
            tally: wasup_store::records::HistoryTally::default(),
        };
        write(&store, move |tx| history::keep(tx, fence, chunk, &record)).await;
    };
    let old = |n, age_ms| OldMessage {
        new: NewInbound { ts_ms: NOW - age_ms, ..arrived(n, &phone(62)) },
        state: MessageState::Sent,
        starred: false,
        edited_ms: None,
        revoked_ms: None,
        marks: Vec::new(),
    };
    let day = 86_400_000;
    let batch = OldBatch {
        chat: None,
        messages: vec![old(1, 40 * day), old(2, 20 * day), old(3, day)],
        left_out: 1,
        chats_done: 1,
        asked_for: false,
    };
    for (policy, age_ms, imported, left_out) in
        [(KeepPolicy::None, None, 0, 4), (KeepPolicy::All, Some(30 * day), 2, 2), (KeepPolicy::All, Some(0), 1, 1)]
    {
        begin().await;
        let limits = KeepLimits { age_ms, ..KeepLimits::default() };
        let record = KeepRecord { policy: Some(policy), limits, ..KeepRecord::default() };
        let (id, batch) = (account.id.clone(), batch.clone());
        write(&store, move |tx| persistence::set(tx, &id, &record)).await;
        let tally = write(&store, move |tx| history::import(tx, fence, chunk, &batch, NOW)).await;
        assert_eq!((tally.messages, tally.left_out), (imported, left_out), "{policy:?} {age_ms:?}");
        crate::recount::check(&*engine);
    }
}

#[tokio::test]
async fn what_could_not_be_read_is_filled_and_then_erased() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    policy(&store, &account, KeepPolicy::None, &[]).await;
    let in_group = |n| NewInbound { chat: group(7), group: true, ..arrived(n, &phone(62)) };
    let lost = NewInbound { content: Content::Unavailable, ..in_group(1) };
    let id = stored(&receive(&store, &account, vec![lost]).await[0]);
    erase(&store, NOW + 2 * ERASE_AFTER_MS).await;
    assert_eq!(body(&store, id).await, Content::Unavailable, "it may still come");
    assert_eq!(receive(&store, &account, vec![in_group(1)]).await, [InboundOutcome::Filled(id)]);
    assert_eq!(body(&store, id).await, text("message 1"));
    crate::recount::check(&*engine);
    assert_eq!(erase(&store, NOW + 2 * ERASE_AFTER_MS).await, 1);
    assert_eq!(body(&store, id).await, Content::Erased);
    crate::recount::check(&*engine);
}
