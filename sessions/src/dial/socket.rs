//! The socket: resolved once, checked, connected without delay for small writes, and upgraded.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use reqwest::header::{HeaderValue, ORIGIN};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_websockets::{ClientBuilder, Connector};
use wacore::net::{Transport, TransportEvent, WHATSAPP_WEB_ORIGIN};
use whatsapp_rust::async_channel;

use super::Dialer;
use super::proxy::ProxyError;
use super::reach::{Reach, ReachError};
use crate::ports::DisconnectReason;

/// A socket and what arrives on it.
pub(crate) type Connection = (Arc<dyn Transport>, async_channel::Receiver<TransportEvent>);

/// Why a socket could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    /// The address is not allowed or means nothing.
    #[error(transparent)]
    Reach(#[from] ReachError),
    /// None of the host's addresses answered.
    #[error("no address of the host answered")]
    Connect(#[source] std::io::Error),
    /// TLS or the upgrade failed.
    #[error("the socket was refused")]
    Upgrade(#[source] tokio_websockets::Error),
    /// The account's proxy is not there, or refused.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// It took too long.
    #[error("connecting took too long")]
    TimedOut,
}

impl DialError {
    /// How it is told.
    pub(crate) const fn reason(&self) -> DisconnectReason {
        match self {
            Self::TimedOut => DisconnectReason::TimedOut,
            Self::Proxy(_) => DisconnectReason::ProxyFailed,
            Self::Reach(_) | Self::Connect(_) | Self::Upgrade(_) => DisconnectReason::Unreachable,
        }
    }
}

/// rustls on ring with the roots of webpki: no file of the system is needed.
pub(super) static TLS: LazyLock<Connector> = LazyLock::new(whatsapp_rust_tokio_transport::default_tls_connector);

impl Dialer {
    /// Connects, at the latest by a time.
    pub(crate) async fn connect(&self, by: Instant) -> Result<Connection, DialError> {
        let by = by.min(Instant::now() + self.timeout);
        match &self.proxy {
            Some(proxy) => {
                let tunnel = tokio::time::timeout_at(by, proxy.tunnel(&self.url, self.reach)).await;
                let tunnel = tunnel.unwrap_or(Err(ProxyError::TimedOut))?;
                tokio::time::timeout_at(by, self.upgrade(tunnel)).await.unwrap_or(Err(DialError::TimedOut))
            }
            None => {
                let direct = async {
                    let addresses = self.reach.resolve(&self.url).await?;
                    self.upgrade(connect_tcp(&addresses, self.reach).await.map_err(DialError::Connect)?).await
                };
                tokio::time::timeout_at(by, direct).await.unwrap_or(Err(DialError::TimedOut))
            }
        }
    }

    async fn upgrade<S>(&self, stream: S) -> Result<Connection, DialError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let plain = Connector::Plain;
        let connector = if self.url.scheme() == "wss" { &*TLS } else { &plain };
        let host = self.url.host_str().unwrap_or_default();
        let stream = connector.wrap(host, stream).await.map_err(DialError::Upgrade)?;
        let builder = ClientBuilder::new().uri(self.url.as_str());
        let builder = builder.map_err(|_| ReachError::Unresolved(std::io::ErrorKind::InvalidInput.into()))?;
        let builder =
            builder.add_header(ORIGIN, HeaderValue::from_static(WHATSAPP_WEB_ORIGIN)).map_err(DialError::Upgrade)?;
        let (socket, _) = builder.connect_on(stream).await.map_err(DialError::Upgrade)?;
        Ok(whatsapp_rust_tokio_transport::from_websocket(socket))
    }
}

/// Connects to the first of these addresses that answers.
pub(super) async fn connect_tcp(addresses: &[SocketAddr], reach: Reach) -> std::io::Result<TcpStream> {
    let mut last = std::io::ErrorKind::AddrNotAvailable.into();
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(tcp) => {
                // A message is one small write that waits for the answer to it: Nagle would cost 40 ms each.
                tcp.set_nodelay(true)?;
                reach.check(tcp.peer_addr()?.ip()).map_err(std::io::Error::other)?;
                return Ok(tcp);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}
