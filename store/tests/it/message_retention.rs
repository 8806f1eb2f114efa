//! How much of messages stays: by age, by number, by bytes; what hangs on them goes along, and the ledger agrees.

use proptest::prelude::*;
use wasup_store::engine::MemoryEngine;
use wasup_store::id::{AccountNo, MediaId, MessageId, MessageKey};
use wasup_store::records::{
    AccountRecord, Content, Media, MediaFileRecord, MessageState, Octets, RemoteMedia, Target, UploadedMedia,
};
use wasup_store::repo::chat_list::{self, ChatFilter};
use wasup_store::repo::inbound::{InboundOutcome, NewInbound};
use wasup_store::repo::message_list::{self, MessageFilter, MessagePlace};
use wasup_store::repo::message_retention::{self, KeepRule};
use wasup_store::repo::send::{self, Settlement};
use wasup_store::repo::{chat_marks, counters, media, message, receipt};
use wasup_store::{Direction, Store, Tree};

use crate::support::{
    NOW, accept, arrived, group, memory, new_send, owned, phone, read, receive, rows, stored, text, write,
};

const DAY: u64 = 86_400_000;

/// Forgets until nothing is left to do; answers how many were forgotten and how many rows dropped.
async fn forget(store: &Store, no: AccountNo, rule: KeepRule, limits: (usize, usize)) -> (u64, u64) {
    let (mut behind, mut all) = (None, (0, 0));
    loop {
        let step = write(store, move |tx| message_retention::step(tx, no, rule, behind, limits)).await;
        all = (all.0 + step.forgotten, all.1 + step.dropped);
        behind = step.next;
        if behind.is_none() {
            return all;
        }
    }
}

async fn listed(store: &Store, no: AccountNo) -> Vec<String> {
    let place = MessagePlace { order: Direction::Forward, after: None, limit: 1_000 };
    let page = read(store, |tx| message_list::page(tx, no, &MessageFilter::default(), place)).await;
    page.found.into_iter().map(|(_, record)| record.provider_id).collect()
}

fn aged(n: u64, days: u64) -> NewInbound {
    NewInbound { ts_ms: NOW - days * DAY + n, ..arrived(n, &phone(62 + n % 3)) }
}

#[tokio::test]
async fn each_limit_forgets_the_oldest_and_what_stays_is_whole() {
    let rule = KeepRule { ids_before_ms: NOW - 60 * DAY, ..KeepRule::default() };
    for (rule, stays, forgotten) in [
        (rule, 8, 0),
        (KeepRule { before_ms: NOW - 5 * DAY, ..rule }, 5, 3),
        (KeepRule { before_ms: NOW - 50 * DAY, ..rule }, 8, 0),
        (KeepRule { messages: Some(3), ..rule }, 3, 5),
        (KeepRule { messages: Some(8), ..rule }, 8, 0),
        (KeepRule { bytes: Some(2 * 9), ..rule }, 2, 6),
        (KeepRule { bytes: Some(1), ..rule }, 0, 8),
        (KeepRule { before_ms: NOW - 5 * DAY, messages: Some(1), ..rule }, 1, 7),
    ] {
        for limits in [(1, 500), (3, 500), (100, 1), (100, 500)] {
            let (store, engine) = memory();
            let account = owned(&store, "a").await;
            receive(&store, &account, (1..=8).map(|n| aged(n, 9 - n)).collect()).await;
            assert_eq!(forget(&store, account.no, rule, limits).await.0, forgotten, "{rule:?} {limits:?}");
            let expected: Vec<_> = (9 - stays..=8).map(|n| aged(n, 0).provider_id).collect();
            assert_eq!(listed(&store, account.no).await, expected, "{rule:?} {limits:?}");
            let counted = read(&store, |tx| counters::account(tx, account.no)).await;
            assert_eq!((counted.messages, counted.received, counted.unread), (stays, 8, stays));
            crate::recount::check(&*engine);
        }
    }
}

