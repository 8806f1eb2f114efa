//! Frames inside the websocket's byte stream.
//!
//! A client opens with an optional routing preamble (`ED 00 01 <len:3> <info>`) and the four bytes
//! `WA 06 03`; then both sides send `<len:3 BE><payload>`. The server sends no opening bytes. One
//! websocket message is one frame in practice, but the stream is read as bytes.

use bytes::{Buf, BytesMut};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_websockets::{CloseCode, Message, WebSocketStream};
use wacore::framing::{FrameDecoder, encode_frame};
use wacore_binary::consts::WA_CONN_HEADER;

/// Longest opening a client may send before its first frame.
const MAX_OPENING: usize = 64 * 1024;

/// What can go wrong below the Noise layer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    /// The websocket failed.
    #[error("websocket: {0}")]
    Socket(#[from] tokio_websockets::Error),
    /// The peer closed the stream.
    #[error("closed by the peer")]
    Closed,
    /// The opening bytes are not those of a client of this protocol.
    #[error("bad opening bytes")]
    Opening,
    /// A payload does not fit a frame.
    #[error("payload too large for a frame")]
    TooLarge,
}

/// The receiving half of a connection.
pub(crate) struct FrameReader {
    stream: SplitStream<WebSocketStream<TcpStream>>,
    opening: Option<BytesMut>,
    decoder: FrameDecoder,
}

/// The sending half of a connection.
pub(crate) struct FrameWriter {
    sink: SplitSink<WebSocketStream<TcpStream>, Message>,
}

/// Splits an accepted websocket into its two halves.
pub(crate) fn split(socket: WebSocketStream<TcpStream>) -> (FrameReader, FrameWriter) {
    let (sink, stream) = socket.split();
    let reader = FrameReader { stream, opening: Some(BytesMut::new()), decoder: FrameDecoder::new() };
    (reader, FrameWriter { sink })
}

impl FrameReader {
    /// The next frame's payload. Cancel safe: a frame is taken only when it is complete.
    pub(crate) async fn next(&mut self) -> Result<BytesMut, FrameError> {
        loop {
            if let Some(frame) = self.decoder.decode_frame() {
                return Ok(frame);
            }
            let message = self.stream.next().await.ok_or(FrameError::Closed)??;
            if message.is_close() {
                return Err(FrameError::Closed);
            }
            if message.is_binary() {
                self.feed(message.as_payload())?;
            }
        }
    }

    fn feed(&mut self, data: &[u8]) -> Result<(), FrameError> {
        let Some(opening) = &mut self.opening else {
            self.decoder.feed(data);
            return Ok(());
        };
        opening.extend_from_slice(data);
        if opening.len() > MAX_OPENING {
            return Err(FrameError::Opening);
        }
        if let Some(length) = opening_length(opening)? {
            opening.advance(length);
            self.decoder.feed(opening);
            self.opening = None;
        }
        Ok(())
    }
}

/// Length of the client's opening, `None` while more bytes are needed.
fn opening_length(data: &[u8]) -> Result<Option<usize>, FrameError> {
    let mut start = 0;
    if data.starts_with(b"ED") {
        let Some(head) = data.get(..7) else {
            return Ok(None);
        };
        start = 7 + usize::from(head[4]) * 65_536 + usize::from(head[5]) * 256 + usize::from(head[6]);
    }
    match data.get(start..start + WA_CONN_HEADER.len()) {
        None => Ok(None),
        Some(header) if header == WA_CONN_HEADER => Ok(Some(start + WA_CONN_HEADER.len())),
        Some(_) => Err(FrameError::Opening),
    }
}

impl FrameWriter {
    /// Sends one frame and flushes.
    pub(crate) async fn send(&mut self, payload: &[u8]) -> Result<(), FrameError> {
        self.feed(payload).await?;
        self.flush().await
    }

    /// Buffers one frame; [`Self::flush`] sends it.
    pub(crate) async fn feed(&mut self, payload: &[u8]) -> Result<(), FrameError> {
        let frame = encode_frame(payload, None).map_err(|_| FrameError::TooLarge)?;
        Ok(self.sink.feed(Message::binary(frame)).await?)
    }

    /// Sends what is buffered.
    pub(crate) async fn flush(&mut self) -> Result<(), FrameError> {
        Ok(self.sink.flush().await?)
    }

    /// Closes the websocket in order.
    pub(crate) async fn close(&mut self) {
        let goodbye = Message::close(Some(CloseCode::NORMAL_CLOSURE), "");
        // The peer may be gone already; closing is best effort.
        let _gone = self.sink.send(goodbye).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_opening() {
        assert_eq!(opening_length(b"WA\x06\x03rest").unwrap(), Some(4));
        assert_eq!(opening_length(b"WA").unwrap(), None);
        assert!(opening_length(b"GET / HTTP").is_err());
    }

    #[test]
    fn opening_with_routing_info() {
        assert_eq!(opening_length(b"ED\x00\x01\x00\x00\x02xyWA\x06\x03").unwrap(), Some(13));
        assert_eq!(opening_length(b"ED\x00\x01\x00").unwrap(), None);
        assert_eq!(opening_length(b"ED\x00\x01\x00\x00\x02xyWA").unwrap(), None);
    }
}
