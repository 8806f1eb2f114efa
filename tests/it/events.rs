//! The event log over HTTP: its pieces, its cursors, who sees what, and what becomes of a place that is gone.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use wasup_store::Durability;
use wasup_store::cursor::EventCursor;
use wasup_store::id::{Position, TenantNo};
use wasup_store::insurance::restore;
use wasup_store::records::{AccountSettings, AccountSource, AccountState, Desired, Phase};
use wasup_store::repo::account::{self, NewAccount};
use wasup_store::repo::schema;

use crate::followers::{number, tell};
use crate::world::{PATIENCE, World};

async fn send(world: &World, account: &str, text: &str) {
    let body = json!({"to": "+6281234567890", "type": "text", "text": text});
    let (status, sent) = world.post(&format!("/v1/accounts/{account}/messages"), &body).await;
    assert_eq!(status, 202, "{sent}");
}

/// Everything after a place, piece by piece.
async fn all(world: &World, after: &str, more: &str) -> (Vec<Value>, String) {
    let (mut found, mut after) = (Vec::new(), after.to_owned());
    loop {
        let (status, page) = world.get(&format!("/v1/events?after={after}{more}")).await;
        assert_eq!(status, 200, "{page}");
        found.extend(page["data"].as_array().unwrap().iter().cloned());
        after = page["next_cursor"].as_str().unwrap().to_owned();
        if page["more"] == false {
            return (found, after);
        }
    }
}

fn strings<'a>(events: &'a [Value], field: &str) -> Vec<&'a str> {
    events.iter().map(|event| event[field].as_str().unwrap_or("-")).collect()
}

