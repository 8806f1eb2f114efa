//! Links to files that work without a key, for a time: whoever gets an event can fetch the file that it tells of.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use wasup_store::id::{MessageId, Millis};

/// Makes and checks links. Clones are the same.
#[derive(Clone)]
pub struct MediaLinks {
    key: [u8; 32],
    /// Where this server is reached from outside, without a slash at the end.
    base: String,
    life_ms: Millis,
}

/// A link and its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaLink {
    /// The address.
    pub url: String,
    /// When it works no more, in milliseconds since 1970.
    pub expires_ms: Millis,
}

/// Whoever has the key can read every file.
impl std::fmt::Debug for MediaLinks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MediaLinks").field("base", &self.base).finish_non_exhaustive()
    }
}

impl MediaLinks {
    /// Links under a key of the store's.
    #[must_use]
    pub fn new(key: [u8; 32], base: &str, life_ms: Millis) -> Self {
        Self { key, base: base.trim_end_matches('/').to_owned(), life_ms }
    }

    /// A link to the file of a message. It is the same for the whole of its first minute, so that a repeated delivery has
    /// the same body.
    #[must_use]
    pub fn of(&self, message: MessageId, at_ms: Millis) -> MediaLink {
        let expires_ms = at_ms.saturating_add(self.life_ms) / 60_000 * 60_000;
        let signature = self.sign(message, expires_ms);
        let signature = data_encoding::BASE64URL_NOPAD.encode(&signature);
        let url = format!("{}/v1/media/of/{message}?exp={}&sig={signature}", self.base, expires_ms / 1_000);
        MediaLink { url, expires_ms }
    }

    /// Whether a link was made here and still works.
    #[must_use]
    pub fn holds(&self, message: MessageId, exp_s: u64, signature: &str, now_ms: Millis) -> bool {
        let given = data_encoding::BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap_or_default();
        let expires_ms = exp_s.saturating_mul(1_000);
        bool::from(given.ct_eq(&self.sign(message, expires_ms))) && expires_ms > now_ms
    }

    fn sign(&self, message: MessageId, expires_ms: Millis) -> Vec<u8> {
        // A key of 32 bytes is taken by every HMAC.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else { return Vec::new() };
        mac.update(b"media link\0");
        mac.update(&message.to_bytes());
        mac.update(&(expires_ms / 1_000).to_be_bytes());
        mac.finalize().into_bytes().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasup_store::id::{AccountNo, MessageKey};

    #[test]
    fn a_link_opens_its_own_file_until_its_end_and_nothing_else() {
        let links = MediaLinks::new([7; 32], "https://w.example/", 3_600_000);
        let message = |rand| MessageId { account: AccountNo(1), key: MessageKey::new(1_000, rand) };
        let link = links.of(message(5), 999_960_000);
        let query = link.url.split_once("?exp=").unwrap().1;
        let (exp, sig) = query.split_once("&sig=").unwrap();
        let exp: u64 = exp.parse().unwrap();
        assert!(link.url.starts_with("https://w.example/v1/media/of/msg_"));
        assert!(links.holds(message(5), exp, sig, 999_960_000));
        assert!(!links.holds(message(5), exp, sig, link.expires_ms));
        assert!(!links.holds(message(6), exp, sig, 0));
        assert!(!links.holds(message(5), exp + 60, sig, 0));
        assert!(!links.holds(message(5), exp, "", 0));
        assert!(!MediaLinks::new([8; 32], "", 1).holds(message(5), exp, sig, 0));
        assert_eq!(links.of(message(5), 999_990_000), link, "the same within a minute");
    }
}
