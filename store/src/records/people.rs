//! What is heard of people beside what they write.

use serde::{Deserialize, Serialize};

use super::Participant;
use crate::id::Millis;

/// How somebody is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PresenceState {
    /// They look at the app.
    Available,
    /// They do not.
    Unavailable,
    /// They type.
    Composing,
    /// They record a voice note.
    Recording,
    /// They do neither any more.
    Paused,
}

impl PresenceState {
    /// The word used in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Unavailable => "unavailable",
            Self::Composing => "composing",
            Self::Recording => "recording",
            Self::Paused => "paused",
        }
    }

    /// Whether it says what they do in a chat.
    #[must_use]
    pub const fn is_typing(self) -> bool {
        matches!(self, Self::Composing | Self::Recording | Self::Paused)
    }
}

/// `presence`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresenceEvent {
    /// Who.
    pub who: Participant,
    /// The group in which they type, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Participant>,
    /// How they are seen.
    pub state: PresenceState,
    /// When they were there last, where they let it be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_ms: Option<Millis>,
}

/// How a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// It rings.
    Ringing,
    /// Nobody answered it.
    Missed,
    /// The account's owner answered it on another device.
    Answered,
    /// The account refused it, here or on another device.
    Rejected,
}

impl CallState {
    /// The word used in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ringing => "ringing",
            Self::Missed => "missed",
            Self::Answered => "answered",
            Self::Rejected => "rejected",
        }
    }
}

/// `call.received`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallEvent {
    /// What names the call.
    pub call_id: String,
    /// Who calls.
    pub from: Participant,
    /// The group that is called, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Participant>,
    /// With a picture.
    #[serde(default)]
    pub video: bool,
    /// How it stands.
    pub state: CallState,
    /// When, as the network says.
    pub at_ms: Millis,
}
