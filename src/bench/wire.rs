//! The smallest caller of the API that is still real HTTP: keep-alive connections, one request at a time on each.
//!
//! It shares the machine with the gateway it measures, so it costs as little as it can.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, bail};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longest head and body of an answer.
const LONGEST: usize = 8 << 20;

/// Where answers are read to, at first.
const ROOM: usize = 4_096;

/// Connections to one server; more are made when all are in use.
pub(super) struct Callers {
    server: SocketAddr,
    key: SecretString,
    idle: Mutex<Vec<Caller>>,
}

/// One connection.
struct Caller {
    stream: TcpStream,
    seen: Vec<u8>,
}

impl Callers {
    /// Callers of the server at `server` with its key. None is connected yet.
    #[must_use]
    pub(super) const fn new(server: SocketAddr, key: SecretString) -> Self {
        Self { server, key, idle: Mutex::new(Vec::new()) }
    }

    /// Sends a text from an account; the status of the answer.
    ///
    /// # Errors
    /// When there is no whole answer. The request may have been accepted all the same.
    pub(super) async fn send_text(&self, account: &str, to: &str, text: &str, key: &str) -> anyhow::Result<u16> {
        let body = serde_json::json!({"to": to, "type": "text", "text": text}).to_string();
        let head = format!(
            "POST /v1/accounts/{account}/messages HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\nidempotency-key: {key}\r\ncontent-length: {}\r\n\r\n",
            self.server,
            self.key.expose_secret(),
            body.len()
        );
        Ok(self.ask((head + &body).as_bytes()).await?.0)
    }

    /// Reads something; status and body of the answer.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<(u16, Vec<u8>)> {
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\r\n",
            self.server,
            self.key.expose_secret()
        );
        self.ask(head.as_bytes()).await
    }

    async fn ask(&self, request: &[u8]) -> anyhow::Result<(u16, Vec<u8>)> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut caller = match idle {
            Some(caller) => caller,
            None => Caller::connect(self.server).await?,
        };
        let (status, begin) = caller.ask(request).await?;
        let body = caller.seen.get(begin..).unwrap_or_default().to_vec();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(caller);
        Ok((status, body))
    }
}

impl Caller {
    async fn connect(server: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(server).await.context("the API can't be reached")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, seen: Vec::with_capacity(ROOM) })
    }

    /// The status of the answer, and where its body begins in what was seen.
    async fn ask(&mut self, request: &[u8]) -> anyhow::Result<(u16, usize)> {
        self.stream.write_all(request).await?;
        self.seen.clear();
        loop {
            if let Some(answer) = read_answer(&self.seen)? {
                return Ok(answer);
            }
            if self.stream.read_buf(&mut self.seen).await? == 0 || self.seen.len() > LONGEST {
                bail!("the API ended the connection in the middle of an answer");
            }
        }
    }
}

/// The status of an answer and where its body begins, once all of it was read.
fn read_answer(seen: &[u8]) -> anyhow::Result<Option<(u16, usize)>> {
    let Some(end) = seen.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&seen[..end])?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("an answer without a status")?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let length = length.context("an answer of unknown length")?;
    Ok((seen.len() >= end + 4 + length).then_some((status, end + 4)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_body_is() {
        let answer = b"HTTP/1.1 202 Accepted\r\nContent-Length: 4\r\n\r\nbody";
        for cut in 0..answer.len() {
            assert_eq!(read_answer(&answer[..cut]).unwrap(), None, "{cut}");
        }
        assert_eq!(read_answer(answer).unwrap(), Some((202, answer.len() - 4)));
        assert!(read_answer(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
