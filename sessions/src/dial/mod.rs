//! How an account reaches the network: one [`Dialer`] makes both its socket and its HTTP requests, so that no byte of
//! the link takes another way.

mod body;
mod budget;
mod http;
mod permit;
mod reach;
mod socket;
mod version_page;

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;

pub(crate) use http::{HttpPool, LinkHttp};
pub(crate) use permit::{ConnectPermits, PermitSlot};
pub(crate) use reach::Reach;

use crate::ports::LinkError;

/// Where the network's socket is when nothing else is configured.
pub(crate) const NETWORK_URL: &str = "wss://web.whatsapp.com/ws/chat";

/// Longest the library waits for a transport (whatsapp-rust 0.7.0, `TRANSPORT_CONNECT_TIMEOUT`); a longer wait of ours
/// would never be seen.
pub(crate) const LIBRARY_CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// One account's way to the network.
#[derive(Clone)]
pub(crate) struct Dialer {
    url: Url,
    reach: Reach,
    timeout: Duration,
    http: Arc<HttpPool>,
}

impl Dialer {
    /// A way to `url`, or to the network's own address.
    ///
    /// # Errors
    /// [`LinkError::BadAddress`] for a text that is no `ws` or `wss` address, [`LinkError::NotLoopback`] where this
    /// build may not go there.
    pub(crate) async fn new(
        url: Option<&str>,
        timeout: Duration,
        reach: Reach,
        http: Arc<HttpPool>,
    ) -> Result<Self, LinkError> {
        let text = url.unwrap_or(NETWORK_URL);
        let url = Url::parse(text).map_err(|error| LinkError::BadAddress(error.to_string()))?;
        if !matches!(url.scheme(), "ws" | "wss") || url.host().is_none() {
            return Err(LinkError::BadAddress("it must begin with ws:// or wss:// and name a host".into()));
        }
        if reach == Reach::LoopbackOnly {
            // A name that can't be resolved is refused as well: nobody knows where it will lead later.
            reach.resolve(&url).await.map_err(|_| LinkError::NotLoopback)?;
        }
        Ok(Self { url, reach, timeout: timeout.min(LIBRARY_CONNECT_TIMEOUT), http })
    }

    /// The HTTP client of the same way.
    pub(crate) fn http(&self) -> LinkHttp {
        LinkHttp::new(Arc::clone(&self.http))
    }
}
