//! Ids of messages in the network's form.

use sha2::{Digest, Sha256};

/// The id of a message that we send: `3EB0` and 18 upper-case hex digits, as WhatsApp Web makes them (9 bytes of a
/// SHA-256; whatsapp-rust 0.7.0 `RequestUtils::message_id_at`). The same random bytes give the same id.
#[must_use]
pub fn provider_id(random: [u8; 16]) -> String {
    use std::fmt::Write;
    let digest = Sha256::digest(random);
    let mut id = String::with_capacity(22);
    id.push_str("3EB0");
    for byte in &digest[..9] {
        // Writing to a string does not fail.
        let _ = write!(id, "{byte:02X}");
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_networks_form() {
        let id = provider_id([7; 16]);
        assert_eq!(id.len(), 22);
        assert!(id.starts_with("3EB0") && id.chars().all(|c| c.is_ascii_digit() || ('A'..='F').contains(&c)));
        assert_eq!(id, provider_id([7; 16]));
        assert_ne!(id, provider_id([8; 16]));
    }
}
