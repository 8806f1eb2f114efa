//! The messages of all accounts in one list.

use serde_json::{Value, json};

use crate::promises::Linked;
use crate::world::World;

async fn texts(world: &World, query: &str) -> Vec<(String, String)> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = world.get(&format!("/v1/messages?{query}{cursor}")).await;
        assert_eq!(status, 200, "{page}");
        let word = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
        all.extend(page["data"].as_array().unwrap().iter().map(|row| (word(row, "account"), word(row, "text"))));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_all_accounts_stand_in_one_list() {
    let linked = Linked::with(2, &[]).await;
    let world = &linked.world;
    let (own, peer) = (linked.phones[0].number().to_owned(), "+62 812-0000-0001");
    let (mut expected, began) = (Vec::new(), jiff::Timestamp::now());
    for n in 0..7 {
        let account = format!("a{}", n % 2);
        let body = json!({"to": peer, "type": "text", "text": n.to_string()});
        assert_eq!(world.post(&format!("/v1/accounts/{account}/messages"), &body).await.0, 202);
        expected.push((account, n.to_string()));
    }
    let body = json!({"to": "+62 812-0000-0002", "type": "text", "text": "elsewhere"});
    assert_eq!(world.post("/v1/accounts/a1/messages", &body).await.0, 202);
    let peer = "peer=%2B62%20812-0000-0001";
    for limit in [1, 3, 100] {
        assert_eq!(texts(world, &format!("{peer}&order=asc&limit={limit}")).await, expected);
    }
    let back: Vec<_> = expected.iter().rev().cloned().collect();
    assert_eq!(texts(world, &format!("{peer}&direction=outbound&type=text&limit=2")).await, back);
    let mine: Vec<_> = expected.iter().filter(|(account, _)| account == "a0").cloned().collect();
    assert_eq!(texts(world, &format!("{peer}&order=asc&phone=%2B{own}")).await, mine);
    assert_eq!(texts(world, "phone=%2B6281999999999").await, []);
    assert_eq!(texts(world, "direction=outbound").await.len(), 8);
    assert_eq!(texts(world, "date=1999-01-01&tz=Asia%2FJakarta").await, []);
    let tomorrow = began.checked_add(jiff::SignedDuration::from_hours(24)).unwrap();
    let mut of_days = Vec::new();
    for day in [began, tomorrow] {
        of_days.extend(texts(world, &format!("{peer}&date={}", day.strftime("%Y-%m-%d"))).await);
    }
    assert_eq!(of_days.len(), 7);
    for (query, field) in [
        ("limit=0", "limit"),
        ("peer=x", "peer"),
        ("phone=120363041234567890%40g.us", "phone"),
        ("date=2026-13-01", "date"),
        ("tz=Asia%2FJakarta", "tz"),
        ("date=2026-11-01&since=2026-11-01T00:00:00Z", "date"),
        ("type=x", "type"),
        ("state=x", "state"),
        ("cursor=x", "cursor"),
    ] {
        let (status, refused) = world.get(&format!("/v1/messages?{query}")).await;
        assert_eq!((status, &refused["errors"][0]["field"]), (400, &json!(field)), "{refused}");
    }
    linked.world.gateway.stop().await;
    linked.sandbox.shutdown().await;
}
