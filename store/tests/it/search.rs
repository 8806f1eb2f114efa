//! The index of words: whatever it holds and however far it is, an answer is what looking through everything would find.

use std::sync::Arc;

use proptest::prelude::*;
use wasup_store::engine::MemoryEngine;
use wasup_store::id::{AccountNo, MessageId, MessageKey};
use wasup_store::records::{AccountRecord, Content, Participant, Target};
use wasup_store::repo::inbound::{InboundOutcome, NewInbound};
use wasup_store::repo::message_list::{MessageFilter, MessagePlace, page};
use wasup_store::repo::message_retention::{self, KeepRule};
use wasup_store::repo::words::Words;
use wasup_store::repo::{account, forget, search};
use wasup_store::{Direction, Store, Tree};

use crate::support::{
    NOW, accept, arrived, group, memory, new_send, over, owned, phone, read, receive, rows, text, write,
};

/// Steps until there is nothing left to do.
async fn index(store: &Store, on: bool) {
    while write(store, move |tx| search::step(tx, on)).await.more {}
}

fn asked(words: &str, chat: Option<Participant>) -> MessageFilter {
    MessageFilter { words: Some(Words::of(words).unwrap()), chat, ..MessageFilter::default() }
}

/// Everything that is found, by pages of this size.
async fn found(
    store: &Store,
    no: AccountNo,
    filter: &MessageFilter,
    order: Direction,
    limit: usize,
) -> Vec<MessageKey> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = read(store, |tx| page(tx, no, filter, MessagePlace { order, after, limit })).await;
        assert!(page.found.len() <= limit);
        all.extend(page.found.iter().map(|(id, _)| id.key));
        assert!(page.next.is_none() || page.next != after, "a cursor that leads nowhere");
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

/// What looking through everything finds.
async fn expected(store: &Store, no: AccountNo, filter: &MessageFilter) -> Vec<MessageKey> {
    let words = filter.words.clone().unwrap();
    let all = MessageFilter { words: None, ..filter.clone() };
    let place = MessagePlace { order: Direction::Forward, after: None, limit: 5_000 };
    let page = read(store, |tx| page(tx, no, &all, place)).await;
    let fits = page.found.iter().filter(|(_, record)| record.content.words().is_some_and(|text| words.are_in(text)));
    fits.map(|(id, _)| id.key).collect()
}

async fn same(store: &Store, no: AccountNo, filter: &MessageFilter) -> usize {
    let expected = expected(store, no, filter).await;
    for limit in [1, 3, 1_000] {
        assert_eq!(found(store, no, filter, Direction::Forward, limit).await, expected, "{filter:?} {limit}");
        let mut back = found(store, no, filter, Direction::Backward, limit).await;
        back.reverse();
        assert_eq!(back, expected, "{filter:?} {limit} backward");
    }
    expected.len()
}

fn saying(n: u64, from: &Participant, words: &str) -> NewInbound {
    NewInbound { content: text(words), ..arrived(n, from) }
}

/// Whether some row of the index is about this word; of an encrypted store nobody can say.
fn holds(engine: &MemoryEngine, word: &str) -> bool {
    let is_about = |key: &[u8]| key.windows(word.len() + 1).any(|part| part == [word.as_bytes(), &[0]].concat());
    rows(engine).keys().any(|(tree, key)| *tree == Tree::MsgText && is_about(key))
}

