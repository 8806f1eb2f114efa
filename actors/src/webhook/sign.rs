//! Signatures as the Standard Webhooks specification wants them: HMAC-SHA256 over `id.timestamp.body`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use wasup_store::id::Millis;
use wasup_store::records::EndpointRecord;

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

/// The secrets that sign at a time: the endpoint's own, and those it replaced whose time is not over.
pub(super) fn secrets(endpoint: &EndpointRecord, now_ms: Millis) -> impl Iterator<Item = &[u8]> {
    let retired = endpoint.retired.iter().filter(move |retired| now_ms < retired.until_ms);
    std::iter::once(endpoint.secret.as_slice()).chain(retired.map(|retired| retired.secret.as_slice()))
}

/// The three headers of an attempt, with a signature for each secret. `id` is the same on every retry; `at_s`, seconds
/// since 1970, is the attempt's own.
pub(super) fn headers<'a>(
    secrets: impl Iterator<Item = &'a [u8]>,
    id: &str,
    at_s: u64,
    body: &[u8],
) -> [(&'static str, String); 3] {
    let signatures: Vec<String> = secrets.map(|secret| signature(secret, id, at_s, body)).collect();
    [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", at_s.to_string()),
        ("webhook-signature", signatures.join(" ")),
    ]
}

fn signature(secret: &[u8], id: &str, at_s: u64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(id.as_bytes());
    mac.update(b".");
    mac.update(at_s.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use standardwebhooks::Webhook;
    use wasup_store::id::{AccountNo, EndpointId};
    use wasup_store::records::RetiredSecret;
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
        let signed = headers([SECRET].into_iter(), "evt_1", now_s, BODY);
        assert!(accepted(&NewSecret::new(SECRET), &signed, BODY));
        assert!(!accepted(&NewSecret::new(SECRET), &signed, b"{}"), "another body");
        assert!(!accepted(&NewSecret::new(b"another secret of some length"), &signed, BODY), "another secret");
        let mut other_id = signed.clone();
        other_id[0].1 = "evt_2".into();
        assert!(!accepted(&NewSecret::new(SECRET), &other_id, BODY), "another id");
        assert!(
            !accepted(&NewSecret::new(SECRET), &headers([SECRET].into_iter(), "evt_1", now_s - 301, BODY), BODY),
            "stale"
        );
    }

    #[test]
    fn it_is_the_official_librarys_signature_to_the_byte() {
        let official = Webhook::from_bytes(SECRET.to_vec()).unwrap();
        let signed = headers([SECRET].into_iter(), "evt_1", 1_700_000_000, BODY);
        assert_eq!(signed[2].1, official.sign("evt_1", 1_700_000_000, BODY).unwrap());
    }
    #[test]
    fn a_secret_that_was_replaced_signs_until_its_time_is_over() {
        let now_s = SystemClock.now_ms() / 1_000;
        let (new, old) = (b"the new one of twenty-four bytes".to_vec(), SECRET.to_vec());
        let plain = EndpointRecord::new(EndpointId::new(1, 1), AccountNo(1), "http://a/".into(), new.clone(), 1);
        let retired = vec![
            RetiredSecret { secret: old.clone(), until_ms: 5_000 },
            RetiredSecret { secret: b"a still older one, of long ago".to_vec(), until_ms: 1_000 },
        ];
        let endpoint = EndpointRecord { retired, ..plain };
        for (now_ms, count, old_holds) in [(4_999, 2, true), (5_000, 1, false), (500, 3, true)] {
            let signed = headers(secrets(&endpoint, now_ms), "evt_1", now_s, BODY);
            assert_eq!(signed[2].1.split(' ').count(), count, "{now_ms}");
            assert!(accepted(&NewSecret::new(&new), &signed, BODY), "{now_ms}");
            assert_eq!(accepted(&NewSecret::new(&old), &signed, BODY), old_holds, "{now_ms}");
        }
    }
}
