//! Lists of chats, and what of them is read.

use wasup_store::id::{AccountNo, ChatNo, MessageKey};
use wasup_store::records::{AccountRecord, EventData, EventKind, Participant};
use wasup_store::repo::chat_list::{self, ChatFilter, ChatLine, ChatPlace};
use wasup_store::repo::chat_messages::{self, From};
use wasup_store::repo::inbound::NewInbound;
use wasup_store::repo::{chat_marks, counters, event, forget, person};
use wasup_store::{Store, id::Position};

use crate::support::{NOW, accept, arrived, both, group, lid, memory, new_send, owned, phone, read, receive, write};

async fn listed(store: &Store, no: AccountNo, filter: ChatFilter) -> Vec<ChatLine> {
    let (mut lines, mut after): (Vec<ChatLine>, Option<ChatPlace>) = (Vec::new(), None);
    loop {
        let page = read(store, |tx| chat_list::page(tx, no, after, &filter, (2, 3))).await;
        lines.extend(page.lines.into_iter().map(|(_, line)| line));
        match page.next {
            Some(next) => after = Some(next),
            None => return lines,
        }
    }
}

fn names(lines: &[ChatLine]) -> Vec<&str> {
    lines.iter().map(|line| line.record.participant.jid.user()).collect()
}

async fn find(store: &Store, no: AccountNo, who: &Participant) -> ChatNo {
    read(store, |tx| chat_marks::find(tx, no, who)).await.unwrap()
}

async fn read_chat(store: &Store, no: AccountNo, chat: ChatNo, upto: Option<MessageKey>) -> usize {
    write(store, move |tx| chat_marks::read(tx, no, chat, upto, NOW)).await.read.len()
}

fn in_group(n: u64, of: u64, from: &Participant) -> NewInbound {
    NewInbound { chat: group(of), group: true, ..arrived(n, from) }
}

async fn three_chats(store: &Store, account: &AccountRecord) {
    let mine = NewInbound { from_me: true, sender: None, ..arrived(4, &phone(62)) };
    let messages =
        vec![arrived(1, &phone(61)), arrived(2, &phone(62)), in_group(3, 7, &phone(61)), mine, arrived(5, &phone(61))];
    receive(store, account, messages).await;
}