#[tokio::test]
async fn words_are_found_before_and_after_they_are_indexed() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let (no, ann) = (account.no, phone(62));
    let told = vec![saying(1, &ann, "Blue whale"), saying(2, &phone(63), "blue sky"), saying(3, &ann, "A whale, blue")];
    receive(&store, &account, told).await;
    let both = || asked("blue whale ", None);
    assert_eq!(same(&store, no, &both()).await, 2, "looked through");
    index(&store, true).await;
    assert!(!read(&store, search::lag).await.unwrap().building);
    assert_eq!(same(&store, no, &both()).await, 2, "what was there before");
    receive(&store, &account, vec![saying(4, &ann, "whale of a blue"), saying(5, &ann, "nothing")]).await;
    let mut sent = new_send(no, 6, &ann);
    sent.content = text("my blue whale");
    accept(&store, sent).await;
    assert_eq!(same(&store, no, &both()).await, 4, "not indexed yet");
    index(&store, true).await;
    for (words, chat, count) in [
        ("blue whale ", None, 4),
        ("blue ", Some(phone(63)), 1),
        ("blue ", Some(ann.clone()), 4),
        ("WHALE ", Some(phone(63)), 0),
        ("unheard ", None, 0),
        ("blue unheard ", None, 0),
        ("whale b", None, 4),
    ] {
        assert_eq!(same(&store, no, &asked(words, chat)).await, count, "{words}");
    }
    if crate::support::key().is_none() {
        assert_eq!(same(&store, no, &asked("bl", None)).await, 5);
        assert!(holds(&engine, "whale"));
    } else {
        assert!(!rows(&*engine).keys().any(|(_, key)| key.windows(5).any(|part| part == b"whale")), "hidden");
    }
    let limited = MessageFilter { since_ms: Some(NOW - 60_000 + 2), until_ms: Some(NOW - 60_000 + 4), ..both() };
    assert_eq!(same(&store, no, &limited).await, 1);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn what_is_changed_or_gone_is_not_found_by_what_it_said() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let (no, ann) = (account.no, phone(62));
    let told = (1..=4).map(|n| saying(n, &ann, &format!("secret{n} shared"))).collect();
    let ids: Vec<_> = receive(&store, &account, told).await.iter().map(crate::support::stored).collect();
    index(&store, true).await;
    let target = |n| Target { provider_id: arrived(n, &ann).provider_id, from_me: false, sender: None, message: None };
    let act = |n, content| NewInbound { content, ..arrived(n, &ann) };
    receive(
        &store,
        &account,
        vec![
            act(11, Content::Edit { target: target(1), body: "other shared".into() }),
            act(12, Content::Revoke { target: target(2) }),
        ],
    )
    .await;
    let third = ids[2];
    write(&store, move |tx| forget::messages(tx, no, &[third])).await;
    let rule = KeepRule { messages: Some(1), ..KeepRule::default() };
    for stage in ["before", "after"] {
        // The edited one, the last one, and the edit itself.
        assert_eq!(same(&store, no, &asked("shared ", None)).await, 3, "{stage}");
        assert_eq!(same(&store, no, &asked("secret4 ", None)).await, 1);
        for n in 1..=3 {
            assert_eq!(same(&store, no, &asked(&format!("secret{n} "), None)).await, 0, "{stage} {n}");
        }
        index(&store, true).await;
    }
    assert!((1..=3).all(|n| !holds(&engine, &format!("secret{n}"))), "nothing is left of the words");
    write(&store, move |tx| message_retention::step(tx, no, rule, None, (100, 500))).await;
    index(&store, true).await;
    assert!(!holds(&engine, "secret4") && !holds(&engine, "other"));
    // Switched off it goes, and what is there is looked through.
    receive(&store, &account, vec![saying(20, &ann, "shared again")]).await;
    index(&store, false).await;
    assert!(!rows(&*engine).keys().any(|(tree, _)| matches!(tree, Tree::MsgText | Tree::TextTodo)));
    assert_eq!(read(&store, search::lag).await, None);
    assert_eq!(same(&store, no, &asked("shared ", None)).await, 1);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn a_common_word_fills_many_blocks_in_any_order() {
    for order in ["rising", "falling", "mixed"] {
        let (store, engine) = memory();
        let account = owned(&store, "a").await;
        index(&store, true).await;
        let count = 900_u64;
        for from in (0..count).step_by(30) {
            let some = (from..from + 30).map(|n| {
                let at = match order {
                    "rising" => n,
                    "falling" => count - n,
                    _ => n * 7919 % 1_009,
                };
                let words = if n % 90 == 0 { "common rare" } else { "common" };
                NewInbound { ts_ms: NOW - 1_000_003 + at, ..saying(n, &phone(62 + n % 2), words) }
            });
            receive(&store, &account, some.collect()).await;
            index(&store, true).await;
        }
        let no = account.no;
        for (words, chat, count) in
            [("common ", None, 900), ("rare ", None, 10), ("common rare ", None, 10), ("common ", Some(phone(62)), 450)]
        {
            let filter = asked(words, chat);
            let expected = expected(&store, no, &filter).await;
            assert_eq!(expected.len(), count);
            assert_eq!(found(&store, no, &filter, Direction::Forward, 97).await, expected, "{order} {words}");
        }
        let blocks = rows(&*engine).keys().filter(|(tree, _)| *tree == Tree::MsgText).count();
        assert!((5..=14).contains(&blocks), "{order}: {blocks} blocks");
        crate::recount::check(&*engine);
    }
}

