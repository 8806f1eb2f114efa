//! What a QR code says.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// A QR code's four parts: `ref,noise,identity,secret[,client type]`, behind an optional link that
/// ends in `#`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct QrCode {
    pub(crate) reference: String,
    pub(crate) noise: [u8; 32],
    pub(crate) identity: [u8; 32],
    /// The secret that only the phone and the companion know.
    pub(crate) adv_secret: Vec<u8>,
}

impl QrCode {
    /// Reads a code; `None` when it is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let body = text.rsplit('#').next()?;
        let mut parts = body.split(',');
        let reference = parts.next().filter(|part| !part.is_empty())?;
        let mut key = || BASE64_STANDARD.decode(parts.next()?.trim()).ok();
        Some(Self {
            reference: reference.to_owned(),
            noise: key()?.try_into().ok()?,
            identity: key()?.try_into().ok()?,
            adv_secret: key().filter(|secret| secret.len() == 32)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code() -> String {
        let key = |byte: u8| BASE64_STANDARD.encode([byte; 32]);
        format!("2@abc,{},{},{}", key(1), key(2), key(3))
    }

    #[test]
    fn a_code_with_and_without_its_link() {
        let plain = QrCode::parse(&code()).unwrap();
        assert_eq!(plain.reference, "2@abc");
        assert_eq!((plain.noise, plain.identity), ([1; 32], [2; 32]));
        let linked = format!("https://wa.me/settings/linked_devices#{},7", code());
        assert_eq!(QrCode::parse(&linked), Some(plain));
    }

    #[test]
    fn anything_else_is_no_code() {
        for text in ["", "2@abc", "2@abc,AAAA,AAAA,AAAA", "https://example.org/"] {
            assert_eq!(QrCode::parse(text), None, "{text}");
        }
    }
}
