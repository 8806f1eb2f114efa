//! A message's own secret.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Octets;

/// The secret that a message carries, 32 bytes: votes in a poll, and edits and reactions where the network wants them sealed
/// once more, are read and written by it. Whoever has it can read those: it never reaches a log.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Octets", into = "Octets")]
pub struct MessageSecret(pub [u8; 32]);

impl fmt::Debug for MessageSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MessageSecret(…)")
    }
}

/// Bytes are no secret of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message's secret has 32 bytes")]
pub struct BadSecret;

impl TryFrom<Octets> for MessageSecret {
    type Error = BadSecret;

    fn try_from(bytes: Octets) -> Result<Self, BadSecret> {
        bytes.0.try_into().map(Self).map_err(|_| BadSecret)
    }
}

impl TryFrom<&[u8]> for MessageSecret {
    type Error = BadSecret;

    fn try_from(bytes: &[u8]) -> Result<Self, BadSecret> {
        bytes.try_into().map(Self).map_err(|_| BadSecret)
    }
}

impl From<MessageSecret> for Octets {
    fn from(secret: MessageSecret) -> Self {
        Self(secret.0.to_vec())
    }
}
