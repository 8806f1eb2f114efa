//! The rule for webhook addresses: which URLs are taken at all, and which addresses may be called.

use std::net::IpAddr;

use reqwest::Url;
use url::Host;

use super::ranges::{Place, place};
use crate::config::WebhooksConfig;

/// Longest webhook address, in bytes.
pub const URL_MAX: usize = 2_048;

/// Which places may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// This machine.
    pub loopback: bool,
    /// Private networks.
    pub private: bool,
    /// Nothing by http.
    pub https_only: bool,
}

impl From<&WebhooksConfig> for Reach {
    fn from(config: &WebhooksConfig) -> Self {
        Self { loopback: config.allow_loopback, private: config.allow_private, https_only: config.require_https }
    }
}

/// Why a webhook's address is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// It can't be read as an address.
    #[error("must be an address such as https://example.com/hook")]
    Unreadable,
    /// Neither http nor https.
    #[error("must begin with http:// or https://")]
    Scheme,
    /// Only https is called.
    #[error("must begin with https:// (see webhooks.require_https)")]
    HttpsOnly,
    /// Names a user or a password: those end in logs of proxies.
    #[error("must not hold a user name or password; receivers check the signature instead")]
    Credentials,
    /// Too long.
    #[error("must not be longer than 2048 bytes")]
    TooLong,
    /// The address is one that is not called.
    #[error("is in a range of addresses that webhooks are not sent to (see webhooks.allow_loopback, allow_private)")]
    Forbidden,
}

impl Reach {
    /// Whether an address may be called.
    #[must_use]
    pub fn allows(self, address: IpAddr) -> bool {
        match place(address) {
            Place::Public => true,
            Place::Loopback => self.loopback,
            Place::Private => self.private,
            Place::Never => false,
        }
    }

    /// Checks a webhook's address as far as that goes without asking for names: names are checked when they are
    /// resolved, each time. A literal address never meets the resolver and is checked here.
    ///
    /// # Errors
    /// [`BadUrl`].
    pub fn check(self, text: &str) -> Result<Url, BadUrl> {
        if text.len() > URL_MAX {
            return Err(BadUrl::TooLong);
        }
        let url = Url::parse(text).map_err(|_| BadUrl::Unreadable)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(BadUrl::Scheme);
        }
        if self.https_only && url.scheme() != "https" {
            return Err(BadUrl::HttpsOnly);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BadUrl::Credentials);
        }
        let literal = match url.host().ok_or(BadUrl::Unreadable)? {
            Host::Ipv4(v4) => Some(IpAddr::V4(v4)),
            Host::Ipv6(v6) => Some(IpAddr::V6(v6)),
            Host::Domain(name) => name.trim_end_matches('.').parse().ok(),
        };
        if literal.is_some_and(|address| !self.allows(address)) {
            return Err(BadUrl::Forbidden);
        }
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_spellings_of_an_address_are_seen_through() {
        let strict = Reach { loopback: false, private: false, https_only: false };
        for text in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://017700000001/",
            "http://127.1:8080/x",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://0.0.0.0/",
            "http://169.254.169.254/latest/meta-data/",
            "http://[64:ff9b::a9fe:a9fe]/",
            "https://10.0.0.1/",
            "http://0177.0.0.1/",
            "http://0x7F000001/",
            "http://127.0.0.1./",
            "http://127.0.1/",
            "http://0/",
            "http://[::ffff:7f00:1]/",
            "http://[::127.0.0.1]/",
            "http://[2002:7f00:1::]/",
            "http://[0:0:0:0:0:0:0:1]/",
            "http://169.254.43518/",
            "http://0xA9FEA9FE/",
            "http://3232235777/",
            "http://%31%32%37.0.0.1/",
            "http://\u{ff11}\u{ff12}\u{ff17}.0.0.1/",
            "http://\u{2460}\u{2461}\u{2466}.\u{24ea}.\u{24ea}.\u{2460}/",
            "http://[fd00:ec2::254]/",
            "http://100.100.100.200/",
        ] {
            assert_eq!(strict.check(text), Err(BadUrl::Forbidden), "{text}");
        }
        assert!(strict.check("https://example.com/hook").is_ok());
    }

    #[test]
    fn http_is_refused_where_only_https_is_called() {
        let strict = Reach { loopback: true, private: true, https_only: true };
        assert_eq!(strict.check("http://example.com/hook"), Err(BadUrl::HttpsOnly));
        assert_eq!(strict.check("http://127.0.0.1:5678/hook"), Err(BadUrl::HttpsOnly));
        assert!(strict.check("https://example.com/hook").is_ok() && strict.check("HTTPS://127.0.0.1/").is_ok());
        assert_eq!(strict.check("ftp://example.com/"), Err(BadUrl::Scheme));
    }

    #[test]
    fn what_is_allowed_is_config_but_metadata_never() {
        let open = Reach { loopback: true, private: true, https_only: false };
        assert!(open.check("http://127.0.0.1:5678/webhook").is_ok());
        assert!(open.check("http://192.168.1.4/webhook").is_ok());
        assert_eq!(open.check("http://169.254.169.254/"), Err(BadUrl::Forbidden));
        assert_eq!(open.check("http://[fe80::1]/"), Err(BadUrl::Forbidden));
    }

    #[test]
    fn other_schemes_and_credentials_are_refused() {
        let open = Reach { loopback: true, private: true, https_only: false };
        for (text, error) in [
            ("ftp://example.com/", BadUrl::Scheme),
            ("file:///etc/passwd", BadUrl::Scheme),
            ("example.com/hook", BadUrl::Unreadable),
            ("https://user:pass@example.com/", BadUrl::Credentials),
            ("https://", BadUrl::Unreadable),
            (&format!("https://example.com/{}", "x".repeat(URL_MAX)), BadUrl::TooLong),
        ] {
            assert_eq!(open.check(text), Err(error), "{text}");
        }
    }
}
