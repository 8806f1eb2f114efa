//! The address of a proxy as people write it. It can hold a password, so it is in no debug output and in no error.

use std::fmt;

use serde::{Deserialize, Deserializer, de};
use url::Url;
use wasup_store::records::ProxyAddress;

/// Longest address, in bytes.
const MAX: usize = 2_048;

/// What a proxy speaks.
const SCHEMES: [&str; 4] = ["http", "https", "socks5", "socks5h"];

/// What a proxy has to look like.
pub(super) const EXPECTED: &str = "must be http://, https://, socks5:// or socks5h:// with a host and a port, such as \
                                   socks5://user:password@proxy.example.com:1080";

/// The address of a proxy, unchecked.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyText(String);

impl fmt::Debug for ProxyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProxyText(…)")
    }
}

struct Written;

impl de::Visitor<'_> for Written {
    type Value = ProxyText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a proxy's address")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ProxyText, E> {
        Ok(ProxyText(text.trim().to_owned()))
    }
}

impl<'de> Deserialize<'de> for ProxyText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

impl ProxyText {
    /// The address, where it is one.
    pub(super) fn address(&self) -> Option<ProxyAddress> {
        let url = Url::parse(&self.0).ok().filter(|_| self.0.len() <= MAX)?;
        let named = SCHEMES.contains(&url.scheme()) && url.host_str().is_some_and(|host| !host.is_empty());
        let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        // The parser forgets a port that is the scheme's own, so a missing one is looked for in the text.
        let host = self.0.rsplit('@').next().and_then(|rest| rest.split("://").last()).unwrap_or_default();
        let port = host.trim_end_matches('/').rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        (named && bare && port.is_some_and(|port| port > 0)).then(|| ProxyAddress(self.0.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_proxies_with_host_and_port_are_taken() {
        for good in [
            "http://proxy.test:80",
            "https://proxy.test:443/",
            "socks5://127.0.0.1:1080",
            "socks5h://user:p%40ss@[::1]:1080",
            "http://user@proxy.test:3128",
        ] {
            assert_eq!(ProxyText(good.into()).address(), Some(ProxyAddress(good.into())), "{good}");
        }
        for bad in [
            "",
            "proxy.test:1080",
            "ftp://proxy.test:21",
            "http://proxy.test",
            "socks5://proxy.test:0",
            "socks5://:1080",
            "http://proxy.test:3128/path",
            "http://proxy.test:3128?x=1",
            "http://proxy.test:99999",
        ] {
            assert_eq!(ProxyText(bad.into()).address(), None, "{bad}");
        }
        assert_eq!(ProxyText(format!("http://{}:1", "a".repeat(MAX))).address(), None);
    }
}
