//! The last page of a list says that it is the last, also where it is full.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::promises::{Linked, is_sent};

impl Linked {
    /// Reads a list by pages of so many that divide its length; each is full, and nothing follows the last one.
    async fn in_full_pages(&self, list: &str, length: usize, limit: usize) {
        let joint = if list.contains('?') { '&' } else { '?' };
        let (mut seen, mut cursor) = (BTreeSet::new(), String::new());
        for nth in 1..=length / limit {
            let (status, page) = self.world.get(&format!("{list}{joint}limit={limit}{cursor}")).await;
            assert_eq!(status, 200, "{list}: {page}");
            let rows = page["data"].as_array().unwrap();
            assert_eq!(rows.len(), limit, "{list}: page {nth} of {limit}");
            seen.extend(rows.iter().map(Value::to_string));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => assert_eq!(nth, length / limit, "{list}: it ends too soon"),
            }
            let last = nth == length / limit;
            assert_eq!(page["next_cursor"].is_null(), last, "{list}: page {nth} of {limit}");
        }
        assert_eq!(seen.len(), length, "{list}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_as_long_as_its_pages_ends_with_the_last_of_them() {
    let linked = Linked::with(2, &[]).await;
    let sends = [
        ("text", "a0"),
        ("location", "a0"),
        ("text", "a0"),
        ("text", "a0"),
        ("text", "a0"),
        ("location", "a0"),
        ("text", "a1"),
    ];
    for (n, (kind, account)) in sends.into_iter().enumerate() {
        // To four people in turn, and to the one whom both accounts know.
        let phone = linked.network().phone(&format!("628333333330{}", n % 4));
        let body = match kind {
            "text" => json!({"to": phone.number(), "type": "text", "text": "hello"}),
            _ => json!({"to": phone.number(), "type": "location", "latitude": 1.5, "longitude": 2.5}),
        };
        let (status, sent) = linked.world.post(&format!("/v1/accounts/{account}/messages"), &body).await;
        assert_eq!(status, 202, "{sent}");
        linked.message(&sent, is_sent).await;
    }
    let own = linked.phones[0].number();
    let lists = [
        ("/v1/accounts".to_owned(), 2),
        ("/v1/tree".to_owned(), 2),
        ("/v1/accounts/a0/chats".to_owned(), 4),
        ("/v1/accounts/a0/chats?archived=false".to_owned(), 4),
        ("/v1/accounts/a0/contacts".to_owned(), 4),
        ("/v1/accounts/a0/contacts?q=62833333333".to_owned(), 4),
        ("/v1/accounts/a0/messages".to_owned(), 6),
        ("/v1/accounts/a0/messages?type=text".to_owned(), 4),
        ("/v1/accounts/a0/messages?type=text&order=asc".to_owned(), 4),
        ("/v1/accounts/a0/messages?type=location".to_owned(), 2),
        (format!("/v1/messages?phone={own}&type=text"), 4),
        ("/v1/messages?type=location&order=asc".to_owned(), 2),
        (format!("/v1/numbers/{own}/contacts"), 4),
        // Both accounts wrote there.
        ("/v1/numbers/6283333333302/mapping".to_owned(), 2),
    ];
    for (list, length) in lists {
        for limit in (1..=length).filter(|limit| length % limit == 0) {
            linked.in_full_pages(&list, length, limit).await;
        }
    }
    assert_eq!(linked.network().violations(), []);
}
