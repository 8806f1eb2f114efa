//! What is wrong with a config: where it stands, which key, and what would be right.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use figment::error::{Actual, Kind};

use super::check::Finding;

/// Keys whose values are never repeated.
const SECRET_KEYS: [&str; 1] = ["server.api_key"];

/// What a key's value must be, where its type says it badly.
const EXPECTED: [(&str, &str); 4] = [
    ("log.files.write", "must be a list of \"error\", \"warnings\", \"combined\""),
    ("server.listen", "must be an address with a port, such as \"127.0.0.1:8080\" or \"[::]:8080\""),
    ("server.metrics_allow", "must be a list of address ranges, such as [\"10.0.0.0/8\", \"::1/128\"]"),
    ("webhooks.schedule", "must be a list of spans of time, such as [\"0s\", \"5s\", \"5m\"]"),
];

/// Why a config can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file can't be read.
    #[error("{path} can't be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A file is no TOML, or not of the right shape.
    #[error("{path}, line {line}: {detail}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, the first is 1.
        line: usize,
        /// What is wrong.
        detail: String,
    },
    /// Keys or values are wrong.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Wrong(Vec<Problem>),
}

/// One wrong key or value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    origin: String,
    key: String,
    what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.origin, self.key, self.what)
    }
}

impl Problem {
    pub(super) fn new(origin: &str, key: &str, what: impl Into<String>) -> Self {
        Self { origin: origin.to_owned(), key: key.to_owned(), what: what.into() }
    }

    /// From a rule's finding, with the layer that the value comes from.
    pub(super) fn found(finding: &Finding, figment: &figment::Figment) -> Self {
        let origin = figment.find_metadata(finding.key).map_or("the defaults", |metadata| &metadata.name);
        Self::new(origin, finding.key, finding.what.as_str())
    }

    /// From what the extraction of a value met.
    pub(super) fn met(error: &figment::Error) -> Self {
        let key = error.path.join(".");
        let origin = error.metadata.as_ref().map_or("the config", |metadata| &metadata.name);
        Self::new(origin, &key, explain(&key, &error.kind))
    }
}

fn explain(key: &str, kind: &Kind) -> String {
    let secret = SECRET_KEYS.contains(&key);
    let expected = EXPECTED.iter().find(|(of, _)| key.starts_with(of)).map(|(_, what)| *what);
    let shown = |actual: &Actual| if secret { "of another kind".to_owned() } else { actual.to_string() };
    match (kind, expected) {
        (Kind::InvalidType(actual, _) | Kind::InvalidValue(actual, _), Some(what)) => {
            format!("is {}, {what}", shown(actual))
        }
        (_, Some(what)) => what.to_owned(),
        (Kind::InvalidType(actual, must) | Kind::InvalidValue(actual, must), None) => {
            format!("is {}, must be {must}", shown(actual))
        }
        (Kind::UnknownVariant(actual, all), None) => format!("is {actual:?}, must be one of {}", all.join(", ")),
        (Kind::Message(_), None) if secret => "is not usable".to_owned(),
        (other, None) => other.to_string(),
    }
}

/// The line that a position in a text stands in, the first is 1.
pub(super) fn line_of(text: &str, span: Option<Range<usize>>) -> usize {
    let end = span.map_or(0, |span| span.start.min(text.len()));
    1 + text.as_bytes()[..end].iter().filter(|byte| **byte == b'\n').count()
}
