//! An account's proxy: its address, and tunnels through it. The name of the target is resolved by the proxy, except
//! for `socks5`, which is given an address.

use std::net::SocketAddr;

use base64::Engine as _;
use hyper::Uri;
use hyper::header::HeaderValue;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::rt::TokioIo;
use reqwest::Url;
use tokio::net::TcpStream;
use tokio_websockets::{Connector, MaybeTlsStream};
use tower::{Service, ServiceExt as _};
use wasup_store::records::ProxyAddress;

use super::reach::{Reach, ReachError};
use super::socket::{TLS, connect_tcp};

/// Longest user name or password that SOCKS can carry (RFC 1929).
const LONGEST_CREDENTIAL: usize = 255;

/// A connection to the target through a proxy.
pub(crate) type Tunnelled = MaybeTlsStream<TcpStream>;

/// Why an address is no proxy's. The address itself is not said: it can hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProxyRefusal {
    /// It is no address at all, or of another kind.
    #[error("it must begin with http://, https://, socks5:// or socks5h:// and name a host")]
    NotAProxy,
    /// It goes on after the port.
    #[error("nothing may follow the host and the port")]
    Path,
    /// User and password are too long, or a password has no user.
    #[error("a user and a password have up to 255 bytes each, and a password needs a user")]
    Credentials,
}

