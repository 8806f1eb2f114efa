//! Driving a whatsapp-rust client: in-memory store, a transport without Nagle's delay.

use crate::https::Https;
use anyhow::Result;
use async_trait::async_trait;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use wacore::store::InMemoryBackend;
use wacore::types::events::{ChannelEventHandler, Event};
use wasup_sandbox::{Config, Network, Phone};
use whatsapp_rust::bot::{Bot, BotHandle};
use whatsapp_rust::transport::{Transport, TransportEvent, TransportFactory};
use whatsapp_rust::{Client, Jid, async_channel};

/// Every wait in these tests ends after this long.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Connects as the stock factory does, but with `TCP_NODELAY`.
struct LoopbackDialer(SocketAddr);

#[async_trait]
impl TransportFactory for LoopbackDialer {
    async fn create_transport(&self) -> Result<(Arc<dyn Transport>, async_channel::Receiver<TransportEvent>)> {
        let stream = TcpStream::connect(self.0).await?;
        stream.set_nodelay(true)?;
        let (socket, _response) =
            tokio_websockets::ClientBuilder::new().uri(&format!("ws://{}/ws/chat", self.0))?.connect_on(stream).await?;
        Ok(whatsapp_rust_tokio_transport::from_websocket(socket))
    }
}

/// A companion: its store outlives its connections.
pub(crate) struct Companion {
    pub(crate) number: String,
    pub(crate) backend: Arc<InMemoryBackend>,
    pub(crate) client: Arc<Client>,
    events: Mutex<Events>,
    handle: BotHandle,
}

/// What the client has reported; what one test step does not ask for is kept for the next.
struct Events {
    channel: async_channel::Receiver<Arc<Event>>,
    kept: VecDeque<Arc<Event>>,
}

impl Events {
    async fn find<T>(&mut self, pick: &impl Fn(&Event) -> Option<T>) -> T {
        for index in 0..self.kept.len() {
            if let Some(found) = pick(&self.kept[index]) {
                self.kept.remove(index);
                return found;
            }
        }
        loop {
            let event = self.channel.recv().await.unwrap();
            match pick(&event) {
                Some(found) => return found,
                None => self.kept.push_back(event),
            }
        }
    }
}

/// A network that keeps a trace, for what a failing test prints.
pub(crate) async fn network() -> Network {
    network_with(|_| {}).await
}

pub(crate) async fn network_with(change: impl FnOnce(&mut Config)) -> Network {
    // With RUST_LOG set, a failing test shows what the client did.
    let filter = tracing_subscriber::EnvFilter::from_default_env();
    let _set_before = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
    let mut config = Config { trace_limit: 400, ..Config::default() };
    change(&mut config);
    Network::start(config).await.unwrap()
}

/// Starts a client on a store; it pairs or logs in by itself.
pub(crate) async fn start(network: &Network, number: &str, backend: Arc<InMemoryBackend>) -> Companion {
    let (handler, events) = ChannelEventHandler::new();
    let bot = Bot::builder()
        .with_backend_arc(backend.clone())
        .with_transport_factory(LoopbackDialer(network.address()))
        .with_http_client(Https::trusting(network))
        .with_runtime(whatsapp_rust::TokioRuntime)
        .with_version((2, 3000, 1_023_223_821))
        .with_push_name(format!("user {number}"))
        .with_wanted_pre_key_count(30)
        .build()
        .await
        .unwrap();
    let client = bot.client();
    client.subscribe_handler(handler).detach();
    client.set_force_active_delivery_receipts(true);
    let handle = bot.spawn();
    Companion {
        number: number.to_owned(),
        backend,
        client,
        events: Mutex::new(Events { channel: events, kept: VecDeque::new() }),
        handle,
    }
}

/// A client linked to the phone and connected, with its first sync behind it.
pub(crate) async fn paired(network: &Network, phone: &Phone) -> Companion {
    let backend = Arc::new(InMemoryBackend::new());
    let companion = start(network, phone.number(), backend).await;
    let code = companion.qr().await;
    phone.scan(&code).await.unwrap();
    companion.connected().await;
    companion
}

impl Companion {
    /// The first event that `pick` makes something of; it is taken, the others stay.
    pub(crate) async fn event<T>(&self, what: &str, pick: impl Fn(&Event) -> Option<T>) -> T {
        let mut events = self.events.lock().await;
        tokio::time::timeout(SOON, events.find(&pick))
            .await
            .unwrap_or_else(|_| panic!("{} saw no {what} in time", self.number))
    }

    pub(crate) async fn qr(&self) -> String {
        self.event("qr code", |event| match event {
            Event::PairingQrCode(qr) => Some(qr.code.clone()),
            _ => None,
        })
        .await
    }

    pub(crate) async fn connected(&self) {
        self.client.wait_for_connected(SOON).await.unwrap();
        self.client.wait_for_startup_sync(SOON).await.unwrap();
    }

    /// The next `count` texts.
    pub(crate) async fn texts(&self, count: usize) -> Vec<Text> {
        let mut texts = Vec::new();
        while texts.len() < count {
            let batch = self.event("text", |event| Some(texts_of(event)).filter(|texts| !texts.is_empty())).await;
            texts.extend(batch);
        }
        texts
    }

    pub(crate) async fn text(&self) -> Text {
        self.texts(1).await.remove(0)
    }

    /// Sends a text and waits for the server's ack. Returns the id and the error in the ack.
    pub(crate) async fn send(&self, to: &str, text: &str) -> (String, Option<String>) {
        let id = self.send_unacked(to, text).await;
        let error = self
            .event("ack", |event| match event {
                Event::ServerAck(ack) if ack.id == id => Some(ack.error.clone()),
                _ => None,
            })
            .await;
        (id, error)
    }

    /// Sends a text without waiting for anything.
    pub(crate) async fn send_unacked(&self, to: &str, text: &str) -> String {
        let to: Jid = to.parse().unwrap();
        let message = waproto::whatsapp::Message { conversation: Some(text.to_owned()), ..Default::default() };
        self.client.send_message(to, message).await.unwrap().message_id
    }

    /// Ends the client for good; its store stays.
    pub(crate) async fn stop(self) -> Arc<InMemoryBackend> {
        self.client.disconnect().await;
        drop(self.handle);
        self.backend
    }
}

/// A decrypted text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) chat: String,
    pub(crate) sender: String,
    pub(crate) id: String,
    pub(crate) from_me: bool,
    pub(crate) text: String,
}

fn texts_of(event: &Event) -> Vec<Text> {
    let Event::Messages(batch) = event else {
        return Vec::new();
    };
    let mut texts = Vec::new();
    for inbound in batch.messages.iter() {
        let Some(text) = inbound.message.conversation.clone() else {
            continue;
        };
        let source = &inbound.info.source;
        texts.push(Text {
            chat: source.chat.to_string(),
            sender: source.sender.to_string(),
            id: inbound.info.id.clone(),
            from_me: source.is_from_me,
            text,
        });
    }
    texts
}