#[tokio::test]
async fn an_answer_costs_so_much_and_no_more() {
    let (store, _engine) = memory();
    let account = owned(&store, "a").await;
    index(&store, true).await;
    // Two words that never meet, in turn.
    for from in (0..3_000_u64).step_by(32) {
        let some = (from..from + 32).map(|n| saying(n, &phone(62), if n % 2 == 0 { "even" } else { "odd" })).collect();
        receive(&store, &account, some).await;
        index(&store, true).await;
    }
    let filter = asked("even odd ", None);
    assert_eq!(found(&store, account.no, &filter, Direction::Backward, 10).await, []);
    // What fits by its words and not by the rest is looked at, a thousand a page.
    let filter = MessageFilter { kind: Some("image".into()), ..asked("even ", None) };
    let place = MessagePlace { order: Direction::Backward, after: None, limit: 10 };
    let first = read(&store, |tx| page(tx, account.no, &filter, place)).await;
    assert!(first.found.is_empty() && first.next.is_some());
    assert_eq!(found(&store, account.no, &filter, Direction::Backward, 10).await, []);
}

#[tokio::test]
async fn receiving_costs_no_row_more_with_an_index() {
    let (store, _engine) = memory();
    let account = owned(&store, "a").await;
    let mut costs = Vec::new();
    for (on, n) in [(false, 10), (true, 20)] {
        index(&store, on).await;
        receive(&store, &account, vec![saying(n, &phone(62), "to warm up")]).await;
        let before = store.stats().rows;
        receive(&store, &account, vec![saying(n + 1, &phone(62), "many words that are all to be found")]).await;
        costs.push(store.stats().rows - before);
    }
    assert_eq!(costs[0], costs[1]);
}

#[tokio::test]
async fn an_account_takes_its_words_along() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    receive(&store, &account, vec![saying(1, &phone(62), "gone soon")]).await;
    index(&store, true).await;
    receive(&store, &account, vec![saying(2, &phone(62), "gone too")]).await;
    write(&store, move |tx| account::delete(tx, &"a".parse().unwrap(), NOW)).await;
    while write(&store, |tx| account::purge_step(tx, 7)).await {}
    index(&store, true).await;
    assert!(!rows(&*engine).keys().any(|(tree, _)| matches!(tree, Tree::MsgText | Tree::TextTodo)));
    crate::recount::check(&*engine);
}

const VOCABULARY: [&str; 6] = ["red", "green", "blue", "reed", "größe", "订单"];

