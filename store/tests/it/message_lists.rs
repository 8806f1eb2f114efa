//! Lists of messages: what fits, in either order, page by page.

use wasup_store::Direction as Walk;
use wasup_store::Store;
use wasup_store::id::AccountNo;
use wasup_store::records::{Content, Direction, MessageState, Target};
use wasup_store::repo::inbound::NewInbound;
use wasup_store::repo::message_list::{MAX_LOOKS, MessageFilter, MessagePlace, page};

use crate::support::{NOW, accept, arrived, both, group, lid, memory, new_send, owned, phone, read, receive};

/// The network's last digits of what is found, by pages of this size.
async fn found(store: &Store, no: AccountNo, filter: &MessageFilter, order: Walk, limit: usize) -> Vec<String> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = read(store, |tx| page(tx, no, filter, MessagePlace { order, after, limit })).await;
        assert!(page.found.len() <= limit);
        assert!(!page.found.is_empty() || after.is_none(), "nothing follows what said that something does");
        all.extend(page.found.iter().map(|(_, record)| record.provider_id.trim_start_matches("3EB0").to_owned()));
        after = page.next;
        if after.is_none() {
            return all.iter().map(|id| id.trim_start_matches('0').to_lowercase()).collect();
        }
    }
}

#[tokio::test]
async fn each_filter_lets_through_what_it_names() {
    let (store, _engine) = memory();
    let account = owned(&store, "a").await;
    let in_group = |m: NewInbound| NewInbound { chat: group(7), group: true, ..m };
    let (ann, bob) = (phone(62), phone(63));
    let target = Target { provider_id: arrived(1, &ann).provider_id, from_me: false, sender: None, message: None };
    receive(
        &store,
        &account,
        vec![
            arrived(1, &ann),
            arrived(2, &bob),
            in_group(arrived(3, &ann)),
            in_group(arrived(4, &bob)),
            NewInbound { content: Content::Reaction { target, emoji: Some("👍".into()) }, ..arrived(5, &ann) },
            NewInbound { from_me: true, sender: None, ..arrived(6, &bob) },
            // From here on Ann's number is known to be one with her other address.
            arrived(7, &both(900, 62)),
        ],
    )
    .await;
    accept(&store, new_send(account.no, 8, &ann)).await;
    let all = ["1", "2", "3", "4", "5", "6", "7", "aaaa000000000008"];
    let base = MessageFilter::default;
    for (filter, expected) in [
        (base(), all.to_vec()),
        (MessageFilter { chat: Some(ann.clone()), ..base() }, vec!["1", "7", all[7]]),
        (MessageFilter { chat: Some(lid(900)), ..base() }, vec!["1", "7", all[7]]),
        (MessageFilter { chat: Some(group(7)), ..base() }, vec!["3", "4"]),
        (MessageFilter { from: Some(ann.clone()), ..base() }, vec!["1", "3", "7"]),
        (MessageFilter { from: Some(bob.clone()), chat: Some(group(7)), ..base() }, vec!["4"]),
        (MessageFilter { to: Some(bob.clone()), ..base() }, vec!["6"]),
        (MessageFilter { to: Some(bob), chat: Some(ann), ..base() }, vec![]),
        (MessageFilter { way: Some(Direction::Outbound), ..base() }, vec!["6", all[7]]),
        (MessageFilter { kind: Some("reaction".into()), ..base() }, vec!["5"]),
        (MessageFilter { state: Some(MessageState::Queued), ..base() }, vec![all[7]]),
        (MessageFilter { state: Some(MessageState::Failed), ..base() }, vec![]),
        (
            MessageFilter { since_ms: Some(NOW - 60_000 + 4), until_ms: Some(NOW - 60_000 + 6), ..base() },
            vec!["4", "5"],
        ),
        (MessageFilter { chat: Some(phone(99)), ..base() }, vec![]),
        (MessageFilter { from: Some(phone(99)), ..base() }, vec![]),
    ] {
        for limit in [1, 2, 99] {
            assert_eq!(found(&store, account.no, &filter, Walk::Forward, limit).await, expected, "{filter:?}");
            let back: Vec<_> = expected.iter().rev().copied().collect();
            assert_eq!(found(&store, account.no, &filter, Walk::Backward, limit).await, back, "{filter:?}");
        }
    }
}

#[tokio::test]
async fn a_page_that_nothing_fits_ends_and_says_where_to_look_on() {
    let (store, _engine) = memory();
    let account = owned(&store, "a").await;
    let many = MAX_LOOKS as u64 + 40;
    for from in (0..many).step_by(32) {
        let some = (from..(from + 32).min(many)).map(|n| arrived(n, &phone(62 + n % 2))).collect();
        receive(&store, &account, some).await;
    }
    let filter = MessageFilter { kind: Some("poll".into()), ..MessageFilter::default() };
    let place = MessagePlace { order: Walk::Backward, after: None, limit: 10 };
    let first = read(&store, |tx| page(tx, account.no, &filter, place)).await;
    assert!(first.found.is_empty() && first.next.is_some());
    let rest = read(&store, |tx| page(tx, account.no, &filter, MessagePlace { after: first.next, ..place })).await;
    assert!(rest.found.is_empty() && rest.next.is_none());
    // Two chats in one, each longer than what is read at once.
    let both_ways = MessageFilter { from: Some(phone(62)), ..MessageFilter::default() };
    let of_one = found(&store, account.no, &both_ways, Walk::Forward, 1_000).await;
    assert_eq!(of_one.len() as u64, many / 2);
}
