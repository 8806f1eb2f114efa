//! Linking a companion: what an unregistered connection offers, and what a phone makes of it.
//!
//! By QR code only. Pairing by code (`link_code_companion_reg`) belongs beside [`qr`]: it ends in
//! the same [`Offer::begin`] with a secret that comes from the code instead of the picture.

pub(crate) mod adv;
pub(crate) mod complete;
pub(crate) mod offer;
pub(crate) mod qr;

pub(crate) use offer::{Offer, Offers, Pending};

use std::time::Duration;

/// Why a phone could not link a companion.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PairingError {
    /// The text is not a QR code of this protocol.
    #[error("this is not a pairing QR code")]
    NotACode,
    /// No open connection has offered this code; it may have expired.
    #[error("no connection offers this code: it has expired or belongs to another network")]
    UnknownReference,
    /// The code's keys are not those of the connection that offered it.
    #[error("the code's keys do not match the connection that offers it")]
    KeyMismatch,
    /// Another phone is linking this connection already.
    #[error("the code has been scanned already")]
    AlreadyScanned,
    /// The phone is offline.
    #[error("the phone is offline")]
    PhoneOffline,
    /// The companion refused: its own checks failed.
    #[error("the companion refused with {code}: {text}")]
    Refused {
        /// The companion's error code.
        code: u16,
        /// The companion's reason.
        text: String,
    },
    /// The companion's answer did not pass the server's checks.
    #[error("the companion's answer is wrong: {0}")]
    BadAnswer(String),
    /// The companion went away before it answered.
    #[error("the connection ended while pairing")]
    ConnectionLost,
    /// The companion did not answer in time.
    #[error("the companion did not answer within {0:?}")]
    TimedOut(Duration),
}
