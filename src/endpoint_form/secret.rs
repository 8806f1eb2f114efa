//! Signing secrets as people write them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};

use crate::api::problem::FieldError;
use crate::webhook_http::Reach;

/// What is wrong with a secret that [`secret_bytes`] refuses.
pub(crate) const BAD_SECRET: &str = "must be whsec_ and the base64 of 24 to 64 bytes";

/// The bytes of a secret in its public form.
pub(crate) fn secret_bytes(text: &str) -> Option<Vec<u8>> {
    let bytes = STANDARD.decode(text.strip_prefix("whsec_")?).ok()?;
    (24..=64).contains(&bytes.len()).then_some(bytes)
}

/// The bytes of the field `secret`, where one is given.
pub(crate) fn given(secret: Option<&SecretString>) -> Result<Option<Vec<u8>>, FieldError> {
    let Some(text) = secret else { return Ok(None) };
    match secret_bytes(text.expose_secret()) {
        Some(bytes) => Ok(Some(bytes)),
        None => Err(FieldError::new("secret", BAD_SECRET)),
    }
}

/// The secret's bytes, where one is given, and what is wrong with the fields `url` and `secret`.
pub(crate) fn addressed(url: &str, secret: Option<&SecretString>, reach: Reach) -> (Option<Vec<u8>>, Vec<FieldError>) {
    let mut errors = Vec::new();
    if let Err(error) = reach.check(url) {
        errors.push(FieldError::new("url", error.to_string()));
    }
    let secret = given(secret).unwrap_or_else(|error| {
        errors.push(error);
        None
    });
    (secret, errors)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::view::whsec;

    #[test]
    fn secrets_come_back_from_their_public_form() {
        let secret = [7; 24];
        assert_eq!(secret_bytes(&whsec(&secret)), Some(secret.to_vec()));
        for bad in ["", "whsec_", "whsec_AAAA", "whsec_!!!!", STANDARD.encode(secret).as_str(), &whsec(&[1; 65])] {
            assert_eq!(secret_bytes(bad), None, "{bad}");
        }
    }
}
