//! Receipts that wait for their message.

use serde::{Deserialize, Serialize};

use super::MessageState;
use crate::id::Millis;

/// Row of `early`: what was told about a message that is not known yet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EarlyReceipt {
    /// The message's id in the network.
    pub provider_id: String,
    /// How far somebody is with it, and since when, each once and in the order it was told.
    pub told: Vec<(MessageState, Millis)>,
}
