//! Values with a unit: spans of time ("30s") and sizes ("64 MiB").

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A span of time, written with its unit: `250ms`, `30s`, `1h 30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(pub Duration);

impl Span {
    /// A span of whole seconds.
    #[must_use]
    pub const fn secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// A span of milliseconds.
    #[must_use]
    pub const fn millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

/// What a bad span should have been.
const SPAN_EXPECTED: &str = "a span of time with its unit, such as \"250ms\", \"30s\" or \"1h 30m\"";

impl FromStr for Span {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        humantime::parse_duration(text.trim()).map(Self).map_err(|_| SPAN_EXPECTED)
    }
}

/// A span of time after which something happens, or `never` (also written as a span of nothing).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpanOrNever(pub Option<Duration>);

impl fmt::Display for SpanOrNever {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(span) => Span(span).fmt(f),
            None => f.write_str("never"),
        }
    }
}

/// What a bad one should have been.
const SPAN_OR_NEVER_EXPECTED: &str = "\"never\", or a span of time with its unit, such as \"12h\" or \"5days\"";

impl FromStr for SpanOrNever {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim() == "never" {
            return Ok(Self(None));
        }
        let span: Span = text.parse().map_err(|_| SPAN_OR_NEVER_EXPECTED)?;
        Ok(Self((!span.0.is_zero()).then_some(span.0)))
    }
}

/// A number of bytes, written with its unit: `512 KiB`, `64 MiB`, `1 GB`, `16 kB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Size(pub u64);

const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

impl Size {
    /// A number of KiB.
    #[must_use]
    pub const fn kib(n: u64) -> Self {
        Self(n << 10)
    }

    /// A number of MiB.
    #[must_use]
    pub const fn mib(n: u64) -> Self {
        Self(n << 20)
    }

    /// As a length in memory; on a 32-bit machine the longest there is.
    #[must_use]
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |scale: &u64| self.0 != 0 && self.0.is_multiple_of(*scale);
        let (unit, scale) = UNITS.iter().find(|(_, scale)| whole(scale)).unwrap_or(&("B", 1));
        write!(f, "{} {unit}", self.0 / scale)
    }
}

/// What a bad size should have been.
const SIZE_EXPECTED: &str = "a size with its unit, such as \"512 KiB\", \"64 MiB\" or \"1 GB\"";

impl FromStr for Size {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| SIZE_EXPECTED)?;
        let (_, scale) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit.trim())).ok_or(SIZE_EXPECTED)?;
        number.checked_mul(*scale).map(Self).ok_or(SIZE_EXPECTED)
    }
}

struct Written<T>(&'static str, std::marker::PhantomData<T>);

impl<T: FromStr<Err = &'static str>> de::Visitor<'_> for Written<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written(SPAN_EXPECTED, std::marker::PhantomData))
    }
}

impl<'de> Deserialize<'de> for SpanOrNever {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written(SPAN_OR_NEVER_EXPECTED, std::marker::PhantomData))
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written(SIZE_EXPECTED, std::marker::PhantomData))
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for SpanOrNever {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written_with_their_unit() {
        for (text, bytes, again) in [
            ("64 MiB", 64 << 20, "64 MiB"),
            ("1024KiB", 1 << 20, "1 MiB"),
            ("16 kb", 16_000, "16 kB"),
            ("0 B", 0, "0 B"),
            ("1 GB", 1_000_000_000, "1 GB"),
            ("1025 B", 1_025, "1025 B"),
        ] {
            let size: Size = text.parse().unwrap();
            assert_eq!((size.0, size.to_string().as_str()), (bytes, again), "{text}");
        }
        for bad in ["", "64", "MiB", "-1 MiB", "1.5 MiB", "99999999999 TiB", "1 MiBs"] {
            assert!(bad.parse::<Size>().is_err(), "{bad}");
        }
    }

    #[test]
    fn spans_need_a_unit() {
        assert_eq!("1h 30m".parse(), Ok(Span::secs(5_400)));
        assert_eq!("250ms".parse(), Ok(Span::millis(250)));
        assert_eq!("0s".parse(), Ok(Span::default()));
        for bad in ["", "30", "thirty seconds", "-5s"] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_span_of_nothing_is_never() {
        for (text, span, again) in [
            ("never", None, "never"),
            ("0s", None, "never"),
            ("5d", Some(Duration::from_secs(5 * 86_400)), "5days"),
            ("90s", Some(Duration::from_secs(90)), "1m 30s"),
        ] {
            let read: SpanOrNever = text.parse().unwrap();
            assert_eq!((read.0, read.to_string().as_str()), (span, again), "{text}");
        }
        for bad in ["", "5", "always", "Never"] {
            assert!(bad.parse::<SpanOrNever>().is_err(), "{bad}");
        }
    }
}
