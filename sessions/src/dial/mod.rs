//! How an account reaches the network: one [`Dialer`] makes both its socket and its HTTP requests, so that no byte of
//! the link takes another way.

mod body;
mod budget;
mod http;
#[cfg(test)]
mod little_proxies;
mod permit;
mod pools;
mod proxy;
mod queue;
mod reach;
mod socket;
mod trust;
mod version_page;

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;

pub(crate) use http::LinkHttp;
pub(crate) use permit::{ConnectPermits, PermitSlot, Seat, Ticket};
pub(crate) use pools::HttpPools;
pub use proxy::{ProxyRefusal, check_proxy};
pub(crate) use queue::Limits;
pub(crate) use reach::Reach;

use http::HttpPool;
use proxy::Proxy;
use wasup_store::records::ProxyAddress;

use crate::ports::{DisconnectReason, LinkError};

/// Where the network's socket is when nothing else is configured.
pub(crate) const NETWORK_URL: &str = "wss://web.whatsapp.com/ws/chat";

/// Longest the library waits for a transport (whatsapp-rust 0.7.0, `TRANSPORT_CONNECT_TIMEOUT`); a longer wait of ours
/// would never be seen.
pub(crate) const LIBRARY_CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// One account's way to the network.
#[derive(Clone)]
pub(crate) struct Dialer {
    url: Url,
    proxy: Option<Arc<Proxy>>,
    reach: Reach,
    timeout: Duration,
    http: Arc<HttpPool>,
}

impl Dialer {
    /// A way to `url`, or to the network's own address, through the account's proxy if it has one.
    ///
    /// # Errors
    /// [`LinkError::BadAddress`] for a text that is no `ws` or `wss` address or no proxy's, [`LinkError::NotLoopback`]
    /// where this build may not go there, or not through there.
    pub(crate) async fn new(
        url: Option<&str>,
        proxy: Option<&ProxyAddress>,
        timeout: Duration,
        http: &HttpPools,
    ) -> Result<Self, LinkError> {
        let text = url.unwrap_or(NETWORK_URL);
        let url = Url::parse(text).map_err(|error| LinkError::BadAddress(error.to_string()))?;
        if !matches!(url.scheme(), "ws" | "wss") || url.host().is_none() {
            return Err(LinkError::BadAddress("it must begin with ws:// or wss:// and name a host".into()));
        }
        let read = proxy.map(Proxy::parse).transpose();
        let way = read.map_err(|refusal| LinkError::BadAddress(format!("of the proxy: {refusal}")))?.map(Arc::new);
        let reach = http.reach();
        if reach == Reach::LoopbackOnly {
            // A name that can't be resolved is refused as well: nobody knows where it will lead later.
            reach.resolve(&url).await.map_err(|_| LinkError::NotLoopback)?;
            if let Some(way) = &way {
                way.resolve(reach).await.map_err(|_| LinkError::NotLoopback)?;
            }
        }
        let http = http.of(way.as_deref())?;
        Ok(Self { url, proxy: way, reach, timeout: timeout.min(LIBRARY_CONNECT_TIMEOUT), http })
    }

    /// Asks for a file over the same way, and answers when its head is there.
    pub(crate) async fn open(&self, url: &str) -> anyhow::Result<reqwest::Response> {
        self.http.open(url).await
    }

    /// The HTTP client of the same way. `failed` hears of requests without an answer that a connect waits for.
    pub(crate) fn http(&self, failed: impl Fn(DisconnectReason) + Send + Sync + 'static) -> LinkHttp {
        let reason = if self.proxy.is_some() { DisconnectReason::ProxyFailed } else { DisconnectReason::Unreachable };
        LinkHttp::new(Arc::clone(&self.http), Box::new(move || failed(reason)))
    }
}
