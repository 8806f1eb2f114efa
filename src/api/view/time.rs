//! Times: RFC 3339, UTC, to the millisecond.

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;
use wasup_store::id::Millis;

/// A moment, such as `2026-11-21T10:40:59.125Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, format = DateTime, examples("2026-11-21T10:40:59.125Z"))]
pub struct Time(Timestamp);

impl Time {
    /// From milliseconds since 1970. A time that no calendar holds becomes the last one that it does.
    #[must_use]
    pub fn from_ms(ms: Millis) -> Self {
        let ms = i64::try_from(ms).unwrap_or(i64::MAX);
        Self(Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX))
    }
}

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_and_a_zone() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_795_257_659_125, "2026-11-21T10:40:59.125Z"),
            (u64::MAX, "9999-12-30T22:00:00.999Z"),
        ] {
            assert_eq!(serde_json::to_value(Time::from_ms(ms)).unwrap(), text);
        }
    }
}
