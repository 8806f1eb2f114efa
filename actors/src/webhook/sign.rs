//! Signatures as the Standard Webhooks specification wants them: HMAC-SHA256 over `id.timestamp.body`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// A signing secret in the form users know, `whsec_` and base64. Shown once.
#[derive(Clone, PartialEq, Eq)]
pub struct NewSecret(pub String);

impl NewSecret {
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self(format!("whsec_{}", STANDARD.encode(secret)))
    }
}

impl std::fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewSecret(…)")
    }
}

/// The three headers of an attempt. `id` is the same on every retry; `at_s`, seconds since 1970, is the attempt's own.
pub(super) fn headers(secret: &[u8], id: &str, at_s: u64, body: &[u8]) -> Vec<(&'static str, String)> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(id.as_bytes());
    mac.update(b".");
    mac.update(at_s.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    vec![
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", at_s.to_string()),
        ("webhook-signature", format!("v1,{signature}")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use standardwebhooks::Webhook;
    use wasup_store::{Clock as _, SystemClock};

    const SECRET: &[u8] = b"twenty-four bytes or more";
    const BODY: &[u8] = r#"{"type":"message.received","text":"hé"}"#.as_bytes();

    /// Whether the official library accepts these headers with this body.
    fn accepted(secret: &NewSecret, headers: &[(&'static str, String)], body: &[u8]) -> bool {
        let official = Webhook::new(&secret.0).unwrap();
        let map = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        official.verify(body, &map).is_ok()
    }

    #[test]
    fn the_official_library_accepts_it_and_nothing_changed() {
        let now_s = SystemClock.now_ms() / 1_000;
        let signed = headers(SECRET, "evt_1", now_s, BODY);
        assert!(accepted(&NewSecret::new(SECRET), &signed, BODY));
        assert!(!accepted(&NewSecret::new(SECRET), &signed, b"{}"), "another body");
        assert!(!accepted(&NewSecret::new(b"another secret of some length"), &signed, BODY), "another secret");
        let mut other_id = signed.clone();
        other_id[0].1 = "evt_2".into();
        assert!(!accepted(&NewSecret::new(SECRET), &other_id, BODY), "another id");
        assert!(!accepted(&NewSecret::new(SECRET), &headers(SECRET, "evt_1", now_s - 301, BODY), BODY), "stale");
    }

    #[test]
    fn it_is_the_official_librarys_signature_to_the_byte() {
        let official = Webhook::from_bytes(SECRET.to_vec()).unwrap();
        let signed = headers(SECRET, "evt_1", 1_700_000_000, BODY);
        assert_eq!(signed[2].1, official.sign("evt_1", 1_700_000_000, BODY).unwrap());
    }
}