#[derive(Debug, Clone)]
enum Step {
    Say { n: u64, at: u64, words: Vec<usize> },
    Edit { of: u64, n: u64, words: Vec<usize> },
    Revoke { of: u64, n: u64 },
    Forget { of: u64 },
    Keep { messages: u64 },
    Index { on: bool, steps: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let words = || prop::collection::vec(0..VOCABULARY.len(), 0..4);
    prop_oneof![
        8 => (0..60_u64, 0..500_u64, words()).prop_map(|(n, at, words)| Step::Say { n, at, words }),
        2 => (0..60_u64, 100..160_u64, words()).prop_map(|(of, n, words)| Step::Edit { of, n, words }),
        1 => (0..60_u64, 200..260_u64).prop_map(|(of, n)| Step::Revoke { of, n }),
        1 => (0..60_u64).prop_map(|of| Step::Forget { of }),
        1 => (1..20_u64).prop_map(|messages| Step::Keep { messages }),
        4 => (prop::bool::weighted(0.85), 1..4_usize).prop_map(|(on, steps)| Step::Index { on, steps }),
    ]
}

fn sentence(words: &[usize]) -> String {
    words.iter().map(|word| VOCABULARY[*word]).collect::<Vec<_>>().join(" ")
}

fn chat_of(n: u64) -> NewInbound {
    if n.is_multiple_of(3) {
        NewInbound { chat: group(7), group: true, ..arrived(n, &phone(62)) }
    } else {
        arrived(n, &phone(62 + n % 3))
    }
}

async fn change(store: &Store, account: &AccountRecord, ids: &mut Vec<(u64, MessageId)>, step: Step) {
    let no = account.no;
    let target = |of: u64| Target { provider_id: chat_of(of).provider_id, from_me: false, sender: None, message: None };
    match step {
        Step::Say { n, at, words } => {
            let new = NewInbound { ts_ms: NOW - 1_000_003 + at, content: text(sentence(&words)), ..chat_of(n) };
            if let InboundOutcome::Stored(id) = receive(store, account, vec![new]).await[0] {
                ids.push((n, id));
            }
        }
        Step::Edit { of, n, words } => {
            let content = Content::Edit { target: target(of), body: sentence(&words) };
            let act = NewInbound { content, provider_id: format!("E{n}"), rand: 10_000 + n, ..chat_of(of) };
            receive(store, account, vec![act]).await;
        }
        Step::Revoke { of, n } => {
            let content = Content::Revoke { target: target(of) };
            let act = NewInbound { content, provider_id: format!("R{n}"), rand: 20_000 + n, ..chat_of(of) };
            receive(store, account, vec![act]).await;
        }
        Step::Forget { of } => {
            let of: Vec<_> = ids.iter().filter(|(n, _)| *n == of).map(|(_, id)| *id).collect();
            write(store, move |tx| forget::messages(tx, no, &of)).await;
        }
        Step::Keep { messages } => {
            let rule = KeepRule { messages: Some(messages), ..KeepRule::default() };
            write(store, move |tx| message_retention::step(tx, no, rule, None, (1_000, 5_000))).await;
        }
        Step::Index { on, steps } => {
            for _ in 0..steps {
                write(store, move |tx| search::step(tx, on)).await;
            }
        }
    }
}

async fn follow(steps: Vec<Step>) {
    let engine = Arc::new(MemoryEngine::default());
    let store = over(&engine);
    let account = owned(&store, "a").await;
    let mut ids = Vec::new();
    let mut questions = vec!["red ", "red green ", "blue red ", "grösse ", "单 ", "green b", "订单 red "];
    if crate::support::key().is_none() {
        questions.extend(["re", "gr", "b", "订", "red re"]);
    }
    for step in steps {
        let checks = matches!(step, Step::Index { .. });
        change(&store, &account, &mut ids, step).await;
        if checks {
            for question in &questions {
                for chat in [None, Some(phone(63)), Some(group(7))] {
                    let filter = asked(question, chat);
                    let expected = expected(&store, account.no, &filter).await;
                    assert_eq!(found(&store, account.no, &filter, Direction::Forward, 4).await, expected, "{question}");
                    let mut back = found(&store, account.no, &filter, Direction::Backward, 3).await;
                    back.reverse();
                    assert_eq!(back, expected, "{question} backward");
                }
            }
            crate::recount::check(&*engine);
        }
    }
}

#[test]
fn whatever_happens_the_index_finds_what_looking_through_everything_does() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cases = if crate::support::key().is_some() { 3 } else { 30 };
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    runner
        .run(&prop::collection::vec(step(), 1..60), |steps| {
            runtime.block_on(follow(steps));
            Ok(())
        })
        .unwrap();
}
