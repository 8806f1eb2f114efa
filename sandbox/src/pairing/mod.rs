//! Linking a companion: what an unregistered connection offers, and what a phone makes of it.
//!
//! By QR code ([`qr`]) or by a code of eight characters ([`code`]). Both end in [`Offer::begin`]; they differ in where the
//! secret comes from.

pub(crate) mod adv;
pub(crate) mod code;
pub(crate) mod complete;
pub(crate) mod offer;
pub(crate) mod passkey;
pub(crate) mod qr;

pub(crate) use offer::{Offer, Offers, Pending};

use std::time::Duration;

/// Why a phone could not link a companion.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PairingError {
    /// The text is not a QR code of this protocol.
    #[error("this is not a pairing QR code")]
    NotACode,
    /// The text is not a pairing code: eight characters out of `123456789ABCDEFGHJKLMNPQRSTVWXYZ`.
    #[error("this is not a pairing code of eight characters")]
    NotAPairingCode,
    /// No open connection has asked for a code for this number, or its code was taken back.
    #[error("no connection waits for a code of this number")]
    NoCodeRequested,
    /// The code was entered too late.
    #[error("the code has expired")]
    CodeExpired,
    /// The code is not the one that the companion shows. It can be entered again.
    #[error("the code is wrong")]
    WrongCode,
    /// The code was entered wrongly too often; the companion has to get another.
    #[error("the code was entered wrongly too often")]
    CodeSpent,
    /// The network demanded a passkey of the companion, so the pairing does not go on.
    #[error("the network demands a passkey before it links a device to this number")]
    PasskeyDemanded,
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
