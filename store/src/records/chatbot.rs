//! Whose messages an account's chatbot answers.

use serde::{Deserialize, Serialize};

use crate::id::Millis;

/// Row of `bot_sender`: a human, and whether the account's chatbot hears what they write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct BotSender {
    /// Whether it does.
    pub on: bool,
    /// Since when it is so.
    pub since_ms: Millis,
}
