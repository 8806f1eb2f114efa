//! Clients that follow the event log, and a way to make things happen.

use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::Response;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_websockets::{ClientBuilder, MaybeTlsStream, Message, WebSocketStream};
use wasup_store::records::ClockEvent;
use wasup_store::repo::event;
use wasup_store::{Durability, Store, StoreError, WriteTx};

use crate::world::{PATIENCE, World};

/// Makes the server tell something, recognisable by a number.
pub(crate) async fn tell(store: &Store, number: i64) {
    let change = ClockEvent { trusted: true, jump_ms: number };
    let now_ms = store.now_ms();
    let write = move |tx: &mut WriteTx<'_>| event::tell_clock(tx, change, now_ms);
    store.write::<_, StoreError, _>(Durability::Durable, write).await.unwrap();
}

/// The number of what was told.
pub(crate) fn number(event: &Value) -> i64 {
    event["data"]["jump_ms"].as_i64().unwrap_or_else(|| panic!("{event}"))
}

/// A block of an event stream.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Block {
    pub(crate) id: String,
    pub(crate) event: String,
    pub(crate) data: Value,
    pub(crate) comments: usize,
}

impl Block {
    fn read(text: &str) -> Self {
        let mut block = Self::default();
        for line in text.lines() {
            let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("{line:?} is no field"));
            assert!(name != "data" || !value.is_empty(), "a block without data");
            match name {
                "id" => block.id = value.to_owned(),
                "event" => block.event = value.to_owned(),
                "data" => block.data = serde_json::from_str(value).unwrap(),
                "retry" => {}
                "" => block.comments += 1,
                _ => panic!("{line:?} is no field"),
            }
        }
        block
    }
}

/// A client of an event stream.
pub(crate) struct Sse {
    response: Response,
    buffer: Vec<u8>,
    /// The last `id`, as a browser would remember it.
    pub(crate) last: String,
}

impl Sse {
    pub(crate) async fn ask(world: &World, query: &str, last: &str) -> Response {
        let path = format!("/v1/events/stream{query}");
        // A stream has no time-out as a whole.
        let asked = world.ask(reqwest::Method::GET, &path).timeout(Duration::from_secs(600));
        asked.header("Last-Event-ID", last).send().await.unwrap()
    }

    /// Connects, and reads the first block.
    pub(crate) async fn open(world: &World, query: &str, last: &str) -> Self {
        let response = Self::ask(world, query, last).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (200, &"text/event-stream".parse().unwrap())
        );
        let mut sse = Self { response, buffer: Vec::new(), last: last.to_owned() };
        let hello = sse.block().await.unwrap();
        assert_eq!((hello.event.as_str(), &hello.data["cursor"]), ("hello", &hello.id.as_str().into()));
        sse
    }

    /// The next block of any kind; `None` at the end of the stream.
    pub(crate) async fn block(&mut self) -> Option<Block> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
                let text: Vec<u8> = self.buffer.drain(..end + 2).collect();
                let block = Block::read(std::str::from_utf8(&text[..end]).unwrap());
                self.last.clone_from(&block.id);
                return Some(block);
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await.expect("nothing came");
            // A connection that was cut off is an end, too.
            self.buffer.extend_from_slice(&chunk.ok().flatten()?);
        }
    }

    /// The next block that is more than a heartbeat.
    pub(crate) async fn event(&mut self) -> Option<Block> {
        loop {
            let block = self.block().await?;
            if block.event != "heartbeat" {
                return Some(block);
            }
        }
    }
}

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Connects a WebSocket, and reads the first frame.
pub(crate) async fn socket(world: &World, query: &str) -> (Socket, Value) {
    let uri = format!("ws://{}/v1/ws{query}", world.gateway.address);
    let key = format!("Bearer {}", world.key).parse().unwrap();
    let builder = ClientBuilder::new().uri(&uri).unwrap().add_header("authorization".parse().unwrap(), key).unwrap();
    let protocol = builder.add_header("sec-websocket-protocol".parse().unwrap(), "wasup.v1".parse().unwrap()).unwrap();
    let (mut socket, response) = protocol.connect().await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "wasup.v1");
    let Heard::Json(hello) = hear(&mut socket).await else { panic!("closed at once") };
    (socket, hello)
}

/// What came over a WebSocket.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    Json(Value),
    Closed(u16),
}

/// The next text or close.
pub(crate) async fn hear(socket: &mut Socket) -> Heard {
    loop {
        let message = tokio::time::timeout(PATIENCE, socket.next()).await.expect("nothing came");
        let message: Message = message.expect("it broke off").unwrap();
        if let Some((code, _)) = message.as_close() {
            return Heard::Closed(code.into());
        }
        if let Some(text) = message.as_text() {
            return Heard::Json(serde_json::from_str(text).unwrap());
        }
    }
}

/// The next event.
pub(crate) async fn hear_event(socket: &mut Socket) -> Value {
    loop {
        match hear(socket).await {
            Heard::Json(frame) if frame["type"] == "heartbeat" => {}
            Heard::Json(frame) => return frame,
            closed @ Heard::Closed(_) => panic!("{closed:?}"),
        }
    }
}
