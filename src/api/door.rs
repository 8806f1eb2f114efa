//! Who is let in: the API key, and the ranges that may read the metrics without it.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;
use ipnet::IpNet;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::problem::{ErrorCode, Problem};
use crate::serving::Peer;

/// The door: knows the key's hash, never the key.
#[derive(Clone)]
pub struct Door {
    key: Arc<[u8; 32]>,
    metrics_allow: Arc<[IpNet]>,
}

impl Door {
    /// A door for this key and these ranges.
    #[must_use]
    pub fn new(key: &SecretString, metrics_allow: &[IpNet]) -> Self {
        Self { key: Arc::new(Sha256::digest(key.expose_secret()).into()), metrics_allow: metrics_allow.into() }
    }

    /// Whether the request carries the key.
    fn knows(&self, headers: &HeaderMap) -> bool {
        let bearer = headers.get(AUTHORIZATION).map(|value| bearer(value.as_bytes()));
        // A header that is there but wrong is not made good by the other one.
        let given = bearer.unwrap_or_else(|| headers.get("x-api-key").map(|value| value.as_bytes()));
        let Some(given) = given else { return false };
        // Hashes of equal length: the comparison takes the same time whatever was given.
        let hash: [u8; 32] = Sha256::digest(given).into();
        hash.ct_eq(self.key.as_ref()).into()
    }

    fn may_scrape(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.metrics_allow.iter().any(|range| range.contains(&peer))
    }
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

/// Lets requests with the key through.
///
/// # Errors
/// 401 without it.
pub(super) async fn guard(State(door): State<Door>, request: Request, next: Next) -> Result<Response, Problem> {
    if door.knows(request.headers()) { Ok(next.run(request).await) } else { Err(refusal()) }
}

/// Lets requests through that carry the key or come from an address that may read metrics.
///
/// # Errors
/// 401 otherwise.
pub(super) async fn guard_metrics(State(door): State<Door>, request: Request, next: Next) -> Result<Response, Problem> {
    let near = request.extensions().get::<Peer>().is_some_and(|peer| door.may_scrape(peer.0.ip()));
    if near || door.knows(request.headers()) { Ok(next.run(request).await) } else { Err(refusal()) }
}

fn refusal() -> Problem {
    Problem::new(
        ErrorCode::Unauthorized,
        "send the API key as `Authorization: Bearer <key>` or `X-Api-Key: <key>`; it is in the config, or in the file \
         api_key of the data folder",
    )
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    #[test]
    fn only_the_whole_key_opens() {
        let door = Door::new(&SecretString::from("0123456789abcdefX"), &[]);
        let knows = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HeaderName::from_static(name), value.parse().unwrap());
            door.knows(&headers)
        };
        assert!(knows("authorization", "Bearer 0123456789abcdefX"));
        assert!(knows("authorization", "bearer 0123456789abcdefX"));
        assert!(knows("x-api-key", "0123456789abcdefX"));
        for (name, value) in [
            ("authorization", "0123456789abcdefX"),
            ("authorization", "Basic 0123456789abcdefX"),
            ("authorization", "Bearer 0123456789abcdef"),
            ("authorization", "Bearer"),
            ("x-api-key", "Bearer 0123456789abcdefX"),
            ("x-api-key", ""),
        ] {
            assert!(!knows(name, value), "{name}: {value}");
        }
        assert!(!door.knows(&HeaderMap::new()));
    }

    #[test]
    fn ranges_hold_for_mapped_addresses_too() {
        let door = Door::new(&SecretString::from("x"), &["10.0.0.0/8".parse().unwrap()]);
        assert!(door.may_scrape("10.1.2.3".parse().unwrap()));
        assert!(door.may_scrape("::ffff:10.1.2.3".parse().unwrap()));
        assert!(!door.may_scrape("11.1.2.3".parse().unwrap()));
        assert!(!door.may_scrape("::1".parse().unwrap()));
    }
}