#[tokio::test]
async fn the_chat_with_the_newest_message_comes_first() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let no = account.no;
    three_chats(&store, &account).await;
    let all = listed(&store, no, ChatFilter::default()).await;
    assert_eq!(names(&all), ["61", "62", "7"]);
    assert_eq!(all.iter().map(|line| line.unread).collect::<Vec<_>>(), [2, 1, 1]);
    let last: Vec<_> = all.iter().map(|line| line.last.as_ref().unwrap().0.key.rand).collect();
    assert_eq!(last, [5, 4, 3]);
    assert_eq!(all[0].record.push_name.as_deref(), Some("Someone"));
    let humans = ChatFilter { humans_only: true, ..ChatFilter::default() };
    assert_eq!(names(&listed(&store, no, humans).await), ["61", "62"]);
    // A send makes its chat the newest, and nothing unread.
    accept(&store, new_send(no, 9, &phone(62))).await;
    assert_eq!(names(&listed(&store, no, ChatFilter::default()).await), ["62", "61", "7"]);
    let counted = read(&store, |tx| counters::account(tx, no)).await;
    assert_eq!((counted.chats, counted.unread), (3, 4));
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn reading_a_chat_empties_its_count_and_says_which_were_unread() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let no = account.no;
    three_chats(&store, &account).await;
    let chat = find(&store, no, &phone(61)).await;
    let first = read(&store, |tx| chat_messages::page(tx, no, chat, From::After(None), 1)).await[0].0.key;
    assert_eq!(read_chat(&store, no, chat, Some(first)).await, 1);
    assert_eq!(read(&store, |tx| chat_list::one(tx, no, chat)).await.unwrap().unread, 1);
    crate::recount::check(&*engine);
    assert_eq!(read_chat(&store, no, chat, None).await, 1);
    assert_eq!(read_chat(&store, no, chat, None).await, 0, "a repeat reads nothing");
    let unread = ChatFilter { unread: Some(true), ..ChatFilter::default() };
    assert_eq!(names(&listed(&store, no, unread).await), ["62", "7"]);
    // One that arrives late, and one of the same moment, are unread all the same.
    receive(&store, &account, vec![NewInbound { ts_ms: NOW - 90_000, ..arrived(7, &phone(61)) }]).await;
    receive(&store, &account, vec![NewInbound { ts_ms: NOW - 60_000 + 5, rand: 0, ..arrived(8, &phone(61)) }]).await;
    assert_eq!(read(&store, |tx| chat_list::one(tx, no, chat)).await.unwrap().unread, 2);
    crate::recount::check(&*engine);
    assert_eq!(read_chat(&store, no, chat, None).await, 2);
    let events = read(&store, |tx| event::page(tx, Position(0), 99)).await;
    let told: Vec<u64> = events
        .iter()
        .filter(|(_, event)| event.kind == EventKind::ChatUpdated)
        .map(|(_, event)| match &event.data {
            EventData::Chat(chat) => chat.unread,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, [1, 0, 0]);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn what_is_set_for_a_chat_stays_and_is_told_once() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let no = account.no;
    three_chats(&store, &account).await;
    for who in [phone(61), group(7)] {
        let chat = find(&store, no, &who).await;
        let archive = move |tx: &mut wasup_store::WriteTx<'_>| {
            chat_marks::set(tx, no, chat, |settings| settings.archived = true, Some(NOW))
        };
        assert!(write(&store, archive).await && !write(&store, archive).await);
    }
    let put_away = ChatFilter { archived: Some(true), ..ChatFilter::default() };
    assert_eq!(names(&listed(&store, no, put_away).await), ["61", "7"]);
    let others = ChatFilter { archived: Some(false), ..ChatFilter::default() };
    assert_eq!(names(&listed(&store, no, others).await), ["62"]);
    receive(&store, &account, vec![arrived(9, &phone(61)), in_group(10, 7, &phone(61))]).await;
    assert_eq!(names(&listed(&store, no, put_away).await), ["7", "61"], "a message changes nothing that is set");
    let name =
        |tx: &mut wasup_store::WriteTx<'_>| chat_marks::name(tx, AccountNo(1), &phone(62), Some("Ann"), (NOW, true));
    assert!(write(&store, name).await && !write(&store, name).await);
    let chat = find(&store, no, &phone(62)).await;
    assert_eq!(read(&store, |tx| chat_list::one(tx, no, chat)).await.unwrap().record.name.as_deref(), Some("Ann"));
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn a_day_lists_the_chats_that_had_messages_then() {
    const DAY: u64 = 86_400_000;
    let (store, _engine) = memory();
    let account = owned(&store, "a").await;
    let at = |n, who: &Participant, ms| NewInbound { ts_ms: ms, ..arrived(n, who) };
    let messages = vec![
        at(1, &phone(61), NOW - 2 * DAY),
        at(2, &phone(61), NOW - 2 * DAY + 1),
        at(3, &phone(62), NOW - 2 * DAY),
        at(4, &phone(61), NOW - 1),
        at(5, &phone(63), NOW - 2),
    ];
    receive(&store, &account, messages).await;
    let day = |begin| ChatFilter { day: Some((begin, begin + DAY)), ..ChatFilter::default() };
    let then = listed(&store, account.no, day(NOW - 2 * DAY)).await;
    assert_eq!(names(&then), ["61", "62"]);
    assert_eq!(then.iter().map(|line| line.in_day.unwrap()).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(then[0].last.as_ref().unwrap().0.key.rand, 2, "the newest of that day");
    assert_eq!(names(&listed(&store, account.no, day(NOW - DAY)).await), ["61", "63"]);
    assert!(listed(&store, account.no, day(NOW - 4 * DAY)).await.is_empty());
}

#[tokio::test]
async fn chats_that_became_one_are_one_line() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let no = account.no;
    receive(&store, &account, vec![arrived(1, &lid(900)), arrived(2, &phone(62)), arrived(3, &phone(63))]).await;
    assert_eq!(listed(&store, no, ChatFilter::default()).await.len(), 3);
    let before = find(&store, no, &lid(900)).await;
    let absorbed = find(&store, no, &phone(62)).await;
    let (epoch, who) = (account.epoch, both(900, 62));
    write(&store, move |tx| person::learn(tx, no, epoch, std::slice::from_ref(&who), NOW)).await;
    crate::recount::check(&*engine);
    let all = listed(&store, no, ChatFilter::default()).await;
    assert_eq!(names(&all), ["63", "900"]);
    assert_eq!((all[1].chat, all[1].unread), (before, 2));
    assert_eq!(all[1].record.participant, both(900, 62));
    let events = read(&store, |tx| event::page(tx, Position(0), 99)).await;
    let merged: Vec<_> = events
        .iter()
        .filter_map(|(_, event)| match &event.data {
            EventData::Merged(merged) => Some((merged.contact.clone(), merged.chat, merged.absorbed)),
            _ => None,
        })
        .collect();
    assert_eq!(merged, [(both(900, 62), Some(before), Some(absorbed))]);
    let texts = read(&store, |tx| chat_messages::page(tx, no, absorbed, From::After(None), 9)).await;
    assert_eq!(texts.iter().map(|(id, _)| id.key.rand).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(read_chat(&store, no, absorbed, None).await, 2);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn messages_are_paged_both_ways() {
    let (store, _engine) = memory();
    let account = owned(&store, "a").await;
    let no = account.no;
    for n in 0..3 {
        receive(&store, &account, (n * 30..n * 30 + 30).map(|n| arrived(n, &phone(62))).collect()).await;
    }
    let chat = find(&store, no, &phone(62)).await;
    for (newest_first, expected) in [(true, (0..90).rev().collect::<Vec<u64>>()), (false, (0..90).collect())] {
        let (mut seen, mut place) = (Vec::new(), None);
        loop {
            let from = if newest_first { From::Before(place) } else { From::After(place) };
            let page = read(&store, |tx| chat_messages::page(tx, no, chat, from, 7)).await;
            let Some((last, _)) = page.last() else { break };
            place = Some(last.key);
            seen.extend(page.iter().map(|(id, _)| id.key.rand));
        }
        assert_eq!(seen, expected);
    }
    let id = arrived(50, &phone(62)).provider_id;
    let key = read(&store, |tx| chat_messages::by_provider_id(tx, no, chat, &id)).await;
    assert_eq!(key.unwrap().rand, 50);
}

#[tokio::test]
async fn a_forgotten_message_leaves_nothing_behind() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let no = account.no;
    three_chats(&store, &account).await;
    receive(&store, &account, vec![NewInbound { ts_ms: NOW - 90_000, ..arrived(7, &phone(61)) }]).await;
    let all = read(&store, |tx| forget::oldest(tx, no, MessageKey::new(0, 0), u64::MAX, 99)).await;
    assert_eq!(all.len(), 6);
    for (n, id) in all.iter().copied().enumerate() {
        assert_eq!(write(&store, move |tx| forget::messages(tx, no, &[id])).await, 1);
        assert_eq!(crate::recount::check(&*engine), all.len() - n - 1);
    }
    let counted = read(&store, |tx| counters::account(tx, no)).await;
    assert_eq!((counted.chats, counted.unread, counted.messages, counted.received), (0, 0, 0, 5));
    let queued = accept(&store, new_send(no, 9, &phone(62))).await.id;
    assert_eq!(write(&store, move |tx| forget::messages(tx, no, &[queued])).await, 0, "the ledger needs it still");
}

#[tokio::test]
async fn messages_of_one_second_stay_in_the_order_they_came() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    for n in 0..40 {
        let message = NewInbound { ts_ms: NOW - 5_000, rand: 1_000 - n, ..arrived(n, &phone(62)) };
        receive(&store, &account, vec![message]).await;
    }
    let chat = find(&store, account.no, &phone(62)).await;
    let page = read(&store, |tx| chat_messages::page(tx, account.no, chat, From::After(None), 99)).await;
    assert_eq!(page.iter().map(|(id, _)| 1_000 - id.key.rand).collect::<Vec<_>>(), (0..40).collect::<Vec<_>>());
    assert!(page.iter().all(|(_, record)| record.ts_ms / 1_000 == (NOW - 5_000) / 1_000));
    crate::recount::check(&*engine);
}
