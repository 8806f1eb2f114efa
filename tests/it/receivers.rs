//! Receivers that misbehave, on sockets of their own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::contract::Does;

/// Time between two bytes of one that drips: many of them are longer than the attempt may take.
const DRIP: Duration = Duration::from_millis(40);

enum Plays {
    Contract(Does),
    Says { status: u16, content_type: String, body: String },
}

struct Shared {
    plays: Mutex<Plays>,
    ids: Mutex<Vec<String>>,
    cut_off: AtomicU64,
    changed: Notify,
}

/// A receiver on this machine.
#[derive(Clone)]
pub(crate) struct Misbehaving {
    pub(crate) url: String,
    shared: Arc<Shared>,
}

impl Misbehaving {
    /// One that does this.
    pub(crate) async fn start(does: Does) -> Self {
        Self::playing(Plays::Contract(does)).await
    }

    /// One that answers this to everything.
    pub(crate) async fn saying(status: u16, content_type: &str, body: &str) -> Self {
        let (content_type, body) = (content_type.to_owned(), body.to_owned());
        Self::playing(Plays::Says { status, content_type, body }).await
    }

    async fn playing(plays: Plays) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if matches!(plays, Plays::Contract(Does::SpeaksNoTls)) { "https" } else { "http" };
        let absent = matches!(plays, Plays::Contract(Does::IsAbsent));
        let shared = Arc::new(Shared {
            plays: Mutex::new(plays),
            ids: Mutex::default(),
            cut_off: AtomicU64::new(0),
            changed: Notify::new(),
        });
        if !absent {
            tokio::spawn(serve(listener, Arc::clone(&shared)));
        }
        Self { url: format!("{scheme}://{address}/hook"), shared }
    }

    /// From now on it does something else.
    pub(crate) fn does(&self, does: Does) {
        *self.shared.plays.lock().unwrap() = Plays::Contract(does);
    }

    /// The ids of what came, in order.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.shared.ids.lock().unwrap().clone()
    }
}

/// Waits until somebody would hear no more.
pub(crate) async fn reading(receiver: &Misbehaving) {
    loop {
        let changed = receiver.shared.changed.notified();
        if receiver.shared.cut_off.load(Ordering::SeqCst) > 0 {
            return;
        }
        changed.await;
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((socket, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            if answer(socket, &shared).await.is_err() {
                shared.cut_off.fetch_add(1, Ordering::SeqCst);
                shared.changed.notify_waiters();
            }
        });
    }
}

/// Answers one request and closes.
async fn answer(mut socket: TcpStream, shared: &Shared) -> std::io::Result<()> {
    if matches!(*shared.plays.lock().unwrap(), Plays::Contract(Does::SpeaksNoTls)) {
        return say(&mut socket, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    }
    let head = request(&mut socket).await?;
    if let Some(id) = head.lines().find_map(|line| line.strip_prefix("webhook-id: ")) {
        shared.ids.lock().unwrap().push(id.to_owned());
    }
    let text = match &*shared.plays.lock().unwrap() {
        Plays::Says { status, content_type, body } => {
            let length = body.len();
            Ok(format!(
                "HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            ))
        }
        Plays::Contract(does) => Err(*does),
    };
    let does = match text {
        Ok(text) => return say(&mut socket, text.as_bytes()).await,
        Err(does) => does,
    };
    let plain = |status: u16, more: &str| {
        let length = if status == 204 { "" } else { "content-length: 0\r\n" };
        format!("HTTP/1.1 {status} X\r\nlocation: http://127.0.0.1:1/\r\n{more}{length}connection: close\r\n\r\n")
    };
    match does {
        Does::Answers(status) => say(&mut socket, plain(status, "").as_bytes()).await,
        Does::AsksToWait(status, seconds) => {
            say(&mut socket, plain(status, &format!("retry-after: {seconds}\r\n")).as_bytes()).await
        }
        Does::Hangs => held(&mut socket).await,
        Does::DripsItsHead => drip(&mut socket, b"HTTP/1.1 200 OK\r\nx: ").await,
        Does::DripsItsBody => {
            socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n").await?;
            drip(&mut socket, b"").await
        }
        Does::HasNoEnd => {
            socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n").await?;
            loop {
                socket.write_all(&[b'x'; 65_536]).await?;
            }
        }
        Does::Resets => {
            // Closed with what is unread, it is a reset.
            socket.set_zero_linger()
        }
        Does::SpeaksNoTls | Does::IsAbsent => Ok(()),
    }
}

async fn say(socket: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    socket.write_all(bytes).await?;
    socket.shutdown().await
}

async fn held(socket: &mut TcpStream) -> std::io::Result<()> {
    socket.read(&mut [0; 1]).await.map(|_| ())
}

async fn drip(socket: &mut TcpStream, head: &[u8]) -> std::io::Result<()> {
    socket.write_all(head).await?;
    let mut ticks = tokio::time::interval(DRIP);
    loop {
        ticks.tick().await;
        socket.write_all(b"x").await?;
    }
}

/// The head of a request, read with its body.
async fn request(socket: &mut TcpStream) -> std::io::Result<String> {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4_096]);
    loop {
        let n = socket.read(&mut piece).await?;
        bytes.extend_from_slice(&piece[..n]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if n == 0 {
                return Ok(text);
            }
            continue;
        };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        if n == 0 || body.len() >= length.unwrap_or(0) {
            return Ok(head.to_owned());
        }
    }
}
