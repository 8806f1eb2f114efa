//! Streams under load: nothing lost, nothing twice, and nobody slowed by a client that does not read.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;
use wasup_store::jid::Jid;
use wasup_store::records::{Content, Participant};
use wasup_store::repo::account;
use wasup_store::repo::inbound::{self, InboundBatch, NewInbound};
use wasup_store::{Durability, StoreError, WriteTx};

use crate::followers::{Heard, Sse, hear, number, socket, tell};
use crate::world::{PATIENCE, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_writers_and_streams_that_break_at_random_leave_no_gap_and_no_repeat() {
    const WRITERS: i64 = 64;
    const EACH: i64 = 12;
    let world = Arc::new(World::start().await);
    let reader = |over_http: bool| {
        let world = Arc::clone(&world);
        async move {
            let (mut seen, mut connections, mut last) = (Vec::<Value>::new(), 0, "oldest".to_owned());
            while seen.len() < usize::try_from(WRITERS * EACH).unwrap() {
                connections += 1;
                let most = rand::random_range(1..30);
                let query = format!("?after={last}");
                let mut taken = Vec::new();
                if over_http {
                    let mut sse = Sse::open(&world, &query, "").await;
                    while taken.len() < most && seen.len() + taken.len() < usize::try_from(WRITERS * EACH).unwrap() {
                        let block = sse.event().await.unwrap();
                        last = block.id;
                        taken.push(block.data);
                    }
                } else {
                    let (mut ws, _) = socket(&world, &query).await;
                    while taken.len() < most && seen.len() + taken.len() < usize::try_from(WRITERS * EACH).unwrap() {
                        let Heard::Json(event) = hear(&mut ws).await else { panic!("closed") };
                        if event["type"] != "heartbeat" {
                            last = event["id"].as_str().unwrap().to_owned();
                            taken.push(event);
                        }
                    }
                }
                seen.extend(taken);
            }
            (seen, connections)
        }
    };
    let readers = [tokio::spawn(reader(true)), tokio::spawn(reader(false))];
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = world.gateway.store().clone();
            tokio::spawn(async move {
                for n in 0..EACH {
                    tell(&store, writer * EACH + n).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    for reader in readers {
        let (seen, connections) = timeout(2 * PATIENCE, reader).await.expect("a reader stood still").unwrap();
        assert!(connections > 20, "{connections} connections are no test");
        let numbers: Vec<_> = seen.iter().map(|event| event["seq"].as_i64().unwrap()).collect();
        assert_eq!(numbers, (1..=WRITERS * EACH).collect::<Vec<_>>());
        let mut told: Vec<_> = seen.iter().map(number).collect();
        told.sort_unstable();
        assert_eq!(told, (0..WRITERS * EACH).collect::<Vec<_>>());
    }
    Arc::into_inner(world).unwrap().gateway.stop().await;
}

/// Makes an account receive large messages, one after the other; answers how long all of them took. A client that reads
/// none of them soon fills every buffer on its way.
async fn receive(world: &World, from: u64, count: u64) -> Duration {
    let id = "shop".parse().unwrap();
    let store = world.gateway.store();
    let owned = |tx: &mut WriteTx<'_>| account::take_over(tx, &"shop".parse().unwrap());
    let owner = match store.read(|tx| account::get(tx, &id)).await.unwrap() {
        Some(record) if from > 0 => record,
        _ => store.write::<_, StoreError, _>(Durability::Durable, owned).await.unwrap().unwrap(),
    };
    let chat = Participant { jid: Jid::phone("628123"), phone: Some("628123".into()), lid: None };
    let began = Instant::now();
    for n in from..from + count {
        let message = NewInbound {
            provider_id: format!("3EB0{n:016X}"),
            chat: chat.clone(),
            sender: Some(chat.clone()),
            from_me: false,
            group: false,
            ts_ms: store.now_ms(),
            rand: n,
            content: Content::text(format!("{n:060000}")),
            context: None,
            secret: None,
            push_name: None,
        };
        let batch = InboundBatch { no: owner.no, epoch: owner.epoch, now_ms: store.now_ms(), messages: vec![message] };
        let commit = move |tx: &mut WriteTx<'_>| inbound::commit(tx, &batch);
        store.write::<_, StoreError, _>(Durability::Durable, commit).await.unwrap();
    }
    began.elapsed()
}

fn received(event: &Value) -> u64 {
    event["data"]["text"].as_str().unwrap_or_else(|| panic!("{}", event["type"])).parse().unwrap()
}

async fn series(world: &World, name: &str) -> u64 {
    let text = world.ask(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} is not in\n{text}")).parse().unwrap()
}

async fn becomes(world: &World, name: &str, wanted: u64) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = series(world, name).await;
        if found == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "{name} is {found}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

const MANY: u64 = 250;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_does_not_read_is_told_and_goes_on_and_nobody_else_notices() {
    let world = World::with(&[("WASUP__EVENTS__STREAM_PATIENCE", "500ms")]).await;
    world.account("shop").await;
    let mut awake = Sse::open(&world, "?types=message.received", "").await;
    let follow = async |awake: &mut Sse, from: u64, count: u64| {
        let began = Instant::now();
        for n in from..from + count {
            assert_eq!(received(&awake.event().await.unwrap().data), n);
        }
        began.elapsed()
    };
    let (alone_writes, alone_reads) = tokio::join!(receive(&world, 0, MANY), follow(&mut awake, 0, MANY));
    // Two that ask and then read nothing.
    let mut asleep = Sse::open(&world, "?types=message.received", "").await;
    let (mut ws_asleep, _) = socket(&world, "?types=message.received").await;
    let (writes, reads) = tokio::join!(receive(&world, MANY, MANY), follow(&mut awake, MANY, MANY));
    let figures = format!("writes {alone_writes:?} alone, {writes:?} beside; reads {alone_reads:?}, {reads:?}");
    let slack = Duration::from_secs(2);
    assert!(writes < alone_writes * 2 + slack && reads < alone_reads * 2 + slack, "{figures}");
    becomes(&world, "wasup_streams_ended_total{kind=\"sse\",how=\"lagged\"}", 1).await;
    // They wake up: what waited for them, then where they were.
    let mut seen = MANY;
    let lagged = loop {
        let block = asleep.event().await.expect("it was not told");
        if block.event == "lagged" {
            break block;
        }
        assert_eq!(received(&block.data), seen);
        seen += 1;
    };
    assert!(seen < 2 * MANY, "no buffer was full: {seen}");
    assert_eq!((&lagged.data["type"], &lagged.data["cursor"]), (&json!("lagged"), &json!(lagged.id)));
    assert!(asleep.block().await.is_none());
    let mut again = Sse::open(&world, "?types=message.received", &lagged.id).await;
    follow(&mut again, seen, 2 * MANY - seen).await;
    let (mut seen, mut at) = (MANY, String::new());
    let end = loop {
        match hear(&mut ws_asleep).await {
            Heard::Json(frame) if frame["type"] == "lagged" => frame["cursor"].as_str().unwrap().clone_into(&mut at),
            Heard::Json(event) => {
                assert_eq!(received(&event), seen);
                seen += 1;
            }
            Heard::Closed(code) => break code,
        }
    };
    assert_eq!(end, 1013);
    assert!(seen < 2 * MANY && !at.is_empty(), "no buffer was full: {seen}");
    let (mut again, _) = socket(&world, &format!("?types=message.received&after={at}")).await;
    for n in seen..2 * MANY {
        let Heard::Json(event) = hear(&mut again).await else { panic!("closed") };
        assert_eq!(received(&event), n);
    }
    becomes(&world, "wasup_streams_ended_total{kind=\"websocket\",how=\"lagged\"}", 1).await;
    eprintln!("{figures}");
    world.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_never_reads_is_given_up_and_its_place_is_free() {
    let settings = [("WASUP__EVENTS__STREAM_PATIENCE", "200ms"), ("WASUP__SERVER__WRITE_TIMEOUT", "1s")];
    let world = World::with(&settings).await;
    world.account("shop").await;
    let _asleep = Sse::open(&world, "", "").await;
    let (_ws_asleep, _) = socket(&world, "").await;
    assert_eq!(series(&world, "wasup_streams{kind=\"sse\"}").await, 1);
    receive(&world, 0, MANY).await;
    for kind in ["sse", "websocket"] {
        becomes(&world, &format!("wasup_streams{{kind=\"{kind}\"}}"), 0).await;
        becomes(&world, &format!("wasup_streams_ended_total{{kind=\"{kind}\",how=\"lagged\"}}"), 1).await;
    }
    assert_eq!(world.gateway.stop().await.late, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_does_not_read_does_not_hold_up_the_stop() {
    let world = World::with(&[("WASUP__EVENTS__STREAM_PATIENCE", "20s")]).await;
    world.account("shop").await;
    let _asleep = Sse::open(&world, "", "").await;
    let (_ws_asleep, _) = socket(&world, "").await;
    receive(&world, 0, MANY).await;
    let World { gateway, folder, .. } = world;
    let began = Instant::now();
    let late = gateway.stop().await.late;
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
    assert_eq!(late, ["requests"], "its answer could not be ended in order");
    World::over(folder, &[]).await.gateway.stop().await;
}