/// Everything that can hang on a message, in one account.
async fn full(store: &Store, account: &AccountRecord) -> (MessageId, MessageId, MediaId, MediaId) {
    let picture = |n| Content::Image(Box::new(Media { caption: Some(format!("secret {n}")), ..Media::default() }));
    let in_group = |n| NewInbound { chat: group(7), group: true, content: picture(n), ..aged(n, 9) };
    let target = Target { provider_id: in_group(1).provider_id, from_me: false, sender: None, message: None };
    let emoji = Content::Reaction { target, emoji: Some("👍".into()) };
    let ids =
        receive(store, account, vec![in_group(1), in_group(4), NewInbound { content: emoji, ..in_group(7) }]).await;
    let (first, second) = (stored(&ids[0]), stored(&ids[1]));
    let file = |n, of: MessageId, uploads| MediaFileRecord {
        id: MediaId::new(NOW, n),
        tenant: account.tenant,
        account: Some(account.no),
        message: Some(of),
        media: Media { size: 5, ..Media::default() },
        sha256: Octets(vec![1; 32]),
        created_ms: NOW,
        expires_ms: NOW + 7 * DAY,
        uploads,
    };
    let sent_on =
        UploadedMedia { family: wasup_store::records::MediaFamily::Image, remote: RemoteMedia::default(), at_ms: NOW };
    let files = [file(1, first, Vec::new()), file(2, second, vec![sent_on])];
    let (a, b) = (files[0].id, files[1].id);
    write(store, move |tx| files.iter().try_for_each(|file| media::put_new(tx, file))).await;
    (first, second, a, b)
}

#[tokio::test]
async fn what_hangs_on_a_message_goes_with_it_and_a_repeat_stays_one() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let (first, _, own_file, sent_on) = full(&store, &account).await;
    let rule = KeepRule { before_ms: NOW - DAY, ids_before_ms: NOW - 60 * DAY, ..KeepRule::default() };
    assert_eq!(forget(&store, account.no, rule, (10, 500)).await, (3, 0));
    crate::recount::check(&*engine);
    let left = rows(&*engine);
    let trees = [Tree::MsgChat, Tree::ChatRecent, Tree::MsgNum, Tree::MsgMark];
    assert!(
        !left.keys().any(|(tree, _)| trees.contains(tree)),
        "{:?}",
        left.keys().map(|(t, _)| t).collect::<Vec<_>>()
    );
    let of_message = |value: &[u8]| value.windows(6).any(|part| part == b"secret");
    let where_it_is: Vec<_> = left.iter().filter(|(_, value)| of_message(value)).map(|((tree, _), _)| *tree).collect();
    assert_eq!(where_it_is, [Tree::Event, Tree::Event], "events have a retention of their own");
    // Its file goes with the next round; one that was sent on stays for its own time.
    assert_eq!(read(&store, |tx| media::due(tx, NOW, 9)).await, [own_file]);
    let kept = read(&store, |tx| media::get(tx, sent_on)).await.unwrap();
    assert_eq!((kept.message, kept.account, kept.expires_ms), (None, None, NOW + 7 * DAY));
    let again = NewInbound { chat: group(7), group: true, ..aged(1, 9) };
    assert_eq!(receive(&store, &account, vec![again]).await, [InboundOutcome::Repeat(first)]);
    // The ids go when the network can't bring the messages again.
    let later = KeepRule { ids_before_ms: NOW + 60 * DAY, ..rule };
    assert_eq!(forget(&store, account.no, later, (10, 500)).await, (0, 3));
    let left = rows(&*engine);
    assert!(!left.keys().any(|(tree, _)| matches!(tree, Tree::Msg | Tree::MsgWid)));
    let counted = read(&store, |tx| counters::account(tx, account.no)).await;
    assert_eq!((counted.messages, counted.fleeting, counted.received, counted.gone.received), (0, 0, 3, 3));
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn sends_without_an_outcome_stay_and_a_request_that_is_repeated_has_its_answer() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let (no, epoch) = (account.no, account.epoch);
    let request = || Some(send::Idempotency::new("key", [1; 32], NOW + 9 * DAY));
    let new = send::NewSend { idempotency: request(), ..new_send(no, 1, &phone(62)) };
    let first = accept(&store, new.clone()).await.id;
    let waiting = accept(&store, new_send(no, 2, &phone(62))).await.id;
    write(&store, move |tx| send::take(tx, no, epoch, NOW, 1)).await;
    let outcome = [(first, Settlement::Sent)];
    write(&store, move |tx| send::settle(tx, no, epoch, &outcome, NOW)).await;
    let rule = KeepRule { before_ms: NOW + DAY, ids_before_ms: NOW - 60 * DAY, ..KeepRule::default() };
    assert_eq!(forget(&store, no, rule, (10, 500)).await, (1, 0));
    let replayed = accept(&store, new).await;
    assert!(replayed.replayed && replayed.id == first && replayed.record.content == Content::Erased);
    assert_eq!(read(&store, |tx| message::get(tx, waiting)).await.unwrap().content, text("send 2"));
    let seen = [replayed.record.provider_id];
    let moved = write(&store, move |tx| receipt::apply(tx, no, epoch, &seen, MessageState::Read, NOW, NOW)).await;
    assert_eq!(moved, [first], "receipts go on");
    crate::recount::check(&*engine);
}

