//! One try to deliver, and what the receiver answered.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::id::Millis;

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// The receiver answered.
    Answered {
        /// The HTTP status.
        status: u16,
    },
    /// No answer in time.
    TimedOut,
    /// No connection, or it broke.
    Unreachable,
    /// The address may not be called.
    Forbidden,
    /// The worker died; whether the receiver got it is not known.
    Lost,
}

impl AttemptOutcome {
    /// The word used in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered { .. } => "answered",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::Forbidden => "forbidden",
            Self::Lost => "lost",
        }
    }

    /// The HTTP status, where there was one.
    #[must_use]
    pub const fn status(self) -> Option<u16> {
        match self {
            Self::Answered { status } => Some(status),
            _ => None,
        }
    }
}

/// One try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began.
    pub at_ms: Millis,
    /// How long it took, in milliseconds.
    pub took_ms: u32,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// Which one it was, counted from 1 over all replays. 0 in rows of the first version.
    #[serde(default)]
    pub n: u32,
    /// Where it went; `None` in a delivery's row: where the one before it went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What the receiver said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<AnswerBody>,
}

impl Attempt {
    /// An attempt of which no more is known than when it was and how it ended.
    #[must_use]
    pub const fn new(at_ms: Millis, took_ms: u32, outcome: AttemptOutcome) -> Self {
        Self { at_ms, took_ms, outcome, n: 0, url: None, answer: None }
    }
}

/// The beginning of an answer's body.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AnswerBody {
    /// Its type as the receiver named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Its first bytes.
    pub body: Octets,
    /// The receiver said more than was read.
    pub cut: bool,
    /// The body is long and stands in the attempt's own row.
    pub elsewhere: bool,
}

/// Leaves the body out: it may quote a message.
impl fmt::Debug for AnswerBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerBody").field("bytes", &self.body.0.len()).field("cut", &self.cut).finish_non_exhaustive()
    }
}

/// Bytes that are stored as bytes, not as a list of numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Octets(pub Vec<u8>);

impl Serialize for Octets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Octets;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Octets, E> {
                Ok(Octets(bytes.to_vec()))
            }

            fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Octets, E> {
                Ok(Octets(bytes))
            }
        }

        deserializer.deserialize_bytes(Visitor)
    }
}
