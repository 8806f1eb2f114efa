//! The one secret that an encrypted store is opened with.

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE64, BASE64_NOPAD, HEXLOWER_PERMISSIVE};
use secrecy::zeroize::Zeroize;
use secrecy::{ExposeSecret, SecretBox};

/// Bytes of a master key.
pub const MASTER_KEY_LEN: usize = 32;

/// A master key: 32 bytes from a good source of randomness. Wiped from memory when it is dropped, never printed.
pub struct MasterKey(SecretBox<[u8; MASTER_KEY_LEN]>);

/// A text is no master key. Says nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadMasterKey {
    /// Neither base64 nor hexadecimal, or not of 32 bytes.
    #[error("is not 32 bytes in base64 or hexadecimal form")]
    Form,
    /// All bytes are the same: a placeholder.
    #[error("is a placeholder: all its bytes are the same")]
    Placeholder,
}

impl MasterKey {
    /// A key of these bytes.
    #[must_use]
    pub fn new(bytes: [u8; MASTER_KEY_LEN]) -> Self {
        Self(SecretBox::new(Box::new(bytes)))
    }

    pub(super) fn expose(&self) -> &[u8; MASTER_KEY_LEN] {
        self.0.expose_secret()
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

impl FromStr for MasterKey {
    type Err = BadMasterKey;

    /// From 64 hexadecimal digits, or from base64 with or without its padding; white space around it is cut off.
    fn from_str(text: &str) -> Result<Self, BadMasterKey> {
        let text = text.trim().as_bytes();
        let form = if text.len() == 2 * MASTER_KEY_LEN {
            HEXLOWER_PERMISSIVE
        } else if text.ends_with(b"=") {
            BASE64
        } else {
            BASE64_NOPAD
        };
        let mut bytes = form.decode(text).map_err(|_| BadMasterKey::Form)?;
        let key = <[u8; MASTER_KEY_LEN]>::try_from(&bytes[..]).map(Self::new).map_err(|_| BadMasterKey::Form);
        bytes.zeroize();
        let key = key?;
        if key.expose().iter().all(|byte| *byte == key.expose()[0]) { Err(BadMasterKey::Placeholder) } else { Ok(key) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_from_hex_and_base64_and_never_printed() {
        let bytes: [u8; 32] = std::array::from_fn(|at| u8::try_from(at * 8).unwrap());
        let texts = [BASE64.encode(&bytes), BASE64_NOPAD.encode(&bytes), HEXLOWER_PERMISSIVE.encode(&bytes)];
        for text in texts.iter().chain([&texts[2].to_uppercase(), &format!(" {}\n", texts[0])]) {
            let key: MasterKey = text.parse().unwrap();
            assert_eq!(key.expose(), &bytes);
            assert_eq!(format!("{key:?}"), "MasterKey(…)");
        }
    }

    #[test]
    fn other_texts_are_no_keys() {
        let short = BASE64.encode(&[1, 2, 3]);
        let long = BASE64.encode(&[1; 33]);
        for text in ["", "secret", &short, &long, &"g".repeat(64), &"ab".repeat(31)] {
            assert_eq!(text.parse::<MasterKey>().unwrap_err(), BadMasterKey::Form, "{text}");
        }
        assert_eq!("00".repeat(32).parse::<MasterKey>().unwrap_err(), BadMasterKey::Placeholder);
    }
}