#[derive(Debug, Clone)]
enum Step {
    Receive { n: u64, days: u64 },
    Read { chat: u64 },
    Forget { rule: KeepRule, limits: (usize, usize) },
}

fn step() -> impl Strategy<Value = Step> {
    let rule = (0..90_u64, prop::option::of(0..12_u64), prop::option::of(0..120_u64), 0..90_u64).prop_map(
        |(days, messages, bytes, ids)| KeepRule {
            before_ms: if days == 0 { 0 } else { NOW - days * DAY },
            messages,
            bytes,
            ids_before_ms: NOW - ids * DAY,
        },
    );
    prop_oneof![
        6 => (0..40_u64, 0..100_u64).prop_map(|(n, days)| Step::Receive { n, days }),
        1 => (0..3_u64).prop_map(|chat| Step::Read { chat }),
        3 => (rule, 1..6_usize, prop_oneof![Just(1_usize), Just(12), Just(500)])
            .prop_map(|(rule, looks, rows)| Step::Forget { rule, limits: (looks, rows) }),
    ]
}

/// What must be listed: the messages that came, without those that a rule let go.
#[derive(Default)]
struct Model {
    kept: std::collections::BTreeMap<MessageKey, (String, u64)>,
}

impl Model {
    fn forget(&mut self, rule: KeepRule) {
        self.kept.retain(|key, _| key.ts_ms >= rule.before_ms);
        let surplus = |kept: &std::collections::BTreeMap<MessageKey, (String, u64)>| {
            rule.messages.is_some_and(|most| kept.len() as u64 > most)
                || rule.bytes.is_some_and(|most| !kept.is_empty() && kept.values().map(|(_, b)| b).sum::<u64>() > most)
        };
        while surplus(&self.kept) {
            self.kept.pop_first();
        }
    }
}

async fn follow(steps: Vec<Step>) {
    let engine = std::sync::Arc::new(MemoryEngine::default());
    let store = crate::support::over(&engine);
    let account = owned(&store, "a").await;
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Receive { n, days } => {
                let new = aged(n, days);
                let bytes = new.content.bytes();
                let provider_id = new.provider_id.clone();
                if let InboundOutcome::Stored(id) = receive(&store, &account, vec![new]).await[0] {
                    model.kept.insert(id.key, (provider_id, bytes));
                }
            }
            Step::Read { chat } => {
                let (no, with) = (account.no, phone(62 + chat));
                let Some(chat) = read(&store, |tx| chat_marks::find(tx, no, &with)).await else { continue };
                write(&store, move |tx| chat_marks::read(tx, no, chat, None, NOW).map(drop)).await;
            }
            Step::Forget { rule, limits } => {
                forget(&store, account.no, rule, limits).await;
                model.forget(rule);
            }
        }
        let expected: Vec<_> = model.kept.values().map(|(id, _)| id.clone()).collect();
        assert_eq!(listed(&store, account.no).await, expected);
        let chats = read(&store, |tx| chat_list::page(tx, account.no, None, &ChatFilter::default(), (9, 99))).await;
        assert!(chats.lines.iter().all(|(_, line)| line.last.is_some()));
        crate::recount::check(&*engine);
    }
}

#[test]
fn whatever_is_forgotten_and_when_the_lists_and_the_ledger_agree() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cases = if crate::support::key().is_some() { 4 } else { 40 };
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    runner
        .run(&prop::collection::vec(step(), 1..40), |steps| {
            runtime.block_on(follow(steps));
            Ok(())
        })
        .unwrap();
}
