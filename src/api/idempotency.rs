//! `Idempotency-Key`: a repeated request gets the first answer.

use axum::extract::FromRequestParts;
use axum::http::HeaderName;
use axum::http::request::Parts;
use sha2::{Digest as _, Sha256};
use wasup_actors::Idempotency;

use super::problem::{FieldError, Problem};

/// Header of a request that may be repeated.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Header of an answer that was given before.
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Longest key, in characters.
const KEY_MAX: usize = 255;

/// The key of a request, if it has one.
#[derive(Clone)]
pub(super) struct IdempotencyKey(Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(KEY) else { return Ok(Self(None)) };
        let fit = |key: &&str| (1..=KEY_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
        match value.to_str().ok().filter(fit) {
            Some(key) => Ok(Self(Some(key.to_owned()))),
            None => {
                let what = "must be 1 to 255 visible ASCII characters without spaces";
                Err(Problem::invalid(vec![FieldError::new("Idempotency-Key", what)]))
            }
        }
    }
}

impl IdempotencyKey {
    /// This key, or where there is none the caller's own id of what it sends.
    pub(super) fn or_own(self, own: Option<&str>) -> Self {
        Self(self.0.or_else(|| own.map(|own| format!("client_message_id:{own}"))))
    }

    /// The key with the hash of what is asked for: the parts in their order, each with its length.
    pub(super) fn over(self, parts: &[&str]) -> Option<Idempotency> {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        self.0.map(|key| Idempotency { key, body_sha256: hash.finalize().into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_tells_parts_apart() {
        let of = |parts: &[&str]| IdempotencyKey(Some("k".into())).over(parts).unwrap().body_sha256;
        assert_eq!(of(&["a", "b"]), of(&["a", "b"]));
        assert_ne!(of(&["a", "b"]), of(&["ab", ""]));
        assert!(IdempotencyKey(None).over(&["a"]).is_none());
    }
}
