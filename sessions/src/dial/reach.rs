//! The certificate rule. A build that skips the signatures of the server's certificate would talk to anyone, so it
//! may talk to this machine only.

use std::net::{IpAddr, SocketAddr};

use reqwest::Url;

/// Where a build of the link may connect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Anywhere: certificates are verified in full.
    Anywhere,
    /// This machine only.
    LoopbackOnly,
}

/// Why an address can't be connected to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReachError {
    /// It leads out of this machine.
    #[error("a sandbox build connects to loopback addresses only")]
    NotLoopback,
    /// The name means nothing.
    #[error("the host name can't be resolved: {0}")]
    Unresolved(std::io::Error),
}

impl Reach {
    /// What this build may do.
    pub(crate) const fn of_this_build() -> Self {
        if cfg!(feature = "sandbox") { Self::LoopbackOnly } else { Self::Anywhere }
    }

    /// Checks an address about to be connected to.
    pub(crate) fn check(self, ip: IpAddr) -> Result<(), ReachError> {
        match self {
            Self::Anywhere => Ok(()),
            Self::LoopbackOnly if ip.to_canonical().is_loopback() => Ok(()),
            Self::LoopbackOnly => Err(ReachError::NotLoopback),
        }
    }

    /// The addresses of a host, all of them allowed. One that is not refuses the whole host: which of several is
    /// taken must not decide.
    pub(crate) async fn lookup(self, host: &str, port: u16) -> Result<Vec<SocketAddr>, ReachError> {
        let found: Vec<_> = tokio::net::lookup_host((host, port)).await.map_err(ReachError::Unresolved)?.collect();
        if found.is_empty() {
            return Err(ReachError::Unresolved(std::io::ErrorKind::NotFound.into()));
        }
        found.iter().try_for_each(|address| self.check(address.ip()))?;
        Ok(found)
    }

    /// The addresses of a URL's host, all of them allowed.
    pub(crate) async fn resolve(self, url: &Url) -> Result<Vec<SocketAddr>, ReachError> {
        let port = url.port_or_known_default().unwrap_or(443);
        if let Some(ip) = literal(url) {
            self.check(ip)?;
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        self.lookup(url.host_str().unwrap_or_default(), port).await
    }
}

/// The URL's host, where it is an address and not a name.
pub(crate) fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_loopback() {
        for (ip, allowed) in [
            ("127.0.0.1", true),
            ("127.9.8.7", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("0.0.0.0", false),
            ("10.0.0.1", false),
            ("169.254.0.1", false),
            ("157.240.0.53", false),
            ("::", false),
            ("::ffff:10.0.0.1", false),
            ("fe80::1", false),
            ("2a03:2880::1", false),
        ] {
            let ip: IpAddr = ip.parse().unwrap();
            assert_eq!(Reach::LoopbackOnly.check(ip).is_ok(), allowed, "{ip}");
            assert!(Reach::Anywhere.check(ip).is_ok());
        }
    }

    #[tokio::test]
    async fn literals_and_names_are_judged_by_where_they_lead() {
        for (url, allowed) in [
            ("ws://127.0.0.1:7000/ws", true),
            ("ws://[::1]:7000/ws", true),
            ("ws://localhost:7000/ws", true),
            // Url canonicalises the odd spellings of an IPv4 address.
            ("ws://2130706433:7000/ws", true),
            ("ws://192.0.2.7/ws", false),
            ("wss://[2001:db8::1]/ws", false),
            ("wss://web.whatsapp.com.invalid/ws", false),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(Reach::LoopbackOnly.resolve(&url).await.is_ok(), allowed, "{url}");
        }
    }

    #[test]
    fn a_build_with_the_switch_is_bound() {
        let bound = Reach::of_this_build() == Reach::LoopbackOnly;
        assert_eq!(bound, cfg!(feature = "sandbox"));
    }
}
