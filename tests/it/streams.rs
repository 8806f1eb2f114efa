//! Live streams: what they say, how they go on where they were, and how they end.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wasup_store::cursor::EventCursor;
use wasup_store::id::Position;
use wasup_store::repo::schema;

use crate::followers::{Heard, Sse, hear, hear_event, number, socket, tell};
use crate::world::{PATIENCE, World, answer};

async fn metrics(world: &World) -> String {
    world.ask(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap()
}

/// Waits until a scrape shows a line.
async fn shows(world: &World, line: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = metrics(world).await;
        if text.lines().any(|found| found == line) {
            return;
        }
        assert!(Instant::now() < deadline, "{line} is not in\n{text}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_event_stream_tells_what_the_log_has_and_goes_on_where_it_was() {
    let world = World::start().await;
    tell(world.gateway.store(), 0).await;
    let mut live = Sse::open(&world, "", "").await;
    let began = live.last.clone();
    for n in 1..4 {
        tell(world.gateway.store(), n).await;
    }
    let mut events = Vec::new();
    for n in 1..4 {
        let block = live.event().await.unwrap();
        assert_eq!((block.event.as_str(), number(&block.data)), ("server.clock", n));
        assert_eq!(block.data["id"].as_str().unwrap().parse::<EventCursor>(), block.id.parse());
        events.push(block);
    }
    let (_, log) = world.get(&format!("/v1/events?after={began}")).await;
    assert_eq!(log["data"], json!(events.iter().map(|block| &block.data).collect::<Vec<_>>()));
    drop(live);
    // A browser asks for the path it knows, and says in the header where it was.
    for (query, last, first) in [
        ("", events[0].id.as_str(), 2),
        ("?after=oldest", "", 0),
        ("?after=oldest", &events[1].id, 3),
        (&format!("?after={}", events[0].data["id"].as_str().unwrap()), "", 2),
        ("?after=latest", &began, 1),
        ("?after=oldest&types=server.clock", "", 0),
    ] {
        let mut again = Sse::open(&world, query, last).await;
        for n in first..4 {
            assert_eq!(number(&again.event().await.unwrap().data), n, "{query} {last}");
        }
    }
    for (query, last, status) in
        [("?after=x", "", 400), ("", "x", 400), ("?types=x", "", 400), ("?account=x", "", 404), ("?x=1", "", 400)]
    {
        let (found, body) = answer(Sse::ask(&world, query, last).await).await;
        assert_eq!(found, status, "{query} {last}: {body}");
    }
    world.gateway.stop().await;
}

#[tokio::test]
async fn a_quiet_stream_says_that_it_is_alive_and_how_far_it_has_looked() {
    let world = World::with(&[("WASUP__EVENTS__HEARTBEAT", "1s")]).await;
    let mut quiet = Sse::open(&world, "?types=message.status", "").await;
    let (mut ws, hello) = socket(&world, "?types=message.status").await;
    assert_eq!((&hello["type"], &hello["cursor"]), (&json!("hello"), &json!(quiet.last)));
    for n in 0..3 {
        tell(world.gateway.store(), n).await;
    }
    let us = world.gateway.store().read(schema::identity).await.unwrap().incarnation;
    let at = EventCursor::new(us, Position(3)).to_string();
    let beat = quiet.block().await.unwrap();
    assert_eq!((beat.event.as_str(), &beat.id, &beat.data["cursor"]), ("heartbeat", &at, &json!(at)));
    let Heard::Json(beat) = hear(&mut ws).await else { panic!("closed") };
    assert_eq!(beat, json!({"type": "heartbeat", "cursor": at}));
    // The client answers pings by itself, and so it is still there after more beats than a silent one would get.
    for _ in 0..5 {
        assert!(matches!(hear(&mut ws).await, Heard::Json(_)));
    }
    // Where there is nothing to say at all, only comments come before the next block.
    world.account("shop").await;
    let body = json!({"to": "+6281234567890", "type": "text", "text": "x"});
    assert_eq!(world.post("/v1/accounts/shop/messages", &body).await.0, 202);
    let block = quiet.block().await.unwrap();
    assert!(block.event == "message.status" && block.comments >= 3, "{block:?}");
    world.gateway.stop().await;
}

#[tokio::test]
async fn a_place_that_is_gone_is_an_event_of_its_own() {
    let world = World::start().await;
    tell(world.gateway.store(), 0).await;
    let us = world.gateway.store().read(schema::identity).await.unwrap().incarnation;
    let lost = EventCursor::new(us ^ 1, Position(1)).to_string();
    let response = Sse::ask(&world, "", &lost).await;
    assert_eq!(response.status(), 200);
    let text = response.text().await.unwrap();
    let oldest = EventCursor::new(us, Position(0)).to_string();
    let data = json!({"oldest_cursor": oldest, "type": "cursor_gone"});
    assert_eq!(text, format!("event: cursor_gone\nid: {oldest}\ndata: {data}\n\n"));
    let (mut ws, gone) = socket(&world, &format!("?after={lost}")).await;
    assert_eq!((gone, hear(&mut ws).await), (data, Heard::Closed(4410)));
    // A browser that comes back by itself goes on from the oldest.
    assert_eq!(number(&Sse::open(&world, "", &oldest).await.event().await.unwrap().data), 0);
    shows(&world, "wasup_streams_ended_total{kind=\"sse\",how=\"cursor_gone\"} 1").await;
    shows(&world, "wasup_streams_ended_total{kind=\"websocket\",how=\"cursor_gone\"} 1").await;
    world.gateway.stop().await;
}

#[tokio::test]
async fn a_websocket_carries_the_same_and_goes_on_after_an_events_id() {
    let world = World::start().await;
    let (mut ws, hello) = socket(&world, "").await;
    let mut sse = Sse::open(&world, "", "").await;
    assert_eq!(hello["cursor"], sse.last);
    for n in 0..3 {
        tell(world.gateway.store(), n).await;
    }
    let mut last = String::new();
    for _ in 0..3 {
        let event = hear_event(&mut ws).await;
        assert_eq!(event, sse.event().await.unwrap().data);
        last = event["id"].as_str().unwrap().to_owned();
    }
    drop(ws);
    shows(&world, "wasup_streams{kind=\"websocket\"} 0").await;
    shows(&world, "wasup_streams_ended_total{kind=\"websocket\",how=\"left\"} 1").await;
    tell(world.gateway.store(), 3).await;
    let (mut ws, _) = socket(&world, &format!("?after={last}")).await;
    assert_eq!(number(&hear_event(&mut ws).await), 3);
    let (status, refused) = world.get("/v1/ws").await;
    assert_eq!((status, &refused["code"]), (400, &json!("malformed")), "{refused}");
    let open = world.client.get(format!("{}/v1/ws", world.base)).send().await.unwrap();
    assert_eq!(open.status(), 401);
    world.gateway.stop().await;
}

#[tokio::test]
async fn there_are_only_so_many_places() {
    let world = World::with(&[("WASUP__SERVER__STREAMS_MAX", "2")]).await;
    let one = Sse::open(&world, "", "").await;
    let (_ws, _) = socket(&world, "").await;
    let refused = Sse::ask(&world, "", "").await;
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (503, &"5".parse().unwrap()));
    assert_eq!(answer(refused).await.1["code"], "too_many_streams");
    shows(&world, "wasup_streams{kind=\"sse\"} 1").await;
    assert!(metrics(&world).await.contains("wasup_limit{limit=\"streams\"} 2\n"));
    drop(one);
    shows(&world, "wasup_streams{kind=\"sse\"} 0").await;
    let _again = Sse::open(&world, "", "").await;
    world.gateway.stop().await;
}

#[tokio::test]
async fn the_stop_says_bye_and_answers_what_was_asked() {
    let world = World::start().await;
    world.account("shop").await;
    let mut sse = Sse::open(&world, "", "").await;
    let (mut ws, hello) = socket(&world, "").await;
    // A request that is not whole when the stop begins.
    let body = r#"{"id": "late", "start": false}"#;
    let mut slow = TcpStream::connect(world.gateway.address).await.unwrap();
    let head = format!(
        "POST /v1/accounts HTTP/1.1\r\nhost: x\r\nx-api-key: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        world.key,
        body.len()
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    slow.write_all(&body.as_bytes()[..9]).await.unwrap();
    // The metrics, the stream and the slow one; a WebSocket is none any more.
    shows(&world, "wasup_http_connections 3").await;
    let World { gateway, folder, .. } = world;
    let began = Instant::now();
    let stop = tokio::spawn(gateway.stop());
    let bye = json!({"type": "bye", "cursor": hello["cursor"]});
    let block = sse.event().await.unwrap();
    assert_eq!(
        (block.event.as_str(), &block.data, block.id.as_str()),
        ("bye", &bye, hello["cursor"].as_str().unwrap())
    );
    assert!(sse.block().await.is_none());
    assert_eq!((hear(&mut ws).await, hear(&mut ws).await), (Heard::Json(bye), Heard::Closed(1001)));
    slow.write_all(&body.as_bytes()[9..]).await.unwrap();
    let mut answered = String::new();
    tokio::time::timeout(PATIENCE, slow.read_to_string(&mut answered)).await.unwrap().unwrap();
    assert!(answered.starts_with("HTTP/1.1 201 "), "{answered}");
    assert_eq!(stop.await.unwrap().late, Vec::<String>::new());
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    // The store was closed, and has what was answered.
    let world = World::over(folder, &[]).await;
    assert_eq!(world.get("/v1/accounts/late").await.0, 200);
    // A client that came back would have missed nothing.
    let (_, page) = world.get(&format!("/v1/events?after={}", hello["cursor"].as_str().unwrap())).await;
    assert_eq!(page["data"], Value::Array(Vec::new()));
    world.gateway.stop().await;
}
