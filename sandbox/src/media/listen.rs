//! The media host's listener: TLS and plain HTTP on one port, told apart by the first byte.

use super::MediaHost;
use crate::registry::Registry;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use axum::serve::Listener;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The first byte of a TLS connection: a handshake record.
const HANDSHAKE: u8 = 0x16;

/// Longest that a client may take until it has said its first byte, or shaken hands.
const PATIENCE: Duration = Duration::from_secs(20);

/// Serves until the network ends.
pub(crate) async fn serve(registry: Arc<Registry>, host: Arc<MediaHost>, listener: MediaListener) {
    let stopped = registry.shutdown.clone().cancelled_owned();
    let app = Router::new()
        .route("/mms/{kind}/{token}", post(super::upload::handle))
        .route("/v/{folder}/{file}", get(super::download::handle))
        .fallback(super::upload::no_such_route)
        .layer(DefaultBodyLimit::disable())
        .with_state(super::upload::Served { registry, host });
    if let Err(error) = axum::serve(listener, app).with_graceful_shutdown(stopped).await {
        tracing::error!(%error, "the media host ended");
    }
}

/// Connections whose handshake is done: a slow one holds up nobody.
pub(crate) struct MediaListener {
    address: SocketAddr,
    ready: mpsc::Receiver<(Either, SocketAddr)>,
}

impl MediaListener {
    pub(crate) fn new(listener: TcpListener, address: SocketAddr, registry: &Registry, host: &MediaHost) -> Self {
        let (sender, ready) = mpsc::channel(64);
        let acceptor = TlsAcceptor::from(host.certificate.server.clone());
        let shutdown = registry.shutdown.clone();
        tokio::spawn(async move {
            let accepting = async {
                loop {
                    match listener.accept().await {
                        Ok((stream, peer)) => {
                            tokio::spawn(shake_hands(acceptor.clone(), stream, peer, sender.clone()));
                        }
                        Err(error) => {
                            tracing::warn!(%error, "the media host cannot accept a connection");
                            tokio::time::sleep(Duration::from_millis(20)).await;
                        }
                    }
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = accepting => {}
            }
        });
        Self { address, ready }
    }
}

async fn shake_hands(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    peer: SocketAddr,
    ready: mpsc::Sender<(Either, SocketAddr)>,
) {
    let shaken = tokio::time::timeout(PATIENCE, async {
        stream.set_nodelay(true)?;
        let mut first = [0];
        stream.peek(&mut first).await?;
        if first[0] == HANDSHAKE {
            return Ok(Either::Tls(Box::new(acceptor.accept(stream).await?)));
        }
        io::Result::Ok(Either::Plain(stream))
    });
    match shaken.await {
        // The listener may have ended meanwhile.
        Ok(Ok(stream)) => drop(ready.send((stream, peer)).await),
        Ok(Err(error)) => tracing::debug!(%error, "a client of the media host went away"),
        Err(_) => tracing::debug!("a client of the media host said nothing"),
    }
}

impl Listener for MediaListener {
    type Io = Either;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Either, SocketAddr) {
        match self.ready.recv().await {
            Some(next) => next,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// A connection with or without TLS.
pub(crate) enum Either {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Either {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Either {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
