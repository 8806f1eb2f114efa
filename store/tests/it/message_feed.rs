//! Messages of several accounts in one order, page by page.

use wasup_store::Direction as Walk;
use wasup_store::id::AccountNo;
use wasup_store::records::{Content, Target};
use wasup_store::repo::inbound::NewInbound;
use wasup_store::repo::message_feed;
use wasup_store::repo::message_list::{MAX_LOOKS, MessageFilter, MessagePlace};
use wasup_store::{Store, repo::message_list};

use crate::support::{arrived, memory, owned, phone, read, receive};

/// The messages of all pages of a size: account and key.
async fn found(
    store: &Store,
    accounts: &[AccountNo],
    filter: &MessageFilter,
    order: Walk,
    limit: usize,
) -> Vec<(u64, u32)> {
    let (mut all, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let place = MessagePlace { order, after, limit };
        let page = read(store, |tx| message_feed::page(tx, accounts, filter, place)).await;
        assert!(page.found.len() <= limit);
        all.extend(page.found.iter().map(|(id, _)| (id.key.ts_ms, id.account.0)));
        (after, pages) = (page.next, pages + 1);
        assert!(pages < 1_000, "it goes on for ever");
        if after.is_none() {
            return all;
        }
    }
}

#[tokio::test]
async fn accounts_are_joined_in_one_order() {
    let (store, _engine) = memory();
    let mut accounts = Vec::new();
    let mut all = Vec::new();
    for (nth, (id, count)) in [("a", 40_u64), ("b", 3), ("c", 0), ("d", 11), ("e", 1)].into_iter().enumerate() {
        let account = owned(&store, id).await;
        // Times that fall between one another's, and bursts of one account alone.
        let times = (0..count).map(|n| 5 * n + nth as u64 + if n > 20 { 1_000 } else { 0 });
        for n in times {
            let one = arrived(n, &phone(62 + n % 3));
            receive(&store, &account, vec![one]).await;
        }
        let filter = MessageFilter::default();
        let place = MessagePlace { order: Walk::Forward, after: None, limit: 1_000 };
        let own = read(&store, |tx| message_list::page(tx, account.no, &filter, place)).await;
        all.extend(own.found.iter().map(|(id, record)| (id.key.ts_ms, id.account.0, record.chat_no)));
        accounts.push(account.no);
    }
    all.sort_unstable_by_key(|(ts_ms, ..)| *ts_ms);
    let expected: Vec<_> = all.iter().map(|(ts_ms, no, _)| (*ts_ms, *no)).collect();
    assert_eq!(expected.len(), 55);
    let back: Vec<_> = expected.iter().rev().copied().collect();
    for limit in [1, 2, 7, 54, 55, 200] {
        let filter = MessageFilter::default();
        assert_eq!(found(&store, &accounts, &filter, Walk::Forward, limit).await, expected, "{limit}");
        assert_eq!(found(&store, &accounts, &filter, Walk::Backward, limit).await, back, "{limit}");
    }
    let (from, to) = (expected[10].0, expected[30].0);
    let filter = MessageFilter { since_ms: Some(from), until_ms: Some(to), ..MessageFilter::default() };
    assert_eq!(found(&store, &accounts, &filter, Walk::Forward, 6).await, expected[10..30]);
    let filter = MessageFilter { chat: Some(phone(63)), ..MessageFilter::default() };
    let of_chat = found(&store, &accounts, &filter, Walk::Backward, 4).await;
    assert!(of_chat.len() > 10 && of_chat.len() < 30 && of_chat.iter().rev().is_sorted());
    assert_eq!(found(&store, &[], &MessageFilter::default(), Walk::Forward, 4).await, []);
}

#[tokio::test]
async fn what_seldom_fits_is_found_in_bounded_pieces() {
    let (store, _engine) = memory();
    let accounts = [owned(&store, "a").await, owned(&store, "b").await];
    let many = MAX_LOOKS as u64 + 100;
    let rare = |n: u64| n % 1_500 == 7;
    for from in (0..many).step_by(32) {
        for (nth, account) in accounts.iter().enumerate() {
            let one = |n: u64| {
                let message = arrived(2 * n + nth as u64, &phone(62));
                if !rare(n) {
                    return message;
                }
                let provider_id = message.provider_id.clone();
                let target = Target { provider_id, from_me: false, sender: None, message: None };
                let content = Content::Reaction { target, emoji: None };
                NewInbound { content, ..message }
            };
            receive(&store, account, (from..(from + 32).min(many)).map(one).collect()).await;
        }
    }
    let nos = [accounts[0].no, accounts[1].no];
    let filter = MessageFilter { kind: Some("reaction".into()), ..MessageFilter::default() };
    let place = MessagePlace { order: Walk::Forward, after: None, limit: 50 };
    let first = read(&store, |tx| message_feed::page(tx, &nos, &filter, place)).await;
    assert!(first.next.is_some() && first.found.len() < 8, "it stops where it has looked enough");
    let all = found(&store, &nos, &filter, Walk::Forward, 50).await;
    assert_eq!(all.len(), 8);
    assert!(all.is_sorted());
    let mut back = found(&store, &nos, &filter, Walk::Backward, 50).await;
    back.reverse();
    assert_eq!(back, all);
}
