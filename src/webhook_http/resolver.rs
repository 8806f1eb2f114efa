//! Names are resolved and filtered in one step: what is checked is what is called, so a name that answers another
//! address a moment later changes nothing.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::policy::Reach;

/// Every address of the name is one that is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("every address of this name is one that webhooks are not sent to")]
pub(super) struct NowhereAllowed;

/// Finds the addresses of a name. The port is the URL's; the connector puts it in.
pub(super) type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, std::io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// The system's resolver.
pub(super) fn system() -> Lookup {
    Arc::new(|name| Box::pin(async move { Ok(tokio::net::lookup_host((name.as_str(), 0)).await?.collect()) }))
}

/// Looks a name up and keeps what may be called. Every new connection asks anew, and goes to what it was told here.
pub(super) struct Filtered {
    pub(super) reach: Reach,
    pub(super) lookup: Lookup,
}

impl Resolve for Filtered {
    fn resolve(&self, name: Name) -> Resolving {
        let (reach, found) = (self.reach, (self.lookup)(name.as_str().to_owned()));
        Box::pin(async move {
            let kept = keep(reach, found.await?.into_iter())?;
            Ok(Box::new(kept.into_iter()) as Addrs)
        })
    }
}

fn keep(reach: Reach, found: impl Iterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, NowhereAllowed> {
    let kept: Vec<SocketAddr> = found.filter(|address| reach.allows(address.ip())).collect();
    if kept.is_empty() { Err(NowhereAllowed) } else { Ok(kept) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forbidden_addresses_of_a_name_fall_away() {
        let strict = Reach { loopback: false, private: false, https_only: false };
        let of = |texts: &[&str]| {
            let found: Vec<SocketAddr> = texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect();
            keep(strict, found.into_iter()).map(|kept| kept.len())
        };
        assert_eq!(of(&["8.8.8.8", "10.0.0.1", "127.0.0.1"]), Ok(1));
        assert_eq!(of(&["169.254.169.254", "::1"]), Err(NowhereAllowed));
        assert_eq!(of(&[]), Err(NowhereAllowed));
    }
}
