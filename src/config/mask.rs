//! Secrets are never printed: this is how they look in the effective config.

use secrecy::{ExposeSecret as _, SecretString};
use serde::Serializer;

/// What stands for a secret that is set.
pub const MASK: &str = "********";

/// Serialises a secret as stars, and an empty one as empty.
///
/// # Errors
/// The serialiser's own.
pub(super) fn secret<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if secret.expose_secret().is_empty() { "" } else { MASK })
}
