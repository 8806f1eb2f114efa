//! `[log]`: what is logged, and how.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use super::check::Checks;
use super::log_files::LogFilesConfig;

/// What is logged. Keys and limits: `config/default.toml`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// A level or a filter. Changeable while running.
    pub level: String,
    /// For people or for machines.
    pub format: LogFormat,
    /// Colours of the human format.
    pub colour: Colour,
    /// Files beside standard error.
    pub files: LogFilesConfig,
}

/// Shape of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One readable line.
    Human,
    /// One JSON object a line.
    Json,
}

/// When log lines are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Colour {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Levels a bare word may name; `EnvFilter` would take any other word for a target.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// What is wrong with a level or filter, if anything.
#[must_use]
pub fn unfit_level(level: &str) -> Option<&'static str> {
    const EXPECTED: &str =
        "must be one of off, error, warn, info, debug, trace, or a filter such as \"info,wasup_actors=debug\"";
    let known = |word: &str| LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word));
    let parts: Vec<&str> = level.split(',').map(str::trim).collect();
    let words_known = parts.iter().all(|part| match part.rsplit_once('=') {
        _ if part.contains(['[', '{', ']', '}']) => true,
        Some((target, word)) => !target.is_empty() && known(word),
        None => known(part),
    });
    (!words_known || EnvFilter::builder().parse(level).is_err()).then_some(EXPECTED)
}

impl LogConfig {
    pub(super) fn check(&self, data: &Path, checks: &mut Checks) {
        self.files.check(data, checks);
        if let Some(wrong) = unfit_level(&self.level) {
            checks.refuse("log.level", wrong);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_levels_and_filters_are_taken() {
        for good in ["info", "WARN", "info,wasup_actors=debug", "warn,wasup::api=trace,hyper=off"] {
            assert_eq!(unfit_level(good), None, "{good}");
        }
        for bad in ["", "loud", "info,", "wasup=loud", "=info"] {
            assert!(unfit_level(bad).is_some(), "{bad}");
        }
    }
}
