//! What can go wrong with a question to the network, whatever it is about.

use std::time::Duration;

/// Why a question to the network has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The account is not connected, or the connection broke before the answer came.
    #[error("the account is not connected")]
    NotConnected,
    /// No answer came in time. Whether it was done is not known.
    #[error("the network did not answer in time")]
    TimedOut,
    /// What it is about does not exist, or not for this account.
    #[error("the network knows no such thing")]
    NotFound,
    /// The account may not do this.
    #[error("the network does not allow the account to do this")]
    Forbidden,
    /// It is in the way of how things stand, such as a second member of the same name.
    #[error("the network says that things stand otherwise")]
    Conflict,
    /// The question itself is not acceptable.
    #[error("the question is not acceptable: {0}")]
    Invalid(String),
    /// Too many questions.
    #[error("the network wants fewer questions")]
    RateLimited {
        /// When to ask again, where the network says so.
        retry_after: Option<Duration>,
    },
    /// The network refused with another code.
    #[error("the network refused with code {0}")]
    Refused(u16),
    /// The protocol library could not ask, or did not understand the answer. The text never holds what was asked.
    #[error("the question could not be asked or its answer not be read: {0}")]
    Failed(String),
}