/// Why there is no tunnel. Nothing of the credentials is in it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProxyError {
    /// The proxy's name means nothing, or it is not allowed.
    #[error(transparent)]
    Reach(#[from] ReachError),
    /// It is not there.
    #[error("the proxy did not answer")]
    Connect(#[source] std::io::Error),
    /// Its certificate is not good.
    #[error("the proxy's TLS failed")]
    Tls(#[source] tokio_websockets::Error),
    /// It refused, or is no proxy.
    #[error("the proxy refused: {0}")]
    Refused(String),
    /// It did not do so in time.
    #[error("the proxy took too long")]
    TimedOut,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Http,
    Https,
    /// Given addresses.
    Socks5,
    /// Given names.
    Socks5h,
}

/// A proxy.
pub(crate) struct Proxy {
    kind: Kind,
    url: Url,
    host: String,
    port: u16,
    credentials: Option<(String, String)>,
}

/// Whether an account may have this proxy.
///
/// # Errors
/// [`ProxyRefusal`], which does not repeat the address.
pub fn check_proxy(address: &ProxyAddress) -> Result<(), ProxyRefusal> {
    Proxy::parse(address).map(drop)
}

impl Proxy {
    /// Reads an address.
    pub(crate) fn parse(address: &ProxyAddress) -> Result<Self, ProxyRefusal> {
        let url = Url::parse(address.0.trim()).map_err(|_| ProxyRefusal::NotAProxy)?;
        let (kind, port) = match url.scheme() {
            "http" => (Kind::Http, 80),
            "https" => (Kind::Https, 443),
            "socks5" => (Kind::Socks5, 1080),
            "socks5h" => (Kind::Socks5h, 1080),
            _ => return Err(ProxyRefusal::NotAProxy),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(ProxyRefusal::NotAProxy)?;
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(ProxyRefusal::Path);
        }
        let credentials = credentials(&url)?;
        let (host, port) = (host.to_owned(), url.port().unwrap_or(port));
        Ok(Self { kind, url, host, port, credentials })
    }

    /// What tells it from others. It holds the password.
    pub(crate) fn key(&self) -> &str {
        self.url.as_str()
    }

    /// The same proxy for the HTTP client.
    pub(crate) fn for_http(&self) -> reqwest::Result<reqwest::Proxy> {
        let mut url = self.url.clone();
        // reqwest takes another default than this house.
        let _ = url.set_port(Some(self.port));
        reqwest::Proxy::all(url)
    }

    /// The proxy's addresses, all of them allowed.
    pub(crate) async fn resolve(&self, reach: Reach) -> Result<Vec<SocketAddr>, ReachError> {
        match super::reach::literal(&self.url) {
            Some(ip) => reach.check(ip).map(|()| vec![SocketAddr::new(ip, self.port)]),
            None => reach.lookup(&self.host, self.port).await,
        }
    }

    /// A tunnel to the target's host and port.
    pub(crate) async fn tunnel(&self, target: &Url, reach: Reach) -> Result<Tunnelled, ProxyError> {
        let target = self.target(target, reach).await?;
        let hop = TokioIo::new(self.hop(reach).await?);
        // The proxies' clients ask a service for the connection; it is there already.
        let mut hop = Some(hop);
        let hop =
            tower::service_fn(move |_: Uri| std::future::ready(hop.take().ok_or(std::io::ErrorKind::NotConnected)));
        let hop = hop.map_err(std::io::Error::from);
        let nowhere = Uri::from_static("http://proxy.invalid");
        let tunnelled = match self.kind {
            Kind::Http | Kind::Https => {
                let tunnel = Tunnel::new(nowhere, hop);
                let tunnel = match self.basic()? {
                    Some(header) => tunnel.with_auth(header),
                    None => tunnel,
                };
                open(tunnel, target).await?
            }
            Kind::Socks5 | Kind::Socks5h => {
                let tunnel = SocksV5::new(nowhere, hop);
                let tunnel = match self.credentials.clone() {
                    Some((user, password)) => tunnel.with_auth(user, password),
                    None => tunnel,
                };
                open(tunnel, target).await?
            }
        };
        Ok(tunnelled.into_inner())
    }

    /// What the proxy is told: a name, or an address for those that are given addresses.
    async fn target(&self, url: &Url, reach: Reach) -> Result<Uri, ProxyError> {
        let (mut host, port) =
            (url.host_str().unwrap_or_default().to_owned(), url.port_or_known_default().unwrap_or(443));
        if reach == Reach::LoopbackOnly || self.kind == Kind::Socks5 {
            let found = reach.resolve(url).await?;
            // Some proxies know the old kind of addresses only.
            let address = found.iter().find(|address| address.is_ipv4()).or(found.first());
            if let (Kind::Socks5, Some(address)) = (self.kind, address) {
                host = match address.ip() {
                    std::net::IpAddr::V4(ip) => ip.to_string(),
                    std::net::IpAddr::V6(ip) => format!("[{ip}]"),
                };
            }
        }
        let target = Uri::builder().scheme("https").authority(format!("{host}:{port}")).path_and_query("/");
        target.build().map_err(|_| ProxyError::Refused("the target's name can't be passed on".into()))
    }

    async fn hop(&self, reach: Reach) -> Result<MaybeTlsStream<TcpStream>, ProxyError> {
        let addresses = self.resolve(reach).await?;
        let tcp = connect_tcp(&addresses, reach).await.map_err(ProxyError::Connect)?;
        let plain = Connector::Plain;
        let connector = if self.kind == Kind::Https { &*TLS } else { &plain };
        connector.wrap(&self.host, tcp).await.map_err(ProxyError::Tls)
    }

    fn basic(&self) -> Result<Option<HeaderValue>, ProxyError> {
        let Some((user, password)) = &self.credentials else { return Ok(None) };
        let text = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        let header = HeaderValue::from_str(&format!("Basic {text}"));
        header.map(Some).map_err(|_| ProxyError::Refused("the credentials can't be passed on".into()))
    }
}

async fn open<P>(proxy: P, target: Uri) -> Result<P::Response, ProxyError>
where
    P: Service<Uri>,
    P::Error: std::error::Error,
{
    proxy.oneshot(target).await.map_err(|error| ProxyError::Refused(error.to_string()))
}

fn credentials(url: &Url) -> Result<Option<(String, String)>, ProxyRefusal> {
    let decode = |text: &str| percent_decode(text).filter(|text| text.len() <= LONGEST_CREDENTIAL);
    let user = decode(url.username()).ok_or(ProxyRefusal::Credentials)?;
    let password = decode(url.password().unwrap_or_default()).ok_or(ProxyRefusal::Credentials)?;
    match (user.is_empty(), password.is_empty()) {
        (true, true) => Ok(None),
        (true, false) => Err(ProxyRefusal::Credentials),
        (false, _) => Ok(Some((user, password))),
    }
}

/// The text behind its percent signs, where it is a text.
fn percent_decode(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, tail @ ..] = rest {
        let escaped = match (first, tail) {
            (b'%', [high, low, ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                digit(high).zip(digit(low)).and_then(|(high, low)| u8::try_from(high * 16 + low).ok())
            }
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(address: &str) -> Result<Proxy, ProxyRefusal> {
        Proxy::parse(&ProxyAddress(address.into()))
    }

    #[test]
    fn addresses_are_read_and_the_wrong_ones_refused_without_being_repeated() {
        for (address, kind, host, port, credentials) in [
            ("http://proxy.test:3128", Kind::Http, "proxy.test", 3128, None),
            ("http://proxy.test/", Kind::Http, "proxy.test", 80, None),
            ("https://proxy.test", Kind::Https, "proxy.test", 443, None),
            ("socks5://[::1]", Kind::Socks5, "[::1]", 1080, None),
            ("SOCKS5H://u:p@10.0.0.1:9", Kind::Socks5h, "10.0.0.1", 9, Some(("u", "p"))),
            ("http://u@proxy.test", Kind::Http, "proxy.test", 80, Some(("u", ""))),
            ("http://us%40er:p%3Aw%2Fo@proxy.test", Kind::Http, "proxy.test", 80, Some(("us@er", "p:w/o"))),
            ("http://u:p@ss@proxy.test", Kind::Http, "proxy.test", 80, Some(("u", "p@ss"))),
            ("http://u:100%@proxy.test", Kind::Http, "proxy.test", 80, Some(("u", "100%"))),
        ] {
            let proxy = parse(address).ok().unwrap();
            let credentials = credentials.map(|(user, password): (&str, &str)| (user.to_owned(), password.to_owned()));
            assert_eq!((proxy.kind, &*proxy.host, proxy.port), (kind, host, port), "{address}");
            assert_eq!(proxy.credentials, credentials, "{address}");
            assert!(proxy.for_http().is_ok(), "{address}");
        }
        let long = format!("http://{}:p@proxy.test", "u".repeat(256));
        for (address, refusal) in [
            ("", ProxyRefusal::NotAProxy),
            ("proxy.test:3128", ProxyRefusal::NotAProxy),
            ("socks4://proxy.test", ProxyRefusal::NotAProxy),
            ("ftp://u:secret@proxy.test", ProxyRefusal::NotAProxy),
            ("http://", ProxyRefusal::NotAProxy),
            ("socks5://", ProxyRefusal::NotAProxy),
            ("http://proxy.test/path", ProxyRefusal::Path),
            ("http://proxy.test?x", ProxyRefusal::Path),
            ("http://:secret@proxy.test", ProxyRefusal::Credentials),
            ("http://u:%ff@proxy.test", ProxyRefusal::Credentials),
            (&long, ProxyRefusal::Credentials),
        ] {
            let refused = parse(address).err();
            assert_eq!(refused, Some(refusal), "{address}");
            assert!(!refusal.to_string().contains("secret"));
        }
    }
}
