//! How an endpoint's deliveries are tried: data, so that every endpoint (and every system that wasup stands in for) can
//! have rules of its own.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::Millis;

/// What an endpoint asks for; what it leaves open is the server's default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DeliveryPolicy {
    /// Longest time of one attempt, in milliseconds.
    pub timeout_ms: Option<u32>,
    /// Waits before the attempts in milliseconds, the first one's first. Used up: the delivery is discarded.
    pub schedule_ms: Option<Vec<Millis>>,
    /// How far waits are spread either way, in percent.
    pub jitter_percent: Option<u8>,
    /// Attempts at the same time.
    pub concurrency: Option<u16>,
    /// After this many milliseconds of failures only, the endpoint is switched off; 0 for never.
    pub disable_after_ms: Option<Millis>,
    /// What the receiver's statuses mean.
    pub statuses: Option<StatusRules>,
}

/// What a receiver's statuses mean. 2xx is success; a status in none of these lists is retried by the schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatusRules {
    /// The receiver is gone for good: the delivery is given up and the endpoint switched off. Looked at first.
    pub gone: Vec<StatusRange>,
    /// The receiver has too much to do: it gets at least a minute.
    pub overloaded: Vec<StatusRange>,
    /// No repeat changes it: the delivery is given up. Looked at last.
    pub refused: Vec<StatusRange>,
}

impl Default for StatusRules {
    /// As Standard Webhooks has it, and no repeat of a request that was refused for what it is.
    fn default() -> Self {
        let range = |from, to| StatusRange { from, to };
        Self {
            gone: vec![range(410, 410)],
            overloaded: vec![range(429, 429), range(502, 504)],
            refused: vec![range(400, 407), range(409, 499)],
        }
    }
}

/// Statuses from one to another, both among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusRange {
    /// The first.
    pub from: u16,
    /// The last.
    pub to: u16,
}

impl StatusRange {
    /// Whether a status lies in it.
    #[must_use]
    pub const fn holds(self, status: u16) -> bool {
        self.from <= status && status <= self.to
    }
}

/// A text is no range of statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a status such as 410, or a range such as 500-599, between 300 and 599")]
pub struct BadStatusRange;

impl FromStr for StatusRange {
    type Err = BadStatusRange;

    /// Reads `410` or `500-599`. 1xx and 2xx are nobody's to judge: the first are no answers, the second are success.
    fn from_str(text: &str) -> Result<Self, BadStatusRange> {
        let status = |text: &str| text.trim().parse::<u16>().ok().filter(|status| (300..=599).contains(status));
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        match (status(from), status(to)) {
            (Some(from), Some(to)) if from <= to => Ok(Self { from, to }),
            _ => Err(BadStatusRange),
        }
    }
}

impl fmt::Display for StatusRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.from == self.to {
            true => write!(f, "{}", self.from),
            false => write!(f, "{}-{}", self.from, self.to),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_and_written() {
        for (text, from, to, again) in [
            ("410", 410, 410, "410"),
            ("500-599", 500, 599, "500-599"),
            (" 429 - 429 ", 429, 429, "429"),
            ("300-399", 300, 399, "300-399"),
        ] {
            let range: StatusRange = text.parse().unwrap();
            assert_eq!((range, range.to_string().as_str()), (StatusRange { from, to }, again), "{text}");
        }
        for bad in ["", "4xx", "204", "200-299", "599-500", "600", "410-", "-410", "400-499-500", "+410x"] {
            assert_eq!(bad.parse::<StatusRange>(), Err(BadStatusRange), "{bad}");
        }
    }
}