#[tokio::test]
async fn the_log_is_read_in_pieces_of_any_size_and_by_filters() {
    let world = World::start().await;
    for (n, account) in (0..).zip(["a", "b", "a", "b", "a"]) {
        if n < 2 {
            world.account(account).await;
        }
        send(&world, account, &format!("text {n}")).await;
        tell(world.gateway.store(), n).await;
    }
    let (whole, end) = all(&world, "oldest", "").await;
    assert_eq!(strings(&whole, "account"), ["a", "-", "b", "-", "a", "-", "b", "-", "a", "-"]);
    assert_eq!(world.get("/v1/events").await.1["data"], json!(whole));
    assert!(whole[0].as_object().unwrap().keys().eq(["account", "data", "id", "seq", "timestamp", "type"]));
    assert_eq!((&whole[4]["seq"], &whole[4]["type"]), (&json!(2), &json!("message.status")));
    for limit in 1..4 {
        assert_eq!(all(&world, "oldest", &format!("&limit={limit}")).await, (whole.clone(), end.clone()));
    }
    // An event's own id is a place, too.
    for (n, event) in whole.iter().enumerate() {
        assert_eq!(all(&world, event["id"].as_str().unwrap(), "").await.0, whole[n + 1..]);
    }
    let (clock, at) = all(&world, "oldest", "&types=server.clock&limit=2").await;
    assert_eq!(clock.iter().map(number).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert_eq!(at, end, "a filter does not hold its reader back");
    let (of_b, _) = all(&world, "oldest", "&account=b&types=message.status,message.received").await;
    assert_eq!(of_b, [whole[2].clone(), whole[6].clone()]);
    assert_eq!(all(&world, "latest", "").await, (vec![], end));
    for (query, field) in [
        ("types=message.recieved", "types"),
        ("types=", "types"),
        ("limit=0", "limit"),
        ("after=nowhere", "after"),
        ("account=a%2Fb", "query"),
        ("cursor=x", "query"),
    ] {
        let (status, refused) = world.get(&format!("/v1/events?{query}")).await;
        assert_eq!((status, &refused["code"], &refused["errors"][0]["field"]), (400, &json!("invalid"), &json!(field)));
    }
    assert_eq!(world.get("/v1/events?account=nobody").await.0, 404);
    world.gateway.stop().await;
}

#[tokio::test]
async fn a_place_that_never_was_or_is_no_more_is_refused_in_words() {
    let world = World::start().await;
    for n in 0..3 {
        tell(world.gateway.store(), n).await;
    }
    let (_, end) = all(&world, "oldest", "").await;
    let us = world.gateway.store().read(schema::identity).await.unwrap().incarnation;
    let cursor = |incarnation, position| EventCursor::new(incarnation, Position(position)).to_string();
    assert_eq!(end, cursor(us, 3));
    let other_node = EventCursor { node: 7, ..EventCursor::new(us, Position(1)) }.to_string();
    let id = |position| wasup_store::id::EventId { incarnation: us, position: Position(position) }.to_string();
    for (after, status, code) in [
        (cursor(us, 0), 200, ""),
        (cursor(us, 3), 200, ""),
        (id(2), 200, ""),
        (end[..end.len() - 1].to_owned(), 400, "invalid"),
        (end[4..].to_owned(), 400, "invalid"),
        (id(2)[..20].to_owned(), 400, "invalid"),
        (end.replace("cur_", "evt_"), 400, "invalid"),
        (cursor(us, 4), 410, "cursor_gone"),
        (cursor(us, u64::MAX), 410, "cursor_gone"),
        (id(u64::MAX), 410, "cursor_gone"),
        (cursor(us ^ 1, 1), 410, "cursor_gone"),
        (other_node, 410, "cursor_gone"),
    ] {
        let (found, body) = world.get(&format!("/v1/events?after={after}")).await;
        assert_eq!((found, body["code"].as_str().unwrap_or_default()), (status, code), "{after}: {body}");
        if status == 410 {
            let oldest = body["oldest_cursor"].as_str().unwrap();
            assert_eq!(all(&world, oldest, "").await.0.len(), 3);
        }
    }
    world.gateway.stop().await;
}

#[tokio::test]
async fn a_long_poll_waits_for_what_it_wants_and_no_longer() {
    let world = World::start().await;
    tell(world.gateway.store(), 0).await;
    let (_, end) = all(&world, "oldest", "").await;
    let began = Instant::now();
    let (_, page) = world.get(&format!("/v1/events?after={end}&wait=300ms")).await;
    assert!((300..3_000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    assert_eq!((&page["data"], &page["next_cursor"]), (&json!([]), &json!(end)));
    world.account("a").await;
    let path = format!("/v1/events?after={end}&wait=25s&types=message.status");
    let waiting = tokio::spawn(world.ask(Method::GET, &path).send());
    let began = Instant::now();
    // Not this one.
    tell(world.gateway.store(), 1).await;
    send(&world, "a", "x").await;
    let page: Value = serde_json::from_slice(&waiting.await.unwrap().unwrap().bytes().await.unwrap()).unwrap();
    assert_eq!(strings(page["data"].as_array().unwrap(), "type"), ["message.status"]);
    assert!(began.elapsed() < Duration::from_secs(20));
    // The stop does not wait for it either.
    let waiting = tokio::spawn(world.ask(Method::GET, "/v1/events?after=latest&wait=25s").send());
    let gauge = async || world.ask(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    let deadline = Instant::now() + PATIENCE;
    while !gauge().await.contains("wasup_http_connections 2") {
        assert!(Instant::now() < deadline);
    }
    let World { gateway, .. } = world;
    let began = Instant::now();
    assert!(gateway.stop().await.late.is_empty());
    assert_eq!(waiting.await.unwrap().unwrap().status(), 200);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_tenant_sees_nothing_of_another_one() {
    let world = World::start().await;
    world.account("ours").await;
    let new = NewAccount {
        id: "theirs".parse().unwrap(),
        tenant: TenantNo(2),
        name: String::new(),
        desired: Desired::Stopped,
        default_region: None,
        autostart: false,
        metadata: None,
        note: None,
        settings: AccountSettings::default(),
        source: AccountSource::Api,
        now_ms: 1,
    };
    let store = world.gateway.store();
    let made = store.write(Durability::Durable, move |tx| account::create(tx, &new)).await.unwrap();
    for n in 0..20 {
        let state =
            AccountState { phase: if n % 2 == 0 { Phase::Connecting } else { Phase::Stopped }, ..made.state.clone() };
        let told = move |tx: &mut wasup_store::WriteTx<'_>| account::set_state(tx, made.no, None, &state, 1);
        assert!(store.write::<_, wasup_store::StoreError, _>(Durability::Durable, told).await.unwrap());
        if n % 5 == 0 {
            send(&world, "ours", "x").await;
        }
    }
    let (seen, end) = all(&world, "oldest", "&limit=1").await;
    assert_eq!(strings(&seen, "account"), ["ours"; 4]);
    let us = store.read(schema::identity).await.unwrap().incarnation;
    assert_eq!(end, EventCursor::new(us, Position(24)).to_string());
    assert_eq!(world.get("/v1/events?account=theirs").await.0, 404);
    assert!(
        world.get("/v1/audit?limit=100").await.1["data"]
            .as_array()
            .unwrap()
            .iter()
            .all(|act| act["account"] != "theirs")
    );
    world.gateway.stop().await;
}

#[tokio::test]
async fn what_retention_took_is_said_and_the_rest_goes_on() {
    let world = World::start().await;
    for n in 0..30 {
        tell(world.gateway.store(), n).await;
    }
    let (whole, end) = all(&world, "oldest", "").await;
    let before = whole[9]["id"].as_str().unwrap().to_owned();
    let world = world.restart(&[("WASUP__EVENTS__MAX_ROWS", "5")]).await;
    let deadline = Instant::now() + PATIENCE;
    let gone = loop {
        let (status, body) = world.get(&format!("/v1/events?after={before}")).await;
        if status == 410 {
            break body;
        }
        assert!(Instant::now() < deadline, "nothing was pruned");
    };
    assert_eq!(gone["code"], "cursor_gone");
    let oldest = gone["oldest_cursor"].as_str().unwrap();
    let (kept, at) = all(&world, oldest, "").await;
    assert_eq!((&kept[..], &at), (&whole[25..], &end));
    assert_eq!(all(&world, "oldest", "").await, (kept, at));
    // Whoever had seen it all has missed nothing.
    assert_eq!(all(&world, &end, "").await.0, Vec::<Value>::new());
    // Counted once the commit was answered, which a reader may see before.
    loop {
        let text = world.ask(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
        if text.contains("wasup_rows_pruned_total{rows=\"events\"} 25\n") {
            break;
        }
        assert!(Instant::now() < deadline, "{text}");
    }
    world.gateway.stop().await;
}

#[tokio::test]
async fn a_restore_is_a_new_log_for_its_readers() {
    let backups = tempfile::tempdir().unwrap();
    let world =
        World::over(tempfile::tempdir().unwrap(), &[("WASUP__DATA__BACKUPS", backups.path().to_str().unwrap())]).await;
    for n in 0..4 {
        tell(world.gateway.store(), n).await;
    }
    let (whole, end) = all(&world, "oldest", "").await;
    assert_eq!(world.post("/v1/admin/backup", &json!({"name": "b"})).await.0, 201);
    world.gateway.stop().await;
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("data");
    restore(&backups.path().join("b"), &into, 8 << 20, None, |_, _| async { Ok(()) }).await.unwrap();
    let world = World::over(folder, &[]).await;
    for after in [end.as_str(), whole[0]["id"].as_str().unwrap()] {
        let (status, gone) = world.get(&format!("/v1/events?after={after}")).await;
        assert_eq!((status, &gone["code"]), (410, &json!("cursor_gone")));
        let (again, _) = all(&world, gone["oldest_cursor"].as_str().unwrap(), "").await;
        assert_eq!(again[..4].iter().map(number).collect::<Vec<_>>(), [0, 1, 2, 3]);
    }
    world.gateway.stop().await;
}

#[tokio::test]
async fn who_did_what_is_listed_in_pieces() {
    let world = World::start().await;
    for id in ["a", "b"] {
        world.account(id).await;
        let asked = world.ask(Method::DELETE, &format!("/v1/accounts/{id}")).header("x-request-id", format!("r-{id}"));
        assert_eq!(asked.send().await.unwrap().status(), 204);
    }
    let (_, whole) = world.get("/v1/audit").await;
    let acts = whole["data"].as_array().unwrap();
    let told: Vec<_> =
        acts.iter().map(|act| (act["act"].as_str().unwrap(), act["account"].as_str().unwrap())).collect();
    assert_eq!(
        told[..4],
        [("account_deleted", "b"), ("account_created", "b"), ("account_deleted", "a"), ("account_created", "a")]
    );
    assert_eq!((&acts[0]["who"], &acts[0]["request_id"]), (&json!("root_key"), &json!("r-b")));
    let (mut pieces, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = world.get(&format!("/v1/audit?limit=1{cursor}")).await;
        assert_eq!(status, 200, "{page}");
        pieces.extend(page["data"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(&pieces, acts);
    assert_eq!(world.get("/v1/audit?cursor=x").await.0, 400);
    world.gateway.stop().await;
}
